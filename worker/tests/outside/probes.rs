//! `/livez`, `/readyz`, `/status` and `/metrics` of real workers.

use e2e::servers::{self, Durability, Kafka, KafkaOptions, Postgres, PostgresKind};

use crate::place::Place;

const TOPIC: &str = "topic: {partitions: 4, replicationFactor: 1, minInSyncReplicas: 1}";

/// A market of eight symbols with so many ticks a second, and as many in all.
fn spec(ticks_per_second: u32, ticks: u32, more: &str) -> String {
    let symbols = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "DOT", "LTC"]
        .map(|symbol| format!("{{symbol: {symbol}, instrument: {symbol}USDT}}"))
        .join(", ");
    format!(
        "  sources:\n  - name: demo\n    simulated: {{seed: 7, ticksPerSecond: {ticks_per_second}, \
         prefill: 1s, ticks: {ticks}, symbols: [{symbols}]}}\n  kafka: {{bootstrapServers: \"unused:1\", {TOPIC}}}\n{more}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_shows_each_partition_each_series_and_what_it_counts() {
    let ticks = 4_000;
    let place = Place::new("shown", &spec(20_000, ticks, ""));
    let aggregator = place.start("aggregate", &["--name", "aggregator-0"]);
    let producer = place.start("produce", &[]);
    aggregator.until_ready();
    producer.until_ready();
    producer.until("everything is acknowledged", |worker| {
        worker.metric("records_acknowledged_total{source=\"demo\"}")
            >= worker.metric("records_sent_total{kind=\"tick\",source=\"demo\"}")
            && worker.metric("records_sent_total{kind=\"tick\",source=\"demo\"}")
                >= f64::from(ticks)
            && worker.status()["sources"][0]["symbols"][0]["state"] == "ended"
    });
    // Marks are records, too.
    let sent: f64 = ["tick", "mark"]
        .map(|kind| format!("records_sent_total{{kind=\"{kind}\",source=\"demo\"}}"))
        .map(|name| producer.metric(&name))
        .into_iter()
        .sum();
    aggregator.until("all records are folded and committed", |worker| {
        let status = worker.status();
        let at_the_end = |of: &serde_json::Value| {
            // Series are looked at less often than partitions.
            of["uncommitted"] == false
                && of["next_offset"] == of["end_offset"]
                && (of["series_count"] == 0 || of["watermark_min_ns"].is_i64())
        };
        let partitions = status["partitions"].as_array().unwrap();
        // What is shown may be a moment older than what is counted.
        let next = partitions.iter().filter_map(|of| of["next_offset"].as_f64());
        worker.metric("records_folded_total") >= sent
            && next.sum::<f64>() >= sent
            && partitions.iter().all(at_the_end)
    });
    let status = aggregator.status();
    assert_eq!(status["role"], "aggregator");
    assert_eq!(status["config_version"], "7");
    assert_eq!(status["worker"], "aggregator-0");
    assert_eq!(status["group"]["join_state"], "steady");
    assert_eq!((&status["unready"], &status["paused"]), (&().into(), &().into()));
    assert_eq!((&status["series_count"], &status["publish"]["up"]), (&8.into(), &true.into()));
    let partitions = status["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 4);
    for of in partitions {
        assert_eq!(
            (&of["claimed"], &of["claim"], &of["record_delay_ms"]),
            (&true.into(), &1.into(), &0.into()),
            "{of:#}"
        );
        assert_eq!(of["next_offset"], of["end_offset"], "{of:#}");
        let has_series = of["series_count"].as_u64().unwrap() > 0;
        assert_eq!(of["watermark_min_ns"].is_i64(), has_series, "{of:#}");
    }
    let metrics = aggregator.metrics();
    let metric = |name: &str| metrics[&format!("crypto_pipeline_{name}")];
    assert!(metric("commit_seconds_count") >= 1.0 && metric("checkpoint_bytes_total") > 0.0);
    assert!(
        metric("batch_records_count") >= 1.0
            && metric("rebalances_total{event=\"assigned\"}") >= 1.0
    );
    assert_eq!(metric("dead_letters_total{reason=\"late\"}"), 0.0);
    assert!(metric("windows_open") >= 8.0);
    assert!(metric("coverage_seconds{source=\"demo\",symbol=\"BTC\"}") > 0.0);
    assert!(metrics["process_cpu_seconds_total"] >= 0.0);

    let status = producer.status();
    let source = &status["sources"][0];
    assert_eq!((&status["shard"], &source["name"]), (&"0/1".into(), &"demo".into()));
    assert_eq!(source["symbols"].as_array().unwrap().len(), 8);
    for worker in [aggregator, producer] {
        assert_eq!(worker.get("/livez").0, 200);
        worker.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_given_nothing_is_ready() {
    for protocol in ["classic", "consumer"] {
        let kafka = format!(
            "groupProtocol: {protocol}, topic: {{partitions: 1, replicationFactor: 1, minInSyncReplicas: 1}}"
        );
        let spec = spec(100, 100, "").replace(TOPIC, &kafka);
        let place = Place::new(protocol, &spec);
        let members = [
            place.start("aggregate", &["--name", "a"]),
            place.start("aggregate", &["--name", "b"]),
        ];
        for member in &members {
            member.until_ready();
        }
        let given =
            || members.iter().map(|member| member.status()["partitions"].as_array().unwrap().len());
        members[0].until("one partition in all", |_| given().sum::<usize>() == 1);
        for member in members {
            member.stop();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_leaves_the_member_ready_and_shows_what_waits() {
    let postgres = Postgres::private(PostgresKind::Plain, Durability::Relaxed);
    // A tape of days, sent at once: more candles than may wait.
    let spec = spec(1, 400_000, "").replace("prefill: 1s", "startTime: \"2024-08-08T00:00:00Z\"");
    let place = Place::on(&postgres, servers::kafka().bootstrap(), "away", &spec);
    let aggregator = place.start("aggregate", &[]);
    aggregator.until_ready();
    postgres.server().stop();
    let producer = place.start("produce", &["--until-end"]);
    aggregator.until("a pause", |worker| {
        worker.metric("reading_paused") == 1.0 && worker.metric("reading_paused_seconds") > 1.0
    });
    let status = aggregator.status();
    let paused = &status["partitions"][0]["paused"];
    assert_eq!(*paused, "the store has not taken the commit under way");
    assert_eq!(status["paused"]["reason"], *paused);
    aggregator.until("a lag and a delay that rise", |worker| {
        let status = worker.status();
        status["lag_records"].as_i64().unwrap() > 100_000
            && status["record_delay_ms"].as_i64().unwrap() > 2_000
            && worker.metric("lag_seconds") > 2.0
            && worker.metric("commit_under_way_seconds") > 2.0
    });
    assert_eq!((aggregator.get("/readyz").0, aggregator.get("/livez").0), (200, 200));
    assert!(aggregator.metric("loop_age_seconds") < 5.0);
    assert_eq!(producer.ended().0, Some(0));
    postgres.server().cont();
    aggregator.until("nothing waits", |worker| {
        worker.metric("reading_paused") == 0.0 && worker.status()["lag_records"] == 0
    });
    aggregator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_waits_for_the_database_is_alive_and_says_what_it_waits_for() {
    let postgres = Postgres::private(PostgresKind::Plain, Durability::Relaxed);
    let place = Place::on(&postgres, servers::kafka().bootstrap(), "before", &spec(100, 100, ""));
    postgres.server().kill();
    let aggregator = place.start("aggregate", &[]);
    aggregator.until("waiting", |worker| worker.status()["unready"] == "waiting for the store");
    assert_eq!((aggregator.get("/readyz").0, aggregator.get("/livez").0), (503, 200));
    assert_eq!(aggregator.status()["phase"], "starting");
    let turned = || aggregator.metric("loop_age_seconds");
    aggregator.until("the loop to turn while it waits", |_| turned() < 0.4);
    postgres.server().restart();
    aggregator.until_ready();
    aggregator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_is_ready_while_its_broker_answers() {
    let kafka = Kafka::private(&KafkaOptions::default());
    let place =
        Place::on(servers::postgres(), kafka.bootstrap(), "broker", &spec(100, 100_000, ""));
    let producer = place.start("produce", &[]);
    producer.until_ready();
    assert_eq!(producer.metric("broker_up"), 1.0);
    producer.until("records", |worker| {
        worker.metric("records_acknowledged_total{source=\"demo\"}") > 100.0
    });
    kafka.broker(1).kill();
    producer.until("not ready", |worker| worker.get("/readyz").0 == 503);
    let status = producer.status();
    assert!(status["unready"].as_str().unwrap().contains("no broker at"), "{status:#}");
    assert_eq!((producer.get("/livez").0, producer.metric("broker_up")), (200, 0.0));
    producer.until("records that wait", |worker| {
        worker.metric("records_in_flight{source=\"demo\"}") > 50.0
            && worker.metric("producer_queue_bytes{source=\"demo\"}") > 0.0
    });
    kafka.broker(1).restart();
    producer.until_ready();
    producer.stop();
}
