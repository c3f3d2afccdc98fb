//! What the data plane counts and shows, as Prometheus metrics.
//!
//! Counters are added to once a batch or a commit; gauges are set when somebody asks. Each metric
//! is described where it is made, and `docs/metrics.md` is written from that.

use market::tick::Reason;
use prometheus::{Histogram, IntCounter, IntCounterVec, Registry};

use crate::store::Commit;
use crate::window::Stats;

/// Gauges of what is seen of an aggregator.
mod aggregating;
/// Measured when somebody asks.
mod asked;
/// What live sources count and show.
mod live;
/// Making metrics that are described.
pub(crate) mod making;
/// The page that describes them.
mod page;
/// What a producer counts and shows.
mod producing;
/// What became of spans.
mod spans;
/// What a batch of records became.
mod tally;
/// What each metric means: the list.
mod texts;

pub use aggregating::SERIES_SHOWN_MAX;
pub(crate) use aggregating::{Gauges, PartitionGauges, SeriesGauges, show_aggregating};
pub use live::LiveMetrics;
pub use page::page;
pub use producing::ProducerMetrics;
pub(crate) use producing::{ProducerGauges, SourceGauges};
pub use spans::show_spans;
pub use tally::Tally;

use making::Making;

/// Bounds of the seconds that a commit takes.
const COMMIT_SECONDS: [f64; 13] =
    [0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Bounds of the records in a batch.
const BATCH_RECORDS: [f64; 7] = [1.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1_024.0];
/// What a group may decide.
const REBALANCE_EVENTS: [&str; 3] = ["assigned", "revoked", "lost"];

/// Counters of one aggregator; a cheap handle.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Records that were read.
    pub read: IntCounter,
    /// Ticks and marks that were folded.
    pub folded: IntCounter,
    /// Ticks that had been folded before.
    pub duplicates: IntCounter,
    /// Dead letters, by `reason`.
    pub dead_letters: IntCounterVec,
    /// Records of a batch.
    pub batch_records: Histogram,
    /// Closed candles that a record changed.
    pub revisions: IntCounter,
    /// Holes in ids that no source had explained when they were seen.
    pub unexplained_gaps: IntCounter,
    /// Trades that came after a mark that vouched for their time.
    pub vouch_broken: IntCounter,
    /// Candles written.
    pub candles: IntCounter,
    /// Seconds that a commit took.
    pub commit_seconds: Histogram,
    /// Commits that the store did not take at once.
    pub commit_retries: IntCounter,
    /// Commits of a partition that another claim had overtaken.
    pub fenced: IntCounter,
    /// Bytes of series states written.
    pub checkpoint_bytes: IntCounter,
    /// What the group decided, by `event`.
    pub rebalances: IntCounterVec,
}

impl Metrics {
    /// Metrics that `registry` shows.
    ///
    /// # Errors
    /// When the registry holds metrics of these names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Self::make(&mut Making::new(registry))
    }

    /// Adds what became of a batch.
    pub fn count_batch(&self, tally: &mut Tally) {
        if tally.read == 0 {
            return;
        }
        self.batch_records.observe(f64::from(tally.read));
        self.read.inc_by(tally.read.into());
        self.folded.inc_by(tally.folded.into());
        self.duplicates.inc_by(tally.duplicates.into());
        for (reason, count) in tally.dead_letters() {
            self.dead_letters.with_label_values(&[reason.as_str()]).inc_by(count.into());
        }
        *tally = Tally::default();
    }

    /// Adds what a commit wrote.
    pub fn count_commit(&self, commit: &Commit) {
        let bytes: usize = commit.states.iter().map(|state| state.bytes.len()).sum();
        self.candles.inc_by(u64::try_from(commit.candles.len()).unwrap_or(u64::MAX));
        self.checkpoint_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Adds what the engine counted between two looks.
    pub fn count(&self, before: Stats, now: Stats) {
        self.revisions.inc_by(now.revisions - before.revisions);
        self.unexplained_gaps.inc_by(now.unexplained_gaps - before.unexplained_gaps);
        self.vouch_broken.inc_by(now.vouch_broken - before.vouch_broken);
    }

    pub(crate) fn make(made: &mut Making<'_>) -> Result<Self, prometheus::Error> {
        let dead_letters = made.counters(texts::DEAD_LETTERS, &["reason"])?;
        for reason in Reason::ALL {
            dead_letters.with_label_values(&[reason.as_str()]);
        }
        let rebalances = made.counters(texts::REBALANCES, &["event"])?;
        for event in REBALANCE_EVENTS {
            rebalances.with_label_values(&[event]);
        }
        Ok(Self {
            read: made.counter(texts::RECORDS_READ)?,
            folded: made.counter(texts::RECORDS_FOLDED)?,
            duplicates: made.counter(texts::DUPLICATES)?,
            dead_letters,
            batch_records: made.histogram(texts::BATCH_RECORDS, &BATCH_RECORDS)?,
            revisions: made.counter(texts::REVISIONS)?,
            unexplained_gaps: made.counter(texts::UNEXPLAINED_GAPS)?,
            vouch_broken: made.counter(texts::VOUCH_BROKEN)?,
            candles: made.counter(texts::CANDLES_WRITTEN)?,
            commit_seconds: made.histogram(texts::COMMIT_SECONDS, &COMMIT_SECONDS)?,
            commit_retries: made.counter(texts::COMMIT_RETRIES)?,
            fenced: made.counter(texts::FENCED_COMMITS)?,
            checkpoint_bytes: made.counter(texts::CHECKPOINT_BYTES)?,
            rebalances,
        })
    }
}

/// A gauge is a float: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "a gauge holds no more")]
fn number(count: impl TryInto<i64>) -> f64 {
    count.try_into().unwrap_or(i64::MAX) as f64
}

fn seconds(millis: i64) -> f64 {
    number(millis) / 1_000.0
}

#[cfg(test)]
pub(crate) mod tests;
