use super::*;

const BTC: &str = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
const CLUSTER: &str = "\
    kafka: {strimzi: {name: local, listener: plain}}\n  \
    postgres: {secretRef: {name: pg, key: url}}\n  \
    redis: {secretRef: {name: redis, key: url}}";

fn document(spec: &str) -> String {
    format!(
        "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
         metadata: {{name: majors}}\nspec:\n  {spec}\n"
    )
}

/// What is wrong with a text for a target, one line a problem.
fn problems(text: &str, target: Target) -> Vec<String> {
    let problems = match Pipeline::from_yaml(text) {
        Ok(pipeline) => super::check(&pipeline, target),
        Err(problems) => problems,
    };
    problems.iter().map(ToString::to_string).collect()
}

fn check_text(text: &str, target: Target, expected: &[&str]) {
    assert_eq!(problems(text, target), expected, "{text}");
}

/// A local pipeline of one good source and the text.
fn check(rest: &str, expected: &[&str]) {
    let spec = format!("sources: [{{name: binance, binance: {{{BTC}}}}}]\n  {rest}");
    check_text(&document(&spec), Target::Local, expected);
}

/// A local pipeline of these sources.
fn check_sources(sources: &str, expected: &[&str]) {
    check_text(&document(&format!("sources: {sources}")), Target::Local, expected);
}

/// A pipeline for a cluster of one good source and the text.
fn check_cluster(rest: &str, expected: &[&str]) {
    let spec = format!("sources: [{{name: binance, binance: {{{BTC}}}}}]\n  {rest}");
    check_text(&document(&spec), Target::Cluster, expected);
}

#[test]
fn good_pipeline_has_no_problem() {
    check("candles: {}", &[]);
    check("candles:", &[]);
    check_cluster(CLUSTER, &[]);
}

#[test]
fn document_is_one_yaml_text_of_bounded_size() {
    let check = |text: &str, expected: &str| check_text(text, Target::Local, &[expected]);
    let empty = "the text is empty; write a pipeline (apiVersion, kind, metadata, spec)";
    check("", empty);
    check("# only a comment\n---\n", empty);
    check("{}\n---\n{}\n", "the text holds 2 documents; write one pipeline to a file");
    check("hello", "write fields (apiVersion kind metadata spec), not the text \"hello\"");
    check(
        "spec:\n  sources: [\n",
        "not YAML: line 3, column 1: did not find expected node content, while parsing a flow node",
    );
    check("a: 1\na: 2\n", "not YAML: line 1, column 1: duplicate entry with key \"a\"");
    let long = format!("# {}", "x".repeat(crate::pipeline::TEXT_BYTES_MAX));
    check(&long, "the text has 262146 bytes; use at most 262144");
}

#[test]
fn envelope_is_checked_like_the_spec() {
    let text = "apiVersion: v1\nkind: Pipeline\nmetadata: {name: Majors, label: {a: b}}\n";
    check_text(
        text,
        Target::Local,
        &[
            "apiVersion: \"v1\" is not known here; write crypto-pipeline.dev/v1alpha1",
            "kind: \"Pipeline\" is not known here; write CryptoPipeline",
            "metadata.name: \"Majors\" is not a name; use a-z, 0-9 and -, with a letter or digit at \
             both ends, such as majors",
            "metadata.label: unknown field; did you mean \"labels\"?",
            "spec: required: What the pipeline does",
        ],
    );
    let named = |name: &str| {
        document("sources: [{name: a, kraken: {symbols: [{symbol: BTC, instrument: BTC/USD}]}}]")
            .replace("majors", name)
    };
    check_text(&named(&"n".repeat(40)), Target::Local, &[]);
    check_text(
        &named(&"n".repeat(41)),
        Target::Local,
        &["metadata.name: has 41 characters; use at most 40"],
    );
    let text = named("majors").replace("{name: majors}", "{name: majors, labels: {a.b/c: 1}}");
    check_text(
        &text,
        Target::Local,
        &["metadata.labels[\"a.b/c\"]: write \"1\" in quotes, not the number 1"],
    );
}

#[test]
fn unknown_field_is_named_with_the_nearest_known_one() {
    check(
        "candels: {intervals: [1m]}",
        &["spec.candels: unknown field; did you mean \"candles\"?"],
    );
    check(
        "candles: {Intervals: [1m]}",
        &["spec.candles.Intervals: unknown field; did you mean \"intervals\"?"],
    );
    check(
        "alerts: {rsi: 70}",
        &["spec.alerts.rsi: unknown field; use one of priceChangePercent volumeBurst zScore"],
    );
    check("candles: {1: 2}", &["spec.candles: the number 1 is no field name"]);
}

#[test]
fn wrong_type_says_what_to_write() {
    check(
        "candles: [1m]",
        &["spec.candles: write fields (allowedLateness intervals maxOutOfOrderness), not a list"],
    );
    check(
        "candles: {intervals: 1m}",
        &["spec.candles.intervals: write a list ([1m]), not the text \"1m\""],
    );
    check(
        "candles: {allowedLateness: 60}",
        &["spec.candles.allowedLateness: write \"60\" in quotes, not the number 60"],
    );
    check("paused: yes", &["spec.paused: write true or false, not the text \"yes\""]);
    check(
        "aggregator: {replicas: \"3\"}",
        &["spec.aggregator.replicas: write 3 without quotes, not the text \"3\""],
    );
    check(
        "aggregator: {replicas: 1.5}",
        &["spec.aggregator.replicas: write a whole number, not the number 1.5"],
    );
    check("alerts: {zScore: high}", &["spec.alerts.zScore: write a number, not the text \"high\""]);
    check("image: {tag: 1.0}", &["spec.image.tag: write \"1.0\" in quotes, not the number 1.0"]);
    check("prefix: !secret a", &["spec.prefix: write a text, not the tag !secret"]);
    check(
        "observability: {podLabels: [a]}",
        &["spec.observability.podLabels: write fields such as \"key: text\", not a list"],
    );
    check_sources(
        "[null]",
        &[
            "spec.sources[0]: write fields (archive binance binanceUsdm coinGecko coinbase kraken name \
         simulated), not nothing",
        ],
    );
}

#[test]
fn wrong_text_says_what_to_write() {
    check(
        "candles: {intervals: [1m, 5m, 7m]}",
        &[
            "spec.candles.intervals[2]: \"7m\" is not an interval; use one of 1m 3m 5m 15m 30m 1h 2h 4h \
         6h 8h 12h 1d 3d 1w 1M",
        ],
    );
    check("candles: {intervals: []}", &["spec.candles.intervals: has 0 entries; write at least 1"]);
    check(
        "candles: {intervals: [1m, 1h, 1m]}",
        &["spec.candles.intervals[2]: \"1m\" stands there twice; take one away"],
    );
    for text in ["1 minute", "1d", "-1s", "1.5h", "s", "1S"] {
        check(
            &format!("candles: {{allowedLateness: {text}}}"),
            &[&format!(
                "spec.candles.allowedLateness: \"{text}\" is not a duration; use a whole number and \
             ms, s, m or h, such as 60s",
            )],
        );
    }
    check(
        "candles: {allowedLateness: 999999999999h}",
        &["spec.candles.allowedLateness: has 13 characters; use at most 12"],
    );
    check(
        "deletionPolicy: {topic: Keep}",
        &["spec.deletionPolicy.topic: \"Keep\" is not a value of topic; use one of Retain Delete"],
    );
    check(
        "prefix: Majors",
        &[
            "spec.prefix: \"Majors\" is not a prefix; begin with a-z, go on with a-z, 0-9, . and -, end \
         with a-z or 0-9",
        ],
    );
    check(
        "image: {digest: sha256:abc}",
        &[
            "spec.image.digest: \"sha256:abc\" is not a digest; use sha256: and 64 hexadecimal digits",
        ],
    );
    check_sources(
        "[{name: a, simulated: {startTime: yesterday, symbols: [{symbol: A, instrument: B}]}}]",
        &[
            "spec.sources[0].simulated.startTime: \"yesterday\" is not a time; use RFC 3339, such as \
         2024-08-08T00:00:00Z",
        ],
    );
}

#[test]
fn number_out_of_range_says_the_range() {
    let simulated = |field: &str| {
        format!("[{{name: a, simulated: {{{field}, symbols: [{{symbol: A, instrument: B}}]}}}}]")
    };
    for field in ["disorder", "duplicates", "lateShare"] {
        for value in ["-0.1", "1.01", ".nan", ".inf"] {
            check_sources(
                &simulated(&format!("{field}: {value}")),
                &[&format!(
                    "spec.sources[0].simulated.{field}: {value} is out of range; use 0 to 1"
                )],
            );
        }
        check_sources(&simulated(&format!("{field}: 1")), &[]);
    }
    check_sources(
        &simulated("ticksPerSecond: 0"),
        &["spec.sources[0].simulated.ticksPerSecond: 0 is out of range; use 1 to 1000000"],
    );
    check_sources(
        &simulated("seed: -1"),
        &["spec.sources[0].simulated.seed: -1 is out of range; use 0 to 9223372036854775807"],
    );
    check_sources(
        "[{name: a, archive: {path: x, speed: -2, symbols: [{symbol: A, instrument: B}]}}]",
        &["spec.sources[0].archive.speed: -2 is out of range; use 0 to 1000000000"],
    );
    check(
        "kafka: {bootstrapServers: \"a:1\", topic: {partitions: 0}}",
        &["spec.kafka.topic.partitions: 0 is out of range; use 1 to 1000"],
    );
    check(
        "producer: {replicas: 5000}",
        &["spec.producer.replicas: 5000 is out of range; use 0 to 1000"],
    );
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_document() {
    check_sources(
        "[{name: Bin, binance: {symbols: [{symbol: btc, instrument: \"\"}], stale: 1s}}, {kraken: 5}]",
        &[
            "spec.sources[0].name: \"Bin\" is not a source name; use 1 to 20 of a-z, 0-9 and -, \
             such as binance",
            "spec.sources[0].binance.symbols[0].symbol: \"btc\" is not a symbol; use 1 to 15 of \
             A-Z and 0-9, such as BTC",
            "spec.sources[0].binance.symbols[0].instrument: has 0 characters; write at least 1",
            "spec.sources[0].binance.stale: unknown field; use one of endpoints history staleAfter \
             symbols",
            "spec.sources[1].kraken: write fields (endpoints history staleAfter symbols), not the \
             number 5",
            "spec.sources[1].name: required: What the user calls it",
        ],
    );
}

#[test]
fn source_has_exactly_one_member() {
    let members = "binance binanceUsdm coinbase kraken coinGecko archive simulated";
    check_sources(
        "[{name: a}]",
        &[&format!("spec.sources[0]: has none; write exactly one of {members}")],
    );
    check_sources(
        "[{name: a, binance: {symbols: [{symbol: A, instrument: AUSDT}]}, kraken: {symbols: [{symbol: A, instrument: A/USD}]}}]",
        &[&format!("spec.sources[0]: has binance and kraken; write exactly one of {members}")],
    );
}

#[test]
fn sources_and_symbols_are_unique_and_bounded() {
    let source = |name: &str| format!("{{name: {name}, binance: {{{BTC}}}}}");
    let of = |count: usize| {
        let sources: Vec<String> = (0..count).map(|index| source(&format!("s{index}"))).collect();
        format!("[{}]", sources.join(", "))
    };
    check_sources("[]", &["spec.sources: has 0 entries; write at least 1"]);
    check_sources(&of(16), &[]);
    check_sources(&of(17), &["spec.sources: has 17 entries; use at most 16"]);
    check_sources(
        &format!("[{}, {}]", source("a"), source("a")),
        &["spec.sources[1].name: \"a\" is taken by a source above; use another name"],
    );
    check_sources(
        "[{name: a, binance: {symbols: [{symbol: A, instrument: AUSDT}, {symbol: A, instrument: AUSDC}]}}]",
        &["spec.sources[0].binance.symbols[1].symbol: \"A\" stands there twice; a source has one \
           instrument each"],
    );
    let symbols = |count: usize| {
        let symbols: Vec<String> =
            (0..count).map(|index| format!("{{symbol: S{index}, instrument: S{index}}}")).collect();
        format!("[{{name: a, binance: {{symbols: [{}]}}}}]", symbols.join(", "))
    };
    check_sources(&symbols(256), &[]);
    check_sources(
        &symbols(257),
        &["spec.sources[0].binance.symbols: has 257 entries; use at most 256"],
    );
}

#[test]
fn instrument_looks_as_its_venue_writes_it() {
    let of = |member: &str, instrument: &str| {
        let rest = if member.starts_with("archive") { "path: x, " } else { "" };
        let (member, venue) = member.split_once(' ').unwrap_or((member, ""));
        format!(
            "[{{name: a, {member}: {{{rest}{venue}symbols: [{{symbol: A, instrument: {instrument}}}]}}}}]"
        )
    };
    for (member, instrument) in [
        ("binance", "1000SATSUSDT"),
        ("binanceUsdm", "BTCUSDT_250926"),
        ("coinbase", "BTC-USD"),
        ("kraken", "BTC/USD"),
        ("coinGecko", "bitcoin-cash-2"),
        ("archive", "BTCUSDT"),
        ("archive venue: kraken, ", "XBT/USDT"),
        ("simulated", "any-thing"),
    ] {
        check_sources(&of(member, instrument), &[]);
    }
    for (member, instrument, sentence) in [
        ("binance", "BTC-USD", "is not an instrument of Binance; write it as BTCUSDT"),
        ("binanceUsdm", "BTCUSDT_X", "is not an instrument of Binance; write it as BTCUSDT"),
        ("coinbase", "BTCUSD", "is not an instrument of Coinbase; write it as BTC-USD"),
        ("coinbase", "BTC-USDC", "is an alias of BTC-USD at Coinbase; write BTC-USD"),
        ("kraken", "XBTUSDT", "is not an instrument of Kraken; write it as BTC/USD"),
        ("coinGecko", "Bitcoin", "is not an instrument of CoinGecko; write it as bitcoin"),
        ("archive", "btcusdt", "is not an instrument of Binance; write it as BTCUSDT"),
    ] {
        check_sources(
            &of(member, instrument),
            &[&format!(
                "spec.sources[0].{member}.symbols[0].instrument: \"{instrument}\" {sentence}"
            )],
        );
    }
}

#[test]
fn prefix_by_default_must_be_one() {
    let long = "n".repeat(60);
    let text = document("sources: [{name: a, simulated: {symbols: [{symbol: A, instrument: B}]}}]");
    let default = |prefix: &str| {
        format!(
            "spec.prefix: \"{prefix}\", the default, is not a prefix; write one of at most 63 \
             characters that begins with a-z, goes on with a-z, 0-9, . and -, and ends with a-z or \
             0-9"
        )
    };
    check_text(&text.replace("majors", "1inch"), Target::Local, &[&default("1inch")]);
    let named = text.replace("{name: majors}", &format!("{{name: majors, namespace: {long}}}"));
    check_text(&named, Target::Local, &[&default(&format!("{long}.majors"))]);
    check_text(&format!("{named}  prefix: majors\n"), Target::Local, &[]);
}

#[test]
fn cluster_needs_kafka_postgres_redis_and_volumes() {
    check("candles: {}", &[]);
    check_cluster(
        "candles: {}",
        &[
            "spec.kafka: required on a cluster: write strimzi {name, listener}, or bootstrapServers",
            "spec.postgres: required on a cluster: write secretRef {name, key}",
            "spec.redis: required on a cluster: write secretRef {name, key}",
        ],
    );
    let archive = |volume: &str| {
        document(&format!(
            "sources: [{{name: a, archive: {{path: x, {BTC}{volume}}}}}]\n  {CLUSTER}"
        ))
    };
    check_text(&archive(""), Target::Local, &[]);
    check_text(
        &archive(""),
        Target::Cluster,
        &["spec.sources[0].archive.volume: required on a cluster: write configMap or \
         persistentVolumeClaim"],
    );
    check_text(&archive(", volume: {configMap: {name: x}}"), Target::Cluster, &[]);
    check_text(
        &archive(", volume: {}"),
        Target::Cluster,
        &["spec.sources[0].archive.volume: write exactly one of configMap persistentVolumeClaim"],
    );
    let gecko = |rest: &str| {
        document(&format!(
            "sources: [{{name: a, coinGecko: {{{rest}symbols: [{{symbol: A, instrument: a}}]}}}}]\n  {CLUSTER}"
        ))
    };
    check_text(&gecko("plan: demo, "), Target::Local, &[]);
    check_text(
        &gecko("plan: demo, "),
        Target::Cluster,
        &[
            "spec.sources[0].coinGecko.keySecretRef: required on a cluster for the plans demo and pro: \
         write {name, key} of a Secret",
        ],
    );
    check_text(
        &gecko("keySecretRef: {name: a, key: b}, "),
        Target::Local,
        &[
            "spec.sources[0].coinGecko.keySecretRef: the plan keyless takes no key; write plan: demo or \
         plan: pro, or take the key away",
        ],
    );
    check_text(
        &gecko("interval: 100ms, "),
        Target::Local,
        &["spec.sources[0].coinGecko.interval: \"100ms\" is too often; use 1s or more"],
    );
}

#[test]
fn kafka_postgres_and_scaling_fit_together() {
    let either = "spec.kafka: write exactly one of strimzi bootstrapServers";
    check("kafka: {}", &[either]);
    check("kafka: {bootstrapServers: \"a:1\", strimzi: {name: a, listener: b}}", &[either]);
    check(
        "kafka: {strimzi: {name: a}}",
        &["spec.kafka.strimzi.listener: required: Name of the listener to use"],
    );
    check(
        "kafka: {bootstrapServers: \"a:9092, b\"}",
        &[
            "spec.kafka.bootstrapServers: \"b\" is not a server; write host:port, several separated by \
         commas",
        ],
    );
    check(
        "kafka: {bootstrapServers: \"a:1\", topic: {replicationFactor: 1}}",
        &["spec.kafka.topic.minInSyncReplicas: 2 is more than replicationFactor 1; use at most 1"],
    );
    check(
        "kafka: {bootstrapServers: \"a:1\", sasl: {mechanism: PLAIN, secretRef: {name: a}}}",
        &["spec.kafka.sasl.mechanism: PLAIN without tls sends the password readable; write tls: \
         {caSecretRef: …}, or use SCRAM-SHA-512"],
    );
    let roles = "spec.postgres: write either secretRef, or all of ownerSecretRef writerSecretRef \
                 readerSecretRef";
    check("postgres: {}", &[roles]);
    check("postgres: {ownerSecretRef: {name: a, key: b}}", &[roles]);
    check("postgres: {secretRef: {name: a, key: b}, readerSecretRef: {name: a, key: b}}", &[roles]);
    check(
        "aggregator: {scaling: {min: 4, max: 2}}",
        &["spec.aggregator.scaling: min 4 is more than max 2; write a min of at most 2"],
    );
    check(
        "aggregator: {scaling: {min: 13}}",
        &["spec.aggregator.scaling: min 13 is more than max 12; write a min of at most 12"],
    );
}

#[test]
fn url_with_a_password_is_refused_anywhere_and_never_repeated() {
    let refused = "a URL with a password is refused; put it in a Secret, or locally in the \
                   environment (DATABASE_URL, REDIS_URL)";
    for url in ["http://u:secret@h:1", "redis://:secret@h", "http://h/x?user=u&password=secret"] {
        check(
            &format!("observability: {{otlp: {{endpoint: \"{url}\"}}}}"),
            &[&format!("spec.observability.otlp.endpoint: {refused}")],
        );
        check(
            &format!("api: {{podTemplate: {{extraEnv: [{{name: A, value: \"{url}\"}}]}}}}"),
            &[&format!("spec.api.podTemplate.extraEnv[0].value: {refused}")],
        );
        for field in ["prefix", "redis", "kafka: {bootstrapServers", "deletionPolicy: {topic"] {
            let close = if field.contains('{') { "}" } else { "" };
            let spec = format!("sources: []\n  {field}: \"{url}\"{close}");
            let problems = problems(&document(&spec), Target::Local);
            assert!(problems.iter().all(|problem| !problem.contains("secret@")), "{problems:?}");
            assert!(problems.iter().all(|problem| !problem.contains("=secret")), "{problems:?}");
        }
    }
    check("observability: {otlp: {endpoint: \"http://user@h:4317/a:b@c\"}}", &[]);
}

#[test]
fn endpoint_is_a_url_of_its_scheme() {
    let of = |endpoints: &str| format!("[{{name: a, binance: {{endpoints: {endpoints}, {BTC}}}}}]");
    check_sources(&of("{socket: \"ws://127.0.0.1:1\", rest: \"http://127.0.0.1:1\"}"), &[]);
    check_sources(
        &of("{socket: \"https://h\", rest: h}"),
        &[
            "spec.sources[0].binance.endpoints.socket: is not a URL of wss; write it as wss://host",
            "spec.sources[0].binance.endpoints.rest: is not a URL of https; write it as https://host",
        ],
    );
}
