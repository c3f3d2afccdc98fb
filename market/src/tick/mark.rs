//! Marks: what a source says about its series, in order with the series' ticks.

use std::borrow::Cow;

use crate::publication::FeedState;

/// Whether a series' trades are numbered without holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Each trade's id is the last one's plus one.
    Dense,
    /// There are no ids.
    None,
}

/// Whether a price in the quote currency counts as one in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsdBasis {
    /// One unit of the quote currency is taken as one dollar.
    Par,
    /// It is not.
    None,
}

/// One mark of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark<'a> {
    /// What the user calls it.
    pub symbol: Cow<'a, str>,
    /// Which source says it.
    pub source: Cow<'a, str>,
    /// The start time of the producer in milliseconds: a name with an order, nothing else.
    pub epoch: u64,
    /// Who produced the record.
    pub producer_id: Cow<'a, str>,
    /// What it says.
    pub kind: MarkKind<'a>,
}

/// What does not change from trade to trade, and where coverage may begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Start<'a> {
    /// Every trade at or after this time, in nanoseconds …
    pub from_ns: i64,
    /// … has an id of at least this, and will be sent. `None` where there are no ids.
    pub next_id: Option<u64>,
    /// Whether ids are dense.
    pub ids: Ids,
    /// The id space: `a` aggregate ids, `t` trade ids.
    pub space: Cow<'a, str>,
    /// Who.
    pub venue: Cow<'a, str>,
    /// What, in the venue's words.
    pub instrument: Cow<'a, str>,
    /// Base currency.
    pub base: Cow<'a, str>,
    /// Quote currency.
    pub quote: Cow<'a, str>,
    /// Whether the quote currency counts as US dollars.
    pub usd_basis: UsdBasis,
}

/// What a mark says.
#[derive(Debug, Clone, PartialEq)]
pub enum MarkKind<'a> {
    /// Where the series begins, or goes on.
    Start(Start<'a>),
    /// Every trade before `complete_to_ns` has been sent.
    Live {
        /// Nanoseconds since the epoch, exclusive.
        complete_to_ns: i64,
        /// The next id that will be sent.
        next_id: Option<u64>,
    },
    /// These ids, or this time, cannot be had.
    Lost {
        /// First lost id.
        from_id: u64,
        /// Last lost id.
        to_id: u64,
        /// Event time from which trades may be missing, inclusive.
        from_ns: i64,
        /// Event time until which trades may be missing, inclusive.
        to_ns: i64,
        /// Why.
        reason: Cow<'a, str>,
    },
    /// These ids are no trades.
    Void {
        /// First id.
        from_id: u64,
        /// Last id.
        to_id: u64,
    },
    /// How the feed is, for people to see.
    State {
        /// The state.
        state: FeedState,
        /// Why.
        reason: Cow<'a, str>,
    },
    /// A finite source is drained.
    End,
}
