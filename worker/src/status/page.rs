//! The page of `/status`, written from its types.

use std::path::Path;

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::{AggregatorStatus, ProducerStatus};
use crate::metrics::tests::ensure_file_contents;

/// Each field of a type and of what it holds, as rows of a table.
fn rows(name: &str, schema: &Value, definitions: &Value, table: &mut String) {
    let fields = schema["properties"].as_object().into_iter().flatten();
    for (field, of) in fields {
        let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
        let meaning = of["description"].as_str().unwrap_or_default().replace('\n', " ");
        let (kind, held) = kind(of, definitions);
        table.push_str(&format!("| `{name}` | {kind} | {meaning} |\n"));
        if let Some((suffix, held)) = held {
            rows(&format!("{name}{suffix}"), held, definitions, table);
        }
    }
}

/// The type in words, and what an object or the items of a list hold.
fn kind<'a>(of: &'a Value, definitions: &'a Value) -> (String, Option<(&'static str, &'a Value)>) {
    if let Some(found) = referenced(of, definitions) {
        return if found["enum"].is_array() || found["oneOf"].is_array() {
            ("string".into(), None)
        } else {
            ("object".into(), Some(("", found)))
        };
    }
    if let Some(choices) = of["anyOf"].as_array() {
        let (kind, held) = kind(&choices[0], definitions);
        return (format!("{kind} or null"), held);
    }
    if let Some(found) = of.get("items").and_then(|items| referenced(items, definitions)) {
        return ("list".into(), Some(("[]", found)));
    }
    let kinds: Vec<&str> = match &of["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    (kinds.join(" or "), None)
}

fn referenced<'a>(of: &'a Value, definitions: &'a Value) -> Option<&'a Value> {
    let name = of["$ref"].as_str()?.rsplit('/').next()?;
    definitions.get(name)
}

fn table<T: JsonSchema>() -> String {
    let schema = schema_for!(T).to_value();
    let mut table = "| Field | Type | Meaning |\n|---|---|---|\n".to_owned();
    rows("", &schema, &schema["$defs"], &mut table);
    table
}

#[test]
fn the_page_of_status_is_what_the_code_says() {
    let page = format!(
        "# `/status`, `/livez` and `/readyz`\n\n\
         Made from `worker/src/status.rs` by its test; do not edit.\n\n\
         | Path | Answer |\n|---|---|\n\
         | `/livez` | 200 when the loop turned within the last 30 s, else 503. No dependency, and \
         no commit, has a say. |\n\
         | `/readyz` | 200 when it may be given work, else 503 and why in one sentence. A producer: \
         its spec is read and Kafka answered when it was last asked. An aggregator: it has once \
         claimed all that the group gave it, which may be nothing; a store that goes away later \
         changes nothing about that. |\n\
         | `/status` | JSON, as below. Fields may be added; none is renamed. |\n\
         | `/metrics` | [metrics.md](metrics.md) |\n\n\
         ## `worker aggregate`\n\n{}\n## `worker produce`\n\n{}",
        table::<AggregatorStatus>(),
        table::<ProducerStatus>(),
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/status.md");
    ensure_file_contents(&path, &page);
}
