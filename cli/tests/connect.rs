//! `run --connect`, the commands that look, and `make up`, on real Kafka, PostgreSQL and Redis.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

/// The same process on real servers, and beside itself.
#[path = "connect/runs.rs"]
mod runs;
/// The servers and processes of `make up`.
#[path = "connect/up.rs"]
mod up;

/// Running the binary, and reading what it says.
#[expect(dead_code, reason = "shared with the tests of `run`, which use the rest")]
#[path = "run/harness.rs"]
mod harness;
