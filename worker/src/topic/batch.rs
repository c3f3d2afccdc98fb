#![expect(unsafe_code, reason = "librdkafka reads in batches through its C interface only")]

use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as librdkafka;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, DefaultConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use crate::topic::TopicError;

/// Most records of one batch.
pub const BATCH_RECORDS_MAX: usize = 1_024;

type RawMessage = NonNull<librdkafka::rd_kafka_message_t>;

/// A consumer that is read in batches: a third of the CPU of one call per record (85 against
/// 280 ns with 400 bytes in lz4, `examples/read_cost.rs`).
///
/// A reader of the consumer's own queue must never commit offsets to Kafka without a callback:
/// librdkafka would return the answer as a message, and abort.
pub(super) struct BatchReader<C: ConsumerContext = DefaultConsumerContext> {
    /// Messages of the last read, as many as [`Batch`] says; only a [`Batch`] looks at them.
    slots: Vec<*mut librdkafka::rd_kafka_message_t>,
    // Fields drop in this order: librdkafka wants its queues gone before the consumer.
    queue: Queue,
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: librdkafka's handles may be used from any thread. `slots` owns nothing between reads,
// and a `Batch` borrows the reader, so that it cannot move while messages are out.
unsafe impl<C: ConsumerContext> Send for BatchReader<C> {}

impl<C: ConsumerContext> BatchReader<C> {
    /// A reader of the consumer's own queue: never poll the consumer. Returns `None` for one
    /// without a group, which has no queue.
    pub(super) fn new(consumer: BaseConsumer<C>) -> Option<Self> {
        // SAFETY: the client lives as long as `consumer`, which is kept and dropped last.
        let queue =
            unsafe { librdkafka::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        Self::with(queue, Arc::new(consumer))
    }

    /// A reader of a queue of its own, to which partitions are forwarded: what concerns the group
    /// stays in the consumer's, which has to be polled.
    pub(super) fn detached(consumer: Arc<BaseConsumer<C>>) -> Option<Self> {
        // SAFETY: as above.
        let queue = unsafe { librdkafka::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Self::with(queue, consumer)
    }

    fn with(
        queue: *mut librdkafka::rd_kafka_queue_t,
        consumer: Arc<BaseConsumer<C>>,
    ) -> Option<Self> {
        let queue = Queue(NonNull::new(queue)?);
        Some(Self { slots: vec![std::ptr::null_mut(); BATCH_RECORDS_MAX], queue, consumer })
    }

    /// Sends the records of a partition to this reader, from its next assignment on.
    pub(super) fn forward(&self, topic: &str, partition: i32) {
        let Ok(topic) = CString::new(topic) else { return };
        // SAFETY: the client is alive, and the name ends with a zero byte.
        let queue = unsafe {
            librdkafka::rd_kafka_queue_get_partition(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
            )
        };
        if let Some(queue) = NonNull::new(queue).map(Queue) {
            // SAFETY: both queues are alive; librdkafka counts who uses them.
            unsafe { librdkafka::rd_kafka_queue_forward(queue.0.as_ptr(), self.queue.0.as_ptr()) }
        }
    }

    /// The consumer, to assign partitions and ask for offsets.
    pub(super) fn consumer(&self) -> &BaseConsumer<C> {
        &self.consumer
    }

    /// All records that are there, at most [`BATCH_RECORDS_MAX`]; when there is none, waits for
    /// the first.
    pub(super) fn read(&mut self, wait: Duration) -> Batch<'_> {
        let mut length = self.fill(0, BATCH_RECORDS_MAX, Duration::ZERO);
        if length == 0 && !wait.is_zero() {
            // librdkafka waits until it has all it was asked for: ask for one, then for the rest.
            length = self.fill(0, 1, wait);
            if length == 1 {
                length += self.fill(1, BATCH_RECORDS_MAX - 1, Duration::ZERO);
            }
        }
        Batch { messages: &self.slots[..length] }
    }

    fn fill(&mut self, from: usize, records: usize, wait: Duration) -> usize {
        let slots = &mut self.slots[from..from + records];
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is alive and `slots` has room for as many pointers as it says.
        let read = unsafe {
            librdkafka::rd_kafka_consume_batch_queue(
                self.queue.0.as_ptr(),
                wait_ms,
                slots.as_mut_ptr(),
                slots.len(),
            )
        };
        // Below zero only for arguments that are wrong.
        usize::try_from(read).unwrap_or(0)
    }
}

struct Queue(NonNull<librdkafka::rd_kafka_queue_t>);

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made by librdkafka for us, and destroyed once.
        unsafe { librdkafka::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// Records that were read together. Freed when dropped.
pub struct Batch<'reader> {
    messages: &'reader [*mut librdkafka::rd_kafka_message_t],
}

/// One record as it lies in librdkafka's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched<'batch> {
    /// Its key.
    pub key: Option<&'batch [u8]>,
    /// Its bytes; empty for a record without any.
    pub value: &'batch [u8],
    /// The partition it stands in.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// When it was written, in milliseconds since the epoch.
    pub timestamp_ms: i64,
}

impl Batch<'_> {
    /// How many records and errors there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The header of this name of the record at this place of [`Self::records`]. What nobody asks
    /// for is not parsed.
    #[must_use]
    pub fn header(&self, at: usize, name: &CStr) -> Option<&[u8]> {
        let message = NonNull::new(*self.messages.get(at)?)?;
        let (mut headers, mut value, mut length) = (ptr::null_mut(), ptr::null(), 0);
        // SAFETY: the message lives as long as `self`, its headers and their values as long as it;
        // all pointers are valid for the calls.
        unsafe {
            let found = librdkafka::rd_kafka_message_headers(message.as_ptr(), &raw mut headers);
            if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            let found = librdkafka::rd_kafka_header_get_last(
                headers,
                name.as_ptr(),
                &raw mut value,
                &raw mut length,
            );
            if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            bytes(value.cast(), length)
        }
    }

    /// The records in the order of their partitions' offsets, and what went wrong between them.
    pub fn records(&self) -> impl Iterator<Item = Result<Fetched<'_>, TopicError>> {
        self.messages.iter().filter_map(|message| NonNull::new(*message)).map(|message| {
            // SAFETY: librdkafka filled it, and it is destroyed when `self` is dropped.
            unsafe { fetched(message) }
        })
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.messages {
            // SAFETY: librdkafka gave it away, and nothing borrowed from `self` is left.
            unsafe { librdkafka::rd_kafka_message_destroy(*message) }
        }
    }
}

/// # Safety
/// The message must stay alive for `'batch`.
unsafe fn fetched<'batch>(message: RawMessage) -> Result<Fetched<'batch>, TopicError> {
    // SAFETY: alive by contract; `payload` and `key` have the lengths beside them or are null.
    let (message, key, value) = unsafe {
        let message = message.as_ref();
        let key = bytes(message.key.cast(), message.key_len);
        (message, key, bytes(message.payload.cast(), message.len))
    };
    if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(read_error(message));
    }
    let mut kind = librdkafka::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    // SAFETY: both pointers are valid for the call.
    let timestamp_ms = unsafe { librdkafka::rd_kafka_message_timestamp(message, &raw mut kind) };
    Ok(Fetched {
        key,
        value: value.unwrap_or_default(),
        partition: message.partition,
        offset: message.offset,
        timestamp_ms,
    })
}

/// # Safety
/// `start` must be null or point to `length` bytes that live for `'batch`.
unsafe fn bytes<'batch>(start: *const u8, length: usize) -> Option<&'batch [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: by contract.
    Some(unsafe { std::slice::from_raw_parts(start, length) })
}

fn read_error(message: &librdkafka::rd_kafka_message_t) -> TopicError {
    let partition = message.partition;
    let code = RDKafkaErrorCode::from(message.err);
    // SAFETY: a C string that lives as long as the message, or as the library.
    let detail = unsafe { CStr::from_ptr(librdkafka::rd_kafka_message_errstr(message)) };
    let detail = detail.to_string_lossy().into_owned();
    match code {
        RDKafkaErrorCode::PartitionEOF => {
            TopicError::ReachEnd { partition, offset: message.offset }
        }
        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
            TopicError::FindOffset { partition, detail }
        }
        source => TopicError::ReadPartition { partition, detail, source },
    }
}
