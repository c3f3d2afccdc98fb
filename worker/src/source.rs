//! Venue to records.
//!
//! A source emits the trades of a series in id order and without holes, and vouches for them with
//! marks: `start` where coverage may begin, `live` up to where every trade was sent, `lost` and
//! `void` for ids that will not come, `end` when it is drained. It knows neither Kafka nor windows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use market::symbol::Series;
use market::tick::{Ids, MarkKind, Side, UsdBasis};

/// Whether a venue can be reached.
mod answers;
/// Files of an exchange's trades.
pub mod archive;
/// The clock, which tests may make run faster.
mod clock;
/// A name that is close to a wrong one.
mod close;
/// CoinGecko: quotes.
mod coin_gecko;
/// Seeded numbers: a function of their arguments, the same on every machine.
mod dice;
/// Delays, duplicates and late trades, applied after a source.
pub mod disorder;
/// Why a source cannot be opened or go on.
mod error;
/// Instruments to listings: currencies, venue, id space.
pub mod listing;
/// Venues that are read from sockets.
mod live;
/// What is seen of a live source.
mod look;
/// One entry of `spec.sources` as a source.
pub mod open;
/// When a record of a tape is due, and a tape sent at that pace.
pub mod replay;
/// The header `Retry-After`.
mod retry_after;
/// A made-up market.
pub mod simulated;
/// Series merged by event time, vouched for by marks.
mod tape;

pub use answers::answers;
pub use clock::{Faster, FasterError, SourceClock};
pub use error::SourceError;
pub use live::Shared;
pub use look::{Look, SymbolLook};

/// What does not change from trade to trade of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The series that the records belong to.
    pub series: Series,
    /// The coin id that the spec names, if any.
    pub coin_id: Option<String>,
    /// Who: `binance`, `binance-usdm`, `kraken`, `simulated` …
    pub venue: String,
    /// What, in the venue's words.
    pub instrument: String,
    /// The id space: `a` aggregate ids, `t` trade ids.
    pub space: String,
    /// Whether ids are dense.
    pub ids: Ids,
    /// Base currency.
    pub base: String,
    /// Quote currency.
    pub quote: String,
    /// Whether the quote currency counts as US dollars.
    pub usd_basis: UsdBasis,
}

/// One trade as the venue sent it. Text is unchanged; nothing has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceTrade {
    /// The id in the listing's id space.
    pub trade_id: Option<u64>,
    /// First and last id of the executions in an aggregate.
    pub executions: Option<(u64, u64)>,
    /// The price as sent.
    pub price: Box<str>,
    /// The size as sent.
    pub size: Box<str>,
    /// The taker's side.
    pub side: Option<Side>,
    /// Venue time in nanoseconds since the epoch.
    pub event_time_ns: i64,
    /// When it was read from a socket.
    pub receive_time_ns: Option<i64>,
    /// Whether it was fetched to repair a gap.
    pub recovered: bool,
    /// Whether the guard holds its time to be in the future.
    pub future: bool,
}

/// One polled price as the venue sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceQuote {
    /// The price as sent.
    pub price: Box<str>,
    /// Rolling 24-hour volume as sent.
    pub volume_24h: Option<Box<str>>,
    /// Market capitalisation as sent.
    pub market_cap: Option<Box<str>>,
    /// Change over 24 hours in percent, as sent.
    pub price_change_24h: Option<Box<str>>,
    /// When the venue last updated the price, in nanoseconds since the epoch.
    pub event_time_ns: i64,
    /// When it was read.
    pub receive_time_ns: Option<i64>,
}

/// What a source says of one of its listings.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A trade.
    Trade(SourceTrade),
    /// A quote.
    Quote(SourceQuote),
    /// A mark.
    Mark(MarkKind<'static>),
}

/// One record to be, in the order in which it is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Emission {
    /// Index into [`Source::listings`].
    pub listing: usize,
    /// What it says.
    pub event: Event,
}

/// Where a series goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Every id before this one is folded, void or lost for good. Of a series of quotes: the second
    /// after the newest quote.
    pub next_id: u64,
    /// No trade before `next_id` happened after this, in nanoseconds since the epoch; `None` where
    /// that is not known.
    pub event_ns: Option<i64>,
}

impl Position {
    /// At this id; nothing is known of the time.
    #[must_use]
    pub const fn at(next_id: u64) -> Self {
        Self { next_id, event_ns: None }
    }
}

/// Where each series of a source goes on; a series that is not in it begins anew.
pub type Positions = HashMap<Series, Position>;

/// Whether more is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Call again.
    More,
    /// A finite source has said `end` for every series.
    Drained,
}

/// How far a finite source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Units done (bytes of files, or ticks).
    pub done: u64,
    /// Units in all.
    pub total: u64,
}

/// A venue's trades as records.
pub trait Source: Send {
    /// The series that it feeds, fixed for its lifetime.
    fn listings(&self) -> &[Listing];

    /// Appends the next records, waiting until there are some (at most [`BATCH_RECORDS_MAX`]).
    ///
    /// Not cancel-safe: a dropped future may have taken records that nobody saw.
    fn next<'a>(
        &'a mut self,
        batch: &'a mut Vec<Emission>,
    ) -> BoxFuture<'a, Result<Flow, SourceError>>;

    /// How far it is, where its end is known.
    fn progress(&self) -> Option<Progress> {
        None
    }

    /// Where a live source keeps what is seen of it, anew several times a second.
    fn look(&self) -> Option<Arc<Mutex<Look>>> {
        None
    }
}

/// Most records that one call of [`Source::next`] appends.
pub const BATCH_RECORDS_MAX: usize = 1_024;
