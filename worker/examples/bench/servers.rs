//! What a tick costs on real servers, and how soon a candle is seen.
//!
//! Kafka, PostgreSQL (which waits for its disk) and Redis of our own; `worker aggregate`, or
//! `worker produce`, of the same build as a process of its own, whose CPU and memory the kernel
//! tells.

use std::error::Error;

/// A backlog of five intervals, as fast as it is folded.
mod backlog;
/// From a venue's socket to the acknowledged record.
mod burst;
/// From the trade that closes a window to its row and its message.
mod latency;
/// Servers, a pipeline on them, and its aggregator.
mod stage;

use stage::Stage;

/// Ticks of the 10 golden symbols.
const GOLDEN_TICKS: u64 = 5_000_000;
/// Symbols of the large pipeline, in as many sources as a spec needs for them.
const LARGE_SERIES: usize = 1_000;
const SYMBOLS_PER_SOURCE: usize = 250;
/// One tick a second of each series, for an hour.
const LARGE_TICKS: u64 = 3_600 * 1_000;
const SECOND_NS: i64 = 1_000_000_000;

/// Measures these parts, or all, and prints them as a table.
pub(crate) fn measure(parts: &[&str]) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let servers = stage::servers();
    println!("{}, Kafka, PostgreSQL and Redis on the same machine", stage::machine()?);
    for part in if parts.is_empty() { &["golden", "live", "large", "burst"] } else { parts } {
        match *part {
            "golden" => {
                let stage = Stage::new(servers, part, &stage::golden_sources())?;
                println!("{}", backlog::golden(&runtime, &stage, GOLDEN_TICKS)?);
            }
            "live" => {
                let stage = Stage::new(servers, part, &stage::golden_sources())?;
                println!("{}", latency::measure(&runtime, &stage)?);
            }
            "large" => {
                let stage = Stage::new(servers, part, &stage::large_sources())?;
                println!("{}", backlog::large(&runtime, &stage)?);
            }
            "burst" => println!("{}", burst::measure(servers)?),
            other => return Err(format!("\"{other}\" is not golden, live, large or burst").into()),
        }
    }
    Ok(())
}
