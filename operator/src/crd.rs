//! `CryptoPipeline`, as the Kubernetes API server knows it.
//!
//! The spec is `market`'s, which knows nothing of Kubernetes; here it becomes a resource.
//! `crds/` holds what [`crd`] makes, and a test keeps it fresh.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, JSON, JSONSchemaProps,
    JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, ValidationRule,
};
use kube::{CustomResource, CustomResourceExt as _};
use market::pipeline::{Aggregator, NAME_LENGTH_MAX, PipelineSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The reference page of the spec, from its schema.
pub mod page;
/// What the operator answers.
mod status;

pub use status::{
    Component, Components, Condition, ConditionStatus, ConditionType, DatabaseStatus, KafkaStatus,
    Phase, PipelineStatus, Reason, ScalingStatus,
};

/// The spec of a pipeline.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[kube(
    group = "crypto-pipeline.dev",
    version = "v1alpha1",
    kind = "CryptoPipeline",
    namespaced,
    status = "PipelineStatus",
    derive = "PartialEq",
    shortname = "cpl",
    category = "all",
    doc = "A pipeline from market data to candles.",
    selectable = ".spec.paused",
    selectable = ".spec.suspend",
    scale(
        spec_replicas_path = ".spec.aggregator.replicas",
        status_replicas_path = ".status.aggregatorReplicas",
        label_selector_path = ".status.selector"
    )
)]
pub struct CryptoPipelineSpec(pub PipelineSpec);

/// The definition that is installed: the derived one, with the rule of the name, the scale's
/// replicas always there, and nothing nullable.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    let mut crd = CryptoPipeline::crd();
    for version in &mut crd.spec.versions {
        version.additional_printer_columns = Some(columns());
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        if let Some(schema) = schema {
            settle(schema);
            always_scalable(schema);
            schema.x_kubernetes_validations = Some(vec![name_rule()]);
        }
    }
    crd
}

/// What `kubectl get` shows, and with `-o wide`.
fn columns() -> Vec<CustomResourceColumnDefinition> {
    const READY: &str = ".status.conditions[?(@.type==\"Ready\")]";
    let column =
        |name: &str, type_: &str, json_path: &str, wide: bool| CustomResourceColumnDefinition {
            name: name.to_owned(),
            type_: type_.to_owned(),
            json_path: json_path.to_owned(),
            priority: wide.then_some(1),
            ..CustomResourceColumnDefinition::default()
        };
    vec![
        column("Ready", "string", &format!("{READY}.status"), false),
        column("Phase", "string", ".status.phase", false),
        column("Symbols", "integer", ".status.symbols", false),
        column("Aggregators", "string", ".status.aggregators", false),
        column("Age", "date", ".metadata.creationTimestamp", false),
        column("Mode", "string", ".spec.aggregator.scaling.mode", true),
        column("Image", "string", ".status.components.aggregator.image", true),
        column("Message", "string", &format!("{READY}.message"), true),
    ]
}

/// Labels, Jobs and CronJobs add to the name of a pipeline what has to fit, too.
fn name_rule() -> ValidationRule {
    ValidationRule {
        rule: format!("size(self.metadata.name) <= {NAME_LENGTH_MAX}"),
        message: Some(format!("metadata.name has at most {NAME_LENGTH_MAX} characters")),
        ..ValidationRule::default()
    }
}

/// A field that may be absent is never null: rules ask whether it is there.
fn settle(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for property in schema.properties.iter_mut().flat_map(|all| all.values_mut()) {
        settle(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        settle(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        settle(values);
    }
}

/// Who scales through the subresource reads the number from the spec: it is always there.
fn always_scalable(root: &mut JSONSchemaProps) {
    fn property<'a>(of: &'a mut JSONSchemaProps, name: &str) -> Option<&'a mut JSONSchemaProps> {
        of.properties.as_mut()?.get_mut(name)
    }
    let Some(aggregator) = property(root, "spec").and_then(|spec| property(spec, "aggregator"))
    else {
        return;
    };
    aggregator.default = Some(JSON(json!({})));
    if let Some(replicas) = property(aggregator, "replicas") {
        replicas.default = Some(JSON(json!(Aggregator::default().replicas())));
    }
}
