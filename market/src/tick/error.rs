//! Why bytes are not a record: each bad input has a name, and the word of its dead letter.

use std::borrow::Cow;

use super::RECORD_LENGTH_MAX;
use crate::decimal::DecimalError;

/// Why a record is a dead letter: the `dlq.reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of the dead-letter contract")]
pub enum Reason {
    Parse,
    Schema,
    Space,
    Price,
    Size,
    Range,
    EventTime,
    Future,
    Late,
    Conflict,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::Parse,
        Self::Schema,
        Self::Space,
        Self::Price,
        Self::Size,
        Self::Range,
        Self::EventTime,
        Self::Future,
        Self::Late,
        Self::Conflict,
    ];

    /// The reason as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Schema => "schema",
            Self::Space => "space",
            Self::Price => "price",
            Self::Size => "size",
            Self::Range => "range",
            Self::EventTime => "event_time",
            Self::Future => "future",
            Self::Late => "late",
            Self::Conflict => "conflict",
        }
    }
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a JSON object of the fields that we know.
    #[error("not a JSON record: {detail}")]
    ParseJson {
        /// What the parser says.
        detail: String,
    },
    /// Longer than [`RECORD_LENGTH_MAX`].
    #[error("{length} bytes; a record has at most {RECORD_LENGTH_MAX}")]
    BoundRecord {
        /// The record's length.
        length: usize,
    },
    /// Longer than such a field may be.
    #[error("\"{field}\" has more than {limit} bytes")]
    BoundText {
        /// The field.
        field: &'static str,
        /// The most bytes.
        limit: usize,
    },
    /// A field that this kind of record needs is not there, or is of another type.
    #[error("\"{field}\" is missing or unreadable")]
    ReadField {
        /// The field.
        field: &'static str,
    },
    /// A schema that this version does not read.
    #[error("schema {schema} is not known; send schema 2")]
    ReadSchema {
        /// The schema.
        schema: u32,
    },
    /// A kind, mark or other word that this version does not read.
    #[error("{field} \"{word}\" is not known")]
    ReadWord {
        /// The field.
        field: &'static str,
        /// The word.
        word: String,
    },
    /// No readable price above zero.
    #[error("price \"{text}\" {problem}")]
    ReadPrice {
        /// The price as sent.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No readable size above zero.
    #[error("size \"{text}\" {problem}")]
    ReadSize {
        /// The size as sent.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A price or size that cannot be held exactly.
    #[error("{field} \"{text}\" {cause}")]
    BoundNumber {
        /// `price` or `size`.
        field: &'static str,
        /// The number as sent.
        text: String,
        /// What is wrong with it.
        cause: DecimalError,
    },
    /// No readable event time. It is never invented.
    #[error("\"{field}\" is missing or unreadable; a tick needs the venue's own time")]
    ReadEventTime {
        /// The field.
        field: &'static str,
    },
}

impl DecodeError {
    /// The `dlq.reason`.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::ParseJson { .. } | Self::BoundRecord { .. } => Reason::Parse,
            Self::BoundText { .. } | Self::ReadField { .. } => Reason::Schema,
            Self::ReadSchema { .. } | Self::ReadWord { .. } => Reason::Schema,
            Self::ReadPrice { .. } => Reason::Price,
            Self::ReadSize { .. } => Reason::Size,
            Self::BoundNumber { .. } => Reason::Range,
            Self::ReadEventTime { .. } => Reason::EventTime,
        }
    }
}

/// Which trade a bad record would have been, as far as can be read: its id is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeIdentity<'a> {
    /// What the user calls it.
    pub symbol: Cow<'a, str>,
    /// Which source sent it.
    pub source: Cow<'a, str>,
    /// The id in the series' id space.
    pub trade_id: u64,
    /// `venue:instrument:space:id`.
    pub message_id: Cow<'a, str>,
    /// When it happened, if that can be read.
    pub event_time_ns: Option<i64>,
}

/// Bytes that are not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable<'a> {
    /// Why.
    pub error: DecodeError,
    /// Which trade it would have been.
    pub trade: Option<TradeIdentity<'a>>,
}
