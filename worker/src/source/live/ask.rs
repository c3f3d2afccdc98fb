//! What is asked of a venue's REST side, and what it answers.

use crate::source::SourceTrade;

/// Where a series begins, or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Goal {
    /// After the newest trade.
    Newest,
    /// At this time, with the last trade before it.
    Since {
        /// Nanoseconds since the epoch.
        ns: i64,
    },
    /// At this id.
    Resume {
        /// Every id before it is on the topic.
        next_id: u64,
        /// The trade before it, where its time is known.
        near: Option<Near>,
    },
}

/// A trade whose id and time are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct Near {
    /// Its id.
    pub id: u64,
    /// Its event time in nanoseconds since the epoch.
    pub ns: i64,
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Ask {
    /// The newest trade.
    Newest,
    /// The last trade before this time; the first one of all where there is none.
    LastBefore {
        /// Nanoseconds since the epoch.
        ns: i64,
    },
    /// Trades from this id on.
    From {
        /// The first id, inclusive.
        id: u64,
        /// A trade at or before it, to look from.
        near: Option<Near>,
    },
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::source) enum Row {
    /// A trade; it has an id.
    Trade(SourceTrade),
    /// An id that is no trade: the venue's placeholder.
    Void(u64),
}

impl Row {
    /// Its id.
    pub(in crate::source) fn id(&self) -> u64 {
        match self {
            Self::Trade(trade) => trade.trade_id.unwrap_or(0),
            Self::Void(id) => *id,
        }
    }
}

/// What the REST side has.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::source) struct Answer {
    /// By id, none twice.
    pub rows: Vec<Row>,
    /// Whether nothing newer was there.
    pub ends: bool,
}

impl Answer {
    /// Rows in any order, as an answer.
    pub(in crate::source) fn of(mut rows: Vec<Row>, ends: bool) -> Self {
        rows.sort_by_key(Row::id);
        rows.dedup_by_key(|row| row.id());
        Self { rows, ends }
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::source) enum Unanswered {
    /// It may be asked again.
    #[error("{reason}")]
    Again {
        /// What went wrong.
        reason: String,
    },
    /// The venue refuses it, now and later.
    #[error("{reason}")]
    Refused {
        /// What it says.
        reason: String,
    },
}
