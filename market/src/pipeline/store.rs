use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::SecretKeyRef;
use super::{cel, schema, text};

/// The store: `secretRef` for all roles, or one reference for each role. Each key holds a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = schema::settle,
    extend("x-kubernetes-validations" = [cel::postgres_roles(), cel::immutable("schema")])
)]
pub struct Postgres {
    /// For all roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyRef>,
    /// For migrations and retention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_secret_ref: Option<SecretKeyRef>,
    /// For the aggregators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writer_secret_ref: Option<SecretKeyRef>,
    /// For the api.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader_secret_ref: Option<SecretKeyRef>,
    /// The schema; default the prefix with `.` and `-` as `_`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = text::SCHEMA))]
    pub schema: Option<String>,
}

/// The hot path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redis {
    /// A URL.
    pub secret_ref: SecretKeyRef,
}
