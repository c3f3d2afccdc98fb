use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// Traces and labels for those who watch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Observability {
    /// Labels of every pod, by which a collector finds them.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub pod_labels: BTreeMap<String, String>,
    /// Where traces go.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub otlp: Otlp,
}

/// Where traces go, and how many.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Otlp {
    /// URL of the collector; without it, nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub endpoint: Option<String>,
    /// Share of records that are traced, from 0 to 1; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample_ratio: Option<f64>,
}

impl Otlp {
    /// Share of records that are traced; default 0.
    #[must_use]
    pub fn sample_ratio(&self) -> f64 {
        self.sample_ratio.unwrap_or(0.0)
    }
}
