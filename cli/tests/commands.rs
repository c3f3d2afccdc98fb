//! The commands that look: what they print, what they refuse, and their exit codes.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

/// Asking about a pipeline that runs.
#[path = "commands/live.rs"]
mod live;
/// Our candles against the exchange's own.
#[path = "commands/prove.rs"]
mod prove;
/// Reading what a run has stored.
#[path = "commands/stored.rs"]
mod stored;
/// A small archive, and what a command answers.
#[path = "commands/world.rs"]
mod world;

/// Running the binary, and reading what it says.
#[expect(dead_code, reason = "shared with the tests of `run`, which use the rest")]
#[path = "run/harness.rs"]
mod harness;
