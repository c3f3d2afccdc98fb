//! Kill anything, at any moment: no candle, alert or dead letter is lost, doubled or wrong.
//!
//! A run is a series of rounds, each of its own seed, on the same servers. `KILLS` says how many
//! disturbances there are in all, `SEED` the first round's seed, `BROKERS` (1 or 3) and `RATE`
//! (ticks a second) what they happen to. The seed of a round that failed repeats what was done
//! in it, though never to the microsecond.

use std::time::Duration;

use e2e::servers::{Brokers, Durability, Kafka, KafkaOptions, Postgres, PostgresKind, Redis};
use runtime::clock;

use crate::stage::Backend;

/// What is done to whom.
mod disturbance;
/// One pipeline under load, and everything that can be disturbed of it.
mod scene;

use scene::{Scene, SceneOptions};

/// How often something is done, in `make test`.
const KILLS: u64 = 30;
/// Disturbances of one round.
const ROUND_KILLS: u64 = 50;
/// Up to so many are made at a quick pace.
const QUICK_KILLS_MAX: u64 = 30;
/// Ticks a second of the load beside the product's own producer.
const RATE: u64 = 3_000;
/// With one broker that has the machine for itself.
const RATE_OF_ONE: u64 = 20_000;

/// How quickly one disturbance follows another, and how long it lasts.
#[derive(Clone, Copy)]
struct Pace {
    /// Between two, at most.
    calm_max: Duration,
    /// One of so many stops and cuts is longer than a session …
    long_one_in: u64,
    /// … and lasts so long at most.
    long_max: Duration,
}

/// In `make test`.
const QUICK: Pace = Pace {
    calm_max: Duration::from_millis(1_000),
    long_one_in: 8,
    long_max: Duration::from_secs(8),
};
/// In a run of many rounds.
const THOROUGH: Pace = Pace {
    calm_max: Duration::from_millis(2_000),
    long_one_in: 5,
    long_max: Duration::from_secs(30),
};

/// A number of the environment.
pub(crate) fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Brokers that do not take each other for dead on a machine that has other work.
fn patient() -> Vec<(String, String)> {
    let settings = [
        ("broker.heartbeat.interval.ms", "500"),
        ("broker.session.timeout.ms", "4000"),
        ("controller.quorum.election.timeout.ms", "2000"),
        ("controller.quorum.fetch.timeout.ms", "4000"),
        ("replica.lag.time.max.ms", "4000"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A server for the whole process; its tests end it and start it again.
fn kept<T>(server: T) -> &'static T {
    Box::leak(Box::new(server))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_stopped_and_cut_off_parts_lose_double_and_change_nothing() {
    let kills = given("KILLS").unwrap_or(KILLS);
    let first_seed = given("SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let (brokers, rate) = match given("BROKERS") {
        None => (Brokers::One, RATE),
        Some(1) => (Brokers::One, RATE_OF_ONE),
        Some(_) => (Brokers::Three, RATE),
    };
    let quick = KafkaOptions::default();
    let backend = Backend {
        kafka: kept(Kafka::private(&KafkaOptions { brokers, properties: patient(), ..quick })),
        postgres: kept(Postgres::private(PostgresKind::Plain, Durability::Relaxed)),
        redis: kept(Redis::private()),
    };
    let rounds = kills.div_ceil(ROUND_KILLS);
    for (round, seed) in (0..rounds).zip(first_seed..) {
        let options = SceneOptions {
            brokers,
            per_second: given("RATE").unwrap_or(rate),
            seed,
            kills: (kills - round * ROUND_KILLS).min(ROUND_KILLS),
            pace: if kills <= QUICK_KILLS_MAX { QUICK } else { THOROUGH },
        };
        println!("round {} of {rounds}: SEED={seed} KILLS={}", round + 1, options.kills);
        let begin = clock::monotonic();
        let told = Scene::new(backend, options).await.play().await;
        let seconds = clock::monotonic().duration_since(begin).as_secs();
        println!("round {} of {rounds}: {told}, {seconds} s in all", round + 1);
    }
}
