use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema;

/// What every pod of a role gets beside what the operator gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct PodTemplate {
    /// Labels of the pods.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pods.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub annotations: BTreeMap<String, String>,
    /// Labels that a node must have.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that do not matter.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    #[schemars(length(max = 64))]
    pub tolerations: Vec<Toleration>,
    /// Which nodes and neighbours it wants or avoids, as Kubernetes writes it.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    #[schemars(schema_with = "schema::opaque")]
    pub affinity: Map<String, Value>,
    /// Over what the pods are spread; default over nodes, as far as possible.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    #[schemars(length(max = 8))]
    pub topology_spread: Vec<TopologySpread>,
    /// Processor and memory.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub resources: Resources,
    /// Which pods go first when a node is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
    /// More environment variables.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    #[schemars(length(max = 64))]
    pub extra_env: Vec<EnvVar>,
    /// Annotations of the role's ServiceAccount.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub service_account_annotations: BTreeMap<String, String>,
}

/// A taint that does not matter, as Kubernetes writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Toleration {
    /// Key of the taint; without one, every taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Equal` (Kubernetes' default) or `Exists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Value of the taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; without one, every effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// For how long, in seconds; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// How evenly the pods of a role are spread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct TopologySpread {
    /// Label of nodes whose values are the places: `topology.kubernetes.io/zone`.
    #[schemars(length(min = 1, max = 317))]
    pub topology_key: String,
    /// By how many pods two places may differ; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_skew: Option<u32>,
    /// What to do where that cannot be; default `ScheduleAnyway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_unsatisfiable: Option<Unsatisfiable>,
}

/// What to do with a pod that cannot be placed evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unsatisfiable {
    /// It waits.
    DoNotSchedule,
    /// It is placed all the same.
    ScheduleAnyway,
}

/// Processor and memory, as Kubernetes writes quantities: `250m`, `128Mi`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Resources {
    /// What is set aside.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub requests: BTreeMap<String, String>,
    /// What is never exceeded.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub limits: BTreeMap<String, String>,
}

/// One environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct EnvVar {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its value; nothing secret.
    pub value: String,
}
