//! Real servers for the tests of any crate, as a dev-dependency, and an oracle that says what has to
//! come out of them. Of ours it depends on the words only.
//!
//! What it cannot do it says by a panic with one sentence, as an assertion would: its callers are tests.

/// What a ticks topic has to give, by code of its own.
pub mod oracle;
/// Apache Kafka, PostgreSQL, TimescaleDB, Redis, and a proxy that is a bad network.
pub mod servers;
/// Venues that speak Binance's, Coinbase's, Kraken's and CoinGecko's languages, and misbehave.
pub mod venue;
/// Waiting for a condition, with a limit.
pub mod wait;
