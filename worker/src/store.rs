//! Effects and checkpoint in one transaction, behind a fence.
//!
//! A claim of a partition writes a fresh random token; a commit has to match token and
//! `commit_seq`, so that a worker that lost its partition writes nothing. Next offsets, changed
//! series states, candles, gaps, alerts and feeds are committed together, always.

/// Why something is not stored or not read, and what to do about it.
pub mod error;
/// The store of a cluster: one schema of a PostgreSQL database.
pub mod postgres;
/// Rows of either store, and the words in them.
mod row;
/// Rows of every kind, for tests.
#[cfg(test)]
mod samples;
/// The embedded store: one file.
pub mod sqlite;

pub use error::StoreError;
pub use postgres::{PostgresOptions, PostgresStore};
pub use sqlite::{FILE_NAME, SqliteStore};

use market::alert::Alert;
use market::candle::Candle;
use market::coverage::Gap;
use market::decimal::Decimal;
use market::publication::Feed;
use market::symbol::{Series, SeriesKind};
use market::tick::Side;

/// Whose data a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The pipeline's prefix.
    pub prefix: String,
    /// The pipeline's name.
    pub name: String,
}

/// A series of the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesInfo {
    /// Which.
    pub series: Series,
    /// What it is made of. Never changes.
    pub kind: SeriesKind,
    /// Who. Never changes.
    pub venue: String,
    /// What, in the venue's words. Never changes.
    pub instrument: String,
    /// Whether it is its symbol's primary one.
    pub primary: bool,
    /// The partition of its symbol, whose fence guards its rows.
    pub partition: i32,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is stored.
    Applied,
    /// Another claim or another commit came between: nothing of these partitions is stored. Of the
    /// others nothing is stored by [`SqliteStore`], all by [`PostgresStore`].
    Fenced {
        /// The partitions that did not match, in order.
        partitions: Vec<i32>,
    },
}

/// What a claim of one partition gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The partition.
    pub partition: i32,
    /// The fencing token of this claim.
    pub token: i64,
    /// How many times the partition was claimed.
    pub claim: i64,
    /// The generation of the topic: grows with each new broker of a local run.
    pub source_gen: i64,
    /// The first offset that is not folded.
    pub next_offset: i64,
    /// What the next commit has to match.
    pub commit_seq: i64,
}

/// What a series had in mind at the last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesState {
    /// Whose.
    pub series: Series,
    /// The version of the bytes.
    pub version: u32,
    /// See [`crate::checkpoint`].
    pub bytes: Vec<u8>,
}

/// How far one partition is with this commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionProgress {
    /// The partition.
    pub partition: i32,
    /// The token of our claim.
    pub token: i64,
    /// The `commit_seq` that the row must have now.
    pub commit_seq: i64,
    /// The first offset that is not folded.
    pub next_offset: i64,
}

/// A candle as it stands after the record at `last_offset`.
#[derive(Debug, Clone, PartialEq)]
pub struct CandleRow {
    /// The candle.
    pub candle: Candle,
    /// The highest offset of any record that changed it.
    pub last_offset: i64,
    /// The number of its publication in its channel.
    pub seq: u64,
}

/// An alert and where it was raised.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRow {
    /// The alert.
    pub alert: Alert,
    /// The partition of the tick that raised it.
    pub partition: i32,
    /// The offset of the tick that raised it.
    pub offset: i64,
    /// The number of its publication in its channel.
    pub seq: u64,
}

/// A gap that became final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRow {
    /// Whose.
    pub series: Series,
    /// What is missing.
    pub gap: Gap,
}

/// The last state of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    /// The state.
    pub feed: Feed,
    /// The number of its publication in its channel.
    pub seq: u64,
    /// Whether its state is a new one, to be published; else only the watermark has moved.
    pub changed: bool,
}

/// A trade or quote as it stood on the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTick {
    /// Whose.
    pub series: Series,
    /// Its offset.
    pub offset: i64,
    /// When it happened, as the venue says, in nanoseconds since the epoch.
    pub event_time_ns: i64,
    /// When it was read from the venue.
    pub receive_time_ns: Option<i64>,
    /// The price.
    pub price: Decimal,
    /// The size; `None` for quotes.
    pub size: Option<Decimal>,
    /// The taker's side, where known.
    pub side: Option<Side>,
    /// The id in the series' id space.
    pub trade_id: Option<u64>,
    /// First and last id of the executions in an aggregate.
    pub executions: Option<(u64, u64)>,
    /// Names it.
    pub message_id: String,
    /// Whether it was fetched to repair a gap.
    pub recovered: bool,
    /// Rolling 24-hour volume of a quote, a number as sent.
    pub volume_24h: Option<String>,
    /// Market capitalisation of a quote, a number as sent.
    pub market_cap: Option<String>,
    /// Change over 24 hours in percent of a quote, a number as sent.
    pub price_change_24h: Option<String>,
}

/// A record that could not be folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The partition it stood in.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Why, as one word of the contract.
    pub reason: &'static str,
    /// Why, in one sentence.
    pub detail: String,
    /// Its log-append time, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its bytes, unchanged.
    pub value: Vec<u8>,
}

/// All that one commit writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Commit {
    /// How far each partition is.
    pub partitions: Vec<PartitionProgress>,
    /// Changed states.
    pub states: Vec<SeriesState>,
    /// Closed and changed candles, each at most once.
    pub candles: Vec<CandleRow>,
    /// Alerts.
    pub alerts: Vec<AlertRow>,
    /// Final gaps.
    pub gaps: Vec<GapRow>,
    /// Feed states.
    pub feeds: Vec<FeedRow>,
    /// Dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// Ticks as they stood on the topic, where the spec asks for them.
    pub ticks: Vec<RawTick>,
}
