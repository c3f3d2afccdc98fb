use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::SecretNameRef;
use super::{schema, text};

/// The container image of every pod; what is left out is as the operator was installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Image {
    /// Registry and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub repository: Option<String>,
    /// Tag; `digest` wins over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub tag: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = text::DIGEST))]
    pub digest: Option<String>,
    /// When a node asks the registry; default `IfNotPresent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// Secrets with the registry's credentials.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    #[schemars(length(max = 16))]
    pub pull_secrets: Vec<SecretNameRef>,
}

impl Image {
    /// When a node asks the registry; default `IfNotPresent`.
    #[must_use]
    pub fn pull_policy(&self) -> PullPolicy {
        self.pull_policy.unwrap_or(PullPolicy::IfNotPresent)
    }
}

/// When a node asks the registry for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// At every start.
    Always,
    /// When it has none.
    IfNotPresent,
    /// Not at all.
    Never,
}
