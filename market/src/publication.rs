//! What is published after a commit, and the open bars between commits.
//!
//! A channel is `SYMBOL:source:interval`, `SYMBOL:source:alerts` or `SYMBOL:source:feed`.
//! `seq` grows by one per channel with every closed candle, revision, alert or feed state.

use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::candle::Candle;
use crate::interval::Interval;
use crate::symbol::Series;

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
