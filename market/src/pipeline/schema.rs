use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// Whether a section, list or map is as if it had not been written.
pub(super) fn unwritten<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The schema of a type in one piece, without references.
pub(super) fn of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Of fields that Kubernetes knows and we only pass on.
pub(super) fn opaque(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// Makes the fields of a section what Kubernetes can hold: a field that may be absent is never
/// null, an enum is one list of texts, and a number has no format that only Rust knows.
pub(super) fn settle(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        forbid_null(property);
        join_choices(property);
        forget_format(property);
        if let Some(items) = property.get_mut("items").and_then(Value::as_object_mut) {
            forget_format(items);
        }
    }
}

fn forget_format(number: &mut Map<String, Value>) {
    if number.get("format").and_then(Value::as_str).is_some_and(|f| f.starts_with("uint")) {
        number.remove("format");
    }
}

fn forbid_null(property: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            property.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(values)) = property.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [Value::Object(one)] = choices.as_slice() {
            let one = one.clone();
            property.remove("anyOf");
            for (keyword, value) in one {
                property.entry(keyword).or_insert(value);
            }
        }
    }
}

fn join_choices(property: &mut Map<String, Value>) {
    let Some(choices) = property.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let texts: Option<Vec<Value>> =
        choices.iter().map(|choice| choice.get("const").cloned()).collect();
    if let Some(texts) = texts {
        property.remove("oneOf");
        property.insert("type".into(), json!("string"));
        property.insert("enum".into(), texts.into());
    }
}
