//! A pipeline with names of its own on the shared servers, and what one engine makes of its topic.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use e2e::servers::{self, Kafka, Postgres, Redis};
use e2e::wait;
use market::alert::Alert;
use market::candle::Candle;
use market::interval::Interval;
use market::pipeline::Pipeline;
use market::publication::Publication;
use market::tick::decode;
use market::topic::TopicNames;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use redis::AsyncCommands as _;
use redis::streams::StreamRangeReply;
use runtime::clock;
use tempfile::TempDir;

use tokio_util::sync::CancellationToken;
use worker::cluster::Servers;
use worker::migrate::{MigrateOptions, Retention, migrate};
use worker::produce::{Identity, produce};
use worker::source::Positions;
use worker::source::open::{OpenContext, open};
use worker::spec::{engine_of, series_of};
use worker::store::PostgresStore;
use worker::topic::{
    Connection, Consumer, ConsumerSettings, Fetched, Producer, ProducerSettings, TopicError,
};
use worker::window::{LogPosition, Outcome};

const SYMBOLS: [&str; 8] = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "DOT", "LTC"];
pub(crate) const PARTITIONS: i32 = 12;
/// 2024-08-08.
const BEGIN_NS: i64 = 1_723_075_200_000_000_000;
const NOW_MS: i64 = 1_723_161_600_000;
/// A replay sends a slice of its records so often.
const SLICE: Duration = Duration::from_millis(10);
const SLICES_PER_SECOND: u32 = 100;
/// Entries of the Redis stream that are read at a time.
const STREAM_PAGE: usize = 5_000;
/// How long an aggregator may take to end.
const STOP_WAIT: Duration = Duration::from_secs(10);
/// How long everything may take to be folded, on a machine that has other work.
const FOLD_WAIT: Duration = Duration::from_secs(120);

/// Candles by symbol, interval and open time.
pub(crate) type Candles = BTreeMap<(String, Interval, i64), Candle>;

/// What one engine makes of a topic.
#[derive(Default)]
pub(crate) struct Expected {
    pub(crate) candles: Candles,
    /// Ids.
    pub(crate) alerts: BTreeSet<String>,
    /// Why, by partition and offset.
    pub(crate) dead_letters: BTreeMap<(i32, i64), String>,
    /// The offset after the last record of each partition that has any.
    pub(crate) ends: BTreeMap<i32, i64>,
}

/// How much the Redis stream still has.
pub(crate) enum Streamed {
    All,
    /// It keeps a limited number of entries.
    Newest,
}

/// The servers of a stage.
pub(crate) struct Backend {
    pub(crate) kafka: &'static Kafka,
    pub(crate) postgres: &'static Postgres,
    pub(crate) redis: &'static Redis,
}

impl Backend {
    /// Those that all tests share.
    pub(crate) fn shared() -> Self {
        Self { kafka: servers::kafka(), postgres: servers::postgres(), redis: servers::redis() }
    }
}

/// A pipeline with names of its own.
pub(crate) struct Stage {
    pipeline: Pipeline,
    backend: Backend,
    pub(crate) servers: Servers,
    pub(crate) names: TopicNames,
    directory: TempDir,
}

impl Stage {
    pub(crate) async fn new(name: &str, ticks: u32) -> Self {
        Self::on(Backend::shared(), name, ticks).await
    }

    pub(crate) async fn on(backend: Backend, name: &str, ticks: u32) -> Self {
        Self::with(backend, name, ticks, "").await
    }

    /// A simulated market, and more lines in the spec.
    pub(crate) async fn with(backend: Backend, name: &str, ticks: u32, more: &str) -> Self {
        let symbols =
            SYMBOLS.map(|symbol| format!("{{symbol: {symbol}, instrument: {symbol}USDT}}"));
        let spec = format!(
            "  sources:\n    \
             - name: demo\n      simulated: {{seed: 7, ticksPerSecond: 1, ticks: {ticks}, \
             startTime: \"2024-08-08T00:00:00Z\", disorder: 0.05, duplicates: 0.01, \
             lateShare: 0.001, symbols: [{}]}}\n  candles: {{intervals: [1m, 5m, 1h, 1d]}}\n  \
             alerts: {{priceChangePercent: 0.2, zScore: 2, volumeBurst: 2}}\n{more}",
            symbols.join(", ")
        );
        Self::of(backend, name, &spec).await
    }

    /// With this spec.
    pub(crate) async fn of(backend: Backend, name: &str, spec: &str) -> Self {
        let prefix = servers::prefix(name);
        let yaml = format!(
            "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
             metadata: {{name: {name}}}\nspec:\n  prefix: {prefix}\n{spec}"
        );
        let pipeline = Pipeline::from_yaml(&yaml).unwrap();
        let names = TopicNames::new(&prefix);
        let kafka = backend.kafka;
        kafka.create_topic(&names.ticks, PARTITIONS, &[]);
        kafka.create_topic(&names.dead_letters, PARTITIONS, &[]);
        kafka.create_topic(&names.alerts, 1, &[]);
        let servers = Servers {
            kafka: Connection { brokers: kafka.bootstrap(), extra: Vec::new() },
            database_url: backend.postgres.fresh_database(&prefix),
            database_ca_file: None,
            redis_url: Some(backend.redis.url()),
            worker: "aggregator-0".into(),
            namespace: String::new(),
        };
        let target = servers.postgres(&pipeline, &servers.database_url);
        let (writer_url, reader_url, retention) = (None, None, Retention::default());
        let options = MigrateOptions { target, writer_url, reader_url, retention };
        migrate(&options, NOW_MS).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("pipeline.yaml"), yaml).unwrap();
        Self { pipeline, backend, servers, names, directory }
    }

    /// Sends everything that the pipeline's source has to a topic.
    pub(crate) async fn produce(&self, topic: &str) {
        let positions = Positions::new();
        let context = OpenContext {
            positions: &positions,
            now: Arc::new(clock::now_ns),
            origin_ns: BEGIN_NS,
            allowed_lateness_ns: 60_000_000_000,
            has: &|_| true,
        };
        let mut producer = Producer::open(&self.producer_settings(topic), None).unwrap();
        let identity = Identity { producer_id: "producer-0".into(), epoch: 1 };
        for spec in &self.pipeline.spec.sources {
            let mut source = open(spec, &context).unwrap();
            let stop = CancellationToken::new();
            produce(source.as_mut(), &mut producer, &identity, &stop, |_| {}).await.unwrap();
        }
    }

    /// Starts `worker aggregate` as a process.
    pub(crate) fn aggregator(&self) -> Aggregator {
        let file = self.directory.path().join("pipeline.yaml");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .arg("aggregate")
            .arg(file)
            .args(["--admin-listen", "127.0.0.1:0", "--brokers", &self.servers.kafka.brokers])
            .env("DATABASE_URL", &self.servers.database_url)
            .env("REDIS_URL", self.servers.redis_url.as_deref().unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Aggregator { child, log: self.log() }
    }

    /// What all aggregators of this stage have logged.
    fn log(&self) -> PathBuf {
        self.directory.path().join("aggregators.log")
    }

    /// What one engine makes of the topic.
    pub(crate) fn expected(&self) -> Expected {
        let series = series_of(&self.pipeline.spec, PARTITIONS);
        let mut engine = engine_of(&self.pipeline.spec, &series);
        let mut expected = Expected::default();
        self.read(&self.names.ticks, PARTITIONS, |record| {
            let (partition, offset) = (record.partition, record.offset);
            let at = LogPosition { partition, offset, timestamp_ms: record.timestamp_ms };
            let outcome = match decode(record.value) {
                Ok(decoded) => engine.apply(at, &decoded),
                Err(bad) => engine.reject(at, &bad),
            };
            if let Outcome::DeadLetter { reason, .. } = outcome {
                let reason = reason.as_str().to_owned();
                expected.dead_letters.insert((partition, offset), reason);
            }
            expected.ends.insert(partition, offset + 1);
            let effects = engine.take_effects();
            for row in effects.candles {
                let candle = row.candle;
                let key = (candle.symbol.to_string(), candle.interval, candle.open_time_ms);
                expected.candles.insert(key, candle);
            }
            expected.alerts.extend(effects.alerts.into_iter().map(|row| row.alert.alert_id));
        });
        expected
    }

    /// Reads a topic from its beginning to its end.
    fn read(&self, topic: &str, partitions: i32, mut take: impl FnMut(&Fetched<'_>)) {
        let offsets: Vec<_> = (0..partitions).map(|partition| (partition, 0)).collect();
        let settings = ConsumerSettings {
            brokers: self.servers.kafka.brokers.clone(),
            topic: topic.to_owned(),
            group: format!("{topic}-alone"),
            extra: vec![("enable.partition.eof".into(), "true".into())],
        };
        let mut consumer = Consumer::open(&settings, &offsets, None).unwrap();
        let mut ended = BTreeSet::new();
        while ended.len() < offsets.len() {
            for record in consumer.poll(Duration::from_millis(100)).records() {
                match record {
                    Ok(record) => take(&record),
                    Err(TopicError::ReachEnd { partition, .. }) => {
                        ended.insert(partition);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Sends the records of another topic on, so many a second.
    pub(crate) async fn replay(&self, tape: &str, per_second: u32) {
        let mut records = Vec::new();
        self.read(tape, PARTITIONS, |record| {
            let key = record.key.unwrap_or_default().to_vec();
            records.push((record.timestamp_ms, key, record.value.to_vec()));
        });
        // Partitions were read one after another; each keeps its order.
        records.sort_by_key(|(timestamp_ms, _, _)| *timestamp_ms);
        let mut producer =
            Producer::open(&self.producer_settings(&self.names.ticks), None).unwrap();
        let mut slices = tokio::time::interval(SLICE);
        for slice in records.chunks(usize::try_from(per_second / SLICES_PER_SECOND).unwrap()) {
            slices.tick().await;
            for (_, key, value) in slice {
                producer.send(key, value).await.unwrap();
            }
        }
        producer.flush().await.unwrap();
    }

    /// What is in the topic of dead letters: where each stood, and why.
    fn dead_letters(&self) -> BTreeMap<(i32, i64), String> {
        let brokers = &self.servers.kafka.brokers;
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", format!("{}-alone", self.names.dead_letters))
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(&self.names.dead_letters, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut letters, mut ended) = (BTreeMap::new(), 0);
        while ended < PARTITIONS {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(letter)) => {
                    let headers = letter.headers().unwrap();
                    let header = |name: &str| {
                        let found = headers.iter().find(|header| header.key == name).unwrap();
                        String::from_utf8(found.value.unwrap().to_vec()).unwrap()
                    };
                    let partition = header("dlq.partition").parse().unwrap();
                    let offset = header("dlq.offset").parse().unwrap();
                    letters.insert((partition, offset), header("dlq.reason"));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        letters
    }

    /// The last candle that readers of the Redis stream were told of each window.
    async fn streamed(&self) -> Candles {
        let client = redis::Client::open(self.backend.redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let stream = format!("{}:stream", self.pipeline.prefix());
        let mut entries = Vec::new();
        let mut from = "-".to_owned();
        loop {
            let page: Result<StreamRangeReply, _> =
                connection.xrange_count(&stream, &from, "+", STREAM_PAGE).await;
            let page = page.unwrap().ids;
            let Some(last) = page.last() else { break };
            from = format!("({}", last.id);
            entries.extend(page);
        }
        let (mut candles, mut seqs) = (Candles::new(), BTreeMap::new());
        for entry in entries {
            let channel: String = entry.get("channel").unwrap();
            let seq: u64 = entry.get("seq").unwrap();
            let last = seqs.insert(channel.clone(), seq);
            assert!(last.is_none_or(|last| last < seq), "{channel} goes from {last:?} to {seq}");
            let json: String = entry.get("json").unwrap();
            if let Publication::Candle { candle, .. } = serde_json::from_str(&json).unwrap() {
                let key = (candle.symbol.to_string(), candle.interval, candle.open_time_ms);
                candles.insert(key, candle);
            }
        }
        candles
    }

    /// Waits until Redis has everything that is stored.
    pub(crate) fn published(&self) {
        self.until_psql("SELECT count(*) = 0 FROM partition WHERE published_seq < commit_seq");
    }

    /// The ids of the alerts in their topic.
    fn sent_alerts(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        self.read(&self.names.alerts, 1, |record| {
            let alert: Alert = serde_json::from_slice(record.value).unwrap();
            ids.insert(alert.alert_id);
        });
        ids
    }

    /// The ids of the stored alerts.
    fn stored_alerts(&self) -> BTreeSet<String> {
        let schema = self.servers.postgres(&self.pipeline, "").schema;
        let sql = format!("SELECT alert_id FROM \"{schema}\".alert");
        let rows = self.backend.postgres.psql(&self.pipeline.prefix(), &sql);
        rows.lines().map(|line| line.trim().to_owned()).collect()
    }

    fn producer_settings(&self, topic: &str) -> ProducerSettings {
        ProducerSettings {
            brokers: self.servers.kafka.brokers.clone(),
            topic: topic.to_owned(),
            partitions: PARTITIONS,
            extra: Vec::new(),
        }
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: i32) {
        self.backend.kafka.create_topic(name, partitions, &[]);
    }

    pub(crate) async fn delete_topic(&self, name: &str) {
        let client: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.servers.kafka.brokers)
            .create()
            .unwrap();
        client.delete_topics(&[name], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
        let gone = || !self.backend.kafka.topics().iter().any(|topic| topic == name);
        wait::until("the topic to be gone", FOLD_WAIT, gone);
    }

    /// Waits until a question about the pipeline's tables is answered with yes.
    ///
    /// # Panics
    /// When it is not, with what the aggregators have logged.
    pub(crate) fn until_psql(&self, question: &str) {
        let schema = self.servers.postgres(&self.pipeline, "").schema;
        let sql = format!("SET search_path TO \"{schema}\"; {question}");
        let answered = wait::within(FOLD_WAIT, || {
            let answer = self.backend.postgres.psql(&self.pipeline.prefix(), &sql);
            (answer == "t").then_some(())
        });
        let log = || std::fs::read_to_string(self.log()).unwrap_or_default();
        assert!(answered.is_some(), "no: {question}\n{}", log());
    }

    /// Waits until something is committed.
    pub(crate) fn first_commit(&self) {
        self.until_psql("SELECT max(commit_seq) > 0 FROM partition");
    }

    /// Waits until everything is committed.
    pub(crate) fn folded(&self, ends: &BTreeMap<i32, i64>) {
        let ends = ends.iter().map(|(partition, end)| format!("({partition}, {end})"));
        let ends = ends.collect::<Vec<_>>().join(", ");
        self.until_psql(&format!(
            "SELECT count(*) = 0 FROM (VALUES {ends}) AS wanted (number, reached) \
             LEFT JOIN partition ON partition = number WHERE next_offset IS NULL OR next_offset < reached"
        ));
    }

    /// Waits until all that was sent is committed and published, ends the aggregators, and
    /// compares everything that they wrote with what one engine makes of the topic. Returns the
    /// candles, stored and streamed.
    pub(crate) async fn check(
        &self,
        aggregators: impl IntoIterator<Item = Aggregator>,
        streamed: Streamed,
    ) -> (Candles, Candles) {
        let expected = self.expected();
        self.folded(&expected.ends);
        self.published();
        for aggregator in aggregators {
            aggregator.stop();
        }
        let stored = self.stored().await;
        assert_same(&stored, &expected.candles);
        let told = self.streamed().await;
        match streamed {
            Streamed::All => assert_same(&told, &closed(&stored)),
            Streamed::Newest => {
                for (key, candle) in &told {
                    assert_eq!(stored.get(key), Some(candle), "{key:?}");
                }
            }
        }
        assert_eq!(self.stored_alerts(), expected.alerts);
        assert_eq!(self.sent_alerts(), expected.alerts);
        assert_eq!(self.dead_letters(), expected.dead_letters);
        (stored, told)
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

/// Those that are closed: what readers of the stream are told.
fn closed(candles: &Candles) -> Candles {
    let closed = candles.iter().filter(|(_, candle)| candle.closed);
    closed.map(|(key, candle)| (key.clone(), candle.clone())).collect()
}

#[track_caller]
fn assert_same(stored: &Candles, expected: &Candles) {
    for (key, candle) in expected {
        assert_eq!(stored.get(key), Some(candle), "{key:?}");
    }
    assert_eq!(stored.len(), expected.len());
}

/// A process of `worker aggregate`.
pub(crate) struct Aggregator {
    child: Child,
    log: PathBuf,
}

impl Aggregator {
    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself; its exit code, and what all have logged.
    pub(crate) fn ended(mut self, limit: Duration) -> (Option<i32>, String) {
        let ended = wait::within(limit, || self.child.try_wait().unwrap());
        let log = std::fs::read_to_string(&self.log).unwrap();
        let ended = ended.unwrap_or_else(|| panic!("it does not end: {log}"));
        (ended.code(), log)
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let ended = wait::for_some("its end", STOP_WAIT, || self.child.try_wait().unwrap());
        assert!(ended.success());
    }
}

impl Drop for Aggregator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
