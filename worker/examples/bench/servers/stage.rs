use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::servers::{Durability, Kafka, KafkaOptions, Postgres, PostgresKind, Redis};
use e2e::wait;
use market::pipeline::Pipeline;
use market::topic::TopicNames;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use worker::migrate::{MigrateOptions, Retention, migrate};
use worker::store::postgres::schema_name;
use worker::store::{Owner, PostgresOptions};
use worker::topic::{Producer, ProducerSettings};

use super::{LARGE_SERIES, SYMBOLS_PER_SOURCE};
use crate::broker::PARTITIONS;
use crate::tape::{self, Kind, Tape};

/// Every interval that is stored: five.
const INTERVALS: &str = "[1m, 5m, 15m, 1h, 4h]";
const NOW_MS: i64 = 1_723_161_600_000;
/// How long a backlog may take.
const FOLD_WAIT: Duration = Duration::from_secs(600);

/// What all stages share.
pub(super) struct Servers {
    kafka: Kafka,
    postgres: Postgres,
    redis: Redis,
}

/// Starts them; they end with this process.
pub(super) fn servers() -> &'static Servers {
    let servers = Servers {
        kafka: Kafka::private(&KafkaOptions::default()),
        postgres: Postgres::private(PostgresKind::Plain, Durability::Disk),
        redis: Redis::private(),
    };
    // When a row was committed, to the microsecond.
    servers.postgres.psql("postgres", "ALTER SYSTEM SET track_commit_timestamp = on");
    servers.postgres.server().terminate();
    servers.postgres.server().restart();
    Box::leak(Box::new(servers))
}

/// The processor, how many of it, and the kernel.
pub(super) fn machine() -> Result<String, Box<dyn Error>> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let count = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!("{count} × {model}, Linux {}", kernel.trim()))
}

/// The sources of the golden tape.
pub(super) fn golden_sources() -> String {
    source(tape::SOURCE, tape::golden_symbols().map(str::to_owned))
}

/// Symbol and source of each series of the large pipeline.
pub(super) fn large_series() -> impl Iterator<Item = (String, String)> {
    (0..LARGE_SERIES).map(|n| (format!("S{n:04}"), format!("venue-{}", n / SYMBOLS_PER_SOURCE)))
}

pub(super) fn large_sources() -> String {
    let all: Vec<_> = large_series().collect();
    let sources = all.chunks(SYMBOLS_PER_SOURCE);
    sources.map(|of| source(&of[0].1, of.iter().map(|(symbol, _)| symbol.clone()))).collect()
}

fn source(name: &str, symbols: impl Iterator<Item = String>) -> String {
    let symbols: Vec<_> =
        symbols.map(|symbol| format!("{{symbol: {symbol}, instrument: {symbol}USDT}}")).collect();
    format!("    - name: {name}\n      binance: {{symbols: [{}]}}\n", symbols.join(", "))
}

/// A pipeline with topics, tables and keys of its own.
pub(super) struct Stage {
    pub(super) servers: &'static Servers,
    prefix: String,
    names: TopicNames,
    directory: TempDir,
}

impl Stage {
    pub(super) fn new(
        servers: &'static Servers,
        prefix: &str,
        sources: &str,
    ) -> Result<Self, Box<dyn Error>> {
        let yaml = format!(
            "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
             metadata: {{name: {prefix}}}\nspec:\n  candles: {{intervals: {INTERVALS}}}\n  \
             sources:\n{sources}"
        );
        Pipeline::from_yaml(&yaml).map_err(|problems| format!("{problems:?}"))?;
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join("pipeline.yaml"), yaml)?;
        let names = TopicNames::new(prefix);
        servers.kafka.create_topic(&names.ticks, PARTITIONS, &[]);
        servers.kafka.create_topic(&names.dead_letters, PARTITIONS, &[]);
        servers.kafka.create_topic(&names.alerts, 1, &[]);
        servers.kafka.create_topic(&names.ingest_state, 1, &[("cleanup.policy", "compact")]);
        servers.postgres.fresh_database(prefix);
        Ok(Self { servers, prefix: prefix.to_owned(), names, directory })
    }

    /// Makes the tables.
    pub(super) fn migrate(&self, runtime: &Runtime) -> Result<(), Box<dyn Error>> {
        let target = PostgresOptions {
            url: self.servers.postgres.url(&self.prefix),
            root_ca_file: None,
            schema: schema_name(&self.prefix),
            application_name: "bench".into(),
            owner: Owner { prefix: self.prefix.clone(), name: self.prefix.clone() },
            namespace: String::new(),
        };
        let (writer_url, reader_url, retention) = (None, None, Retention::default());
        let options = MigrateOptions { target, writer_url, reader_url, retention };
        runtime.block_on(migrate(&options, NOW_MS))?;
        Ok(())
    }

    /// A producer of the ticks topic.
    pub(super) fn producer(&self) -> Result<Producer, Box<dyn Error>> {
        let settings = ProducerSettings {
            brokers: self.servers.kafka.bootstrap(),
            topic: self.names.ticks.clone(),
            partitions: PARTITIONS,
            extra: Vec::new(),
        };
        Ok(Producer::open(&settings, None)?)
    }

    /// Sends so many ticks, and their marks. Returns how many records those are.
    pub(super) fn fill(
        &self,
        runtime: &Runtime,
        tape: &mut Tape,
        ticks: u64,
    ) -> Result<u64, Box<dyn Error>> {
        let mut producer = self.producer()?;
        runtime.block_on(async {
            let (mut record, mut sent, mut records) = (Vec::new(), 0, 0);
            while sent < ticks {
                record.clear();
                let next = tape.next(&mut record)?;
                producer.send(next.key.as_bytes(), &record).await?;
                sent += u64::from(next.kind == Kind::Tick);
                records += 1;
            }
            producer.flush().await?;
            Ok(records)
        })
    }

    /// The answer of the pipeline's tables.
    pub(super) fn psql(&self, question: &str) -> String {
        let schema = schema_name(&self.prefix);
        let sql = format!("SET search_path TO \"{schema}\"; {question}");
        self.servers.postgres.psql(&self.prefix, &sql)
    }

    /// Waits until everything in the topic is committed.
    pub(super) fn until_folded(&self, records: u64) {
        let sql = "SELECT sum(next_offset) FROM partition WHERE next_offset > 0";
        let folded = || self.psql(sql).parse::<u64>().is_ok_and(|folded| folded >= records);
        wait::until("the topic to be folded", FOLD_WAIT, folded);
    }

    /// Where Redis is, and the stream.
    pub(super) fn stream(&self) -> (String, String) {
        (self.servers.redis.url(), format!("{}:stream", self.prefix))
    }

    /// Where Kafka is, and the topic of ticks.
    pub(super) fn ticks(&self) -> (String, &str) {
        (self.servers.kafka.bootstrap(), &self.names.ticks)
    }

    /// Starts `worker aggregate` of this build.
    pub(super) fn aggregator(&self) -> Result<Worker, Box<dyn Error>> {
        self.worker("aggregate", "127.0.0.1:0")
    }

    /// Starts a worker of this build, with its metrics at this address.
    pub(super) fn worker(&self, role: &str, admin: &str) -> Result<Worker, Box<dyn Error>> {
        let here = std::env::current_exe()?;
        let program = here.ancestors().nth(2).ok_or("no folder of builds")?.join("worker");
        let log: PathBuf = self.directory.path().join("log");
        let child = Command::new(&program)
            .arg(role)
            .arg(self.directory.path().join("pipeline.yaml"))
            .args(["--admin-listen", admin, "--brokers"])
            .arg(self.servers.kafka.bootstrap())
            .env("DATABASE_URL", self.servers.postgres.url(&self.prefix))
            .env("REDIS_URL", self.servers.redis.url())
            .stdin(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .map_err(|error| {
                format!("cannot start \"{}\": {error}; make bench", program.display())
            })?;
        Ok(Worker { child })
    }
}

/// A process of `worker`; ended when dropped.
pub(super) struct Worker {
    child: Child,
}

impl Worker {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
