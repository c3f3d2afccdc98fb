//! The reference of the resource, written from its schema.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, ValidationRule,
};

use super::crd;

const HEAD: &str = "\
# CryptoPipeline

Made from the doc comments of `market/src/pipeline` and `operator/src/crd` by a test; do not edit.
`apiVersion: crypto-pipeline.dev/v1alpha1`, `kind: CryptoPipeline`, short name `cpl`.
What is left out has the default that its line names; defaults never change within `v1alpha1`.
";

/// Every field of the spec and of the status, and every rule between fields, as Markdown.
#[must_use]
pub fn page() -> String {
    let crd = crd();
    let mut page = HEAD.to_owned();
    let versions = crd.spec.versions.iter();
    let schemas =
        versions.filter_map(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    for schema in schemas {
        for part in ["spec", "status"] {
            let Some(of) = schema.properties.as_ref().and_then(|all| all.get(part)) else {
                continue;
            };
            push(&mut page, format_args!("\n## {part}\n\n"));
            push(&mut page, format_args!("| Field | Type | Meaning |\n|---|---|---|\n"));
            rows(&mut page, part, of);
            let mut found = Vec::new();
            rules(&mut found, part, of);
            if !found.is_empty() {
                push(&mut page, format_args!("\n### Rules of the {part}\n\n"));
                push(&mut page, format_args!("| Where | What the API server says |\n|---|---|\n"));
            }
            for (path, message) in found {
                push(&mut page, format_args!("| `{path}` | {message} |\n"));
            }
        }
    }
    page
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = page.write_fmt(text);
}

fn rows(page: &mut String, path: &str, schema: &JSONSchemaProps) {
    for (name, inner) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        let required = schema.required.iter().flatten().any(|required| required == name);
        let meaning = inner.description.as_deref().unwrap_or_default();
        let meaning = meaning.replace('\n', " ").replace('|', "\\|");
        let required = if required { "Required. " } else { "" };
        let kind = kind(inner);
        push(page, format_args!("| `{path}` | {kind} | {required}{meaning} |\n"));
        match items(inner) {
            Some(items) => rows(page, &format!("{path}[]"), items),
            None => rows(page, &path, inner),
        }
    }
}

fn rules(found: &mut Vec<(String, String)>, path: &str, schema: &JSONSchemaProps) {
    for ValidationRule { message, rule, .. } in schema.x_kubernetes_validations.iter().flatten() {
        found.push((path.to_owned(), message.clone().unwrap_or_else(|| rule.clone())));
    }
    for (name, inner) in schema.properties.iter().flatten() {
        rules(found, &format!("{path}.{name}"), inner);
    }
    if let Some(items) = items(schema) {
        rules(found, &format!("{path}[]"), items);
    }
}

fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match schema.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(items) => Some(items),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

/// Type, bounds and choices in a few words.
fn kind(schema: &JSONSchemaProps) -> String {
    if let Some(choices) = &schema.enum_ {
        let choices: Vec<String> =
            choices.iter().map(|choice| format!("`{}`", text(&choice.0))).collect();
        return choices.join(" ");
    }
    let mut kind = match (items(schema), &schema.additional_properties) {
        (Some(items), _) => format!("list of {}", self::kind(items)),
        (None, Some(JSONSchemaPropsOrBool::Schema(_))) => "map of text".to_owned(),
        (None, Some(JSONSchemaPropsOrBool::Bool(_)) | None) => {
            schema.type_.clone().unwrap_or_else(|| "any".to_owned())
        }
    };
    if let (Some(least), Some(most)) = (schema.minimum, schema.maximum) {
        push(&mut kind, format_args!(", {least} to {most}"));
    }
    if let Some(most) = schema.max_items.or(schema.max_length) {
        push(&mut kind, format_args!(", at most {most}"));
    }
    if let Some(pattern) = &schema.pattern {
        push(&mut kind, format_args!(", `{}`", pattern.replace('|', "\\|")));
    }
    kind
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
