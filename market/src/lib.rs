//! The words of crypto-pipeline, in flow order.
//!
//! Pure: no async, no I/O, no clock. Every other crate speaks in these types, and every
//! form in which data leaves one part for another is encoded and decoded here.

/// Alerts raised by ticks.
pub mod alert;
/// Candles, one per series, interval and open time.
pub mod candle;
/// What a series is known to hold in full, and what it is not.
pub mod coverage;
/// Exact decimals: prices and sizes at 1e-12, notional at 1e-18.
pub mod decimal;
/// The fifteen candle intervals and their boundaries.
pub mod interval;
/// The pipeline spec that a user writes.
pub mod pipeline;
/// What is published after a commit: candles, alerts and feed states.
pub mod publication;
/// What serde cannot say about a spec: contradictions, each with its path.
pub mod rules;
/// Symbols, sources and the series they make.
pub mod symbol;
/// Records on the ticks topic: trades, quotes and marks, both ways.
pub mod tick;
/// Topic names, keys and the partitioner.
pub mod topic;
