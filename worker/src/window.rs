//! Records to effects: the engine. Pure: no clock, no I/O, no order but that of offsets.
//!
//! ```text
//! record ──▶ series (ids, coverage, watermark) ──▶ minute ──▶ 14 larger windows
//!                                                     └──▶ alerts      └──▶ candles
//! ```
//!
//! Replaying the same records from the same checkpoint gives the same effects.

use market::interval::Interval;
use market::tick::Reason;

use crate::store::{AlertRow, CandleRow, FeedRow, GapRow, SeriesState};

/// Alert rules.
mod alerts;
/// Open, high, low, close and exact sums of a set of ticks.
mod bar;
/// What moves with the watermark.
mod closing;
/// What one record meets.
mod context;
/// All series of a worker: finds a record's series, and takes what it did.
mod engine;
/// The windows of one interval.
mod frame;
/// Ids: folded, expected, missing, lost.
mod ids;
/// Moving averages of closes.
mod indicators;
/// Whether a tick is folded.
mod judge;
/// What a source says about its series.
mod marks;
/// Sets of ids as merged ranges.
mod ranges;
/// Windows as candles.
mod row;
/// One series: what is remembered, and folding.
mod series;

use context::Context;

pub use alerts::AlertSettings;
pub use engine::{Engine, SeriesLook};
pub(crate) use series::SeriesWindows;

/// What the engine is told once.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The intervals that are stored and published; all are folded.
    pub intervals: Vec<Interval>,
    /// How long after its close a minute still takes a tick.
    pub allowed_lateness_ns: i64,
    /// How far foreign records may be out of order.
    pub max_out_of_orderness_ns: i64,
    /// Thresholds of the alert rules.
    pub alerts: AlertSettings,
}

impl Settings {
    fn shows(&self, interval: Interval) -> bool {
        self.intervals.contains(&interval)
    }
}

/// Where a record stands in its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Its log-append time, in milliseconds since the epoch.
    pub timestamp_ms: i64,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was folded.
    Folded,
    /// It was folded before; no effect.
    Duplicate,
    /// It cannot be folded.
    DeadLetter {
        /// Why, as one word of the contract.
        reason: Reason,
        /// Why, in one sentence.
        detail: String,
    },
}

impl Outcome {
    fn dead(reason: Reason, detail: &str) -> Self {
        Self::DeadLetter { reason, detail: detail.to_owned() }
    }
}

/// What the engine counted since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Closed candles that a record changed.
    pub revisions: u64,
    /// Holes that no source had explained when they were seen.
    pub unexplained_gaps: u64,
    /// Trades that came after a mark that vouched for their time.
    pub vouch_broken: u64,
}

/// What has to be committed and published.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// Changed states.
    pub states: Vec<SeriesState>,
    /// Closed and changed candles, each at most once, and snapshots of open ones.
    pub candles: Vec<CandleRow>,
    /// Alerts.
    pub alerts: Vec<AlertRow>,
    /// Gaps that can no longer be filled.
    pub gaps: Vec<GapRow>,
    /// Feed states.
    pub feeds: Vec<FeedRow>,
}

#[cfg(test)]
mod tests;
