use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use e2e::servers::{Brokers, Proxy};
use e2e::wait;
use proptest::test_runner::TestRng;

use super::Pace;
use super::disturbance::Disturbance;
use crate::follower::Follower;
use crate::load::{Load, LoadOptions, Sent, below, dice};
use crate::stage::{Addresses, Backend, Stage, Worker, assert_same, closed, read_topic};

const SYMBOLS: u64 = 40;
/// How many aggregators there are in each quarter of a round.
const SCALE: [usize; 4] = [1, 3, 2, 4];
/// Symbols of the product's own producer, and its trades a second.
const PRODUCED_SYMBOLS: u64 = 10;
const PRODUCED_PER_SECOND: u64 = 300;
const SETTLE_WAIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(super) struct SceneOptions {
    pub(super) brokers: Brokers,
    pub(super) per_second: u64,
    pub(super) seed: u64,
    pub(super) kills: u64,
    pub(super) pace: Pace,
}

/// An aggregator, and its own network to the stores.
pub(super) struct Aggregator {
    pub(super) worker: Worker,
    pub(super) postgres: Proxy,
    pub(super) redis: Proxy,
}

/// A pipeline under load.
pub(super) struct Scene {
    pub(super) options: SceneOptions,
    pub(super) stage: Stage,
    pub(super) backend: Backend,
    pub(super) dice: TestRng,
    pub(super) aggregators: Vec<Aggregator>,
    pub(super) producer: Option<Worker>,
    producer_file: PathBuf,
    load: Load,
    follower: Follower,
}

impl Scene {
    /// Starts everything.
    pub(super) async fn new(backend: Backend, options: SceneOptions) -> Self {
        let symbols: Vec<String> = (0..SYMBOLS).map(|at| format!("S{at:02}")).collect();
        let name = format!("chaos-{}", options.seed);
        let stage = Stage::of(backend, &name, &spec(&symbols)).await;
        let producer_file = stage.file_of("producer.yaml", &format!("  sources:\n{}", produced()));
        let load = Load::start(LoadOptions {
            brokers: stage.servers.kafka.brokers.clone(),
            topic: stage.names.ticks.clone(),
            source: "load".to_owned(),
            symbols,
            per_second: options.per_second,
            seed: options.seed,
        });
        let follower = Follower::start(&backend.redis.url(), &stage.pipeline.prefix());
        let mut scene = Self {
            dice: dice(options.seed),
            options,
            stage,
            backend,
            aggregators: Vec::new(),
            producer: None,
            producer_file,
            load,
            follower,
        };
        scene.start_producer();
        scene.start_aggregator();
        scene
    }

    /// Disturbs it so many times, then compares everything. Returns what was seen.
    pub(super) async fn play(mut self) -> String {
        let mut counts = BTreeMap::<String, u32>::new();
        for kill in 0..self.options.kills {
            let quarter = usize::try_from(kill * 4 / self.options.kills).unwrap();
            self.scale(SCALE[quarter]);
            let calm_max_ms = u64::try_from(self.options.pace.calm_max.as_millis()).unwrap();
            let calm = Duration::from_millis(below(&mut self.dice, calm_max_ms));
            // The pauses are the disturbance: when something happens, and how long it lasts.
            tokio::time::sleep(calm).await;
            let disturbance = Disturbance::roll(&mut self.dice, self.options);
            *counts.entry(disturbance.name()).or_default() += 1;
            tokio::task::block_in_place(|| disturbance.happen(&mut self));
            self.all_run();
        }
        if let Some(producer) = self.producer.take() {
            producer.stop_early();
        }
        let Self { options, stage, aggregators, load, follower, .. } = self;
        let sent = tokio::task::block_in_place(|| load.stop());
        settle(&stage, &sent);
        let (workers, networks): (Vec<_>, Vec<_>) =
            aggregators.into_iter().map(|one| (one.worker, (one.postgres, one.redis))).unzip();
        let (stored, expected) = tokio::task::block_in_place(|| stage.check_stored(workers));
        drop(networks);
        let told = follower.end().await.candles;
        assert_same("streamed", &told, &closed(&stored));
        let names = &stage.names;
        let topics = [&names.ticks, &names.dead_letters, &names.alerts, &names.ingest_state];
        let topics: Vec<&str> = topics.into_iter().map(String::as_str).collect();
        stage.delete_topics(&topics).await;
        let revised = stored.values().filter(|candle| candle.revision > 0).count();
        let complete = stored.values().filter(|candle| candle.complete).count();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = sent.ticks as f64 / sent.took.as_secs_f64();
        let records: i64 = expected.ends.values().sum();
        format!(
            "SEED={} KILLS={} BROKERS={:?}: {} ticks at {rate:.0}/s for {} s, {records} records; \
             {} candles ({complete} complete, {revised} revised), {} alerts, {} dead letters equal; \
             {counts:?}",
            options.seed,
            options.kills,
            options.brokers,
            sent.ticks,
            sent.took.as_secs(),
            stored.len(),
            expected.alerts.len(),
            expected.dead_letters.len(),
        )
    }

    /// Ends or starts aggregators until there are so many.
    fn scale(&mut self, count: usize) {
        while self.aggregators.len() > count {
            let at = usize::try_from(below(&mut self.dice, self.aggregators.len() as u64)).unwrap();
            let Aggregator { worker, .. } = self.aggregators.swap_remove(at);
            worker.stop_early();
        }
        while self.aggregators.len() < count {
            self.start_aggregator();
        }
    }

    pub(super) fn start_aggregator(&mut self) {
        let postgres = Proxy::to(self.backend.postgres.address());
        let redis = Proxy::to(self.backend.redis.address());
        let at = Addresses {
            brokers: self.backend.kafka.proxied_bootstrap(),
            redis_url: format!("redis://{}", redis.address()),
            ..self.stage.addresses_through(&postgres)
        };
        let worker = Worker::start("aggregate", &self.stage.file(), &at, self.stage.log());
        self.aggregators.push(Aggregator { worker, postgres, redis });
    }

    pub(super) fn start_producer(&mut self) {
        let brokers = self.backend.kafka.proxied_bootstrap();
        let at = Addresses { brokers, ..self.stage.addresses() };
        let log = self.stage.log();
        self.producer = Some(Worker::start("produce", &self.producer_file, &at, log));
    }

    /// Nothing ends by itself, whatever is done to the servers.
    #[track_caller]
    fn all_run(&mut self) {
        let workers = self.aggregators.iter_mut().map(|one| &mut one.worker);
        let all = workers.chain(&mut self.producer).all(Worker::runs);
        assert!(all, "a worker has ended by itself: {}", self.stage.log_end());
        assert!(self.load.ticks() > 0);
    }
}

/// Waits until readers of the topic see all that was acknowledged.
fn settle(stage: &Stage, sent: &Sent) {
    let topic = &stage.names.ticks;
    wait::until("all acknowledged records to be readable", SETTLE_WAIT, || {
        let mut ends = BTreeMap::new();
        read_topic(&stage.servers.kafka.brokers, topic, crate::stage::PARTITIONS, |record| {
            use rdkafka::message::Message as _;
            ends.insert(record.partition(), record.offset() + 1);
        });
        sent.ends.iter().all(|(partition, end)| ends.get(partition).is_some_and(|at| at >= end))
    });
}

/// Two sources: the load's own, and one of the product's producer.
fn spec(symbols: &[String]) -> String {
    let named = symbols.iter().map(|name| format!("{{symbol: {name}, instrument: {name}USDT}}"));
    let named = named.collect::<Vec<_>>().join(", ");
    format!(
        "  sources:\n    - name: load\n      simulated: {{symbols: [{named}]}}\n{}  \
         candles: {{intervals: [1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w, 1M]}}\n  \
         alerts: {{priceChangePercent: 0.2, zScore: 3, volumeBurst: 3}}\n",
        produced()
    )
}

fn produced() -> String {
    let named = (0..PRODUCED_SYMBOLS)
        .map(|at| format!("{{symbol: P{at:02}, instrument: P{at:02}USDT}}"))
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "    - name: demo\n      simulated: {{seed: 7, ticksPerSecond: {PRODUCED_PER_SECOND}, \
         prefill: 20m, disorder: 0.05, duplicates: 0.01, lateShare: 0.001, symbols: [{named}]}}\n"
    )
}
