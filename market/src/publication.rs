//! What is published after a commit, and the open bars between commits.
//!
//! A channel is `SYMBOL:source:interval`, `SYMBOL:source:alerts` or `SYMBOL:source:feed`.
//! `seq` grows by one per channel with every closed candle, revision, alert or feed state.

use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::candle::Candle;
use crate::decimal::Decimal;
use crate::interval::Interval;
use crate::symbol::{Series, Symbol};

/// What a source says about one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the `state` mark")]
pub enum FeedState {
    Up,
    Down,
    Repairing,
    Halted,
    /// A finite source was drained.
    Ended,
}

impl FeedState {
    /// The state as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Repairing => "repairing",
            Self::Halted => "halted",
            Self::Ended => "ended",
        }
    }
}

/// The last state of one series' feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Whose feed.
    #[serde(flatten)]
    pub series: Series,
    /// What the source says.
    pub state: FeedState,
    /// Why, in one sentence; empty when all is well.
    pub reason: String,
    /// Where the series' own time stands, in nanoseconds since the epoch.
    pub watermark_ns: i64,
}

/// One message to everyone who watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Publication {
    /// A closed candle, or a revision of one: committed, numbered.
    Candle {
        /// Number of this publication in its channel.
        seq: u64,
        /// The candle.
        candle: Candle,
    },
    /// A window that is still open: a last value, not numbered.
    OpenBar {
        /// `seq` of the last closed candle of this channel.
        seq: u64,
        /// The candle so far.
        candle: Candle,
    },
    /// An alert: committed, numbered.
    Alert {
        /// Number of this publication in its channel.
        seq: u64,
        /// The alert.
        alert: Alert,
    },
    /// A feed state: committed, numbered.
    Feed {
        /// Number of this publication in its channel.
        seq: u64,
        /// The state.
        feed: Feed,
    },
}

impl Publication {
    /// The channel: `SYMBOL:source:interval`, `SYMBOL:source:alerts` or `SYMBOL:source:feed`.
    #[must_use]
    pub fn channel(&self) -> String {
        match self {
            Self::Candle { candle, .. } | Self::OpenBar { candle, .. } => {
                format!("{}:{}:{}", candle.symbol, candle.source, candle.interval)
            }
            Self::Alert { alert, .. } => format!("{}:{}:alerts", alert.symbol, alert.source),
            Self::Feed { feed, .. } => format!("{}:feed", feed.series),
        }
    }
}

/// The channel of the candles of one series and interval.
#[must_use]
pub fn candle_channel(series: &Series, interval: Interval) -> String {
    format!("{series}:{interval}")
}

/// The last closed 1m candle in the reference's form, which its own API reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latest<'a> {
    symbol: &'a Symbol,
    /// In epoch seconds.
    window_start: i64,
    /// In epoch seconds, exclusive.
    window_end: i64,
    open: Option<Decimal>,
    high: Option<Decimal>,
    low: Option<Decimal>,
    close: Option<Decimal>,
    volume_sum: Option<Decimal>,
    event_count: Option<u64>,
}

impl<'a> Latest<'a> {
    /// A candle in this form.
    #[must_use]
    pub fn of(candle: &'a Candle) -> Self {
        Self {
            symbol: &candle.symbol,
            window_start: candle.open_time_ms.div_euclid(1_000),
            window_end: candle.close_time_ms.div_euclid(1_000),
            open: candle.open,
            high: candle.high,
            low: candle.low,
            close: candle.close,
            volume_sum: candle.volume,
            event_count: candle.trade_count.or(candle.samples),
        }
    }
}
