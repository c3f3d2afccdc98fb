//! Real servers for the tests of any crate, as a dev-dependency. It depends on none of ours.
//!
//! What it cannot do it says by a panic with one sentence, as an assertion would: its callers are tests.

/// Apache Kafka, PostgreSQL, TimescaleDB, Redis, and a proxy that is a bad network.
pub mod servers;
/// Waiting for a condition, with a limit.
pub mod wait;
