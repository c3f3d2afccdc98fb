//! When a record of a tape is due, and a tape sent at that pace.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::tape::{Merge, Timed};
use super::{BATCH_RECORDS_MAX, Emission, Flow, Listing, Progress, Source, SourceError};

/// Batches that the reading thread may be ahead.
const READ_AHEAD_BATCHES: usize = 4;
/// The longest sleep before the clock is read again: a clock that is set must not stop a tape.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Reads the wall clock in nanoseconds since the epoch.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// When a record of a tape is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// At once.
    Fast,
    /// At its own time of the tape: what lies in the past at once.
    Wall,
    /// So many times faster than it happened, counted from the first record.
    Times {
        /// How many times faster, above 0.
        speed: f64,
        /// Where on the tape, and when on the clock, it began.
        began: Option<(i64, i64)>,
    },
}

impl Pace {
    /// A pace of `speed` times; 0, and what is no number above 0, means as fast as possible.
    #[must_use]
    pub fn times(speed: f64) -> Self {
        if speed.is_finite() && speed > 0.0 {
            Self::Times { speed, began: None }
        } else {
            Self::Fast
        }
    }

    /// How long after `now_ns` the record at `at_ns` of the tape is due; zero when it is.
    pub fn wait(&mut self, at_ns: i64, now_ns: i64) -> Duration {
        match self {
            Self::Fast => Duration::ZERO,
            Self::Wall => span(now_ns, at_ns),
            Self::Times { speed, began } => {
                let (tape_ns, clock_ns) = *began.get_or_insert((at_ns, now_ns));
                let after = span(tape_ns, at_ns).as_secs_f64() / *speed;
                let after = Duration::try_from_secs_f64(after).unwrap_or(Duration::MAX);
                after.saturating_sub(span(clock_ns, now_ns))
            }
        }
    }
}

/// From one time to a later one; zero when it is not later.
fn span(from_ns: i64, to_ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(to_ns.saturating_sub(from_ns)).unwrap_or(0))
}

/// How far a finite tape is: units done, counted by its reader, of units in all.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    pub done: Arc<AtomicU64>,
    pub total: Option<u64>,
}

/// Where the records come from.
enum Feed {
    /// Computed here.
    Computed(Box<Merge>),
    /// Read by a thread of its own, since files block. An empty batch says that it is over.
    Read(mpsc::Receiver<Vec<Timed>>),
}

/// A tape sent at a pace.
pub struct Replay {
    listings: Vec<Listing>,
    feed: Feed,
    ready: VecDeque<Timed>,
    pace: Pace,
    now: Now,
    meter: Meter,
    finished: bool,
}

impl fmt::Debug for Replay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Replay").field("pace", &self.pace).finish_non_exhaustive()
    }
}

impl Replay {
    /// A tape that is computed.
    pub(super) fn computed(
        listings: Vec<Listing>,
        merge: Merge,
        pace: Pace,
        now: Now,
        meter: Meter,
    ) -> Self {
        let feed = Feed::Computed(Box::new(merge));
        let ready = VecDeque::with_capacity(BATCH_RECORDS_MAX);
        Self { listings, feed, ready, pace, now, meter, finished: false }
    }

    /// A tape that a thread of its own reads. `open` runs there; the thread ends with the tape,
    /// and when the replay is dropped.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn read(
        listings: Vec<Listing>,
        open: impl FnOnce() -> Merge + Send + 'static,
        pace: Pace,
        now: Now,
        meter: Meter,
    ) -> io::Result<Self> {
        let (batches, feed) = mpsc::channel(READ_AHEAD_BATCHES);
        let read = move || {
            let mut merge = open();
            loop {
                let batch: Vec<_> = merge.by_ref().take(BATCH_RECORDS_MAX).collect();
                let over = batch.is_empty();
                if batches.blocking_send(batch).is_err() || over {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("archive".to_owned()).spawn(read)?;
        let ready = VecDeque::with_capacity(BATCH_RECORDS_MAX);
        Ok(Self { listings, feed: Feed::Read(feed), ready, pace, now, meter, finished: false })
    }

    /// Fetches more records; without any, the tape is over.
    async fn fill(&mut self) -> Result<(), SourceError> {
        match &mut self.feed {
            Feed::Computed(merge) => self.ready.extend(merge.by_ref().take(BATCH_RECORDS_MAX)),
            Feed::Read(batches) => {
                self.ready.extend(batches.recv().await.ok_or(SourceError::FinishReader)?);
            }
        }
        self.finished = self.ready.is_empty();
        Ok(())
    }

    async fn advance(&mut self, batch: &mut Vec<Emission>) -> Result<Flow, SourceError> {
        let full = batch.len().saturating_add(BATCH_RECORDS_MAX);
        let before = batch.len();
        let mut now_ns = (self.now)();
        while batch.len() < full && !self.finished {
            let Some(next) = self.ready.front() else {
                if batch.len() > before {
                    return Ok(Flow::More);
                }
                self.fill().await?;
                continue;
            };
            if !self.pace.wait(next.at_ns, now_ns).is_zero() {
                now_ns = (self.now)();
                let wait = self.pace.wait(next.at_ns, now_ns);
                if wait.is_zero() {
                    continue;
                }
                if batch.len() > before {
                    return Ok(Flow::More);
                }
                tokio::time::sleep(wait.min(SLEEP_MAX)).await;
                continue;
            }
            if next.emission.is_err() && batch.len() > before {
                return Ok(Flow::More);
            }
            if let Some(next) = self.ready.pop_front() {
                batch.push(next.emission?);
            }
        }
        Ok(if batch.len() > before { Flow::More } else { Flow::Drained })
    }
}

impl Source for Replay {
    fn listings(&self) -> &[Listing] {
        &self.listings
    }

    fn next<'a>(
        &'a mut self,
        batch: &'a mut Vec<Emission>,
    ) -> BoxFuture<'a, Result<Flow, SourceError>> {
        Box::pin(self.advance(batch))
    }

    fn progress(&self) -> Option<Progress> {
        let total = self.meter.total?;
        Some(Progress { done: self.meter.done.load(Ordering::Relaxed).min(total), total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_tape_at_a_pace_begins_at_once_and_goes_so_many_times_faster() {
        let mut pace = Pace::times(10.0);
        assert_eq!(pace.wait(1_000 * SECOND, 5 * SECOND), Duration::ZERO);
        assert_eq!(pace.wait(1_020 * SECOND, 5 * SECOND), Duration::from_secs(2));
        assert_eq!(pace.wait(1_020 * SECOND, 6 * SECOND), Duration::from_secs(1));
        assert_eq!(pace.wait(1_020 * SECOND, 8 * SECOND), Duration::ZERO);
        assert_eq!(pace.wait(990 * SECOND, 5 * SECOND), Duration::ZERO);
    }

    #[test]
    fn no_speed_means_as_fast_as_possible() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Pace::times(speed), Pace::Fast);
        }
        assert_eq!(Pace::Fast.wait(i64::MAX, 0), Duration::ZERO);
    }

    #[test]
    fn at_wall_pace_the_past_is_due_and_the_future_is_not() {
        assert_eq!(Pace::Wall.wait(SECOND, SECOND), Duration::ZERO);
        assert_eq!(Pace::Wall.wait(0, SECOND), Duration::ZERO);
        assert_eq!(Pace::Wall.wait(3 * SECOND, SECOND), Duration::from_secs(2));
    }
}
