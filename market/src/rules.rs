//! What serde cannot say about a spec: contradictions, each with its path.
//!
//! The schema has judged every field by itself ([`Pipeline::from_yaml`]); here fields are judged
//! together, and against what a target needs. The Kubernetes API server checks the same, as far
//! as its rules can say it.

use serde_json::Value;

use crate::pipeline::{
    NAME_LENGTH_MAX, PREFIX_LENGTH_MAX, Pipeline, Problem, entry_path, field_path, has_password,
    is_dns_label, is_prefix,
};

/// What a cluster needs beside the sources, and what fits together there.
mod cluster;
/// Sources, their members and their symbols.
mod sources;

/// Where a pipeline is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// In one process, on embedded parts.
    Local,
    /// On Kubernetes.
    Cluster,
}

/// The longest `allowedLateness`.
const LATENESS_MS_MAX: i64 = 86_400_000;

/// Reads one YAML document strictly, for a target.
///
/// # Errors
/// What to put right.
pub fn read(text: &str, target: Target) -> Result<Pipeline, Vec<Problem>> {
    let pipeline = Pipeline::from_yaml(text)?;
    let problems = check(&pipeline, target);
    if problems.is_empty() { Ok(pipeline) } else { Err(problems) }
}

/// Everything that contradicts itself or that the target lacks. Empty when the pipeline can run.
#[must_use]
pub fn check(pipeline: &Pipeline, target: Target) -> Vec<Problem> {
    let mut problems = Vec::new();
    names(pipeline, &mut problems);
    sources::check(&pipeline.spec, target, &mut problems);
    intervals(pipeline, &mut problems);
    lateness(pipeline, &mut problems);
    cluster::check(&pipeline.spec, target, &mut problems);
    if let Ok(tree) = serde_json::to_value(&pipeline.spec) {
        passwords(&tree, "spec", &mut problems);
    }
    problems
}

fn names(pipeline: &Pipeline, problems: &mut Vec<Problem>) {
    let name = &pipeline.name;
    if !is_dns_label(name) || name.len() > NAME_LENGTH_MAX {
        problems.push(Problem::new(
            "metadata.name",
            format!(
                "\"{name}\" is not a name; use 1 to {NAME_LENGTH_MAX} of a-z, 0-9 and -, with a \
                 letter or digit at both ends, such as majors"
            ),
        ));
        return;
    }
    let prefix = pipeline.prefix();
    if !is_prefix(&prefix) || prefix.len() > PREFIX_LENGTH_MAX {
        let origin = if pipeline.spec.prefix.is_some() { "" } else { ", the default," };
        problems.push(Problem::new(
            "spec.prefix",
            format!(
                "\"{prefix}\"{origin} is not a prefix; write one of at most {PREFIX_LENGTH_MAX} \
                 characters that begins with a-z, goes on with a-z, 0-9, . and -, and ends with \
                 a-z or 0-9"
            ),
        ));
    }
}

fn intervals(pipeline: &Pipeline, problems: &mut Vec<Problem>) {
    let intervals = pipeline.spec.candles.intervals();
    for (index, interval) in intervals.iter().enumerate() {
        if intervals[..index].contains(interval) {
            problems.push(Problem::new(
                format!("spec.candles.intervals[{index}]"),
                format!("\"{interval}\" stands there twice; take one away"),
            ));
        }
    }
}

/// Windows that may still change are kept in memory, so that lateness has a bound.
fn lateness(pipeline: &Pipeline, problems: &mut Vec<Problem>) {
    let lateness = pipeline.spec.candles.allowed_lateness();
    if lateness.as_millis() > LATENESS_MS_MAX {
        problems.push(Problem::new(
            "spec.candles.allowedLateness",
            format!("\"{}\" is too long; write at most 24h", lateness.as_str()),
        ));
    }
}

fn passwords(value: &Value, path: &str, problems: &mut Vec<Problem>) {
    match value {
        Value::String(text) if has_password(text) => problems.push(Problem::new(
            path,
            "a URL with a password is refused; put it in a Secret, or locally in the environment \
             (DATABASE_URL, REDIS_URL)",
        )),
        Value::Array(entries) => {
            for (index, inner) in entries.iter().enumerate() {
                passwords(inner, &entry_path(path, index), problems);
            }
        }
        Value::Object(fields) => {
            for (key, inner) in fields {
                passwords(inner, &field_path(path, key), problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
