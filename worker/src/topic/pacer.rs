use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::topic::TopicError;

/// What the log may need for a record beside its key and value: the batch header (61 bytes), were
/// it alone in its batch, and its lengths, time and offset.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// How long a record waits for room before the producer gives up.
pub const PACE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Keeps the bytes of each partition that were sent and not yet read below a limit.
///
/// Shared by the producer, which waits in [`Pacer::reserve`], and the consumer, which makes room.
/// Bytes are counted before compression, so that the log never holds more.
#[derive(Debug)]
pub struct Pacer {
    limit_bytes: usize,
    in_flight_bytes: Box<[AtomicUsize]>,
    read: Notify,
}

impl Pacer {
    /// A pacer of so many partitions, none of which holds anything.
    #[must_use]
    pub fn new(partitions: i32, limit_bytes: usize) -> Self {
        let in_flight_bytes = (0..partitions).map(|_| AtomicUsize::new(0)).collect();
        Self { limit_bytes, in_flight_bytes, read: Notify::new() }
    }

    /// What a record of such a key and value counts.
    #[must_use]
    pub const fn record_bytes(key: Option<&[u8]>, value: &[u8]) -> usize {
        let key_bytes = match key {
            Some(key) => key.len(),
            None => 0,
        };
        key_bytes + value.len() + RECORD_OVERHEAD_BYTES
    }

    /// Waits until the partition has room for so many bytes and takes it.
    ///
    /// Cancel-safe: a dropped future has taken nothing.
    ///
    /// # Errors
    /// [`TopicError::AwaitConsumer`] after [`PACE_WAIT_MAX`].
    pub async fn reserve(&self, partition: i32, bytes: usize) -> Result<(), TopicError> {
        let Some(in_flight) = self.partition(partition) else { return Ok(()) };
        if self.take(in_flight, bytes) {
            return Ok(());
        }
        let room = async {
            loop {
                // Registered before looking, so that no read in between is missed.
                let mut read = std::pin::pin!(self.read.notified());
                read.as_mut().enable();
                if self.take(in_flight, bytes) {
                    return;
                }
                read.await;
            }
        };
        tokio::time::timeout(PACE_WAIT_MAX, room).await.map_err(|_| TopicError::AwaitConsumer {
            partition,
            waited_ms: PACE_WAIT_MAX.as_millis(),
        })
    }

    /// Says that so many bytes of the partition were read.
    pub fn release(&self, partition: i32, bytes: usize) {
        let Some(in_flight) = self.partition(partition) else { return };
        // A partition that is read twice after a new claim never counts below zero.
        let _ = in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |in_flight| {
            Some(in_flight.saturating_sub(bytes))
        });
        self.read.notify_waiters();
    }

    /// The bytes that were sent to the partition and not read.
    #[must_use]
    pub fn in_flight_bytes(&self, partition: i32) -> usize {
        self.partition(partition).map_or(0, |in_flight| in_flight.load(Ordering::Acquire))
    }

    /// Whether everything that was sent was read.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.in_flight_bytes.iter().all(|in_flight| in_flight.load(Ordering::Acquire) == 0)
    }

    fn partition(&self, partition: i32) -> Option<&AtomicUsize> {
        usize::try_from(partition).ok().and_then(|index| self.in_flight_bytes.get(index))
    }

    fn take(&self, in_flight: &AtomicUsize, bytes: usize) -> bool {
        in_flight
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |in_flight| {
                let sum = in_flight + bytes;
                (in_flight == 0 || sum <= self.limit_bytes).then_some(sum)
            })
            .is_ok()
    }
}
