use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
