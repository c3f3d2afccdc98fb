use std::error::Error;
use std::fmt;
use std::time::Duration;

use e2e::wait;
use runtime::clock;
use tokio::runtime::Runtime;

use super::stage::{self, Stage};
use super::{LARGE_TICKS, SECOND_NS};
use crate::tape::Tape;
use crate::usage;

/// How long the live pace is held, and in what steps of a thousand ticks a second.
const LIVE: Duration = Duration::from_secs(30);
const LIVE_SLICE: Duration = Duration::from_millis(10);
const LIVE_SLICE_TICKS: u32 = 10;

/// What it took to fold a topic into PostgreSQL and Redis.
pub(super) struct Backlog {
    name: &'static str,
    ticks: u64,
    tape_seconds: f64,
    seconds: f64,
    cpu_seconds: f64,
    resident_mb: f64,
    resident_peak_mb: f64,
    /// What is resident at live pace, where it was measured.
    live_mb: Option<f64>,
    candles: String,
    commits: String,
    states: String,
}

/// The golden ticks.
pub(super) fn golden(
    runtime: &Runtime,
    stage: &Stage,
    ticks: u64,
) -> Result<Backlog, Box<dyn Error>> {
    measure(runtime, stage, "golden", (&mut Tape::new(), ticks))
}

/// An hour of many series, and then a while of them at live pace by a new process.
pub(super) fn large(runtime: &Runtime, stage: &Stage) -> Result<Backlog, Box<dyn Error>> {
    let mut tape = Tape::of_series(stage::large_series(), SECOND_NS);
    let backlog = measure(runtime, stage, "1,000 series", (&mut tape, LARGE_TICKS))?;
    let aggregator = stage.aggregator()?;
    runtime.block_on(pace(stage, &mut tape))?;
    let live_mb = usage::memory_mb(aggregator.pid(), "VmRSS:")?;
    Ok(Backlog { live_mb: Some(live_mb), ..backlog })
}

/// Sends one tick a second of each of many series.
async fn pace(stage: &Stage, tape: &mut Tape) -> Result<(), Box<dyn Error>> {
    let mut producer = stage.producer()?;
    let mut record = Vec::new();
    let mut slices = tokio::time::interval(LIVE_SLICE);
    let began = clock::monotonic();
    while clock::monotonic().duration_since(began) < LIVE {
        slices.tick().await;
        for _ in 0..LIVE_SLICE_TICKS {
            record.clear();
            let key = tape.next(&mut record)?.key.to_owned();
            producer.send(key.as_bytes(), &record).await?;
        }
    }
    producer.flush().await?;
    Ok(())
}

fn measure(
    runtime: &Runtime,
    stage: &Stage,
    name: &'static str,
    (tape, ticks): (&mut Tape, u64),
) -> Result<Backlog, Box<dyn Error>> {
    let records = stage.fill(runtime, tape, ticks)?;
    stage.migrate(runtime)?;
    let (of, seconds) = {
        let aggregator = stage.aggregator()?;
        let ((), took) = wait::timed(|| stage.until_folded(records));
        let pid = aggregator.pid();
        let used = (
            usage::cpu_micros(pid)?,
            usage::memory_mb(pid, "VmRSS:")?,
            usage::memory_mb(pid, "VmHWM:")?,
        );
        (used, took.as_secs_f64())
    };
    let (cpu_micros, resident_mb, resident_peak_mb) = of;
    let gaps = stage.psql("SELECT count(*) FROM gap");
    if gaps != "0" {
        return Err(format!("{gaps} gaps: the tape was not folded as a whole").into());
    }
    Ok(Backlog {
        name,
        ticks,
        tape_seconds: tape.seconds(),
        seconds,
        cpu_seconds: usage::float(cpu_micros) / 1e6,
        resident_mb,
        resident_peak_mb,
        live_mb: None,
        candles: stage.psql("SELECT count(*) FROM candle"),
        commits: stage.psql("SELECT sum(commit_seq) || ' in ' || max(commit_seq) FROM partition"),
        states: stage.psql("SELECT round(avg(length(state))) || ' bytes, at most ' || max(length(state)) FROM series_state"),
    })
}

impl fmt::Display for Backlog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, ticks, seconds, tape_seconds, candles, commits, states, .. } = self;
        let ticks_float = usage::float(*ticks);
        let micros = self.cpu_seconds * 1e6 / ticks_float;
        writeln!(
            formatter,
            "{name}: {micros:.3} µs per tick from Kafka to PostgreSQL and Redis, five intervals; \
             {:.2} M ticks a second of a core",
            1.0 / micros
        )?;
        writeln!(
            formatter,
            "  {ticks} ticks of {:.1} min in {seconds:.1} s from the start of the process \
             ({:.2} M a second): {candles} candles; commits of partitions, and of the busiest: {commits}",
            tape_seconds / 60.0,
            ticks_float / seconds / 1e6,
        )?;
        let (resident, peak) = (self.resident_mb, self.resident_peak_mb);
        write!(formatter, "  {resident:.0} MB resident, at most {peak:.0}; a state has {states}")?;
        match self.live_mb {
            Some(live) => {
                write!(
                    formatter,
                    "\n  {live:.0} MB resident at live pace, {} s after a restart",
                    LIVE.as_secs()
                )
            }
            None => Ok(()),
        }
    }
}
