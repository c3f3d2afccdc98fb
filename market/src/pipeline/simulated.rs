use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::source::SymbolSpec;
use super::text::Duration;
use super::{SYMBOLS_MAX, schema};

/// A made-up market. Tick n is a function of (`seed`, n), so that any test can compute the tape.
/// Disorder, duplicates and lateness are shares of the trades, from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Simulated {
    /// Which market; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = i64::MAX))]
    pub seed: Option<u64>,
    /// Ticks per second of all symbols together; default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub ticks_per_second: Option<u32>,
    /// When the tape begins (RFC 3339); without it, chosen once at the first start and kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub start_time: Option<Timestamp>,
    /// After how many ticks the tape ends; without it, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = i64::MAX))]
    pub ticks: Option<u64>,
    /// How much history is made at once before live pace; default 6h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill: Option<Duration>,
    /// Share of trades that come out of order; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub disorder: Option<f64>,
    /// Share of trades that are sent twice; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub duplicates: Option<f64>,
    /// Share of trades that come after their window has closed; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub late_share: Option<f64>,
    /// What is traded; the venue of all of it is `simulated`.
    #[schemars(
        length(min = 1, max = SYMBOLS_MAX),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["symbol"])
    )]
    pub symbols: Vec<SymbolSpec>,
}

impl Simulated {
    /// Which market; default 0.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    /// Ticks per second of all symbols together; default 10.
    #[must_use]
    pub fn ticks_per_second(&self) -> u32 {
        self.ticks_per_second.unwrap_or(10)
    }

    /// How much history is made at once before live pace; default 6h.
    #[must_use]
    pub fn prefill(&self) -> Duration {
        self.prefill.clone().unwrap_or_else(|| Duration::from_hours(6))
    }

    /// Share of trades that come out of order; default 0.
    #[must_use]
    pub fn disorder(&self) -> f64 {
        self.disorder.unwrap_or(0.0)
    }

    /// Share of trades that are sent twice; default 0.
    #[must_use]
    pub fn duplicates(&self) -> f64 {
        self.duplicates.unwrap_or(0.0)
    }

    /// Share of trades that come after their window has closed; default 0.
    #[must_use]
    pub fn late_share(&self) -> f64 {
        self.late_share.unwrap_or(0.0)
    }
}
