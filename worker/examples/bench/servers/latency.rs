use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use market::interval::{Interval, MINUTE_MS};
use market::publication::Publication;
use redis::AsyncCommands as _;
use redis::streams::{StreamReadOptions, StreamReadReply};
use runtime::clock;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::stage::Stage;
use crate::tape::{Kind, Tape};

/// Ticks of all symbols in a second of this machine's time.
const TICKS_PER_SECOND: u32 = 5_000;
const SLICES_PER_SECOND: u32 = 1_000;
/// Between two ticks of a symbol by event time: a minute of tape a second.
const STEP_NS: i64 = 120_000_000;
/// Windows of each symbol before those that are measured: caches, plans, connections.
const WARM_UP: usize = 10;
const RUN: Duration = Duration::from_secs(180);
/// How long the reader waits for the last message.
const SILENCE: Duration = Duration::from_secs(3);
/// The reader's wait for one page of the stream.
const READ_WAIT_MS: usize = 1_000;

/// A 1m window: symbol and open time.
type Window = (String, i64);
/// When something happened to each, in nanoseconds since the epoch.
type Times = BTreeMap<Window, i64>;

/// Milliseconds, in order, since the closing trade was handed to Kafka's client.
pub(super) struct Latency {
    row: Vec<f64>,
    message: Vec<f64>,
}

/// A live feed whose minutes last a second: when each window's row and message are there.
pub(super) fn measure(runtime: &Runtime, stage: &Stage) -> Result<Latency, Box<dyn Error>> {
    stage.migrate(runtime)?;
    let _aggregator = stage.aggregator()?;
    let (url, stream) = stage.stream();
    let (sent, read) = runtime.block_on(async {
        let reading =
            tokio::spawn(
                async move { read(&url, &stream).await.map_err(|error| error.to_string()) },
            );
        let sent = send(stage).await?;
        Ok::<_, Box<dyn Error>>((sent, reading.await??))
    })?;
    let rows = rows(stage)?;
    let since = |times: &Times| {
        let mut all: Vec<f64> = sent
            .iter()
            .filter_map(|(window, sent_ns)| Some(millis(times.get(window)? - sent_ns)))
            .collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let latency = Latency { row: since(&rows), message: since(&read) };
    if latency.row.len() < sent.len() || latency.message.len() < sent.len() {
        let (rows, messages) = (latency.row.len(), latency.message.len());
        return Err(
            format!("of {} windows, {rows} have rows and {messages} messages", sent.len()).into()
        );
    }
    Ok(latency)
}

/// Sends at an even pace. Returns when the trade that closes each window was handed over.
async fn send(stage: &Stage) -> Result<Times, Box<dyn Error>> {
    let mut producer = stage.producer()?;
    let mut tape = Tape::golden_every(STEP_NS);
    let (mut record, mut sent) = (Vec::new(), Times::new());
    let mut open: BTreeMap<String, (i64, usize)> = BTreeMap::new();
    let mut slices = tokio::time::interval(Duration::from_secs(1) / SLICES_PER_SECOND);
    let began = clock::monotonic();
    while clock::monotonic().duration_since(began) < RUN {
        slices.tick().await;
        for _ in 0..TICKS_PER_SECOND / SLICES_PER_SECOND {
            record.clear();
            let next = tape.next(&mut record)?;
            let minute = next.event_ns.div_euclid(1_000_000).div_euclid(MINUTE_MS) * MINUTE_MS;
            let (symbol, kind) = (next.key.to_owned(), next.kind);
            producer.send(symbol.as_bytes(), &record).await?;
            let (last, windows) = open.entry(symbol.clone()).or_insert((minute, 0));
            if kind == Kind::Tick && minute > *last {
                *windows += 1;
                if *windows > WARM_UP {
                    sent.insert((symbol, *last), clock::now_ns());
                }
                *last = minute;
            }
        }
    }
    producer.flush().await?;
    Ok(sent)
}

/// When the message of each closed window was first read.
async fn read(url: &str, stream: &str) -> Result<Times, Box<dyn Error>> {
    let client = redis::Client::open(url)?;
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let options = StreamReadOptions::default().block(READ_WAIT_MS);
    let (mut times, mut from, mut heard) = (Times::new(), "0".to_owned(), clock::monotonic());
    loop {
        let (keys, ids) = ([stream], [&from]);
        let page = connection.xread_options(&keys, &ids, &options);
        let page: Option<StreamReadReply> = timeout(RUN, page).await??;
        let now_ns = clock::now_ns();
        let entries = page.into_iter().flat_map(|page| page.keys).flat_map(|key| key.ids);
        let mut any = false;
        for entry in entries {
            any = true;
            let json: String = entry.get("json").ok_or("an entry without json")?;
            if let Publication::Candle { candle, .. } = serde_json::from_str(&json)?
                && candle.interval == Interval::M1
            {
                let window = (candle.symbol.to_string(), candle.open_time_ms);
                times.entry(window).or_insert(now_ns);
            }
            from = entry.id;
        }
        let now = clock::monotonic();
        if any {
            heard = now;
        } else if !times.is_empty() && now.duration_since(heard) > SILENCE {
            return Ok(times);
        }
    }
}

/// When the row of each window was committed.
fn rows(stage: &Stage) -> Result<Times, Box<dyn Error>> {
    let sql = "SELECT s.symbol, (extract(epoch FROM c.open_time) * 1000)::int8, \
               (extract(epoch FROM pg_xact_commit_timestamp(c.xmin)) * 1000000)::int8 \
               FROM candle c JOIN series s ON s.series_id = c.series_id WHERE c.interval = '1m'";
    let mut times = Times::new();
    for line in stage.psql(sql).lines() {
        let mut fields = line.split('|');
        let mut field = || fields.next().ok_or("a row lacks a field");
        let symbol = field()?.to_owned();
        let (open_ms, micros): (i64, i64) = (field()?.parse()?, field()?.parse()?);
        times.insert((symbol, open_ms), micros * 1_000);
    }
    Ok(times)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds with three digits")]
fn millis(nanos: i64) -> f64 {
    nanos as f64 / 1e6
}

/// The value that so many of a hundred do not exceed.
fn percentile(ordered: &[f64], percent: usize) -> f64 {
    let index = (ordered.len() * percent).div_ceil(100).saturating_sub(1);
    ordered.get(index).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Latency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |all: &[f64]| {
            let (p50, p99) = (percentile(all, 50), percentile(all, 99));
            format!("p50 {p50:.1} ms, p99 {p99:.1} ms, at most {:.1} ms", percentile(all, 100))
        };
        writeln!(
            formatter,
            "live: {} windows closed in {} s of {TICKS_PER_SECOND} ticks a second; since the closing \
             trade was handed to the producer's client:",
            self.row.len(),
            RUN.as_secs()
        )?;
        writeln!(formatter, "  row committed         {}", shown(&self.row))?;
        write!(formatter, "  Redis message read    {}", shown(&self.message))
    }
}
