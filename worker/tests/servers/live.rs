//! Live venues that misbehave, each in its own way: no trade is missing, and candles are the tape's.

use std::time::Duration;

use e2e::venue::{FakeVenue, Script, Tape, VenueClock, VenueKind, VenueOptions};
use e2e::wait;

use crate::stage::{Backend, Candles, Stage, Worker};

/// A thousand polls of quotes.
mod polls;
/// Quotes that came onto the topic against what the venue said.
mod quoted;
/// An hour of faults at random, and producers that are killed meanwhile.
mod random;
/// Real trades.
mod recorded;
/// What came onto the topic against what was on the tape.
mod told;

use told::Told;

/// How many times as fast as the wall the clock of venues and sources runs.
const FACTOR: f64 = 8.0;
/// Trades of each instrument in a second of that clock.
const PER_SECOND: f64 = 1.5;
/// What REST has before the start.
const BEFORE: Duration = Duration::from_secs(150);
/// For the producer's start, and some minutes in which all is well.
const WELL_BEFORE: Duration = Duration::from_secs(200);
/// From the end of a script on.
const WELL_AFTER: Duration = Duration::from_secs(150);
/// As `WELL_AFTER`, where the source rightly leaves the venue alone for a while.
const LEFT_ALONE: Duration = Duration::from_secs(700);
const DAY_NS: i64 = 86_400_000_000_000;
/// 2026-11-21, when the day is 25 minutes old.
const EARLY_NS: i64 = 1_795_219_200_000_000_000 + 25 * 60_000_000_000;
/// How long the producer may take to begin.
const BEGIN_WAIT: Duration = Duration::from_secs(60);
/// Sources that one pipeline may have.
const SOURCES_MAX: usize = 16;
/// How long the last trades may take to be on the topic.
const LAST_WAIT: Duration = Duration::from_secs(60);

/// One venue with one script.
struct Case {
    kind: VenueKind,
    source: String,
    script: Option<Script>,
    /// Of scripts at random, where it plays such.
    seed: Option<u64>,
    venue: FakeVenue,
    /// When the last of its tape has happened.
    until_ns: i64,
    /// Symbol and instrument of each series.
    series: Vec<(&'static str, &'static str)>,
    /// Where it has to begin, with id and time, if the day's trades so far are fetched.
    begins: Option<(u64, i64)>,
}

const fn instruments(kind: VenueKind) -> [&'static str; 2] {
    match kind {
        VenueKind::Binance => ["BTCUSDT", "ETHUSDT"],
        VenueKind::Coinbase => ["BTC-USD", "ETH-USD"],
        VenueKind::Kraken => ["BTC/USD", "ETH/USD"],
        VenueKind::CoinGecko => ["bitcoin", "ethereum"],
    }
}

fn series(kind: VenueKind) -> Vec<(&'static str, &'static str)> {
    ["BTC", "ETH"].into_iter().zip(instruments(kind)).collect()
}

const fn member(kind: VenueKind) -> &'static str {
    match kind {
        VenueKind::Binance => "binance",
        VenueKind::Coinbase => "coinbase",
        VenueKind::Kraken => "kraken",
        VenueKind::CoinGecko => "coinGecko",
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap()
}

impl Case {
    fn new(kind: VenueKind, index: usize, script: Option<Script>, clock: VenueClock) -> Self {
        let lasts = script.map_or(Duration::ZERO, Script::lasts);
        let begin_ns = clock.now_ns();
        let is_final = script.is_some_and(Script::may_be_final);
        let after = if is_final { LEFT_ALONE } else { WELL_AFTER };
        let until_ns = begin_ns + nanos(WELL_BEFORE + lasts + after);
        let seed = u64::try_from(index).unwrap() + 1;
        let from_ns = begin_ns - nanos(BEFORE);
        let tape = Tape::generated(seed, &instruments(kind), from_ns, until_ns, PER_SECOND);
        let options =
            VenueOptions { venue: kind, clock, tape, schedule: Vec::new(), seed, key: None };
        let venue = FakeVenue::start(options);
        let source = format!("s{index:02}");
        let series = series(kind);
        Self { kind, source, script, seed: None, venue, until_ns, series, begins: None }
    }

    /// A venue that has traded since before midnight, and whose day is wanted.
    fn of_today(kind: VenueKind, clock: VenueClock) -> Self {
        let begin_ns = clock.now_ns();
        let until_ns = begin_ns + nanos(WELL_BEFORE);
        let from_ns = begin_ns - begin_ns.rem_euclid(DAY_NS) - nanos(BEFORE);
        let tape = Tape::generated(3, &instruments(kind), from_ns, until_ns, PER_SECOND);
        let options =
            VenueOptions { venue: kind, clock, tape, schedule: Vec::new(), seed: 3, key: None };
        let midnight_ns = begin_ns - begin_ns.rem_euclid(DAY_NS);
        let first = |instrument: &str| {
            let trades = &options.tape.trades[instrument];
            trades.iter().rfind(|trade| trade.event_ns < midnight_ns).unwrap().id
        };
        let series = vec![series(kind)[0]];
        let begins = Some((first(series[0].1), midnight_ns));
        let venue = FakeVenue::start(options);
        let source = member(kind).to_lowercase();
        Self { kind, source, script: None, seed: None, venue, until_ns, series, begins }
    }

    /// Its entry in the spec.
    fn spec(&self, kind: VenueKind) -> String {
        let history = match self.begins.is_some() {
            true => "history: today, ",
            false if kind == VenueKind::CoinGecko => "",
            false => "history: none, ",
        };
        let socket = format!("socket: \"{}\", ", self.venue.socket_url());
        let socket = if kind == VenueKind::CoinGecko { String::new() } else { socket };
        let symbols = self.series.iter();
        let symbols: Vec<_> = symbols
            .map(|(symbol, instrument)| format!("{{symbol: {symbol}, instrument: {instrument}}}"))
            .collect();
        format!(
            "    - name: {}\n      {}: {{{history}endpoints: {{{socket}rest: \"{}\"}}, \
             symbols: [{}]}}\n",
            self.source,
            member(kind),
            self.venue.rest_url(),
            symbols.join(", ")
        )
    }

    fn title(&self) -> String {
        match (self.script, self.seed) {
            (Some(script), _) => format!("{:>2} {}", script.number(), script.title()),
            (None, Some(seed)) => {
                let scripts = self.venue.played().len();
                format!("   seed {seed}: {scripts} at random")
            }
            (None, None) => "   nothing".to_owned(),
        }
    }
}

/// Plays every script that applies to a venue, each at a venue of its own, all at once.
fn play(kind: VenueKind, scripts: Vec<Option<Script>>) {
    let clock = VenueClock::starting_now(FACTOR);
    std::thread::scope(|scope| {
        for (part, scripts) in scripts.chunks(SOURCES_MAX).enumerate() {
            let name = format!("live-{}-{part}", member(kind).to_lowercase());
            scope.spawn(move || play_part(kind, &name, scripts, clock));
        }
    });
}

fn play_part(kind: VenueKind, name: &str, scripts: &[Option<Script>], clock: VenueClock) {
    let cases = scripts.iter().enumerate();
    let cases = cases.map(|(index, script)| Case::new(kind, index, *script, clock));
    check(name, &cases.collect::<Vec<_>>(), clock);
}

/// Lets a producer read these venues until their tapes are over, and looks at what came of it.
fn check(name: &str, cases: &[Case], clock: VenueClock) -> Candles {
    check_while(name, cases, clock, |_, producer, last_ns| {
        await_time(clock, last_ns);
        producer
    })
}

/// As [`check`], with something that is done to the producer until a time on the venues' clock.
fn check_while(
    name: &str,
    cases: &[Case],
    clock: VenueClock,
    meanwhile: impl FnOnce(&Stage, Worker, i64) -> Worker,
) -> Candles {
    let sources: String = cases.iter().map(|case| case.spec(case.kind)).collect();
    let spec = format!("  sources:\n{sources}  candles: {{intervals: [1m, 5m]}}\n");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::of(Backend::shared(), name, &spec));
    let producer = producer(&stage, clock);
    let aggregator = stage.aggregator();
    let begun = wait::within(BEGIN_WAIT, || {
        let told = Told::read(&stage);
        cases.iter().all(|case| told.has_begun(case)).then_some(())
    });
    assert!(begun.is_some(), "not every series begins:\n{}", stage.log_end());
    for case in cases {
        case.script.into_iter().for_each(|script| case.venue.play(script));
    }
    let last_ns = cases.iter().map(|case| case.until_ns).max().unwrap();
    let producer = meanwhile(&stage, producer, last_ns);
    // What is missing then is told below.
    wait::within(LAST_WAIT, || {
        let told = Told::read(&stage);
        cases.iter().all(|case| told.has_last(case)).then_some(())
    });
    producer.stop();
    let stored = if cases.iter().any(|case| case.kind == VenueKind::CoinGecko) {
        // The oracle reads no quotes; their candles are compared below.
        stage.folded(&stage.expected().ends);
        stage.published();
        aggregator.stop();
        stage.stored()
    } else {
        stage.check_stored([aggregator]).0
    };
    assert_told(&stage, cases, &stored);
    stored
}

fn producer(stage: &Stage, clock: VenueClock) -> Worker {
    Worker::start_with(
        "produce",
        &stage.file(),
        &stage.addresses(),
        stage.log(),
        &[("SOURCE_CLOCK", clock.setting())],
    )
}

/// Waits until the venues' clock shows this.
fn await_time(clock: VenueClock, time_ns: i64) {
    let left = Duration::from_nanos(time_ns.saturating_sub(clock.now_ns()).max(0).unsigned_abs());
    let over =
        wait::within(clock.wall(left) + LAST_WAIT, || (clock.now_ns() > time_ns).then_some(()));
    assert!(over.is_some());
}

/// Prints the table, and panics with what is not as it has to be.
#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
fn assert_told(stage: &Stage, cases: &[Case], stored: &Candles) {
    let told = Told::read(stage);
    let mut failures = Vec::new();
    for case in cases {
        let failed = told.failures(case, stored);
        let result = failed.first().map_or("exact", |_| "FAILED");
        println!("{:<9} {:<55} {result}", member(case.kind), case.title());
        failures.extend(failed.into_iter().map(|failure| format!("{}: {failure}", case.title())));
    }
    let gaps = stage.psql("SELECT symbol, source, gap.* FROM gap JOIN series USING (series_id)");
    let shown = failures.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        failures.is_empty(),
        "{} failures:\n{shown}\n{gaps}\n{}",
        failures.len(),
        stage.log_end()
    );
}

/// Every script that applies, or those of them whose numbers `SCRIPTS` names.
fn all(kind: VenueKind) -> Vec<Option<Script>> {
    let named = std::env::var("SCRIPTS").ok().filter(|named| !named.is_empty());
    let named =
        named.map(|named| named.split(',').map(|n| n.parse().unwrap()).collect::<Vec<u8>>());
    let scripts = Script::every().filter(|script| script.applies_to(kind));
    let scripts = scripts.filter(|script| match &named {
        Some(named) => named.contains(&script.number()),
        None => Script::ALL.contains(script),
    });
    std::iter::once(None).chain(scripts.map(Some)).collect()
}

#[test]
fn the_day_so_far_is_fetched_with_the_last_trade_before_midnight() {
    let clock = VenueClock::starting_at(EARLY_NS, FACTOR);
    let kinds = [VenueKind::Binance, VenueKind::Coinbase, VenueKind::Kraken];
    let cases = kinds.map(|kind| Case::of_today(kind, clock));
    check("live-today", &cases, clock);
}

#[test]
fn binance_gives_every_trade_whatever_it_does() {
    play(VenueKind::Binance, all(VenueKind::Binance));
}

#[test]
fn coinbase_gives_every_trade_whatever_it_does() {
    play(VenueKind::Coinbase, all(VenueKind::Coinbase));
}

#[test]
fn coingecko_gives_no_quote_that_was_not_sent_whatever_it_does() {
    play(VenueKind::CoinGecko, all(VenueKind::CoinGecko));
}

#[test]
fn kraken_gives_every_trade_whatever_it_does() {
    play(VenueKind::Kraken, all(VenueKind::Kraken));
}
