//! A pipeline with names of its own on real servers, and what an oracle says of its topic.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use e2e::oracle::{Expected, Oracle, Rules};
use e2e::servers::{self, Kafka, Postgres, Proxy, Redis};
use e2e::wait;
use market::pipeline::{Pipeline, PipelineSpec};
use market::topic::TopicNames;
use runtime::clock;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use worker::cluster::Servers;
use worker::migrate::{MigrateOptions, Retention, migrate};
use worker::produce::{Identity, produce};
use worker::source::open::{OpenContext, open};
use worker::source::{Positions, Shared, SourceClock};
use worker::spec::{allowed_lateness_ns, series_of};
use worker::topic::{Connection, Producer, ProducerSettings};

/// What is compared with what the oracle says.
mod check;
/// Processes of `worker`.
mod process;
/// Topics, tables and streams as their readers see them.
mod reading;
/// Sending records.
mod sending;

pub(crate) use check::{Candles, assert_same, closed};
pub(crate) use process::{Addresses, Worker};
pub(crate) use reading::{key_of, read_topic};

const SYMBOLS: [&str; 8] = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "DOT", "LTC"];
pub(crate) const PARTITIONS: i32 = 12;
/// 2024-08-08.
const BEGIN_NS: i64 = 1_723_075_200_000_000_000;
const NOW_MS: i64 = 1_723_161_600_000;
/// How long everything may take to be folded, on a machine that has other work.
const FOLD_WAIT: Duration = Duration::from_secs(180);

/// The servers of a stage.
#[derive(Clone, Copy)]
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
    pub(crate) pipeline: Pipeline,
    pub(crate) backend: Backend,
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
        let yaml = yaml(name, &prefix, spec);
        let pipeline = Pipeline::from_yaml(&yaml).unwrap();
        let names = TopicNames::new(&prefix);
        let kafka = backend.kafka;
        kafka.create_topic(&names.ticks, PARTITIONS, &[]);
        kafka.create_topic(&names.dead_letters, PARTITIONS, &[]);
        kafka.create_topic(&names.alerts, 1, &[]);
        kafka.create_topic(&names.ingest_state, 1, &[("cleanup.policy", "compact")]);
        let servers = Servers {
            kafka: Connection { brokers: kafka.bootstrap(), extra: Vec::new() },
            database_url: backend.postgres.fresh_database(&prefix),
            database_ca_file: None,
            redis_url: Some(backend.redis.url()),
            redis_ca_file: None,
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

    /// Writes a file of the same pipeline with another spec; its path.
    pub(crate) fn file_of(&self, name: &str, spec: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        let yaml = yaml(&self.pipeline.name, &self.pipeline.prefix(), spec);
        std::fs::write(&path, yaml).unwrap();
        path
    }

    /// The pipeline's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("pipeline.yaml")
    }

    /// What all workers of this stage have logged.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("workers.log")
    }

    /// Where its servers are, without anything between.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses {
            worker: self.servers.worker.clone(),
            brokers: self.servers.kafka.brokers.clone(),
            database_url: self.servers.database_url.clone(),
            redis_url: self.servers.redis_url.clone().unwrap_or_default(),
        }
    }

    /// As [`Self::addresses`], with a proxy before PostgreSQL.
    pub(crate) fn addresses_through(&self, postgres: &Proxy) -> Addresses {
        let (server, proxy) = (self.backend.postgres.address(), postgres.address());
        let database_url =
            self.servers.database_url.replace(&server.to_string(), &proxy.to_string());
        Addresses { database_url, ..self.addresses() }
    }

    /// Starts `worker aggregate` as a process.
    pub(crate) fn aggregator(&self) -> Worker {
        Worker::start("aggregate", &self.file(), &self.addresses(), self.log())
    }

    /// Sends everything that the pipeline's source has to a topic.
    pub(crate) async fn produce(&self, topic: &str) {
        let positions = Positions::new();
        let context = OpenContext {
            positions: &positions,
            clock: &SourceClock::wall_clock(Arc::new(clock::now_ns)),
            origin_ns: BEGIN_NS,
            allowed_lateness_ns: 60_000_000_000,
            has: &|_| true,
            shared: &Shared::default(),
            producers: 1,
        };
        let mut producer = Producer::open(&self.producer_settings(topic), None).unwrap();
        let identity = Identity { producer_id: "producer-0".into(), epoch: 1 };
        for spec in &self.pipeline.spec.sources {
            let mut source = open(spec, &context).unwrap();
            let stop = CancellationToken::new();
            produce(source.as_mut(), &mut producer, &identity, &stop, |_| {}).await.unwrap();
        }
    }

    fn producer_settings(&self, topic: &str) -> ProducerSettings {
        ProducerSettings {
            brokers: self.servers.kafka.brokers.clone(),
            topic: topic.to_owned(),
            partitions: PARTITIONS,
            extra: Vec::new(),
        }
    }

    /// What the oracle says of the topic.
    pub(crate) fn expected(&self) -> Expected {
        let mut oracle = oracle_of(&self.pipeline.spec);
        read_topic(&self.servers.kafka.brokers, &self.names.ticks, PARTITIONS, |record| {
            use rdkafka::message::Message as _;
            oracle.read(record.partition(), record.offset(), record.payload().unwrap_or_default());
        });
        oracle.expected()
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: i32) {
        self.backend.kafka.create_topic(name, partitions, &[]);
    }

    /// Waits until a question about the pipeline's tables is answered with yes.
    ///
    /// # Panics
    /// When it is not, with what the workers have logged.
    pub(crate) fn until_psql(&self, question: &str) {
        let answered = wait::within(FOLD_WAIT, || (self.psql(question) == "t").then_some(()));
        assert!(answered.is_some(), "no: {question}\n{}", self.log_end());
    }

    /// What a statement about the pipeline's tables gives.
    pub(crate) fn psql(&self, sql: &str) -> String {
        let schema = self.servers.postgres(&self.pipeline, "").schema;
        let sql = format!("SET search_path TO \"{schema}\"; {sql}");
        self.backend.postgres.psql(&self.pipeline.prefix(), &sql)
    }

    /// The last lines of what the workers have logged.
    pub(crate) fn log_end(&self) -> String {
        process::end_of(&self.log())
    }
}

pub(crate) fn yaml(name: &str, prefix: &str, spec: &str) -> String {
    format!(
        "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
         metadata: {{name: {name}}}\nspec:\n  prefix: {prefix}\n{spec}"
    )
}

/// One that has read nothing.
pub(crate) fn oracle_of(spec: &PipelineSpec) -> Oracle {
    let series = series_of(spec, PARTITIONS).into_iter();
    #[expect(clippy::cast_possible_truncation, reason = "a few percent")]
    let price_change_basis_points = (spec.alerts.price_change_percent() * 100.0).round() as i128;
    Oracle::new(Rules {
        series: series
            .map(|info| (info.series.symbol.to_string(), info.series.source.to_string()))
            .collect(),
        intervals: spec.candles.intervals().to_vec(),
        allowed_lateness_ns: allowed_lateness_ns(spec),
        price_change_basis_points,
        z_score: spec.alerts.z_score(),
        volume_burst: spec.alerts.volume_burst(),
    })
}
