//! Aggregators on real Kafka, PostgreSQL and Redis against one engine that reads the topic alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use e2e::servers;
use market::candle::Candle;
use market::interval::Interval;
use market::tick::decode;
use runtime::clock;

use super::*;
use crate::migrate::{MigrateOptions, Retention, migrate};
use crate::produce::{Identity, produce};
use crate::source::Positions;
use crate::source::open::{OpenContext, open};
use crate::topic::{Consumer, Producer};
use crate::window::LogPosition;

const SYMBOLS: [&str; 8] = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "DOT", "LTC"];
const PARTITIONS: i32 = 12;
/// 2024-08-08.
const BEGIN_NS: i64 = 1_723_075_200_000_000_000;
const NOW_MS: i64 = 1_723_161_600_000;
const FOLD_WAIT: Duration = Duration::from_secs(60);

/// Candles by symbol, interval and open time.
type Candles = BTreeMap<(String, Interval, i64), Candle>;

/// A pipeline with names of its own on the shared servers.
struct Stage {
    pipeline: Pipeline,
    servers: Servers,
    names: TopicNames,
}

impl Stage {
    async fn new(name: &str, ticks: u32) -> Self {
        let prefix = servers::prefix(name);
        let symbols =
            SYMBOLS.map(|symbol| format!("{{symbol: {symbol}, instrument: {symbol}USDT}}"));
        let yaml = format!(
            "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
             metadata: {{name: {name}}}\nspec:\n  prefix: {prefix}\n  sources:\n    \
             - name: demo\n      simulated: {{seed: 7, ticksPerSecond: 1, ticks: {ticks}, \
             startTime: \"2024-08-08T00:00:00Z\", disorder: 0.05, duplicates: 0.01, \
             lateShare: 0.001, symbols: [{}]}}\n  candles: {{intervals: [1m, 5m, 1h, 1d]}}\n",
            symbols.join(", ")
        );
        let pipeline = Pipeline::from_yaml(&yaml).unwrap();
        let names = TopicNames::new(&prefix);
        let kafka = servers::kafka();
        kafka.create_topic(&names.ticks, PARTITIONS, &[]);
        kafka.create_topic(&names.dead_letters, PARTITIONS, &[]);
        kafka.create_topic(&names.alerts, 1, &[]);
        let servers = Servers {
            brokers: kafka.bootstrap(),
            kafka_extra: Vec::new(),
            database_url: servers::postgres().url("postgres"),
            database_ca_file: None,
            redis_url: Some(servers::redis().url()),
            worker: "aggregator-0".into(),
            namespace: String::new(),
        };
        let target = servers.postgres(&pipeline, &servers.database_url);
        let (writer_url, reader_url, retention) = (None, None, Retention::default());
        let options = MigrateOptions { target, writer_url, reader_url, retention };
        migrate(&options, NOW_MS).await.unwrap();
        Self { pipeline, servers, names }
    }

    /// Sends everything that the pipeline's source has.
    async fn produce(&self) {
        let positions = Positions::new();
        let context = OpenContext {
            positions: &positions,
            now: Arc::new(clock::now_ns),
            origin_ns: BEGIN_NS,
            allowed_lateness_ns: 60_000_000_000,
        };
        let mut source = open(&self.pipeline.spec.sources[0], &context).unwrap();
        let settings = ProducerSettings {
            brokers: self.servers.brokers.clone(),
            topic: self.names.ticks.clone(),
            partitions: PARTITIONS,
            extra: Vec::new(),
        };
        let mut producer = Producer::open(&settings, None).unwrap();
        let identity = Identity { producer_id: "producer-0".into(), epoch: 1 };
        let stop = CancellationToken::new();
        produce(source.as_mut(), &mut producer, &identity, &stop, |_| {}).await.unwrap();
    }

    async fn aggregator(&self, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
        let on_turn: OnTurn = Box::new(|_, _| {});
        let registry = Registry::new();
        let started =
            Aggregating::start(&self.pipeline, &self.servers, &registry, on_turn, stop).await;
        let aggregating = started.unwrap().unwrap();
        let stop = stop.clone();
        tokio::spawn(async move { aggregating.run(stop).await.unwrap() })
    }

    /// What one engine makes of the topic, and the end of each partition.
    fn expected(&self) -> (Candles, BTreeMap<i32, i64>) {
        let offsets: Vec<_> = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
        let settings = ConsumerSettings {
            brokers: self.servers.brokers.clone(),
            topic: self.names.ticks.clone(),
            group: format!("{}-alone", self.names.ticks),
            extra: vec![("enable.partition.eof".into(), "true".into())],
        };
        let mut consumer = Consumer::open(&settings, &offsets, None).unwrap();
        let series = series_of(&self.pipeline.spec, PARTITIONS);
        let mut engine = engine_of(&self.pipeline.spec, &series);
        let (mut candles, mut ends) = (Candles::new(), BTreeMap::new());
        while ends.len() < offsets.len() {
            for record in consumer.poll(Duration::from_millis(100)).records() {
                match record {
                    Ok(record) => {
                        let (partition, offset) = (record.partition, record.offset);
                        let timestamp_ms = record.timestamp_ms;
                        let at = LogPosition { partition, offset, timestamp_ms };
                        match decode(record.value) {
                            Ok(decoded) => engine.apply(at, &decoded),
                            Err(bad) => engine.reject(at, &bad),
                        };
                    }
                    Err(TopicError::ReachEnd { partition, offset }) => {
                        ends.insert(partition, offset);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            for row in engine.take_effects().candles {
                let candle = row.candle;
                let key = (candle.symbol.to_string(), candle.interval, candle.open_time_ms);
                candles.insert(key, candle);
            }
        }
        (candles, ends)
    }

    /// Waits until everything is committed.
    async fn folded(&self, ends: &BTreeMap<i32, i64>) {
        let schema = self.servers.postgres(&self.pipeline, "").schema;
        let sql = format!("SELECT partition, next_offset FROM \"{schema}\".partition");
        let began = clock::monotonic();
        loop {
            let rows = servers::postgres().psql("postgres", &sql);
            let row = |line: &str| {
                let (partition, offset) = line.split_once('|')?;
                Some((partition.trim().parse().ok()?, offset.trim().parse().ok()?))
            };
            let reached: BTreeMap<i32, i64> = rows.lines().filter_map(row).collect();
            let done =
                |(partition, end): (&i32, &i64)| *end == 0 || reached.get(partition) >= Some(end);
            if ends.iter().all(done) {
                return;
            }
            assert!(clock::monotonic() - began < FOLD_WAIT, "at {reached:?} of {ends:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn stored(&self) -> Candles {
        let options = self.servers.postgres(&self.pipeline, &self.servers.database_url);
        let mut store = PostgresStore::connect(options).await.unwrap();
        let all = series_of(&self.pipeline.spec, PARTITIONS);
        store.register_series(&all).await.unwrap();
        let mut candles = Candles::new();
        for info in &all {
            for interval in self.pipeline.spec.candles.intervals() {
                let (from_ms, to_ms) = (0, 2 * NOW_MS);
                for candle in store.candles(&info.series, *interval, from_ms, to_ms).await.unwrap()
                {
                    let key = (candle.symbol.to_string(), *interval, candle.open_time_ms);
                    candles.insert(key, candle);
                }
            }
        }
        candles
    }
}

#[track_caller]
fn assert_same(stored: &Candles, expected: &Candles) {
    for (key, candle) in expected {
        assert_eq!(stored.get(key), Some(candle), "{key:?}");
    }
    assert_eq!(stored.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_aggregators_store_what_one_engine_makes_of_the_topic() {
    let stage = Stage::new("three", 20_000).await;
    let stop = CancellationToken::new();
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(stage.aggregator(&stop).await);
    }
    stage.produce().await;
    let (expected, ends) = stage.expected();
    assert!(expected.len() > 1_000, "{}", expected.len());
    stage.folded(&ends).await;
    stop.cancel();
    for member in members {
        member.await.unwrap();
    }
    assert_same(&stage.stored().await, &expected);
}
