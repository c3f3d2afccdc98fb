//! Faults at random, chained by seed, at every venue, while the producer is killed now and then.
//!
//! `SEED` says the first seed, `SEEDS` how many at once, `MINUTES` for how long on the venues'
//! clock. A seed repeats the scripts and when they are played, though never to the microsecond.

use std::time::Duration;

use e2e::venue::{FakeVenue, Tape, VenueClock, VenueKind, VenueOptions, schedule_at_random};

use super::{
    BEFORE, Case, FACTOR, PER_SECOND, WELL_AFTER, WELL_BEFORE, await_time, check_while,
    instruments, member, nanos, producer, series,
};
use crate::chaos::given;
use crate::load::{below, dice};
use crate::stage::{Stage, Worker};

/// In `make test`.
const SEED: u64 = 1;
const MINUTES: u64 = 5;
/// How long a producer lives at least, and how many seconds more at most.
const LIFE: Duration = Duration::from_secs(60);
const LIFE_MORE_SECONDS: u64 = 300;
/// How many seconds there is none, at most.
const AWAY_SECONDS: u64 = 30;

/// A venue that misbehaves at random.
fn case(kind: VenueKind, seed: u64, lasts: Duration, clock: VenueClock) -> Case {
    let begin_ns = clock.now_ns();
    let until_ns = begin_ns + nanos(WELL_BEFORE + lasts + WELL_AFTER);
    let tape =
        Tape::generated(seed, &instruments(kind), begin_ns - nanos(BEFORE), until_ns, PER_SECOND);
    let schedule = schedule_at_random(kind, seed, lasts).into_iter();
    let schedule = schedule.map(|(at, script)| (WELL_BEFORE + at, script)).collect();
    let venue =
        FakeVenue::start(VenueOptions { venue: kind, clock, tape, schedule, seed, key: None });
    let source = format!("seed-{seed}");
    Case {
        kind,
        source,
        script: None,
        seed: Some(seed),
        venue,
        until_ns,
        series: series(kind),
        begins: None,
    }
}

/// Kills the producer, and starts another, until all has to be well.
fn kill_at_random(
    (stage, cases): (&Stage, &[Case]),
    clock: VenueClock,
    mut alive: Worker,
    last_ns: i64,
    seed: u64,
) -> Worker {
    let mut dice = dice(seed);
    let mut some = |most| Duration::from_secs(below(&mut dice, most));
    loop {
        let end_ns = clock.now_ns() + nanos(LIFE + some(LIFE_MORE_SECONDS));
        let again_ns = end_ns + nanos(some(AWAY_SECONDS));
        if again_ns + nanos(WELL_AFTER) > last_ns {
            await_time(clock, last_ns);
            return alive;
        }
        await_time(clock, end_ns);
        alive.kill();
        cases.iter().for_each(|case| case.venue.forget_client());
        await_time(clock, again_ns);
        alive = producer(stage, clock);
    }
}

fn play(kind: VenueKind, seeds: std::ops::Range<u64>, lasts: Duration, clock: VenueClock) {
    let name = format!("random-{}", member(kind).to_lowercase());
    let first = seeds.start;
    let cases: Vec<Case> = seeds.map(|seed| case(kind, seed, lasts, clock)).collect();
    check_while(&name, &cases, clock, |stage, producer, last_ns| {
        kill_at_random((stage, &cases), clock, producer, last_ns, first)
    });
}

#[test]
fn faults_at_random_and_killed_producers_lose_double_and_change_nothing() {
    let first = given("SEED").unwrap_or(SEED);
    let seeds = first..first + given("SEEDS").unwrap_or(1);
    let lasts = Duration::from_secs(60 * given("MINUTES").unwrap_or(MINUTES));
    let clock = VenueClock::starting_now(FACTOR);
    let kinds = [VenueKind::Binance, VenueKind::Coinbase, VenueKind::Kraken, VenueKind::CoinGecko];
    std::thread::scope(|scope| {
        for kind in kinds {
            let seeds = seeds.clone();
            scope.spawn(move || play(kind, seeds, lasts, clock));
        }
    });
}
