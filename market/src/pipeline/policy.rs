use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// What happens to each when the pipeline is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct DeletionPolicy {
    /// The topics; default `Retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<Deletion>,
    /// The schema of the database; default `Retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Deletion>,
    /// The keys in Redis; default `Retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Deletion>,
}

impl DeletionPolicy {
    /// The topics; default retain.
    #[must_use]
    pub fn topic(&self) -> Deletion {
        self.topic.unwrap_or(Deletion::Retain)
    }

    /// The schema of the database; default retain.
    #[must_use]
    pub fn database(&self) -> Deletion {
        self.database.unwrap_or(Deletion::Retain)
    }

    /// The keys in Redis; default retain.
    #[must_use]
    pub fn cache(&self) -> Deletion {
        self.cache.unwrap_or(Deletion::Retain)
    }
}

/// What happens to data when the pipeline is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Deletion {
    /// It stays.
    Retain,
    /// It goes too.
    Delete,
}

/// Who may talk to the pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct NetworkPolicy {
    /// Whether policies for what comes in are made; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// To whom the pods may talk.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub egress: Egress,
}

impl NetworkPolicy {
    /// Whether policies for what comes in are made; default true.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

/// To whom the pods may talk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Egress {
    /// Whether policies for what goes out are made; default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Where PostgreSQL, Redis, Kafka and venues are; names are looked up in any case.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    #[schemars(length(max = 64))]
    pub to: Vec<EgressPeer>,
}

/// Addresses that pods may talk to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct EgressPeer {
    /// Addresses: `10.0.0.0/8`.
    #[schemars(length(min = 1, max = 64))]
    pub cidr: String,
    /// TCP ports; without any, every port.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    #[schemars(length(max = 32))]
    pub ports: Vec<u16>,
}

impl Egress {
    /// Whether policies for what goes out are made; default false.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.enabled.unwrap_or(false)
    }
}
