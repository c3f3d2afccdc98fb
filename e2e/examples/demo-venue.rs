//! Four venues of this machine, with a live market each, for `crypto-pipeline run` to connect to.
//!
//! ```text
//! cargo run -p e2e --example demo-venue -- --ports 7101 --scripts random
//! ```
//!
//! It prints a pipeline with their addresses, then what the venues do and what clients do wrong,
//! until it is stopped. With a factor the venues' time runs faster than the machine's, which only
//! clients understand that were told so.

#![expect(clippy::print_stdout, reason = "it is read by a person")]

use std::{process::ExitCode, thread::sleep, time::Duration};

use e2e::venue::{FakeVenue, Tape, VenueClock, VenueKind, VenueOptions, schedule_at_random};

const USAGE: &str = "demo-venue [--ports FIRST] [--factor N] [--seed N] [--hours N] \
                     [--per-second N] [--scripts random]";
const HOUR: Duration = Duration::from_secs(3_600);
/// Before the start, for clients that ask what was missed.
const HISTORY_HOURS: u32 = 2;
const LOOK: Duration = Duration::from_millis(200);

/// The venues: of which kind, what the pipeline calls them, and what they trade.
const VENUES: [(VenueKind, &str, &str, [&str; 3]); 4] = [
    (VenueKind::Binance, "binance", "binance", ["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
    (VenueKind::Coinbase, "coinbase", "coinbase", ["BTC-USD", "ETH-USD", "SOL-USD"]),
    (VenueKind::Kraken, "kraken", "kraken", ["BTC/USD", "ETH/USD", "SOL/USD"]),
    (VenueKind::CoinGecko, "coingecko", "coinGecko", ["bitcoin", "ethereum", "solana"]),
];
const SYMBOLS: [&str; 3] = ["BTC", "ETH", "SOL"];

struct Options {
    /// Of the first venue; the others have the next ones. 0 is free ones.
    ports: u16,
    factor: f64,
    seed: u64,
    hours: u32,
    per_second: f64,
    has_scripts: bool,
}

fn main() -> ExitCode {
    let Some(options) = options(std::env::args().skip(1)) else {
        println!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let clock = VenueClock::starting_now(options.factor);
    let venues: Vec<(&str, FakeVenue)> = VENUES
        .iter()
        .zip(0..)
        .map(|(venue, index)| (venue.1, start(&options, clock, venue.0, &venue.3, index)))
        .collect();
    print_pipeline(&venues);
    let mut told = vec![(0, 0); venues.len()];
    loop {
        for ((name, venue), (played, breaches)) in venues.iter().zip(&mut told) {
            for (_, script) in venue.played().into_iter().skip(*played) {
                let (number, title, lasts) = (script.number(), script.title(), script.lasts());
                println!("# {name}: {number} {title}, {lasts:?}");
                *played += 1;
            }
            for breach in venue.breaches().into_iter().skip(*breaches) {
                println!("# {name}: a client was wrong: {breach}");
                *breaches += 1;
            }
        }
        sleep(LOOK);
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Option<Options> {
    let mut options =
        Options { ports: 0, factor: 1.0, seed: 1, hours: 12, per_second: 5.0, has_scripts: false };
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--ports" => options.ports = value.parse().ok()?,
            "--factor" => options.factor = value.parse().ok()?,
            "--seed" => options.seed = value.parse().ok()?,
            "--hours" => options.hours = value.parse().ok()?,
            "--per-second" => options.per_second = value.parse().ok()?,
            "--scripts" => options.has_scripts = value == "random",
            _ => return None,
        }
    }
    (options.factor > 0.0 && options.per_second > 0.0).then_some(options)
}

fn start(
    options: &Options,
    clock: VenueClock,
    venue: VenueKind,
    instruments: &[&str],
    index: u16,
) -> FakeVenue {
    let span_ns = |hours: u32| i64::try_from((HOUR * hours).as_nanos()).unwrap_or(i64::MAX);
    let from_ns = clock.shown_ns - span_ns(HISTORY_HOURS);
    let to_ns = clock.shown_ns.saturating_add(span_ns(options.hours));
    let seed = options.seed + u64::from(index);
    let tape = Tape::generated(seed, instruments, from_ns, to_ns, options.per_second);
    let duration = HOUR * options.hours;
    let schedule =
        if options.has_scripts { schedule_at_random(venue, seed, duration) } else { Vec::new() };
    let port = if options.ports == 0 { 0 } else { options.ports + index };
    FakeVenue::start_on(port, VenueOptions { venue, clock, tape, schedule, seed, key: None })
}

fn print_pipeline(venues: &[(&str, FakeVenue)]) {
    println!("apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline");
    println!("metadata: {{name: demo-venues}}\nspec:\n  sources:");
    for ((kind, name, member, instruments), (_, venue)) in VENUES.iter().zip(venues) {
        let socket = match kind {
            VenueKind::CoinGecko => String::new(),
            VenueKind::Binance | VenueKind::Coinbase | VenueKind::Kraken => {
                format!("socket: \"{}\", ", venue.socket_url())
            }
        };
        println!("    - name: {name}\n      {member}:");
        println!("        endpoints: {{{socket}rest: \"{}\"}}", venue.rest_url());
        println!("        symbols:");
        for (symbol, instrument) in SYMBOLS.iter().zip(instruments) {
            println!("          - {{symbol: {symbol}, instrument: {instrument}}}");
        }
    }
}
