//! Alerts: raised by the tick that crosses a threshold, never retracted.

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::symbol::{SourceName, Symbol};

/// What an alert says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlertType {
    /// The price rose past a threshold.
    PriceSpike,
    /// The price fell past a threshold.
    PriceDrop,
    /// One minute traded a multiple of its usual volume.
    VolumeBurst,
    /// A source has been down for `staleAfter`.
    StaleFeed,
}

/// Which rule raised it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertRule {
    /// `|price − open| / open` of the 1m window.
    PriceChange,
    /// The minute's log return against its exponential mean and deviation.
    ZScore,
    /// The minute's volume against its exponential mean.
    VolumeBurst,
    /// A `state: down` mark repeated after `staleAfter`.
    StaleFeed,
}

impl AlertRule {
    /// The rule as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PriceChange => "price_change",
            Self::ZScore => "z_score",
            Self::VolumeBurst => "volume_burst",
            Self::StaleFeed => "stale_feed",
        }
    }
}

/// How large the move is: LOW < 7 % ≤ MEDIUM < 10 % ≤ HIGH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the bounds stand above")]
pub enum Severity {
    Low,
    Medium,
    High,
}

/// One alert. At most one of a rule and direction per window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// `symbol:source:rule:direction:1m:window_start_ms`: the same on every replay.
    pub alert_id: String,
    /// What the user calls it.
    pub symbol: Symbol,
    /// Which source it comes from.
    pub source: SourceName,
    /// What it says.
    pub alert_type: AlertType,
    /// Which rule raised it.
    pub rule: AlertRule,
    /// Move of the price since the window's open, in percent, signed.
    pub price_change_percent: f64,
    /// The window's open price as known then; null for `stale_feed`.
    pub open_price: Option<Decimal>,
    /// The price of the tick that raised it; null for `stale_feed`.
    pub close_price: Option<Decimal>,
    /// Start of the 1m window.
    pub window_start: jiff::Timestamp,
    /// End of the 1m window, exclusive.
    pub window_end: jiff::Timestamp,
    /// Event time of the tick that raised it.
    pub timestamp: jiff::Timestamp,
    /// How large the move is.
    pub severity: Severity,
    /// The z-score, when that rule has enough history.
    pub z_score: Option<f64>,
}
