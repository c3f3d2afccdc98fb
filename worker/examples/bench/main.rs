//! What one tick costs: CPU of decoding, of folding, and of the whole path from Kafka's fetch to
//! folded windows; and the memory of the process that does it.
//!
//! `cargo run --release -p worker --example bench [-- --ticks N]`, or `-- decode`, `-- window` for
//! one part alone, under a profiler, and `-- servers` for a worker on real servers.
//!
//! Broker and producer run in a second process, so that the first holds only what a worker does.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measurement, run by hand")]

use std::error::Error;
use std::process::ExitCode;

/// The second process: broker and producer.
mod broker;
/// Decoding and folding alone, in memory.
mod parts;
/// A worker on real servers.
mod servers;
/// The golden ticks.
mod tape;
/// CPU and memory of this process, as the kernel counts them.
mod usage;
/// From Kafka's fetch to folded windows.
mod whole;

const TICKS_DEFAULT: u64 = 5_000_000;
const USAGE: &str = "use: bench [--ticks N] | bench decode | bench window | bench servers [golden|live|large|burst]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), Box<dyn Error>> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => measure(TICKS_DEFAULT),
        ["--ticks", ticks] => measure(ticks.parse().map_err(|_| USAGE)?),
        ["decode"] => parts::decode().map(|decode| println!("{decode}")),
        ["window"] => parts::window().map(|window| println!("{window}")),
        ["servers", ref parts @ ..] => servers::measure(parts),
        ["broker", ticks] => broker::serve(ticks.parse().map_err(|_| USAGE)?),
        _ => Err(USAGE.into()),
    }
}

fn measure(ticks: u64) -> Result<(), Box<dyn Error>> {
    println!("{ticks} golden ticks of {}", tape::DESCRIPTION);
    // First, while this process holds nothing else.
    let whole = whole::measure(ticks)?;
    println!("{}", parts::decode()?);
    println!("{}", parts::window()?);
    println!("{whole}");
    Ok(())
}
