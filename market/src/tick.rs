//! Records on the ticks topic: a tick (trade or quote), or a mark in which a source vouches.
//!
//! Records borrow from the bytes they were read from. [`Record::encode`] writes the canonical
//! JSON of schema 2, [`decode`] reads any JSON of schema 2 and the reference's ten-field form.

use std::borrow::Cow;

/// The canonical form, read without a JSON parser.
mod canonical;
/// Bytes to records.
pub mod decode;
/// Records to bytes.
mod encode;
/// Why bytes are not a record.
pub mod error;
/// Single values of a record.
mod field;
/// What a source says about its series.
pub mod mark;
/// One polled price.
pub mod quote;
/// One execution, or one aggregate of executions.
pub mod trade;

pub use decode::decode;
pub use error::{DecodeError, Reason, TradeIdentity, Undecodable};
pub use mark::{Ids, Mark, MarkKind, Start, UsdBasis};
pub use quote::Quote;
pub use trade::{Side, Trade};

use crate::decimal::Decimal;

/// The longest text field of a record, in bytes.
pub const TEXT_LENGTH_MAX: usize = 64;
/// The longest `reason` of a mark, which is a sentence for people, in bytes.
pub const REASON_LENGTH_MAX: usize = 256;
/// The longest record, in bytes.
pub const RECORD_LENGTH_MAX: usize = 4096;
/// The source of records that another producer wrote in the reference's ten-field form.
pub const REFERENCE_SOURCE: &str = "reference";

/// One record of the ticks topic.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// A trade or a quote.
    Tick(Tick<'a>),
    /// What a source says about its series.
    Mark(Mark<'a>),
}

/// A trade or a quote.
#[derive(Debug, Clone, PartialEq)]
pub enum Tick<'a> {
    /// One execution, or one aggregate of executions.
    Trade(Trade<'a>),
    /// One polled price.
    Quote(Quote<'a>),
}

/// A number as the venue sent it, and its exact value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount<'a> {
    /// The text, unchanged.
    pub text: Cow<'a, str>,
    /// Its value; for quotes rounded half to even at 12 decimals.
    pub value: Decimal,
}

impl Record<'_> {
    /// The symbol: the record's key on the topic.
    #[must_use]
    pub fn symbol(&self) -> &str {
        match self {
            Self::Tick(Tick::Trade(trade)) => &trade.symbol,
            Self::Tick(Tick::Quote(quote)) => &quote.symbol,
            Self::Mark(mark) => &mark.symbol,
        }
    }

    /// The name of the source that sent it.
    #[must_use]
    pub fn source(&self) -> &str {
        match self {
            Self::Tick(Tick::Trade(trade)) => &trade.source,
            Self::Tick(Tick::Quote(quote)) => &quote.source,
            Self::Mark(mark) => &mark.source,
        }
    }

    /// Appends the record's canonical JSON to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Tick(Tick::Trade(trade)) => encode::trade(trade, out),
            Self::Tick(Tick::Quote(quote)) => encode::quote(quote, out),
            Self::Mark(mark) => encode::mark(mark, out),
        }
    }
}

#[cfg(test)]
mod tests;
