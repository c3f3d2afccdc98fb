use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pod::PodTemplate;
use super::secret::SecretNameRef;
use super::{cel, schema, text};

/// The pods that read the sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Producer {
    /// How many; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<u32>,
    /// What every pod gets.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub pod_template: PodTemplate,
}

impl Producer {
    /// How many; default 1.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.replicas.unwrap_or(1)
    }
}

/// The pods that fold ticks into candles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Aggregator {
    /// How many; default 1. Ignored in mode `auto`, never more than there are partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = i32::MAX))]
    pub replicas: Option<u32>,
    /// Who decides how many.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub scaling: Scaling,
    /// What every pod gets.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub pod_template: PodTemplate,
}

impl Aggregator {
    /// How many; default 1.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.replicas.unwrap_or(1)
    }
}

/// Who decides how many aggregators there are, and between which bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Scaling {
    /// Default `fixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ScalingMode>,
    /// The fewest; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub min: Option<u32>,
    /// The most; default the number of partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max: Option<u32>,
}

impl Scaling {
    /// Who decides; default fixed.
    #[must_use]
    pub fn mode(&self) -> ScalingMode {
        self.mode.unwrap_or(ScalingMode::Fixed)
    }

    /// The fewest; default 1.
    #[must_use]
    pub fn min(&self) -> u32 {
        self.min.unwrap_or(1)
    }

    /// The most; default the number of partitions.
    #[must_use]
    pub fn max(&self, partitions: u32) -> u32 {
        self.max.unwrap_or(partitions)
    }
}

/// Who decides how many aggregators there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ScalingMode {
    /// `replicas`.
    Fixed,
    /// The operator, by rates and record delay.
    Auto,
    /// Whoever writes the scale subresource.
    External,
}

/// The pods that serve.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = schema::settle,
    extend("x-kubernetes-validations" = [cel::at_most_one_of(&["ingress", "httpRoute"])])
)]
pub struct Api {
    /// How many; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<u32>,
    /// A Secret with one API key per entry; without it, nobody is asked for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_secret_ref: Option<SecretNameRef>,
    /// How it is reached.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub service: Service,
    /// An Ingress for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
    /// An HTTPRoute of the Gateway API for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_route: Option<HttpRoute>,
    /// What every pod gets.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub pod_template: PodTemplate,
}

impl Api {
    /// How many; default 1.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.replicas.unwrap_or(1)
    }
}

/// How an Ingress leads to the api.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Ingress {
    /// Who serves it; default the cluster's default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// The host name.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// A Secret with the certificate of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret_name: Option<String>,
    /// Annotations of the Ingress.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub annotations: BTreeMap<String, String>,
}

/// How a gateway leads to the api.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct HttpRoute {
    /// Name of the Gateway.
    #[schemars(length(min = 1, max = 253))]
    pub gateway: String,
    /// Its namespace; default the pipeline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = text::DNS_LABEL))]
    pub gateway_namespace: Option<String>,
    /// Host names; without any, those of the Gateway.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    #[schemars(length(max = 16))]
    pub hostnames: Vec<String>,
}

/// How the api is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Service {
    /// Default `ClusterIP`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
}

impl Service {
    /// The type of the Service; default `ClusterIP`.
    #[must_use]
    pub fn service_type(&self) -> ServiceType {
        self.service_type.unwrap_or(ServiceType::ClusterIp)
    }
}

/// From where a Service is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// From the cluster.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// From a port of every node.
    NodePort,
    /// From outside.
    LoadBalancer,
}
