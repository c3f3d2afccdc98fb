//! Servers of a test process, started when first asked for and ended with it, however it ends.
//!
//! `kafka`, `postgres`, `timescale` and `redis` are shared by all tests of a process; a test
//! that kills or configures one takes a private one. `KAFKA_BOOTSTRAP_SERVERS`, `DATABASE_URL`,
//! `TIMESCALE_URL` and `REDIS_URL` put servers of a person's own in the place of the shared ones.

/// Certificates that the servers show.
mod certificates;
/// A process and what descends from it.
mod family;
/// Finding and fetching what is to be started, by `scripts/servers`.
mod fetch;
/// What ends servers and removes their folders when the test process is gone.
mod guard;
/// One Kafka broker or three.
mod kafka;
/// Logs, shown when a test fails.
mod logs;
/// Free ports that stay ours.
mod port;
/// PostgreSQL, plain or with TimescaleDB.
mod postgres;
/// A server's process, and what a test may do to it.
mod process;
/// A network that cuts, stalls, delays and throttles.
mod proxy;
/// Redis.
mod redis;

use std::{
    env,
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use process::NotReady;

pub use certificates::Certificates;
pub use kafka::{Brokers, Kafka, KafkaOptions, Security};
pub use postgres::{Durability, Postgres, PostgresKind};
pub use process::Server;
pub use proxy::{Proxy, Traffic, Way};
pub use redis::Redis;

/// Who may log in where a server asks: Kafka's secure listener, Redis by [`Redis::tls_url`].
pub const USER: &str = "e2e";
/// The password of [`USER`].
pub const PASSWORD: &str = "e2e-Secret-1";

const START_TRIES_MAX: usize = 3;

/// The Kafka that the tests of this process share: one broker.
pub fn kafka() -> &'static Kafka {
    static SHARED: LazyLock<Kafka> = LazyLock::new(|| match given("KAFKA_BOOTSTRAP_SERVERS") {
        Some(bootstrap) => Kafka::given(bootstrap),
        None => Kafka::private(&KafkaOptions::default()),
    });
    &SHARED
}

/// The plain PostgreSQL that the tests of this process share, [`Durability::Relaxed`].
pub fn postgres() -> &'static Postgres {
    static SHARED: LazyLock<Postgres> = LazyLock::new(|| match given("DATABASE_URL") {
        Some(url) => Postgres::given(PostgresKind::Plain, &url),
        None => Postgres::private(PostgresKind::Plain, Durability::Relaxed),
    });
    &SHARED
}

/// The PostgreSQL with TimescaleDB that the tests of this process share.
pub fn timescale() -> &'static Postgres {
    static SHARED: LazyLock<Postgres> = LazyLock::new(|| match given("TIMESCALE_URL") {
        Some(url) => Postgres::given(PostgresKind::Timescale, &url),
        None => Postgres::private(PostgresKind::Timescale, Durability::Relaxed),
    });
    &SHARED
}

/// The Redis that the tests of this process share.
pub fn redis() -> &'static Redis {
    static SHARED: LazyLock<Redis> = LazyLock::new(|| match given("REDIS_URL") {
        Some(url) => Redis::given(url),
        None => Redis::private(),
    });
    &SHARED
}

/// The certificates that all servers of this process show to clients that speak TLS.
pub fn certificates() -> &'static Certificates {
    static SHARED: LazyLock<Certificates> = LazyLock::new(Certificates::new);
    &SHARED
}

/// A prefix that no other test has, now or earlier: `t1a2b3c-` and the name.
pub fn prefix(name: &str) -> String {
    format!("t{:06x}-{name}", random() & 0xff_ffff)
}

/// As good as random: the seed of each of Rust's hash maps.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn given(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// Tries again, on other ports, when another process took one between our look and the server's.
fn retried<T>(name: &str, mut start: impl FnMut() -> Result<T, NotReady>) -> T {
    for _ in 1..START_TRIES_MAX {
        match start() {
            Err(error) if error.is_port_taken() => {}
            Err(error) => panic!("{name} {error}"),
            Ok(server) => return server,
        }
    }
    start().unwrap_or_else(|error| panic!("{name} {error}"))
}
