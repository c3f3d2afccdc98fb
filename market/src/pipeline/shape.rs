//! Covers the keywords that our schema uses, and a test holds that it uses no others.

use serde_json::{Map, Value as Schema};
use serde_norway::{Mapping, Number, Value};

use super::problem::{Problem, entry_path, field_path};
use super::text::{self, FORMS};
use crate::interval::Interval;

/// How much of a wrong text is repeated, in characters.
const QUOTE_LENGTH_MAX: usize = 64;

/// Everything in which a tree is not what the schema says, in the order of the tree.
pub(super) fn check(schema: &Schema, tree: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_value(schema, tree, "", &mut problems);
    problems
}

fn check_value(schema: &Schema, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let wrong = match (schema["type"].as_str(), value) {
        (Some("object"), Value::Mapping(fields)) => {
            return check_fields(schema, fields, path, problems);
        }
        (Some("array"), Value::Sequence(entries)) => {
            return check_entries(schema, entries, path, problems);
        }
        (Some("string"), Value::String(text)) => wrong_text(schema, text, path),
        (Some("integer"), Value::Number(number)) if !number.is_f64() => {
            wrong_number(schema, number)
        }
        (Some("number"), Value::Number(number)) => wrong_number(schema, number),
        (Some("boolean"), Value::Bool(_)) => None,
        (wanted, _) => Some(wrong_type(schema, wanted.unwrap_or_default(), value)),
    };
    problems.extend(wrong.map(|sentence| Problem::new(path, sentence)));
}

fn check_fields(schema: &Schema, fields: &Mapping, path: &str, problems: &mut Vec<Problem>) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    let known = schema["properties"].as_object();
    for (key, value) in fields {
        let key = match key {
            Value::String(key) => key.clone(),
            other => {
                problems.push(Problem::new(path, format!("{} is no field name", found(other))));
                continue;
            }
        };
        let path = field_path(path, &key);
        let inner = known.map_or(schema.get("additionalProperties"), |known| known.get(&key));
        match inner {
            Some(inner) => check_value(inner, value, &path, problems),
            None => problems.push(Problem::new(path, unknown_field(&key, known))),
        }
    }
    for name in texts(&schema["required"]).filter(|name| !fields.contains_key(*name)) {
        let meaning = schema["properties"][name]["description"].as_str().unwrap_or_default();
        let meaning = meaning.split(['.', ';']).next().unwrap_or_default();
        problems.push(Problem::new(field_path(path, name), format!("required: {meaning}")));
    }
}

fn check_entries(schema: &Schema, entries: &[Value], path: &str, problems: &mut Vec<Problem>) {
    if let Some(sentence) = wrong_length(schema, "Items", entries.len(), "entries") {
        problems.push(Problem::new(path, sentence));
    }
    for (index, value) in entries.iter().enumerate() {
        check_value(&schema["items"], value, &entry_path(path, index), problems);
    }
}

fn wrong_text(schema: &Schema, text: &str, path: &str) -> Option<String> {
    if schema.get("enum").is_some() {
        return wrong_choice(schema, text, path);
    }
    if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        let quoted = quote(text);
        return Some(format!("{quoted} is not a time; use RFC 3339, such as 2024-08-08T00:00:00Z"));
    }
    let form = FORMS.iter().find(|form| schema["pattern"] == form.pattern);
    wrong_length(schema, "Length", text.chars().count(), "characters").or_else(|| {
        let form = form.filter(|form| !(form.holds)(text))?;
        Some(format!("{} is not {}", quote(text), form.sentence))
    })
}

fn wrong_choice(schema: &Schema, text: &str, path: &str) -> Option<String> {
    let choices: Vec<&str> = texts(&schema["enum"]).collect();
    if choices.contains(&text) {
        return None;
    }
    if choices == Interval::ALL.map(Interval::as_str) {
        return text.parse::<Interval>().err().map(|error| error.to_string());
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    let quoted = quote(text);
    Some(match choices.as_slice() {
        [one] => format!("{quoted} is not known here; write {one}"),
        _ => format!("{quoted} is not a value of {name}; use one of {}", choices.join(" ")),
    })
}

fn wrong_number(schema: &Schema, number: &Number) -> Option<String> {
    let value = number.as_f64()?;
    let (min, max) = (&schema["minimum"], &schema["maximum"]);
    let low = min.as_f64().is_some_and(|min| value < min);
    let high = max.as_f64().is_some_and(|max| value > max);
    (low || high || !value.is_finite())
        .then(|| format!("{number} is out of range; use {} to {}", bound(min), bound(max)))
}

fn bound(number: &Schema) -> String {
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => whole.to_string(),
        (None, Some(other)) => other.to_string(),
        (None, None) => "any number".into(),
    }
}

fn wrong_length(schema: &Schema, keyword: &str, length: usize, unit: &str) -> Option<String> {
    let limit = |end: &str| schema[format!("{end}{keyword}")].as_u64();
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let min = limit("min").unwrap_or(0);
    if length < min {
        return Some(format!("has {length} {unit}; write at least {min}"));
    }
    let max = limit("max").filter(|max| length > *max)?;
    Some(format!("has {length} {unit}; use at most {max}"))
}

fn wrong_type(schema: &Schema, wanted: &str, value: &Value) -> String {
    let found = found(value);
    match (wanted, value) {
        ("object", _) => match schema["properties"].as_object() {
            Some(known) => {
                let names: Vec<&str> = known.keys().map(String::as_str).collect();
                format!("write fields ({}), not {found}", names.join(" "))
            }
            None => format!("write fields such as \"key: text\", not {found}"),
        },
        ("array", Value::String(text)) => format!("write a list ([{text}]), not {found}"),
        ("array", _) => format!("write a list, not {found}"),
        ("string", Value::Number(number)) => format!("write \"{number}\" in quotes, not {found}"),
        ("string", Value::Bool(word)) => format!("write \"{word}\" in quotes, not {found}"),
        ("string", _) => format!("write a text, not {found}"),
        ("integer" | "number", Value::String(text)) if text.parse::<i64>().is_ok() => {
            format!("write {text} without quotes, not {found}")
        }
        ("integer", _) => format!("write a whole number, not {found}"),
        ("number", _) => format!("write a number, not {found}"),
        _ => format!("write true or false, not {found}"),
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(word) => word.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {}", quote(text)),
        Value::Sequence(_) => "a list".into(),
        Value::Mapping(_) => "fields".into(),
        Value::Tagged(tagged) => format!("the tag {}", tagged.tag),
    }
}

/// A text in quotes, cut when long, and withheld when it holds a password.
fn quote(text: &str) -> String {
    if text::has_password(text) {
        return "a URL with a password".into();
    }
    match text.char_indices().nth(QUOTE_LENGTH_MAX) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}

fn unknown_field(key: &str, known: Option<&Map<String, Schema>>) -> String {
    let names = || known.into_iter().flat_map(Map::keys).map(String::as_str);
    let nearest = names()
        .map(|name| (distance(&key.to_lowercase(), &name.to_lowercase()), name))
        .min()
        .filter(|(edits, name)| *edits <= name.len() / 3);
    match nearest {
        Some((_, name)) => format!("unknown field; did you mean \"{name}\"?"),
        None => format!("unknown field; use one of {}", names().collect::<Vec<_>>().join(" ")),
    }
}

/// How many letters must be put in, taken out or replaced to make one text the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, with) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *with);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

fn texts(list: &Schema) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Schema::as_str)
}
