use std::collections::BTreeMap;

use e2e::servers::{self, Kafka, KafkaOptions};
use market::tick::decode::decode;
use market::tick::{MarkKind, Record, Tick};
use market::topic::TopicNames;
use tokio::task::JoinHandle;

use super::*;
use crate::source::simulated::FIRST_ID;
use crate::source::{Shared, SourceClock};
use crate::topic::admin::blocking;
use crate::topic::log::read_to_end;
use crate::topic::{Admin, IngestState, topics_of};

const PARTITIONS: i32 = 4;
const SYMBOLS: [&str; 6] = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE"];
const WAIT: Duration = Duration::from_secs(60);
/// The tests' market takes its time, so that what happens to a producer happens in its midst.
const TICKS_PER_SECOND: u64 = 20_000;

/// A market of so many ticks.
fn pipeline(prefix: &str, ticks: u64) -> Pipeline {
    let symbols = SYMBOLS.map(|symbol| format!("{{symbol: {symbol}, instrument: {symbol}USDT}}"));
    let text = format!(
        "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
         metadata: {{name: {prefix}}}\nspec:\n  sources:\n  - name: made\n    simulated:\n      \
         seed: 7\n      ticksPerSecond: {TICKS_PER_SECOND}\n      prefill: 1s\n      ticks: {ticks}\n      symbols: [{}]\n  \
         kafka:\n    bootstrapServers: unused:1\n    topic: {{partitions: {PARTITIONS}, \
         replicationFactor: 1, minInSyncReplicas: 1}}\n",
        symbols.join(", ")
    );
    Pipeline::from_yaml(&text).unwrap()
}

struct Bench {
    pipeline: Pipeline,
    connection: Connection,
    names: TopicNames,
}

impl Bench {
    async fn new(brokers: String, name: &str, ticks: u64) -> Self {
        let pipeline = pipeline(&servers::prefix(name), ticks);
        let connection = Connection { brokers, extra: Vec::new() };
        let names = topics_of(&pipeline);
        let bench = Self { pipeline, connection, names };
        bench.create_topics().await;
        bench
    }

    async fn create_topics(&self) -> Admin {
        let admin = Admin::connect(&self.connection).await.unwrap();
        let topic = &self.pipeline.spec.kafka.as_ref().unwrap().topic;
        admin.create_topics(&self.names, topic).await.unwrap();
        admin
    }

    fn producing(&self, shard: &str, until_end: bool) -> Producing {
        Producing::new(ProducingOptions {
            pipeline: self.pipeline.clone(),
            connection: self.connection.clone(),
            shard: shard.parse().unwrap(),
            epoch: 1,
            shared: Shared::default(),
            clock: SourceClock::wall_clock(Arc::new(runtime::clock::now_ns)),
            until_end,
            disorder: None,
        })
    }

    /// The ids of each symbol, and the epochs of its `start` marks, in the order of the log.
    async fn log(&self) -> BTreeMap<String, (Vec<u64>, Vec<u64>)> {
        let (connection, topic) = (self.connection.clone(), self.names.ticks.clone());
        blocking(move || {
            let mut log: BTreeMap<String, (Vec<u64>, Vec<u64>)> = BTreeMap::new();
            let from: Vec<_> = (0..PARTITIONS).map(|partition| (partition, Some(0))).collect();
            read_to_end(&connection, &topic, &from, |record| match decode(record.value).unwrap() {
                Record::Tick(Tick::Trade(trade)) => {
                    let (ids, _) = log.entry(trade.symbol.to_string()).or_default();
                    ids.push(trade.trade_id.unwrap());
                }
                Record::Mark(mark) if matches!(mark.kind, MarkKind::Start(_)) => {
                    let (_, epochs) = log.entry(mark.symbol.to_string()).or_default();
                    epochs.push(mark.epoch);
                }
                Record::Tick(Tick::Quote(_)) | Record::Mark(_) => {}
            })
            .unwrap();
            log
        })
        .await
    }

    /// How many records there are, marks among them; `None` while the broker does not say.
    async fn records(&self) -> Option<i64> {
        let (connection, topic) = (self.connection.clone(), self.names.ticks.clone());
        blocking(move || {
            let all: Vec<_> = (0..PARTITIONS).map(|partition| (partition, None)).collect();
            match read_to_end(&connection, &topic, &all, |_| {}) {
                Ok(ends) => Some(ends.iter().map(|(_, end)| end).sum()),
                Err(error) => {
                    assert!(error.is_retryable(), "{error}");
                    None
                }
            }
        })
        .await
    }

    async fn state(&self) -> IngestState {
        let (connection, topic) = (self.connection.clone(), self.names.ingest_state.clone());
        blocking(move || IngestState::read(&connection, &topic)).await.unwrap()
    }

    /// Every id of every symbol is there, the first of each in order. Returns the repeats.
    async fn check_whole(&self, ticks: u64) -> usize {
        let log = self.log().await;
        let (mut distinct, mut repeats) = (0, 0);
        for (symbol, (ids, _)) in &log {
            let mut next_id = FIRST_ID;
            for id in ids {
                assert!(*id <= next_id, "{symbol}: {id} came before {next_id}");
                repeats += usize::from(*id < next_id);
                next_id = next_id.max(*id + 1);
            }
            distinct += next_id - FIRST_ID;
        }
        assert_eq!((log.len(), distinct), (SYMBOLS.len(), ticks));
        repeats
    }

    async fn until_records(&self, least: i64) {
        let enough = async {
            while self.records().await.is_none_or(|records| records < least) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(WAIT, enough).await.unwrap();
    }
}

async fn finished(producing: Producing) {
    let run = producing.run(CancellationToken::new());
    tokio::time::timeout(WAIT, run).await.unwrap().unwrap();
}

fn started(producing: Producing) -> JoinHandle<Result<(), ProducingError>> {
    tokio::spawn(producing.run(CancellationToken::new()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_producer_goes_on_and_repeats_at_most_what_was_in_flight() {
    const TICKS: u64 = 200_000;
    /// Positions are up to a second old, 20,000 ticks: what came after them is found in the topic.
    const IN_FLIGHT_MAX: usize = 3 * 2_000;
    let bench = Bench::new(servers::kafka().bootstrap(), "killed", TICKS).await;
    for least in [1, 50_000, 100_000] {
        let killed = started(bench.producing("0/1", true));
        bench.until_records(least).await;
        killed.abort();
        assert!(killed.await.unwrap_err().is_cancelled(), "it was not done before");
    }
    finished(bench.producing("0/1", true)).await;
    let repeats = bench.check_whole(TICKS).await;
    println!("{repeats} repeats after three kills");
    assert!(repeats <= IN_FLIGHT_MAX, "{repeats} repeats");
    // Each is a later one than those before it.
    for (symbol, (_, epochs)) in bench.log().await {
        assert!(epochs.is_sorted() && epochs.first() < epochs.last(), "{symbol}: {epochs:?}");
    }
    // Only the last one's positions are left.
    let state = bench.state().await;
    assert_eq!(state.epochs("made", "BTCUSDT").count(), 1);
    finished(bench.producing("0/1", true)).await;
    assert_eq!(bench.check_whole(TICKS).await, repeats, "there was nothing more to send");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_producer_has_written_its_positions_within_five_seconds() {
    let bench = Bench::new(servers::kafka().bootstrap(), "stopped", 5_000_000).await;
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(bench.producing("0/1", false).run(shutdown.clone()));
    bench.until_records(50_000).await;
    let ticks = Admin::connect(&bench.connection).await.unwrap();
    let topic_id = ticks.source_id(&ticks.check(&bench.names.ticks, PARTITIONS).await.unwrap());
    // Positions are written on the way, too.
    let kept = async {
        loop {
            let state = bench.state().await;
            let position = state.furthest("made", "BTCUSDT", &topic_id);
            if position.is_some_and(|position| position.next_id > Some(FIRST_ID)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WAIT, kept).await.unwrap();
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap().unwrap();
    let (log, state) = (bench.log().await, bench.state().await);
    for (symbol, (ids, _)) in log {
        let position = state.furthest("made", &format!("{symbol}USDT"), &topic_id).unwrap();
        assert_eq!(position.next_id, ids.last().map(|id| id + 1), "{symbol}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_shards_send_everything_once_and_agree_on_the_beginning() {
    const TICKS: u64 = 40_000;
    let bench = Bench::new(servers::kafka().bootstrap(), "shards", TICKS).await;
    let (first, second) =
        (started(bench.producing("0/2", true)), started(bench.producing("1/2", true)));
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(bench.check_whole(TICKS).await, 0);
    let state = bench.state().await;
    assert!(state.origin_ns("made").is_some() && state.origin_is_kept("made"));
    // Another number of shards: each goes on where the last owner was.
    finished(bench.producing("2/3", true)).await;
    finished(bench.producing("0/1", true)).await;
    assert_eq!(bench.check_whole(TICKS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_waits_for_its_topics_and_refuses_one_that_has_grown() {
    let kafka = servers::kafka();
    let bench = Bench::new(kafka.bootstrap(), "waits", 1_000).await;
    let admin = Admin::connect(&bench.connection).await.unwrap();
    admin.delete_topics(&bench.names).await.unwrap();
    let producing = bench.producing("0/1", true);
    let status = producing.status();
    let running = started(producing);
    let waits = async {
        loop {
            let error = status.lock().unwrap().sources.values().find_map(|it| it.error.clone());
            if error.is_some_and(|error| error.contains(&bench.names.ticks)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WAIT, waits).await.unwrap();
    bench.create_topics().await;
    tokio::time::timeout(WAIT, running).await.unwrap().unwrap().unwrap();
    bench.check_whole(1_000).await;
    assert!(status.lock().unwrap().sources.values().all(|it| it.drained && it.error.is_none()));

    let other = Bench { pipeline: pipeline(&servers::prefix("grown"), 9), ..bench };
    let names = topics_of(&other.pipeline);
    kafka.create_topic(&names.ticks, PARTITIONS + 1, &[]);
    let run = other.producing("0/1", false).run(CancellationToken::new());
    let error = tokio::time::timeout(WAIT, run).await.unwrap().unwrap_err();
    let grown = ProducingError::UseTopics(AdminError::PartitionsChanged {
        topic: names.ticks,
        found: PARTITIONS + 1,
        expected: PARTITIONS,
    });
    assert_eq!(error.to_string(), grown.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stalls_and_one_that_dies_lose_nothing_and_keep_the_order() {
    const TICKS: u64 = 200_000;
    let kafka = Kafka::private(&KafkaOptions::default());
    let bench = Bench::new(kafka.bootstrap(), "broker", TICKS).await;
    let producing = bench.producing("0/1", true);
    let status = producing.status();
    let mut running = started(producing);
    bench.until_records(20_000).await;
    kafka.broker(1).stop();
    // Nothing comes from the process meanwhile, and it does not end.
    assert!(tokio::time::timeout(Duration::from_secs(2), &mut running).await.is_err());
    kafka.broker(1).cont();
    bench.until_records(60_000).await;
    kafka.broker(1).kill();
    assert!(tokio::time::timeout(Duration::from_secs(2), &mut running).await.is_err());
    kafka.broker(1).start();
    tokio::time::timeout(WAIT, running).await.unwrap().unwrap().unwrap();
    let repeats = bench.check_whole(TICKS).await;
    assert!(repeats <= 100_000, "{repeats} repeats");
    assert!(status.lock().unwrap().sources.values().all(|it| it.drained));
}
