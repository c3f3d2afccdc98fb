use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::servers::{Kafka, Postgres};
use e2e::wait;
use market::candle::Candle;
use market::pipeline::Pipeline;
use market::tick::decode;
use market::topic::TopicNames;
use tempfile::TempDir;
use worker::spec::{engine_of, series_of};
use worker::topic::{Consumer, ConsumerSettings, Fetched, TopicError};
use worker::window::LogPosition;

/// How long anything may take, on a machine that has other work.
const WAIT_MAX: Duration = Duration::from_secs(120);
pub(crate) const PARTITIONS: i32 = 4;
/// Trades of each of the four symbols' market.
const TICKS: u32 = 4_000;

/// A pipeline, and the environment that its workers get.
pub(crate) struct Work {
    pub(crate) pipeline: Pipeline,
    pub(crate) environment: BTreeMap<&'static str, String>,
    kafka: &'static Kafka,
    postgres: &'static Postgres,
    database: String,
    directory: TempDir,
}

impl Work {
    /// A made-up market of a past day, with these lines as `spec.kafka`, if there are any.
    pub(crate) fn new(name: &str, kafka: &'static Kafka, lines: &str) -> Self {
        let postgres = e2e::servers::postgres();
        let prefix = e2e::servers::prefix(name);
        let section = match lines {
            "" => String::new(),
            lines => format!(
                "  kafka:\n    topic: {{partitions: {PARTITIONS}, replicationFactor: 1, \
                 minInSyncReplicas: 1}}\n{lines}"
            ),
        };
        let yaml = format!(
            "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
             metadata: {{name: {name}}}\nspec:\n  prefix: {prefix}\n  sources:\n    \
             - name: demo\n      simulated: {{seed: 7, ticksPerSecond: 1, ticks: {TICKS}, \
             startTime: \"2024-08-08T00:00:00Z\", symbols: [{{symbol: BTC, instrument: BTCUSDT}}, \
             {{symbol: ETH, instrument: ETHUSDT}}, {{symbol: SOL, instrument: SOLUSDT}}, \
             {{symbol: XRP, instrument: XRPUSDT}}]}}\n  \
             candles: {{intervals: [1m, 5m]}}\n{section}"
        );
        let pipeline = Pipeline::from_yaml(&yaml).unwrap();
        postgres.fresh_database(&prefix);
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("pipeline.yaml"), yaml).unwrap();
        Self {
            pipeline,
            environment: BTreeMap::new(),
            kafka,
            postgres,
            database: prefix,
            directory,
        }
    }

    /// The same pipeline, with one more variable.
    pub(crate) fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.environment.insert(variable, value.into());
    }

    /// A URL of the pipeline's database.
    pub(crate) fn database_url(&self, user: &str) -> String {
        self.postgres.url_as(user, &self.database)
    }

    /// What psql answers, with the pipeline's schema before its eyes.
    pub(crate) fn psql(&self, sql: &str) -> String {
        let schema = self.pipeline.schema();
        self.postgres.psql(&self.database, &format!("SET search_path TO {schema}; {sql}"))
    }

    /// `worker …` with nothing but the environment of this pipeline.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command.args(arguments).env_clear().envs(&self.environment);
        command.env("CRYPTO_PIPELINE_SPEC", self.directory.path().join("pipeline.yaml"));
        command.env("ADMIN_LISTEN", "127.0.0.1:0").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Runs a command to its end: its exit code, and what it said.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        self.ended(self.spawn(arguments, "run"))
    }

    /// Starts a command whose log has a name.
    pub(crate) fn spawn(&self, arguments: &[&str], log: &str) -> Process {
        let path = self.directory.path().join(log);
        let file = std::fs::File::create(&path).unwrap();
        Process { child: self.command(arguments).stderr(file).spawn().unwrap(), log: path }
    }

    /// Waits until a process ends by itself: its exit code, and what it said.
    pub(crate) fn ended(&self, mut process: Process) -> (Option<i32>, String) {
        let ended = wait::within(WAIT_MAX, || process.child.try_wait().unwrap());
        let said = process.said();
        let ended = ended.unwrap_or_else(|| panic!("it does not end: {said}"));
        (ended.code(), said)
    }

    /// The command did what it was asked for.
    pub(crate) fn done(&self, arguments: &[&str]) {
        let (code, said) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
    }

    /// Waits until a question about the pipeline's tables is answered with yes.
    pub(crate) fn until(&self, question: &str, processes: &[&Process]) {
        let answered = wait::within(WAIT_MAX, || (self.psql(question) == "t").then_some(()));
        let said = || processes.iter().map(|process| process.said()).collect::<Vec<_>>().join("\n");
        assert!(answered.is_some(), "no: {question}\n{}", said());
    }

    /// Waits until every trade is folded by those who run, and compares the stored candles with
    /// what one engine makes of the source.
    pub(crate) fn check(&self, processes: &[&Process]) {
        let expected = expected(&self.pipeline, self.kafka.bootstrap());
        assert!(expected.len() > 100, "{}", expected.len());
        let folded = format!(
            "SELECT count(*) = {} FROM candle WHERE closed",
            expected.values().filter(|candle| candle.closed).count()
        );
        self.until(&folded, processes);
        let stored = self.psql(
            "SELECT symbol, interval, extract(epoch FROM open_time)::int8, open, close, volume, \
             trade_count, complete FROM candle JOIN series USING (series_id) WHERE closed \
             ORDER BY symbol COLLATE \"C\", interval COLLATE \"C\", open_time",
        );
        let shown = |candle: &Candle| {
            let (open, close) = (candle.open.unwrap(), candle.close.unwrap());
            let fixed = |number: &str| {
                let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
                format!("{whole}.{fraction:0<12}")
            };
            format!(
                "{}|{}|{}|{}|{}|{}|{}|{}",
                candle.symbol,
                candle.interval,
                candle.open_time_ms / 1_000,
                fixed(&open.to_string()),
                fixed(&close.to_string()),
                fixed(&candle.volume.unwrap().to_string()),
                candle.trade_count.unwrap(),
                if candle.complete { "t" } else { "f" }
            )
        };
        let expected = expected.values().filter(|candle| candle.closed).map(shown);
        assert_eq!(stored.lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

/// The candles that one engine makes of the topic, by symbol, interval and open time.
fn expected(pipeline: &Pipeline, brokers: String) -> BTreeMap<(String, String, i64), Candle> {
    let topic = TopicNames::new(&pipeline.prefix()).ticks;
    let offsets: Vec<_> = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
    let extra = vec![("enable.partition.eof".into(), "true".into())];
    let settings = ConsumerSettings { brokers, group: format!("{topic}-alone"), topic, extra };
    let mut consumer = Consumer::open(&settings, &offsets, None).unwrap();
    let mut engine = engine_of(&pipeline.spec, &series_of(&pipeline.spec, PARTITIONS));
    let (mut candles, mut ended) = (BTreeMap::new(), BTreeSet::new());
    while ended.len() < offsets.len() {
        for record in consumer.poll(Duration::from_millis(100)).records() {
            let record = match record {
                Ok(record) => record,
                Err(TopicError::ReachEnd { partition, .. }) => {
                    ended.insert(partition);
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let Fetched { partition, offset, timestamp_ms, .. } = record;
            engine.apply(
                LogPosition { partition, offset, timestamp_ms },
                &decode(record.value).unwrap(),
            );
            for row in engine.take_effects().candles {
                let candle = row.candle;
                let interval = candle.interval.to_string();
                let key = (candle.symbol.to_string(), interval, candle.open_time_ms);
                candles.insert(key, candle);
            }
        }
    }
    candles
}

/// A process of `worker`; killed when it goes out of scope.
pub(crate) struct Process {
    pub(crate) child: Child,
    log: PathBuf,
}

impl Process {
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        let ended = wait::for_some("its end", WAIT_MAX, || self.child.try_wait().unwrap());
        assert!(ended.success(), "{}", self.said());
        self.said()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
