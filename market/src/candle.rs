//! Candles: one per series, interval and open time.

use serde::{Deserialize, Serialize};

use crate::decimal::{Decimal, Notional};
use crate::interval::Interval;
use crate::symbol::{SourceName, Symbol};

/// `sma_20` against `sma_50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// The short average is above the long one.
    Up,
    /// The short average is below the long one.
    Down,
    /// The averages are within 0.1 % of each other.
    Flat,
}

impl Trend {
    /// The trend as it is written: `up`, `down` or `flat`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Flat => "flat",
        }
    }
}

/// Open, high, low, close and sums of one window `[open_time_ms, close_time_ms)` of one series.
///
/// The fields stand in the order of the CSV form, and are named alike in SQL, JSON and CSV.
/// Numbers are exact and are written as decimal strings; only the indicators are floats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candle {
    /// What the user calls it.
    pub symbol: Symbol,
    /// Which source it comes from.
    pub source: SourceName,
    /// The window's width.
    pub interval: Interval,
    /// Start of the window, inclusive, in milliseconds since the epoch.
    pub open_time_ms: i64,
    /// End of the window, exclusive: the next candle's open.
    pub close_time_ms: i64,
    /// Price of the first tick; of the last one before for a window without trades; null when
    /// that is not known.
    pub open: Option<Decimal>,
    /// Highest price.
    pub high: Option<Decimal>,
    /// Lowest price.
    pub low: Option<Decimal>,
    /// Price of the last tick.
    pub close: Option<Decimal>,
    /// Σ size in the base currency; null for quotes.
    pub volume: Option<Decimal>,
    /// Σ price · size in the quote currency; null for quotes.
    pub quote_volume: Option<Notional>,
    /// Σ size of trades whose taker bought.
    pub taker_buy_volume: Option<Decimal>,
    /// Σ price · size of trades whose taker bought.
    pub taker_buy_quote_volume: Option<Notional>,
    /// `quote_volume / volume`, truncated at 12 decimals; null without volume.
    pub vwap: Option<Decimal>,
    /// Number of executions: an aggregate counts `last_id − first_id + 1`; null for quotes.
    pub trade_count: Option<u64>,
    /// Lowest trade id folded, in the series' id space.
    pub first_id: Option<u64>,
    /// Highest trade id folded.
    pub last_id: Option<u64>,
    /// Event time of the first tick, in nanoseconds since the epoch.
    pub first_event_ns: Option<i64>,
    /// Event time of the last tick.
    pub last_event_ns: Option<i64>,
    /// Whether the series watermark has reached `close_time_ms`.
    pub closed: bool,
    /// Whether the whole window is known to be covered: no trade can be missing.
    pub complete: bool,
    /// How many records after the first close changed any field.
    pub revision: u32,
    /// Number of quotes; null for trades.
    pub samples: Option<u64>,
    /// Mean of the last 20 closes.
    pub sma_20: Option<f64>,
    /// Mean of the last 50 closes.
    pub sma_50: Option<f64>,
    /// Exponential mean of closes with a span of 20.
    pub ema_20: Option<f64>,
    /// `sma_20` against `sma_50`.
    pub trend: Option<Trend>,
}

impl Candle {
    /// The names of all fields, in the order of the CSV form.
    pub const FIELDS: [&'static str; 27] = [
        "symbol",
        "source",
        "interval",
        "open_time_ms",
        "close_time_ms",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "quote_volume",
        "taker_buy_volume",
        "taker_buy_quote_volume",
        "vwap",
        "trade_count",
        "first_id",
        "last_id",
        "first_event_ns",
        "last_event_ns",
        "closed",
        "complete",
        "revision",
        "samples",
        "sma_20",
        "sma_50",
        "ema_20",
        "trend",
    ];
}
