//! Each rule of a section stands beside it, in the attributes of its type, as a value made here.

use serde_json::{Value, json};

/// The field never changes: not from absent to present, nor the other way.
pub(super) fn immutable(field: &str) -> Value {
    rule(
        &format!(
            "has(self.{field}) == has(oldSelf.{field}) && \
             (!has(self.{field}) || self.{field} == oldSelf.{field})"
        ),
        &format!("{field} cannot change; make a new pipeline"),
    )
}

/// As [`immutable`], for a field of a section that may be absent itself.
pub(super) fn immutable_in(section: &str, field: &str) -> Value {
    let there = |of: &str| format!("(has({of}.{section}) && has({of}.{section}.{field}))");
    let (new, old) = (there("self"), there("oldSelf"));
    rule(
        &format!(
            "{new} == {old} && (!{new} || self.{section}.{field} == oldSelf.{section}.{field})"
        ),
        &format!("{section}.{field} cannot change; make a new pipeline"),
    )
}

/// The field, which may be absent locally, is there.
pub(super) fn present(field: &str) -> Value {
    rule(&format!("has(self.{field})"), &format!("{field} is required on a cluster"))
}

/// Exactly one of the fields is there.
pub(super) fn one_of(fields: &[&str]) -> Value {
    let there: Vec<String> = fields.iter().map(|field| format!("has(self.{field})")).collect();
    rule(
        &format!("[{}].filter(there, there).size() == 1", there.join(", ")),
        &format!("write exactly one of {}", fields.join(" ")),
    )
}

/// Of the fields, no two are there.
pub(super) fn at_most_one_of(fields: &[&str]) -> Value {
    let there: Vec<String> = fields.iter().map(|field| format!("has(self.{field})")).collect();
    rule(
        &format!("[{}].filter(there, there).size() <= 1", there.join(", ")),
        &format!("write at most one of {}", fields.join(" ")),
    )
}

/// The same fields are there as before.
pub(super) fn same_members(fields: &[&str]) -> Value {
    let same: Vec<String> =
        fields.iter().map(|field| format!("has(self.{field}) == has(oldSelf.{field})")).collect();
    rule(&same.join(" && "), "the kind of a source cannot change; use another name")
}

/// One reference for all roles, or one for each.
pub(super) fn postgres_roles() -> Value {
    rule(
        "has(self.secretRef) ? !has(self.ownerSecretRef) && !has(self.writerSecretRef) && \
         !has(self.readerSecretRef) : has(self.ownerSecretRef) && has(self.writerSecretRef) && \
         has(self.readerSecretRef)",
        "write either secretRef, or all of ownerSecretRef writerSecretRef readerSecretRef",
    )
}

fn rule(rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message})
}
