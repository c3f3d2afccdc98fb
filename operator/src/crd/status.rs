use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator has seen and done; nothing in it changes while nothing happens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// In one word, for people; nothing reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What is so, and why, one of each type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["type"]
    ))]
    pub conditions: Vec<Condition>,
    /// How many pods of each role there should be, and are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Components>,
    /// How many symbols the sources have together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbols: Option<i64>,
    /// Aggregators that are ready, and how many should be: `2/3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregators: Option<String>,
    /// How many aggregators there are, as the scale subresource wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregator_replicas: Option<i32>,
    /// Labels of the aggregators' pods, as the scale subresource wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// How many aggregators there should be, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingStatus>,
    /// What the last migration left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseStatus>,
    /// The ticks topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaStatus>,
    /// The version of the operator that wrote this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_version: Option<String>,
}

/// A pipeline in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// It is being made.
    Pending,
    /// All of it is there.
    Running,
    /// It runs, and something is wrong.
    Degraded,
    /// It was asked to rest.
    Suspended,
    /// It cannot be made as it is written.
    Failed,
}

/// One thing that is so, is not so, or is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: ConditionType,
    /// Whether it is so.
    pub status: ConditionStatus,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, in a sentence that says what to do.
    #[schemars(length(max = 32768))]
    pub message: String,
    /// The generation of the spec that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Since when `status` is what it is.
    pub last_transition_time: Time,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody could be asked.
    Unknown,
}

/// What a condition is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ConditionType {
    /// Migrated, topic and database reachable, every pod available, and all as the spec says.
    Ready,
    /// Something is being made or changed.
    Progressing,
    /// It runs, and something is wrong.
    Degraded,
    /// The operator leaves everything as it is.
    Paused,
    /// The topic is there and can be reached.
    KafkaReady,
    /// The tables are there and can be reached.
    DatabaseReady,
    /// The number of aggregators follows what was asked for.
    ScalingActive,
}

/// Why a condition is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Reason {
    /// Everything is as the spec says.
    Reconciled,
    /// The spec contradicts itself; the message says where.
    InvalidSpec,
    /// A Secret that the spec names is not there.
    SecretNotFound,
    /// A Secret lacks a key that the spec names.
    SecretKeyMissing,
    /// The topic is not ready; the message repeats what Strimzi says.
    KafkaTopicNotReady,
    /// The pods cannot reach Kafka.
    KafkaUnreachable,
    /// The spec names a Strimzi cluster, and Strimzi is not installed.
    StrimziNotInstalled,
    /// The pods cannot reach PostgreSQL, or the migration failed.
    DatabaseUnreachable,
    /// Pods are being made or replaced.
    RolloutInProgress,
    /// Pods were not ready for ten minutes; the message says which, and why.
    RolloutStuck,
    /// The namespace's quota holds pods back.
    QuotaExceeded,
    /// An object of a name that we need belongs to somebody else.
    NameConflict,
    /// The operator lacks a permission; the message names it.
    Forbidden,
    /// `spec.paused` is set.
    Paused,
    /// `spec.suspend` is set.
    Suspended,
    /// Producers have stopped, and aggregators fold what is left.
    Draining,
    /// The database takes commits too slowly for more aggregators to help.
    SinkSaturated,
    /// One partition has most of the load, which more aggregators cannot share.
    HotPartition,
    /// Too few pods could be asked how they are.
    MetricsUnavailable,
    /// A HorizontalPodAutoscaler and the mode `auto` want to decide at once.
    ScalerConflict,
    /// More aggregators are asked for than there are partitions.
    Clamped,
    /// The image reads another version of the configuration than this operator writes.
    VersionSkew,
    /// A venue is silent; its candles stay open until it is back.
    StaleFeed,
}

/// The pods of each role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Components {
    /// The pods that read the sources.
    pub producer: Component,
    /// The pods that fold ticks into candles.
    pub aggregator: Component,
    /// The pods that serve.
    pub api: Component,
}

/// The pods of one role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Component {
    /// How many there should be.
    pub desired: i32,
    /// How many are ready.
    pub ready: i32,
    /// Their image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
}

/// How many aggregators there should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingStatus {
    /// How many.
    pub desired: i32,
    /// Why so many.
    pub reason: String,
    /// Since when.
    pub last_change: Time,
}

/// What the last migration left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DatabaseStatus {
    /// The migrations that have been made, by the hash of their Job.
    pub migration_set: String,
    /// The PostgreSQL schema.
    pub schema: String,
}

/// The ticks topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaStatus {
    /// Its name.
    pub topic: String,
    /// How many partitions it has.
    pub partitions: i32,
}
