//! Topic to store: one thread owns the consumer, the engine and the commits.
//!
//! A record is decoded and folded as it comes. What closed is committed at once, everything else
//! once a second, and together while catching up. Only what is committed is published.

use std::sync::Arc;
use std::time::{Duration, Instant};

use market::tick::{Record, Tick, decode};
use runtime::clock;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::CheckpointError;
use crate::store::{Claim, DeadLetter, StoreError};
use crate::topic::{AdminError, BATCH_RECORDS_MAX, Consumer, Fetched, Pacer, TopicError};
use crate::window::{Engine, LogPosition, Outcome};

/// Effects to the store, then to whoever listens.
mod commit;
/// Where partitions end.
mod ends;
/// One member of a group of aggregators.
pub mod member;
/// How far the aggregator of a local run is.
mod progress;
/// Ticks kept as they stood on the topic.
mod raw;
/// What is seen of an aggregator from outside.
mod seen;

use progress::Progress;
use raw::RawTicks;
use seen::Teller;

pub use commit::Committer;
pub use ends::Asking;
pub use seen::{Seen, Who};

/// How long a poll waits for a record.
const POLL_WAIT: Duration = Duration::from_millis(5);
/// A commit without news.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Commits while catching up.
const COMMIT_EVERY_BEHIND: Duration = Duration::from_millis(100);
/// Candles that one commit waits for at most.
const CANDLES_PENDING_MAX: usize = 1_000;
/// Behind means that the last record was appended this long ago.
const BEHIND_MS: i64 = 1_000;
/// Open bars are published this often.
const OPEN_BARS_EVERY: Duration = Duration::from_millis(250);

/// Why folding ends early. Nothing that was committed is lost; the rest is sent again.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The topic cannot be read.
    #[error(transparent)]
    ReadTopic(#[from] TopicError),
    /// The store does not take a commit.
    #[error(transparent)]
    WriteStore(#[from] StoreError),
    /// A stored state cannot be gone on from.
    #[error(transparent)]
    ReadCheckpoint(#[from] CheckpointError),
    /// Records are gone that were not folded.
    #[error(
        "partition {partition} of topic \"{topic}\" cannot be gone on from: {detail}; set \
         spec.kafka.onSourceLoss to continueWithGap to go on without what is missing"
    )]
    LoseSource {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What is missing.
        detail: String,
    },
    /// The topic is not what the spec says.
    #[error(transparent)]
    UseTopic(#[from] AdminError),
    /// Told to stop while a server's answer was waited for.
    #[error("told to stop before a server had answered")]
    Stop,
    /// One of our own tasks died.
    #[error("a commit ended without a word")]
    LoseThread,
}

impl AggregateError {
    /// Whether the same may succeed later without anything lost.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::ReadTopic(error) => error.is_retryable(),
            Self::WriteStore(error) => error.is_retryable(),
            Self::UseTopic(error) => error.is_retryable(),
            Self::Stop => true,
            Self::ReadCheckpoint(_) | Self::LoseSource { .. } | Self::LoseThread => false,
        }
    }
}

/// Told on every turn of the loop.
pub type OnTurn = Box<dyn FnMut(&Engine, Instant) + Send>;

/// What one aggregator works with.
pub struct Aggregator {
    /// Where records come from.
    pub consumer: Consumer,
    /// What folds them.
    pub engine: Engine,
    /// Where effects go.
    pub committer: Committer,
    /// Whether ticks are stored as they stand on the topic.
    pub raw_ticks: bool,
    /// Who shows how it is doing.
    pub seen: Seen,
    /// Who asks where the partitions end, until the aggregator ends.
    pub asking: Asking,
    /// Called on every turn of the loop, with the engine as it stands.
    pub on_turn: OnTurn,
}

/// When to stop.
#[derive(Clone)]
pub struct Stop {
    /// Stop now: what is folded is committed.
    pub now: CancellationToken,
    /// Nothing more will be sent: stop when all of it is read.
    pub when_drained: CancellationToken,
    /// Knows what is sent and not yet read.
    pub pacer: Arc<Pacer>,
}

impl Aggregator {
    /// Folds records until it is stopped, then commits what it has.
    ///
    /// # Errors
    /// [`AggregateError`]; what was committed stays.
    pub fn run(
        mut self,
        claims: Vec<Claim>,
        stop: &Stop,
        handle: &Handle,
    ) -> Result<(), AggregateError> {
        let raw_ticks = RawTicks::new(self.raw_ticks);
        let mut progress = Progress::new(claims, raw_ticks, clock::monotonic());
        let mut teller = Teller::new(self.seen.clone());
        let (mut committed, mut shown) = (clock::monotonic(), clock::monotonic());
        loop {
            let records = self.fold_batch(&mut progress, stop, handle)?;
            let now = clock::monotonic();
            let behind = progress.delay_ms > BEHIND_MS || records == BATCH_RECORDS_MAX;
            if self.commit_due(&progress, behind, now.duration_since(committed)) {
                self.committer.commit(&mut self.engine, &mut progress, handle)?;
                committed = clock::monotonic();
            }
            if now.duration_since(shown) >= OPEN_BARS_EVERY {
                self.committer.feed.open_bars(self.engine.take_open_bars());
                shown = now;
            }
            teller.turn(now, &self.engine, |view| progress.show(view));
            (self.on_turn)(&self.engine, now);
            let drained = stop.when_drained.is_cancelled() && stop.pacer.is_drained();
            if stop.now.is_cancelled() || drained {
                return self.committer.commit(&mut self.engine, &mut progress, handle);
            }
        }
    }

    /// Reads one batch and folds it. Returns how many records there were.
    fn fold_batch(
        &mut self,
        progress: &mut Progress,
        stop: &Stop,
        handle: &Handle,
    ) -> Result<usize, AggregateError> {
        let Self { consumer, engine, committer, .. } = self;
        let batch = consumer.poll(POLL_WAIT);
        let mut last_timestamp_ms = None;
        for record in batch.records() {
            committer.close_all(engine, progress, stop, handle)?;
            if engine.is_closing() {
                return Ok(batch.len());
            }
            let record = match record {
                Ok(record) => record,
                Err(error) if error.is_retryable() => {
                    tracing::warn!(error = %error, "the topic could not be read; trying again");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let raw_ticks = &mut progress.raw_ticks;
            let keep = |tick: &Tick<'_>| raw_ticks.keep((record.partition, record.offset), tick);
            let outcome = fold(engine, &record, keep);
            progress.tally.count(&outcome);
            if let Outcome::DeadLetter { reason, detail } = outcome {
                progress.dead_letters.push(dead_letter(&record, reason.as_str(), detail));
            }
            progress.take(&record);
            last_timestamp_ms = Some(record.timestamp_ms);
        }
        committer.close_all(engine, progress, stop, handle)?;
        committer.metrics.count_batch(&mut progress.tally);
        let now_ms = clock::now_ns().div_euclid(1_000_000);
        progress.delay_ms = last_timestamp_ms.map_or(0, |timestamp_ms| now_ms - timestamp_ms);
        Ok(batch.len())
    }

    fn commit_due(&self, progress: &Progress, behind: bool, since: Duration) -> bool {
        if !progress.folded {
            return false;
        }
        if behind {
            return since >= COMMIT_EVERY_BEHIND
                || self.engine.candles_pending() >= CANDLES_PENDING_MAX
                || !progress.raw_ticks.has_room();
        }
        since >= COMMIT_EVERY || self.engine.has_news()
    }
}

/// Folds a record; `on_tick` is called with a tick that was folded.
fn fold(engine: &mut Engine, record: &Fetched<'_>, on_tick: impl FnOnce(&Tick<'_>)) -> Outcome {
    let at = LogPosition {
        partition: record.partition,
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
    };
    match decode(record.value) {
        Ok(decoded) => {
            let outcome = engine.apply(at, &decoded);
            if let (Outcome::Folded, Record::Tick(tick)) = (&outcome, &decoded) {
                on_tick(tick);
            }
            outcome
        }
        Err(bad) => engine.reject(at, &bad),
    }
}

fn dead_letter(record: &Fetched<'_>, reason: &'static str, detail: String) -> DeadLetter {
    DeadLetter {
        partition: record.partition,
        offset: record.offset,
        reason,
        detail,
        timestamp_ms: record.timestamp_ms,
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.to_vec(),
    }
}
