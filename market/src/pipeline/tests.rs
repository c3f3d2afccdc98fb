use schemars::schema_for;
use serde_json::{Value, json};

use super::*;
use crate::interval::Interval;
use crate::rules::{self, Target};

fn with_sources(sources: &str) -> Pipeline {
    let text = format!(
        "apiVersion: {API_VERSION}\nkind: {KIND}\nmetadata: {{name: a}}\nspec:\n  sources: {sources}\n"
    );
    Pipeline::from_yaml(&text).unwrap()
}

fn source(member: &str) -> SourceSpec {
    with_sources(&format!("[{{name: a, {member}}}]")).spec.sources.remove(0)
}

#[test]
fn demo_is_valid_and_has_a_symbol_with_two_sources() {
    let demo = demo();
    assert_eq!(rules::check(&demo, Target::Local), []);
    assert_eq!(demo.prefix(), "demo");
    assert_eq!(demo.spec.sources[0].symbols().len(), 6);
    let btc = Symbol::new("BTC").unwrap();
    let having = |source: &&SourceSpec| source.symbols().iter().any(|s| s.symbol == btc);
    assert_eq!(demo.spec.sources.iter().filter(having).count(), 2);
    assert_eq!(demo.spec.primary_source(&btc).unwrap().name.as_str(), "north");
}

#[test]
fn every_default_is_as_documented() {
    let spec = source("binance: {symbols: [{symbol: A, instrument: A}]}");
    let Some(SourceKind::Binance(venue)) = spec.kind() else { panic!("{spec:?}") };
    assert_eq!((venue.history(), venue.stale_after().as_str()), (History::Today, "60s"));
    for (quote, basis) in [("USD", UsdBasis::Par), ("USDT", UsdBasis::Par), ("EUR", UsdBasis::None)]
    {
        assert_eq!(venue.symbols[0].usd_basis(quote), basis);
    }
    for (plan, interval) in [("keyless", "60s"), ("demo", "268s"), ("pro", "20s")] {
        let spec = source(&format!(
            "coinGecko: {{plan: {plan}, symbols: [{{symbol: A, instrument: a}}]}}"
        ));
        assert_eq!(spec.coin_gecko.unwrap().interval().as_str(), interval);
    }
    let spec = source("coinGecko: {symbols: [{symbol: A, instrument: a}]}");
    let gecko = spec.coin_gecko.unwrap();
    assert_eq!((gecko.plan(), gecko.history()), (Plan::Keyless, History::Today));
    assert_eq!(gecko.stale_after().as_str(), "60s");
    let spec = source("archive: {path: x, symbols: [{symbol: A, instrument: A}]}");
    let archive = spec.archive.unwrap();
    assert_eq!((archive.venue(), archive.speed()), (ArchiveVenue::Binance, 0.0));
    let spec = source("simulated: {symbols: [{symbol: A, instrument: A}]}");
    let simulated = spec.simulated.unwrap();
    assert_eq!((simulated.seed(), simulated.ticks_per_second()), (0, 10));
    assert_eq!((simulated.start_time, simulated.ticks), (None, None));
    assert_eq!(simulated.prefill().as_str(), "6h");
    let shares = [simulated.disorder(), simulated.duplicates(), simulated.late_share()];
    assert_eq!(shares, [0.0; 3]);

    let spec = PipelineSpec::default();
    assert_eq!((spec.paused(), spec.suspend()), (false, false));
    assert_eq!(spec.image.pull_policy(), PullPolicy::IfNotPresent);
    let replicas = [spec.producer.replicas(), spec.aggregator.replicas(), spec.api.replicas()];
    assert_eq!(replicas, [1; 3]);
    let intervals: Vec<&str> = spec.candles.intervals().iter().map(|i| i.as_str()).collect();
    assert_eq!(intervals, ["1m", "5m", "15m", "1h", "4h", "1d"]);
    assert_eq!(spec.candles.max_out_of_orderness().as_str(), "2s");
    assert_eq!(spec.candles.allowed_lateness().as_str(), "60s");
    let alerts = &spec.alerts;
    assert_eq!((alerts.price_change_percent(), alerts.z_score()), (5.0, 4.0));
    assert_eq!(alerts.volume_burst(), 5.0);
    let kept = &spec.storage.retention;
    let kept =
        [kept.ticks(), kept.candles_1m(), kept.alerts()].map(|duration| duration.to_string());
    assert_eq!(kept, ["168h", "2160h", "8760h"]);
    assert!(!spec.storage.raw_ticks());
    assert_eq!(spec.aggregator.scaling.mode(), ScalingMode::Fixed);
    assert_eq!((spec.aggregator.scaling.min(), spec.aggregator.scaling.max(12)), (1, 12));
    assert_eq!(spec.api.service.service_type(), ServiceType::ClusterIp);
    let policy = &spec.deletion_policy;
    assert_eq!([policy.topic(), policy.database(), policy.cache()], [Deletion::Retain; 3]);
    assert!(spec.network_policy.enabled() && !spec.network_policy.egress.enabled());
    assert_eq!(spec.observability.otlp.sample_ratio(), 0.0);

    let kafka = Kafka::default();
    let topic = &kafka.topic;
    let counts = [topic.partitions(), topic.replication_factor(), topic.min_in_sync_replicas()];
    assert_eq!(counts, [12, 3, 2]);
    assert_eq!((topic.retention().as_str(), topic.manage()), ("168h", true));
    assert_eq!(kafka.group_protocol(), GroupProtocol::Classic);
    assert_eq!(kafka.on_source_loss(), OnSourceLoss::Fail);
}

#[test]
fn spec_is_written_back_as_the_user_wrote_it() {
    for text in [
        include_str!("../../../examples/smallest.yaml"),
        include_str!("../../../examples/demo.yaml"),
        include_str!("../../../examples/majors.yaml"),
        include_str!("../../../examples/cluster-full.yaml"),
    ] {
        let written: Value = serde_norway::from_str(text).unwrap();
        let spec = Pipeline::from_yaml(text).unwrap().spec;
        let back = serde_json::to_value(&spec).unwrap();
        assert_eq!(numbers_as_floats(back.clone()), numbers_as_floats(written["spec"].clone()));
        assert_eq!(serde_json::from_value::<PipelineSpec>(back).unwrap(), spec);
    }
}

/// `5` and `5.0` are the same number.
fn numbers_as_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(entries) => entries.into_iter().map(numbers_as_floats).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key, numbers_as_floats(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

#[test]
fn rendered_part_of_another_version_is_read_leniently() {
    let spec = json!({"sources": [], "candles": {"allowedLateness": "5s", "later": 1}, "new": {}});
    let spec: PipelineSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(spec.candles.allowed_lateness().as_millis(), 5_000);
}

#[test]
fn prefix_is_the_written_one_else_namespace_and_name_else_name() {
    let mut pipeline = demo();
    assert_eq!(pipeline.prefix(), "demo");
    pipeline.namespace = Some("prices".into());
    assert_eq!(pipeline.prefix(), "prices.demo");
    pipeline.spec.prefix = Some("crypto".into());
    assert_eq!(pipeline.prefix(), "crypto");
}

#[test]
fn primary_source_is_the_first_with_trades_else_the_first_with_quotes() {
    let pipeline = with_sources(
        "[{name: g, coinGecko: {symbols: [{symbol: A, instrument: a}, {symbol: B, instrument: b}]}}, \
          {name: h, coinGecko: {symbols: [{symbol: B, instrument: b}]}}, \
          {name: k, kraken: {symbols: [{symbol: A, instrument: A/USD}]}}, \
          {name: b, binance: {symbols: [{symbol: A, instrument: AUSDT}]}}]",
    );
    let primary = |symbol: &str| {
        let symbol = Symbol::new(symbol).unwrap();
        pipeline.spec.primary_source(&symbol).map(|source| source.name.as_str())
    };
    assert_eq!(primary("A"), Some("k"));
    assert_eq!(primary("B"), Some("g"));
    assert_eq!(primary("C"), None);
}

#[test]
fn duration_keeps_its_text_and_knows_its_length() {
    for (text, millis) in [("0s", 0), ("500ms", 500), ("60s", 60_000), ("5m", 300_000)] {
        let duration: Duration = text.parse().unwrap();
        assert_eq!((duration.as_str(), duration.as_millis()), (text, millis));
    }
    assert_eq!("168h".parse(), Ok(Duration::from_hours(168)));
    assert_eq!("60s".parse(), Ok(Duration::from_secs(60)));
    let longest: Duration = "99999999999h".parse().unwrap();
    assert_eq!(longest.as_std().as_secs(), 99_999_999_999 * 3_600);
    for text in ["", "s", "60", "60 s", "-1s", "1d", "1.5h", "9999999999999h", "٣s"] {
        assert!(text.parse::<Duration>().is_err(), "{text}");
    }
}

/// Visits every schema in a schema.
fn visit(schema: &Value, path: &str, look: &mut impl FnMut(&str, &serde_json::Map<String, Value>)) {
    let Some(keywords) = schema.as_object() else { return };
    look(path, keywords);
    for keyword in ["properties", "$defs"] {
        for (name, inner) in keywords.get(keyword).and_then(Value::as_object).into_iter().flatten()
        {
            visit(inner, &format!("{path}.{name}"), look);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = keywords.get(keyword) {
            visit(inner, &format!("{path}[]"), look);
        }
    }
}

#[test]
fn no_field_is_nullable_whatever_the_settings_of_the_schema() {
    let openapi = schemars::generate::SchemaSettings::openapi3()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<PipelineSpec>();
    for schema in
        [schema_for!(PipelineSpec).to_value(), schema::of::<PipelineSpec>(), openapi.to_value()]
    {
        let text = schema.to_string();
        assert!(!text.contains("null"), "{schema:#}");
        assert!(!text.contains("\"default\":"), "{schema:#}");
    }
}

#[test]
fn schema_uses_only_keywords_that_are_checked_and_patterns_that_have_a_sentence() {
    const KNOWN: [&str; 16] = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "description",
        "title",
    ];
    visit(&schema::of::<PipelineSpec>(), "spec", &mut |path, keywords| {
        for keyword in keywords.keys() {
            let annotation = keyword.starts_with("x-kubernetes-") || keyword == "$schema";
            assert!(annotation || KNOWN.contains(&keyword.as_str()), "{path}: {keyword}");
        }
        assert!(keywords["type"].is_string(), "{path}: {keywords:?}");
        if let Some(pattern) = keywords.get("pattern") {
            assert!(text::FORMS.iter().any(|form| *pattern == form.pattern), "{path}: {pattern}");
        }
        if let Some(format) = keywords.get("format").and_then(Value::as_str) {
            assert!(["date-time", "double", "int64"].contains(&format), "{path}: {format}");
        }
    });
}

#[test]
fn rules_of_kubernetes_stand_beside_the_fields_they_guard() {
    let mut guarded = Vec::new();
    visit(&schema::of::<PipelineSpec>(), "spec", &mut |path, keywords| {
        for rule in
            keywords.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten()
        {
            assert!(rule["rule"].is_string() && rule["message"].is_string(), "{path}");
            guarded.push(format!("{path}: {}", rule["message"].as_str().unwrap()));
        }
    });
    for expected in [
        "spec: prefix cannot change; make a new pipeline",
        "spec: kafka is required on a cluster",
        "spec.sources[]: the kind of a source cannot change; use another name",
        "spec.sources[].binance.symbols[]: instrument cannot change; make a new pipeline",
        "spec.sources[].archive: venue cannot change; make a new pipeline",
        "spec.sources[].archive.volume: write exactly one of configMap persistentVolumeClaim",
        "spec.kafka: write exactly one of strimzi bootstrapServers",
        "spec.kafka: topic.partitions cannot change; make a new pipeline",
        "spec.postgres: schema cannot change; make a new pipeline",
    ] {
        assert!(guarded.iter().any(|rule| rule == expected), "{expected} not in {guarded:#?}");
    }
}

#[test]
fn interval_choices_of_the_schema_are_the_fifteen() {
    let schema = schema::of::<PipelineSpec>();
    let choices = &schema["properties"]["candles"]["properties"]["intervals"]["items"]["enum"];
    assert_eq!(*choices, json!(Interval::ALL.map(Interval::as_str)));
}
