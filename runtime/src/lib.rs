//! The shell every binary shares. No domain word.

/// `/livez`, `/readyz`, `/metrics` and `/status` on a port of their own.
pub mod admin;
/// Whether a certificate is why there is no connection.
pub mod certificate;
/// The one place that reads the clock.
pub mod clock;
/// What a process ends with.
pub mod exit;
/// Ports: a taken one is a sentence, not a number.
pub mod listen;
/// From a signal to a cancelled token.
pub mod shutdown;
/// Logs: text or JSON, to a writer of the caller's choice.
pub mod telemetry;
/// Traces of the sampled share, to a collector.
pub mod traces;
