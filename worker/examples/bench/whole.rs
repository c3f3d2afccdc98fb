use std::error::Error;
use std::fmt;
use std::time::Duration;

use market::tick::{Record, decode};
use runtime::clock;
use worker::topic::Consumer;
use worker::window::{Engine, LogPosition, Outcome};

use crate::broker::{PARTITIONS, Remote};
use crate::usage::float;
use crate::{parts, tape, usage};

/// How long a poll waits for a record, as the aggregator's does.
const POLL_WAIT: Duration = Duration::from_millis(5);
/// Without a record for this long, ticks were lost.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What the whole path costs.
pub(crate) struct Whole {
    micros_per_tick: f64,
    ticks_per_second: f64,
    folded: Folded,
    resident_mb: f64,
    resident_peak_mb: f64,
}

/// What became of the records.
#[derive(Default)]
struct Folded {
    ticks: u64,
    marks: u64,
    batches: u64,
    candles: usize,
}

/// Reads and folds so many ticks. Nothing is left out: connecting and the first batches count.
pub(crate) fn measure(ticks: u64) -> Result<Whole, Box<dyn Error>> {
    let mut remote = Remote::start(ticks)?;
    let pid = std::process::id();
    let mut engine = Engine::new(parts::settings(), tape::series(PARTITIONS)?);
    let (began, cpu_before) = (clock::monotonic(), usage::cpu_micros(pid)?);
    let offsets: Vec<_> = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
    let mut consumer = Consumer::open(&remote.consumer_settings(), &offsets, None)?;
    let folded = fold(ticks, &mut consumer, &mut engine, &mut remote)?;
    let cpu_micros = usage::cpu_micros(pid)? - cpu_before;
    let seconds = clock::monotonic().duration_since(began).as_secs_f64();
    let (resident_mb, resident_peak_mb) =
        (usage::memory_mb(pid, "VmRSS:")?, usage::memory_mb(pid, "VmHWM:")?);
    if !consumer.poll(Duration::from_millis(100)).is_empty() {
        return Err("there are more records than were sent".into());
    }
    drop(consumer);
    let (ticks_sent, marks_sent) = remote.finish()?;
    if (folded.ticks, folded.marks) != (ticks_sent, marks_sent) {
        let (ticks, marks) = (folded.ticks, folded.marks);
        return Err(format!(
            "{ticks_sent} ticks and {marks_sent} marks were sent, {ticks} and {marks} folded"
        )
        .into());
    }
    Ok(Whole {
        micros_per_tick: float(cpu_micros) / float(ticks),
        ticks_per_second: float(ticks) / seconds,
        folded,
        resident_mb,
        resident_peak_mb,
    })
}

/// The aggregator's loop, without a store.
fn fold(
    ticks: u64,
    consumer: &mut Consumer,
    engine: &mut Engine,
    remote: &mut Remote,
) -> Result<Folded, Box<dyn Error>> {
    let mut folded = Folded::default();
    let mut commit_at = tape::TICKS_PER_SECOND;
    let mut last_record = clock::monotonic();
    while folded.ticks < ticks {
        let batch = consumer.poll(POLL_WAIT);
        for record in batch.records() {
            let record = record?;
            let at = LogPosition {
                partition: record.partition,
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
            };
            let outcome = match &decode(record.value) {
                Ok(decoded) => {
                    match decoded {
                        Record::Tick(_) => folded.ticks += 1,
                        Record::Mark(_) => folded.marks += 1,
                    }
                    engine.apply(at, decoded)
                }
                Err(bad) => engine.reject(at, bad),
            };
            if outcome != Outcome::Folded {
                return Err(format!("the record at {at:?} became {outcome:?}").into());
            }
            remote.count(&record);
        }
        let records = batch.len();
        drop(batch);
        folded.batches += u64::from(records > 0);
        remote.report(records == 0)?;
        if records > 0 {
            last_record = clock::monotonic();
        } else if clock::monotonic().duration_since(last_record) > SILENCE_MAX {
            return Err(format!("no record came after {} ticks", folded.ticks).into());
        }
        if folded.ticks >= commit_at {
            commit_at += tape::TICKS_PER_SECOND;
            folded.candles += engine.take_effects().candles.len();
        }
    }
    Ok(folded)
}

impl fmt::Display for Whole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.micros_per_tick;
        writeln!(
            formatter,
            "whole path {micros:.3} µs per tick: user and system time of all threads, from \
             Kafka's fetch to folded windows"
        )?;
        let Folded { ticks, marks, batches, candles } = self.folded;
        let per_batch = float(ticks + marks) / float(batches);
        let rate = self.ticks_per_second / 1e6;
        writeln!(
            formatter,
            "           {ticks} ticks and {marks} marks sent and folded to {candles} candles, \
             {per_batch:.0} records a batch, {rate:.2} M a second, as fast as the producer sends"
        )?;
        let (resident_mb, peak_mb) = (self.resident_mb, self.resident_peak_mb);
        write!(formatter, "memory     {resident_mb:.0} MB resident, at most {peak_mb:.0} MB")
    }
}
