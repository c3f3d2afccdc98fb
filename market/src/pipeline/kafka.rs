use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::{SecretKeyRef, SecretNameRef};
use super::text::{self, Duration};
use super::{cel, schema};

/// Where ticks flow through: exactly one of `strimzi` and `bootstrapServers`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = schema::settle,
    extend("x-kubernetes-validations" = [
        cel::one_of(&["strimzi", "bootstrapServers"]),
        cel::immutable_in("topic", "partitions"),
    ])
)]
pub struct Kafka {
    /// A cluster that Strimzi runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strimzi: Option<Strimzi>,
    /// Any other cluster: `host:port`, several separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub bootstrap_servers: Option<String>,
    /// Encryption; without it, as the listener says, and plain text for `bootstrapServers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Who we are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl: Option<Sasl>,
    /// The ticks topic.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub topic: Topic,
    /// How the aggregators share partitions; default `classic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_protocol: Option<GroupProtocol>,
    /// What to do when records that were not folded are gone; default `fail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_source_loss: Option<OnSourceLoss>,
}

impl Kafka {
    /// How the aggregators share partitions; default classic.
    #[must_use]
    pub fn group_protocol(&self) -> GroupProtocol {
        self.group_protocol.unwrap_or(GroupProtocol::Classic)
    }

    /// What to do when records that were not folded are gone; default fail.
    #[must_use]
    pub fn on_source_loss(&self) -> OnSourceLoss {
        self.on_source_loss.unwrap_or(OnSourceLoss::Fail)
    }
}

/// A Kafka cluster that Strimzi runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Strimzi {
    /// Name of the Kafka object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; default the pipeline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = text::DNS_LABEL))]
    pub namespace: Option<String>,
    /// Name of the listener to use.
    #[schemars(length(min = 1, max = 63))]
    pub listener: String,
}

/// Encryption to the brokers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Tls {
    /// The authority that signed the brokers' certificates; default the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

/// Who we are to the brokers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Sasl {
    /// How it is proved.
    pub mechanism: Mechanism,
    /// A Secret with the keys `username` and `password`.
    pub secret_ref: SecretNameRef,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mechanism {
    /// The password as it is; only with TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// A challenge over SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// A challenge over SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// The ticks topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Topic {
    /// Its name; default the prefix and `-prices`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249), regex(pattern = text::TOPIC))]
    pub name: Option<String>,
    /// How many partitions; default 12, and never another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub partitions: Option<u32>,
    /// How many brokers hold each record; default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub replication_factor: Option<u32>,
    /// How many of them must have a record before it counts; default 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub min_in_sync_replicas: Option<u32>,
    /// How long records are kept; default 168h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Duration>,
    /// Whether we create and change it; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manage: Option<bool>,
}

impl Topic {
    /// How many partitions; default 12.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        self.partitions.unwrap_or(12)
    }

    /// How many brokers hold each record; default 3.
    #[must_use]
    pub fn replication_factor(&self) -> u32 {
        self.replication_factor.unwrap_or(3)
    }

    /// How many of them must have a record before it counts; default 2.
    #[must_use]
    pub fn min_in_sync_replicas(&self) -> u32 {
        self.min_in_sync_replicas.unwrap_or(2)
    }

    /// How long records are kept; default 168h.
    #[must_use]
    pub fn retention(&self) -> Duration {
        self.retention.clone().unwrap_or_else(|| Duration::from_hours(168))
    }

    /// Whether we create and change it; default true.
    #[must_use]
    pub fn manage(&self) -> bool {
        self.manage.unwrap_or(true)
    }
}

/// How the aggregators share partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GroupProtocol {
    /// Cooperative-sticky assignment by the group's leader.
    Classic,
    /// Assignment by the broker (KIP-848).
    Consumer,
}

/// What to do when records that were not folded are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnSourceLoss {
    /// Refuse to go on, with a sentence.
    Fail,
    /// Go on, and write down what is missing.
    ContinueWithGap,
}
