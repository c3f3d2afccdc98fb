//! The whole path, as a person runs it: file → topic → window → store → `candles --format csv`.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

/// Every bad input is one clear sentence and the right exit code.
#[path = "run/bad_input.rs"]
mod bad_input;
/// The dashboard in a real browser.
#[path = "run/browser.rs"]
mod browser;
/// Running the binary, and reading what it says.
#[path = "run/harness.rs"]
mod harness;
/// A killed run ends with the same candles.
#[path = "run/kill.rs"]
mod kill;
/// Our candles are the exchanges' own.
#[path = "run/real_data.rs"]
mod real_data;
/// Starting, stopping, going on.
#[path = "run/stop.rs"]
mod stop;
/// What the file of a run holds besides candles.
#[path = "run/stored.rs"]
mod stored;
