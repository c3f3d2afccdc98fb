//! A steady load that no part of the product makes: trades of many series, most of them in order,
//! the others delayed, sent twice, late, lost or bad in every way that has a name.
//!
//! The tape runs faster than time, so that windows of all sizes close within a test.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use e2e::wait;
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use runtime::clock;

/// One series: what it sends, and what it holds back.
mod line;

use line::Line;

/// 2024-06-30 23:20 UTC: forty minutes later a day, three days, a week and a month end.
const BEGIN_NS: i64 = 1_719_789_600_000_000_000;
/// Seconds of the tape in a second.
const SPEED: i64 = 60;
const SLICE: Duration = Duration::from_millis(10);
const SLICES_PER_SECOND: u64 = 100;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// How long the brokers may take for the last records.
const FLUSH_WAIT: Duration = Duration::from_secs(300);
const POLL_WAIT: Duration = Duration::from_millis(20);

/// What is sent, and where.
pub(crate) struct LoadOptions {
    pub(crate) brokers: String,
    pub(crate) topic: String,
    pub(crate) source: String,
    pub(crate) symbols: Vec<String>,
    pub(crate) per_second: u64,
    pub(crate) seed: u64,
}

/// A load that runs by itself.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    receipts: Arc<Receipts>,
    thread: JoinHandle<Sent>,
}

/// What a load has sent.
pub(crate) struct Sent {
    pub(crate) ticks: u64,
    pub(crate) took: Duration,
    /// The offset after the last acknowledged record of each partition.
    pub(crate) ends: BTreeMap<i32, i64>,
    /// When a record was sent that lets the minute of a symbol close that opens then.
    pub(crate) closable: BTreeMap<(String, i64), Instant>,
}

/// A number below a bound.
pub(crate) fn below(dice: &mut TestRng, bound: u64) -> u64 {
    dice.next_u64() % bound
}

/// Dice that fall the same for the same seed.
pub(crate) fn dice(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

impl Load {
    pub(crate) fn start(options: LoadOptions) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let receipts = Arc::new(Receipts::default());
        let thread = std::thread::spawn({
            let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
            let receipts = Arc::clone(&receipts);
            move || run(&options, receipts, &stop, &sent)
        });
        Self { stop, sent, receipts, thread }
    }

    /// The offset after the last acknowledged record of each partition.
    pub(crate) fn ends(&self) -> BTreeMap<i32, i64> {
        self.receipts.ends.lock().unwrap().clone()
    }

    /// How many ticks it has sent so far.
    pub(crate) fn ticks(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends what is held back, then waits until all is acknowledged.
    pub(crate) fn stop(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Every series, tick by tick: the same for the same seed.
pub(crate) struct Market {
    lines: Vec<Line>,
    dice: TestRng,
    per_tick_ns: i64,
    /// So far.
    pub(crate) ticks: u64,
}

impl Market {
    pub(crate) fn open(options: &LoadOptions, send: Send<'_>) -> Self {
        let epoch = u64::try_from(BEGIN_NS / 1_000_000).unwrap();
        let names = options.symbols.iter();
        let mut lines: Vec<Line> =
            names.map(|symbol| Line::new(symbol, &options.source, epoch, BEGIN_NS)).collect();
        for line in &mut lines {
            line.start(send, BEGIN_NS);
        }
        let per_tick_ns = SPEED * NANOS_PER_SECOND / i64::try_from(options.per_second).unwrap();
        Self { lines, dice: dice(options.seed), per_tick_ns, ticks: 0 }
    }

    /// One more tick, of one series.
    pub(crate) fn tick(&mut self, send: Send<'_>) {
        let tape_ns = BEGIN_NS + i64::try_from(self.ticks).unwrap() * self.per_tick_ns;
        let at = usize::try_from(below(&mut self.dice, self.lines.len() as u64)).unwrap();
        self.lines[at].tick(send, &mut self.dice, tape_ns - tape_ns % 1_000_000);
        self.ticks += 1;
    }

    /// What is held back, and the last word of each series.
    pub(crate) fn end(&mut self, send: Send<'_>) {
        for line in &mut self.lines {
            line.end(send);
        }
    }
}

fn run(
    options: &LoadOptions,
    receipts: Arc<Receipts>,
    stop: &AtomicBool,
    sent: &AtomicU64,
) -> Sent {
    let outlet = Outlet::open(options, receipts);
    let send = |key: &str, value: &[u8]| outlet.send(key, value);
    let mut market = Market::open(options, &send);
    let begin = clock::monotonic();
    let mut slices = 0;
    while !stop.load(Ordering::Relaxed) {
        slices += 1;
        let due = begin + SLICE * slices;
        std::thread::sleep(due.saturating_duration_since(clock::monotonic()));
        for _ in 0..options.per_second / SLICES_PER_SECOND {
            market.tick(&send);
        }
        sent.store(market.ticks, Ordering::Relaxed);
        outlet.producer.poll(Duration::ZERO);
    }
    let took = clock::monotonic().duration_since(begin);
    market.end(&send);
    wait::until("the last records to be acknowledged", FLUSH_WAIT, || {
        outlet.producer.poll(POLL_WAIT);
        outlet.producer.in_flight_count() == 0
    });
    let ends = outlet.producer.context().0.ends.lock().unwrap().clone();
    let Market { lines, ticks, .. } = market;
    let closable = lines.into_iter().flat_map(Line::closable).collect();
    Sent { ticks, took, ends, closable }
}

/// Takes a record: its key and its bytes.
pub(crate) type Send<'a> = &'a dyn Fn(&str, &[u8]);

/// Where records go: a producer that never gives up.
pub(crate) struct Outlet {
    producer: BaseProducer<Context>,
    topic: String,
}

/// What the brokers have acknowledged.
#[derive(Default)]
struct Receipts {
    ends: Mutex<BTreeMap<i32, i64>>,
}

struct Context(Arc<Receipts>);

impl rdkafka::ClientContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: Self::DeliveryOpaque) {
        let record = result.as_ref().unwrap_or_else(|(error, _)| panic!("a lost record: {error}"));
        let mut ends = self.0.ends.lock().unwrap();
        let end = ends.entry(record.partition()).or_default();
        *end = record.offset().saturating_add(1).max(*end);
    }
}

impl Outlet {
    fn open(options: &LoadOptions, receipts: Arc<Receipts>) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &options.brokers)
            .set("partitioner", "murmur2_random")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .set("linger.ms", "10")
            .set("queue.buffering.max.messages", "2000000")
            .set("queue.buffering.max.kbytes", "1000000")
            .create_with_context(Context(receipts))
            .unwrap();
        Self { producer, topic: options.topic.clone() }
    }

    /// Sends a record; waits where too many are under way.
    fn send(&self, key: &str, value: &[u8]) {
        let mut record = BaseRecord::to(&self.topic).key(key).payload(value);
        while let Err((error, again)) = self.producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full);
            self.producer.poll(POLL_WAIT);
            record = again;
        }
    }
}
