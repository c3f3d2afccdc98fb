//! One execution, or one aggregate of executions of one taker order at one price.

use std::borrow::Cow;

use super::Amount;

/// The taker's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The taker bought.
    Buy,
    /// The taker sold.
    Sell,
}

impl Side {
    /// The side as it is written: `buy` or `sell`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// One trade of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade<'a> {
    /// What the user calls it.
    pub symbol: Cow<'a, str>,
    /// Which source sent it.
    pub source: Cow<'a, str>,
    /// The coin id that the spec names, if any.
    pub coin_id: Option<Cow<'a, str>>,
    /// The price, above zero.
    pub price: Amount<'a>,
    /// The size in the base currency, above zero.
    pub size: Amount<'a>,
    /// Whether the price is one in US dollars (`price_usd` is null otherwise).
    pub usd: bool,
    /// The taker's side, where the venue tells it.
    pub side: Option<Side>,
    /// The id in the series' id space, where the venue numbers its trades.
    pub trade_id: Option<u64>,
    /// First and last id of the executions in an aggregate.
    pub executions: Option<(u64, u64)>,
    /// When it happened, as the venue says, in nanoseconds since the epoch.
    pub event_time_ns: i64,
    /// When it was read from the socket.
    pub receive_time_ns: Option<i64>,
    /// Who produced the record.
    pub producer_id: Cow<'a, str>,
    /// `venue:instrument:space:id`.
    pub message_id: Cow<'a, str>,
    /// Whether it was fetched to repair a gap.
    pub recovered: bool,
    /// Whether the source's guard holds its event time to be in the future.
    pub future: bool,
}

impl Trade<'_> {
    /// Number of executions: `last_id − first_id + 1` of an aggregate, else 1.
    #[must_use]
    pub fn execution_count(&self) -> u64 {
        self.executions.map_or(1, |(first, last)| last.saturating_sub(first).saturating_add(1))
    }
}
