use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_norway::Value;

use super::problem::Problem;
use super::{NAME_LENGTH_MAX, Pipeline, PipelineSpec, schema, shape, text};

/// The longest document, in bytes.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// The document around a spec.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
struct Document {
    /// Always `crypto-pipeline.dev/v1alpha1`.
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    /// Always `CryptoPipeline`.
    #[serde(rename = "kind")]
    _kind: Kind,
    /// The name, and what else Kubernetes files it under.
    metadata: Metadata,
    /// What the pipeline does.
    spec: PipelineSpec,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum ApiVersion {
    #[serde(rename = "crypto-pipeline.dev/v1alpha1")]
    V1Alpha1,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Kind {
    CryptoPipeline,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
struct Metadata {
    /// What the pipeline is called.
    #[schemars(length(min = 1, max = NAME_LENGTH_MAX), regex(pattern = text::DNS_LABEL))]
    name: String,
    /// Where it is on a cluster.
    #[schemars(length(min = 1, max = 63), regex(pattern = text::DNS_LABEL))]
    namespace: Option<String>,
    /// Labels.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The demo market: what runs when no file is named. It is `examples/demo.yaml`.
///
/// # Panics
/// Never: a test reads the same text.
#[must_use]
pub fn demo() -> Pipeline {
    Pipeline::from_yaml(include_str!("../../../examples/demo.yaml"))
        .expect("the demo is valid, as its test shows")
}

pub(super) fn pipeline(text: &str) -> Result<Pipeline, Vec<Problem>> {
    let one = |problem| vec![problem];
    let mut tree = document(text).map_err(one)?;
    prune(&mut tree);
    let problems = shape::check(&schema::of::<Document>(), &tree);
    if !problems.is_empty() {
        return Err(problems);
    }
    let document: Document = serde_path_to_error::deserialize(tree)
        .map_err(|error| one(Problem::new(error.path().to_string(), error.inner().to_string())))?;
    let Document { metadata, spec, .. } = document;
    let Metadata { name, namespace, labels, annotations } = metadata;
    Ok(Pipeline { name, namespace, labels, annotations, spec })
}

/// The one document of a text.
fn document(text: &str) -> Result<Value, Problem> {
    if text.len() > TEXT_BYTES_MAX {
        let size = text.len();
        return Err(Problem::new(
            "",
            format!("the text has {size} bytes; use at most {TEXT_BYTES_MAX}"),
        ));
    }
    let mut documents = Vec::new();
    for document in serde_norway::Deserializer::from_str(text) {
        let tree = Value::deserialize(document).map_err(|error| not_yaml(&error))?;
        if !tree.is_null() {
            documents.push(tree);
        }
    }
    match (documents.pop(), documents.len() + 1) {
        (Some(tree), 1) => Ok(tree),
        (Some(_), count) => Err(Problem::new(
            "",
            format!("the text holds {count} documents; write one pipeline to a file"),
        )),
        (None, _) => Err(Problem::new(
            "",
            "the text is empty; write a pipeline (apiVersion, kind, metadata, spec)",
        )),
    }
}

fn not_yaml(error: &serde_norway::Error) -> Problem {
    let message = error.to_string();
    let Some(location) = error.location() else {
        return Problem::new("", format!("not YAML: {message}"));
    };
    let (line, column) = (location.line(), location.column());
    let at = format!(" at line {line} column {column}");
    let reason = message.replacen(&at, "", 1);
    Problem::new("", format!("not YAML: line {line}, column {column}: {reason}"))
}

/// Takes away fields that are null: to Kubernetes they are absent.
fn prune(value: &mut Value) {
    match value {
        Value::Mapping(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Sequence(entries) => entries.iter_mut().for_each(prune),
        Value::Tagged(tagged) => prune(&mut tagged.value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
