use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use e2e::venue::{FakeVenue, Script, Tape, VenueClock, VenueKind, VenueOptions};
use e2e::wait;
use market::tick::decode::decode;
use market::tick::{Record, Tick};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::SECOND_NS;
use super::stage::{Servers, Stage};
use crate::broker::PARTITIONS;
use crate::usage;

const INSTRUMENT: &str = "BTCUSDT";
const QUEUED: &str = "crypto_pipeline_source_queued_frames{";
/// Trades of one burst, all within a second, each in a frame of its own.
const TRADES: u32 = 20_000;
/// Bursts that are measured, after one that is not, and before one whose queue is watched.
const BURSTS: u32 = 10;
/// Trades in a second between bursts.
const CALM_PER_SECOND: f64 = 2.0;
/// How long nothing else is measured, to know what the process takes by itself.
const IDLE: Duration = Duration::from_secs(5);
/// How long the tape is.
const TAPE: Duration = Duration::from_secs(600);
/// How long a burst, or the start, may take.
const WAIT: Duration = Duration::from_secs(60);

/// What a trade of a burst costs.
pub(super) struct Burst {
    trades: u64,
    cpu_micros: f64,
    idle_micros: f64,
    seconds: f64,
    queued_most: u64,
    resident_peak_mb: f64,
}

/// A venue that is calm but for bursts, and `worker produce` that reads it.
struct Scene {
    venue: FakeVenue,
    clock: VenueClock,
    reader: BaseConsumer,
    /// Ids of trades on the topic.
    ids: BTreeSet<u64>,
}

/// Lets a producer meet bursts on one socket, and looks whether all is on the topic.
pub(super) fn measure(servers: &'static Servers) -> Result<Burst, Box<dyn Error>> {
    let clock = VenueClock::starting_now(1.0);
    let tape_ns = i64::try_from(TAPE.as_nanos())?;
    let (from_ns, to_ns) = (clock.shown_ns - 60 * SECOND_NS, clock.shown_ns + tape_ns);
    let tape = Tape::generated(1, &[INSTRUMENT], from_ns, to_ns, CALM_PER_SECOND);
    let (schedule, seed, key) = (Vec::new(), 1, None);
    let options = VenueOptions { venue: VenueKind::Binance, clock, tape, schedule, seed, key };
    let venue = FakeVenue::start(options);
    let sources = format!(
        "    - name: binance\n      binance: {{history: none, endpoints: {{socket: \"{}\", \
         rest: \"{}\"}}, symbols: [{{symbol: BTC, instrument: {INSTRUMENT}}}]}}\n",
        venue.socket_url(),
        venue.rest_url()
    );
    let stage = Stage::new(servers, "burst", &sources)?;
    let admin = free_address()?;
    let producer = stage.worker("produce", &admin.to_string())?;
    let mut scene = Scene { venue, clock, reader: reader(&stage)?, ids: BTreeSet::new() };
    scene.until(|ids| !ids.is_empty())?;
    scene.burst(|| ())?;
    let cpu = || usage::cpu_micros(producer.pid());
    let before = cpu()?;
    scene.pause(IDLE);
    let idle_micros = usage::float(cpu()? - before) / IDLE.as_secs_f64();
    let before = cpu()?;
    let (bursts, took) = wait::timed(|| (0..BURSTS).try_for_each(|_| scene.burst(|| ())));
    bursts?;
    let cpu_micros = usage::float(cpu()? - before);
    let resident_peak_mb = usage::memory_mb(producer.pid(), "VmHWM:")?;
    let mut queued_most = 0;
    scene.burst(|| queued_most = queued_most.max(queued(admin).unwrap_or(0)))?;
    scene.check()?;
    Ok(Burst {
        trades: u64::from(TRADES) * u64::from(BURSTS),
        cpu_micros,
        idle_micros,
        seconds: took.as_secs_f64(),
        queued_most,
        resident_peak_mb,
    })
}

impl Scene {
    /// Plays one burst, and waits until its last trade is on the topic, which means acknowledged.
    fn burst(&mut self, mut meanwhile: impl FnMut()) -> Result<(), Box<dyn Error>> {
        self.venue.play(Script::Burst(TRADES));
        wait::until("the burst to be over", WAIT, || {
            meanwhile();
            self.venue.is_healthy()
        });
        let last = self.venue.happened(INSTRUMENT).last().map(|trade| trade.id);
        let last = last.ok_or("the venue has no trades")?;
        self.until(|ids| ids.last() >= Some(&last))
    }

    /// Lets time pass on the venue's clock.
    fn pause(&self, span: Duration) {
        let until_ns = self.clock.now_ns() + i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        wait::until("time to pass", WAIT, || self.clock.now_ns() >= until_ns);
    }

    /// Reads the topic until its ids are as they should be.
    fn until(&mut self, holds: impl Fn(&BTreeSet<u64>) -> bool) -> Result<(), Box<dyn Error>> {
        let end_ns = self.clock.now_ns() + i64::try_from(WAIT.as_nanos())?;
        while !holds(&self.ids) {
            if self.clock.now_ns() > end_ns {
                return Err(
                    format!("{} trades are on the topic, and no more", self.ids.len()).into()
                );
            }
            let Some(record) = self.reader.poll(Duration::from_millis(100)) else { continue };
            let record = record?;
            if let Ok(Record::Tick(Tick::Trade(trade))) =
                decode(record.payload().unwrap_or_default())
            {
                self.ids.extend(trade.trade_id);
            }
        }
        Ok(())
    }

    /// That no id is missing between the first and the last.
    fn check(&self) -> Result<(), Box<dyn Error>> {
        let (first, last) = self.ids.first().zip(self.ids.last()).ok_or("no trades")?;
        let missing = (*first..=*last).filter(|id| !self.ids.contains(id)).count();
        if missing > 0 {
            return Err(format!("{missing} trades are not on the topic").into());
        }
        Ok(())
    }
}

fn reader(stage: &Stage) -> Result<BaseConsumer, Box<dyn Error>> {
    let (brokers, topic) = stage.ticks();
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench-burst")
        .set("enable.auto.commit", "false")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    reader.assign(&partitions)?;
    Ok(reader)
}

/// A free port of this machine, for a process that says nowhere which one it took.
fn free_address() -> Result<SocketAddr, Box<dyn Error>> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Frames that wait in the producer's queue.
fn queued(admin: SocketAddr) -> Result<u64, Box<dyn Error>> {
    let mut stream = TcpStream::connect(admin)?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let line = text.lines().find(|line| line.starts_with(QUEUED)).ok_or("no queue is shown")?;
    Ok(line.rsplit(' ').next().unwrap_or_default().parse()?)
}

impl fmt::Display for Burst {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trades, cpu_micros, idle_micros, seconds, queued_most, resident_peak_mb } = self;
        let micros = cpu_micros / usage::float(*trades);
        let own = (cpu_micros - idle_micros * seconds) / usage::float(*trades);
        writeln!(
            formatter,
            "burst: {micros:.2} µs per trade from one socket to the acknowledged record, {own:.2} \
             without what the process takes when it is calm"
        )?;
        write!(
            formatter,
            "  {BURSTS} bursts of {TRADES} trades in a second, one frame each, in {seconds:.1} s: \
             none missing; {queued_most} frames waited at most; {resident_peak_mb:.0} MB resident at \
             most"
        )
    }
}
