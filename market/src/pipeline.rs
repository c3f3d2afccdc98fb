//! The pipeline spec that a user writes: one document, one file a section.
//!
//! One rule of absence: a leaf that may be left out is an `Option`, a section that may be left
//! out is its empty self, and neither is written back. The method named after a leaf gives the
//! documented default. So a spec is kept as the user wrote it, and defaults never change within
//! `v1alpha1`. Serde reads leniently (a rendered part may come from another version);
//! [`Pipeline::from_yaml`] is strict.
//!
//! The schema of these types serves both the Kubernetes API server and [`Pipeline::from_yaml`].
//! What it cannot say is in [`crate::rules`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::symbol::Symbol;

/// Recorded trades, replayed.
mod archive;
/// Candles, alerts and how long both are kept.
mod candles;
/// Rules that the Kubernetes API server checks.
mod cel;
/// Prices that CoinGecko quotes.
mod coin_gecko;
/// The container image.
mod image;
/// Where ticks flow through.
mod kafka;
/// Traces and labels for those who watch.
mod observability;
/// What every pod of a role gets.
mod pod;
/// What happens on deletion, and who may talk to whom.
mod policy;
/// One thing to put right in a document.
mod problem;
/// YAML text to a pipeline, strictly.
mod read;
/// How the schema is made and kept free of null.
mod schema;
/// References to Secrets.
mod secret;
/// Checks a YAML tree against the schema.
mod shape;
/// The made-up market.
mod simulated;
/// Where ticks come from.
mod source;
/// PostgreSQL and Redis.
mod store;
/// Texts of a fixed form: durations, names, patterns.
mod text;
/// Producer, aggregator and api: how many, and how they scale.
mod workload;

pub use archive::{Archive, ArchiveVenue, ArchiveVolume, ClaimVolume, ConfigMapVolume};
pub use candles::{Alerts, Candles, Retention, Storage};
pub use coin_gecko::{CoinGecko, Plan};
pub use image::{Image, PullPolicy};
pub use kafka::{
    GroupProtocol, Kafka, Mechanism, OnSourceLoss, Sasl, Strimzi, Tls, Topic as KafkaTopic,
};
pub use observability::{Observability, Otlp};
pub use pod::{EnvVar, PodTemplate, Resources, Toleration, TopologySpread, Unsatisfiable};
pub use policy::{Deletion, DeletionPolicy, Egress, EgressPeer, NetworkPolicy};
pub use problem::Problem;
pub(crate) use problem::{entry_path, field_path};
pub use read::{TEXT_BYTES_MAX, demo};
pub use secret::{SecretKeyRef, SecretNameRef};
pub use simulated::Simulated;
pub use source::{Endpoints, History, SourceKind, SourceSpec, SymbolSpec, UsdBasis, Venue};
pub use store::{Postgres, Redis};
pub(crate) use text::has_password;
pub use text::{Duration, DurationError, is_dns_label, is_prefix};
pub use workload::{
    Aggregator, Api, HttpRoute, Ingress, Producer, Scaling, ScalingMode, Service, ServiceType,
};

/// The only `apiVersion` there is.
pub const API_VERSION: &str = "crypto-pipeline.dev/v1alpha1";
/// The only `kind` there is.
pub const KIND: &str = "CryptoPipeline";
/// The longest `metadata.name`, in characters.
pub const NAME_LENGTH_MAX: usize = 40;
/// The longest prefix, in characters.
pub const PREFIX_LENGTH_MAX: usize = 63;
/// The most sources of one pipeline.
pub const SOURCES_MAX: usize = 16;
/// The most symbols of one source.
pub const SYMBOLS_MAX: usize = 256;

/// One pipeline: what the user named it, and its spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; without one the pipeline is local, or goes where it is applied.
    pub namespace: Option<String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// What it does.
    pub spec: PipelineSpec,
}

impl Pipeline {
    /// Reads one YAML document strictly: unknown fields, wrong types and values that the schema
    /// forbids are problems, all of them reported. What only a look at several fields can tell
    /// is left to [`crate::rules::check`].
    ///
    /// # Errors
    /// What to put right, in the order of the document.
    pub fn from_yaml(text: &str) -> Result<Self, Vec<Problem>> {
        read::pipeline(text)
    }

    /// What begins every name that the pipeline uses outside Kubernetes.
    #[must_use]
    pub fn prefix(&self) -> String {
        match (&self.spec.prefix, &self.namespace) {
            (Some(prefix), _) => prefix.clone(),
            (None, Some(namespace)) => format!("{namespace}.{}", self.name),
            (None, None) => self.name.clone(),
        }
    }

    /// The PostgreSQL schema: the one that the spec names, else that of the prefix.
    #[must_use]
    pub fn schema(&self) -> String {
        let named = self.spec.postgres.as_ref().and_then(|postgres| postgres.schema.clone());
        named.unwrap_or_else(|| schema_name(&self.prefix()))
    }
}

/// The PostgreSQL schema of a prefix: `.` and `-` are `_`.
#[must_use]
pub fn schema_name(prefix: &str) -> String {
    prefix.replace(['.', '-'], "_")
}

/// What a pipeline does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = schema::settle,
    extend("x-kubernetes-validations" = [
        cel::immutable("prefix"),
        cel::present("kafka"),
        cel::present("postgres"),
        cel::present("redis"),
    ])
)]
pub struct PipelineSpec {
    /// Begins every name used outside Kubernetes; default `<namespace>.<name>`, locally `<name>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = PREFIX_LENGTH_MAX), regex(pattern = text::PREFIX))]
    pub prefix: Option<String>,
    /// The operator writes nothing while true; what runs goes on running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Everything but the api is scaled to nothing while true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// The container image; default: the one that the operator was installed with.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub image: Image,
    /// Where ticks come from, in order of preference.
    #[schemars(
        length(min = 1, max = SOURCES_MAX),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub sources: Vec<SourceSpec>,
    /// The pods that read the sources.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub producer: Producer,
    /// Where ticks flow through; required on a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<Kafka>,
    /// Which candles are made, and how long late trades correct them.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub candles: Candles,
    /// Thresholds of the alert rules; 0 turns one off.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub alerts: Alerts,
    /// What is kept, and for how long.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub storage: Storage,
    /// The store; required on a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Postgres>,
    /// The hot path; required on a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,
    /// The pods that fold ticks into candles.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub aggregator: Aggregator,
    /// The pods that serve.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub api: Api,
    /// What is deleted with the pipeline.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub deletion_policy: DeletionPolicy,
    /// Who may talk to the pods.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub network_policy: NetworkPolicy,
    /// Traces and labels for those who watch.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub observability: Observability,
}

impl PipelineSpec {
    /// Whether the operator leaves everything as it is; default false.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.paused.unwrap_or(false)
    }

    /// Whether every trade is made up.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        let simulated = |source: &SourceSpec| source.simulated.is_some();
        !self.sources.is_empty() && self.sources.iter().all(simulated)
    }

    /// Whether everything but the api is scaled to nothing; default false.
    #[must_use]
    pub fn suspend(&self) -> bool {
        self.suspend.unwrap_or(false)
    }

    /// The primary source of a symbol: the first in spec order that has it as trades, else the
    /// first that has it as quotes.
    #[must_use]
    pub fn primary_source(&self, symbol: &Symbol) -> Option<&SourceSpec> {
        let having = |trades: bool| {
            self.sources.iter().find(|source| {
                source.kind().is_some_and(|kind| {
                    kind.has_trades() == trades
                        && kind.symbols().iter().any(|entry| entry.symbol == *symbol)
                })
            })
        };
        having(true).or_else(|| having(false))
    }
}

#[cfg(test)]
mod tests;
