use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use market::interval::Interval;
use market::tick::{Record, decode as decode_record};
use runtime::clock;
use worker::window::{AlertSettings, Engine, LogPosition, Outcome, Settings};

use crate::tape::{self, Kind, TICKS_PER_SECOND, Tape};

const PASSES: usize = 8;
/// Ticks of one pass of decoding: 48 MB, more than a core's cache.
const DECODE_TICKS: u64 = 100_000;
/// Ticks of one pass of folding: 100 s of tape.
const WINDOW_TICKS: u64 = 100 * TICKS_PER_SECOND;
/// Ticks that are decoded before they are folded, as many as a batch has.
const BATCH_TICKS: u64 = 1_000;

/// As a pipeline without settings of its own has them, but with every interval shown.
pub(crate) fn settings() -> Settings {
    Settings {
        intervals: Interval::ALL.to_vec(),
        allowed_lateness_ns: 60_000_000_000,
        max_out_of_orderness_ns: 2_000_000_000,
        alerts: AlertSettings { price_change_percent: 5.0, z_score: 4.0, volume_burst: 5.0 },
    }
}

/// Encoded records, one after the other.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Records {
    /// The tape's next records up to so many ticks, in place of what is held.
    fn take(&mut self, tape: &mut Tape, ticks: u64) -> Result<(), Box<dyn Error>> {
        self.bytes.clear();
        self.ends.clear();
        let mut left = ticks;
        while left > 0 {
            let kind = tape.next(&mut self.bytes)?.kind;
            self.ends.push(self.bytes.len());
            left -= u64::from(kind == Kind::Tick);
        }
        Ok(())
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().map(move |end| &self.bytes[std::mem::replace(&mut from, *end)..*end])
    }
}

/// Bytes to records, in memory.
pub(crate) fn decode() -> Result<String, Box<dyn Error>> {
    let mut records = Records::default();
    records.take(&mut Tape::new(), DECODE_TICKS)?;
    let mut best = Duration::MAX;
    for _ in 0..PASSES {
        let began = clock::monotonic();
        for bytes in records.iter() {
            if let Err(bad) = black_box(&decode_record(bytes)) {
                return Err(bad.error.to_string().into());
            }
        }
        best = best.min(clock::monotonic().duration_since(began));
    }
    let length = records.bytes.len() / records.ends.len();
    let micros = micros_per_tick(best, DECODE_TICKS);
    Ok(format!("decode     {micros:.3} µs per tick of {length} bytes, best of {PASSES} passes"))
}

/// Records to windows of all intervals, and effects as a commit takes them.
pub(crate) fn window() -> Result<String, Box<dyn Error>> {
    let mut engine = Engine::new(settings(), tape::series(1)?);
    let (mut tape, mut records) = (Tape::new(), Records::default());
    let mut offset = 0;
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..PASSES {
        let (mut folding, mut taking) = (Duration::ZERO, Duration::ZERO);
        for batch in 1..=WINDOW_TICKS / BATCH_TICKS {
            records.take(&mut tape, BATCH_TICKS)?;
            let decoded: Result<Vec<Record<'_>>, _> = records.iter().map(decode_record).collect();
            let decoded = decoded.map_err(|bad| bad.error.to_string())?;
            let began = clock::monotonic();
            for record in &decoded {
                if engine.apply(LogPosition { partition: 0, offset, timestamp_ms: 0 }, record)
                    != Outcome::Folded
                {
                    return Err(format!("a tick was not folded: {record:?}").into());
                }
                offset += 1;
            }
            folding += clock::monotonic().duration_since(began);
            if batch % (TICKS_PER_SECOND / BATCH_TICKS) == 0 {
                let began = clock::monotonic();
                black_box(engine.take_effects());
                taking += clock::monotonic().duration_since(began);
            }
        }
        best = best.min((folding, taking));
    }
    let folding = micros_per_tick(best.0, WINDOW_TICKS);
    let taking = micros_per_tick(best.1, WINDOW_TICKS);
    Ok(format!(
        "window     {folding:.3} µs per tick, all intervals folded, and {taking:.3} for the \
         effects of each second of tape, best of {PASSES} passes"
    ))
}

fn micros_per_tick(time: Duration, ticks: u64) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(u32::try_from(ticks).unwrap_or(u32::MAX))
}
