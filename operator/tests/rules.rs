//! What the API server accepts and rejects, rule by rule, without one.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::collections::BTreeSet;

use kube::core::cel::Validator;
use operator::crd;
use serde_json::{Value, json};

/// Members of a source that have symbols.
const VENUES: [&str; 7] =
    ["binance", "binanceUsdm", "coinbase", "kraken", "coinGecko", "archive", "simulated"];

fn schema() -> Value {
    let crd = serde_json::to_value(crd::crd()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// One that is valid.
fn base() -> Value {
    json!({
        "apiVersion": "crypto-pipeline.dev/v1alpha1",
        "kind": "CryptoPipeline",
        "metadata": {"name": "majors"},
        "spec": {
            "prefix": "majors",
            "sources": [source("binance")],
            "kafka": {"bootstrapServers": "kafka:9092", "topic": {"partitions": 12}},
            "postgres": {"secretRef": {"name": "db", "key": "url"}, "schema": "majors"},
            "redis": {"secretRef": {"name": "cache", "key": "url"}},
        },
    })
}

fn source(member: &str) -> Value {
    let mut venue = json!({"symbols": [{"symbol": "BTC", "instrument": "BTCUSDT"}]});
    if member == "archive" {
        venue["path"] = json!("/data/trades.csv");
        venue["venue"] = json!("binance");
        venue["volume"] = json!({"configMap": {"name": "trades"}});
    }
    json!({"name": "one", member: venue})
}

/// The base with these merged into its spec; null removes.
fn with(change: Value) -> Value {
    let mut object = base();
    merge(&mut object["spec"], change);
    object
}

fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (name, change) in change {
                if change.is_null() {
                    into.remove(&name);
                } else {
                    merge(into.entry(name).or_insert(Value::Null), change);
                }
            }
        }
        (into, change) => *into = change,
    }
}

/// What is said about an object, or about its change.
fn said(object: &Value, before: Option<&Value>) -> BTreeSet<String> {
    match Validator::new().validate_with_defaults(&schema(), object, before) {
        Ok(()) => BTreeSet::new(),
        Err(errors) => errors.as_slice().iter().map(|error| error.message.clone()).collect(),
    }
}

/// Objects that are wrong, each with what is said of it.
fn wrong() -> Vec<(Value, String)> {
    let secret = json!({"name": "db", "key": "url"});
    let mut named = base();
    named["metadata"]["name"] = json!("n".repeat(41));
    let mut wrong: Vec<(Value, &str)> = vec![
        (named, "metadata.name has at most 40 characters"),
        (with(json!({"kafka": null})), "kafka is required on a cluster"),
        (with(json!({"postgres": null})), "postgres is required on a cluster"),
        (with(json!({"redis": null})), "redis is required on a cluster"),
        (
            with(json!({"api": {"ingress": {"host": "a.b"}, "httpRoute": {"gateway": "g"}}})),
            "write at most one of ingress httpRoute",
        ),
        (
            with(json!({"kafka": {"strimzi": {"name": "k", "listener": "plain"}}})),
            "write exactly one of strimzi bootstrapServers",
        ),
        (
            with(json!({"kafka": {"bootstrapServers": null}})),
            "write exactly one of strimzi bootstrapServers",
        ),
    ];
    let roles = "write either secretRef, or all of ownerSecretRef writerSecretRef readerSecretRef";
    wrong.push((with(json!({"postgres": {"ownerSecretRef": secret}})), roles));
    wrong.push((with(json!({"postgres": {"secretRef": null, "ownerSecretRef": secret}})), roles));
    let members =
        "write exactly one of binance binanceUsdm coinbase kraken coinGecko archive simulated";
    wrong.push((with(json!({"sources": [{"name": "one"}]})), members));
    let mut two = source("binance");
    two["kraken"] = two["binance"].clone();
    wrong.push((with(json!({"sources": [two]})), members));
    let mut archive = source("archive");
    archive["archive"]["volume"] = json!({});
    let volume = "write exactly one of configMap persistentVolumeClaim";
    wrong.push((with(json!({"sources": [archive]})), volume));
    archive["archive"].as_object_mut().unwrap().remove("volume");
    wrong.push((with(json!({"sources": [archive]})), "volume is required on a cluster"));
    wrong.into_iter().map(|(object, message)| (object, message.to_owned())).collect()
}

/// Changes that are wrong, from one object to another.
fn wrong_changes() -> Vec<(Value, Value, String)> {
    let never = |what: &str| format!("{what} cannot change; make a new pipeline");
    let mut wrong = vec![
        (base(), with(json!({"prefix": "other"})), never("prefix")),
        (base(), with(json!({"prefix": null})), never("prefix")),
        (with(json!({"prefix": null})), base(), never("prefix")),
        (base(), with(json!({"kafka": {"topic": {"partitions": 24}}})), never("topic.partitions")),
        (base(), with(json!({"kafka": {"topic": null}})), never("topic.partitions")),
        (base(), with(json!({"postgres": {"schema": "other"}})), never("schema")),
        (
            base(),
            with(json!({"sources": [source("kraken")]})),
            "the kind of a source cannot change; use another name".to_owned(),
        ),
    ];
    for member in VENUES {
        let before = with(json!({"sources": [source(member)]}));
        let mut after = before.clone();
        after["spec"]["sources"][0][member]["symbols"][0]["instrument"] = json!("BTCEUR");
        wrong.push((before, after, never("instrument")));
    }
    let before = with(json!({"sources": [source("archive")]}));
    let mut after = before.clone();
    after["spec"]["sources"][0]["archive"]["venue"] = json!("kraken");
    wrong.push((before, after, never("venue")));
    wrong
}

#[test]
fn every_member_of_a_source_is_accepted_alone() {
    for member in VENUES {
        let object = with(json!({"sources": [source(member)]}));
        assert_eq!(said(&object, None), BTreeSet::new(), "{member}");
        assert_eq!(said(&object, Some(&object)), BTreeSet::new(), "{member}");
    }
}

#[test]
fn what_contradicts_itself_is_rejected_with_what_to_write() {
    for (object, message) in wrong() {
        assert_eq!(said(&object, None), BTreeSet::from([message]), "{object}");
    }
}

#[test]
fn what_never_changes_is_rejected_and_everything_else_may_change() {
    for (before, after, message) in wrong_changes() {
        assert_eq!(said(&after, Some(&before)), BTreeSet::from([message]), "{after}");
    }
    let other = with(json!({
        "kafka": {"bootstrapServers": "other:9092"},
        "sources": [source("binance"), {"name": "two", "kraken": source("kraken")["kraken"]}],
        "postgres": {"secretRef": {"name": "other", "key": "url"}},
        "aggregator": {"replicas": 5},
        "suspend": true,
    }));
    assert_eq!(said(&other, Some(&base())), BTreeSet::new());
    assert_eq!(said(&base(), Some(&other)), BTreeSet::new());
}

#[test]
fn every_rule_has_an_object_that_it_rejects() {
    fn messages(schema: &Value, found: &mut BTreeSet<String>) {
        let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
        found.extend(rules.filter_map(|rule| rule["message"].as_str().map(str::to_owned)));
        schema["properties"].as_object().into_iter().flatten().for_each(|(_, inner)| {
            messages(inner, found);
        });
        if schema["items"].is_object() {
            messages(&schema["items"], found);
        }
    }
    let mut known = BTreeSet::new();
    messages(&schema(), &mut known);
    let seen = wrong().into_iter().map(|(_, message)| message);
    let seen: BTreeSet<String> =
        seen.chain(wrong_changes().into_iter().map(|(_, _, message)| message)).collect();
    assert_eq!(known, seen);
}

#[test]
fn the_replicas_that_a_scaler_reads_are_always_there() {
    let spec = &schema()["properties"]["spec"]["properties"]["aggregator"];
    assert_eq!(spec["default"], json!({}));
    assert_eq!(spec["properties"]["replicas"]["default"], json!(1));
}

#[test]
fn nothing_is_nullable() {
    assert!(!schema().to_string().contains("nullable"));
}
