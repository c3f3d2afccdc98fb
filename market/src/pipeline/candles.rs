use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;
use super::text::Duration;
use crate::interval::Interval;

const DEFAULT_INTERVALS: [Interval; 6] =
    [Interval::M1, Interval::M5, Interval::M15, Interval::H1, Interval::H4, Interval::D1];

/// Which candles are stored and published, and how long late trades correct them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Candles {
    /// Default 1m 5m 15m 1h 4h 1d. All fifteen are always folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15), extend("x-kubernetes-list-type" = "set"))]
    pub intervals: Option<Vec<Interval>>,
    /// How long records of other producers may be overtaken; default 2s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_out_of_orderness: Option<Duration>,
    /// How long after a window's end a late trade still corrects its candle; default 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_lateness: Option<Duration>,
}

impl Candles {
    /// Which intervals are stored and published; default 1m 5m 15m 1h 4h 1d.
    #[must_use]
    pub fn intervals(&self) -> &[Interval] {
        self.intervals.as_deref().unwrap_or(&DEFAULT_INTERVALS)
    }

    /// How long records of other producers may be overtaken; default 2s.
    #[must_use]
    pub fn max_out_of_orderness(&self) -> Duration {
        self.max_out_of_orderness.clone().unwrap_or_else(|| Duration::from_secs(2))
    }

    /// How long after a window's end a late trade still corrects its candle; default 60s.
    #[must_use]
    pub fn allowed_lateness(&self) -> Duration {
        self.allowed_lateness.clone().unwrap_or_else(|| Duration::from_secs(60))
    }
}

/// Thresholds of the alert rules; 0 turns one off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Alerts {
    /// Change since the window's open, in percent; default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub price_change_percent: Option<f64>,
    /// Deviations of the log return from its mean; default 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub z_score: Option<f64>,
    /// Times the usual volume of a minute; default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub volume_burst: Option<f64>,
}

impl Alerts {
    /// Change since the window's open, in percent; default 5.
    #[must_use]
    pub fn price_change_percent(&self) -> f64 {
        self.price_change_percent.unwrap_or(5.0)
    }

    /// Deviations of the log return from its mean; default 4.
    #[must_use]
    pub fn z_score(&self) -> f64 {
        self.z_score.unwrap_or(4.0)
    }

    /// Times the usual volume of a minute; default 5.
    #[must_use]
    pub fn volume_burst(&self) -> f64 {
        self.volume_burst.unwrap_or(5.0)
    }
}

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Storage {
    /// Whether every tick is stored too; default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_ticks: Option<bool>,
    /// For how long.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub retention: Retention,
}

impl Storage {
    /// Whether every tick is stored too; default false.
    #[must_use]
    pub fn raw_ticks(&self) -> bool {
        self.raw_ticks.unwrap_or(false)
    }
}

/// How long rows are kept. Candles larger than a minute are never dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Retention {
    /// Raw ticks; default 168h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticks: Option<Duration>,
    /// Candles of one minute; default 2160h.
    #[serde(rename = "candles1m", skip_serializing_if = "Option::is_none")]
    pub candles_1m: Option<Duration>,
    /// Alerts; default 8760h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Duration>,
}

impl Retention {
    /// Raw ticks; default 168h.
    #[must_use]
    pub fn ticks(&self) -> Duration {
        self.ticks.clone().unwrap_or_else(|| Duration::from_hours(168))
    }

    /// Candles of one minute; default 2160h.
    #[must_use]
    pub fn candles_1m(&self) -> Duration {
        self.candles_1m.clone().unwrap_or_else(|| Duration::from_hours(2160))
    }

    /// Alerts; default 8760h.
    #[must_use]
    pub fn alerts(&self) -> Duration {
        self.alerts.clone().unwrap_or_else(|| Duration::from_hours(8760))
    }
}
