//! One polled price. Quotes vouch for nothing: there may be any number of trades between two.

use std::borrow::Cow;

use super::Amount;

/// One quote of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote<'a> {
    /// What the user calls it.
    pub symbol: Cow<'a, str>,
    /// Which source sent it; `reference` for the ten-field form.
    pub source: Cow<'a, str>,
    /// The coin id that the spec names, if any.
    pub coin_id: Option<Cow<'a, str>>,
    /// The price, above zero.
    pub price: Amount<'a>,
    /// Rolling 24-hour volume, as sent; shown, never summed.
    pub volume_24h: Option<Cow<'a, str>>,
    /// Market capitalisation, as sent.
    pub market_cap: Option<Cow<'a, str>>,
    /// Change over 24 hours in percent, as sent.
    pub price_change_24h: Option<Cow<'a, str>>,
    /// When the venue last updated the price, in nanoseconds since the epoch.
    pub event_time_ns: i64,
    /// When it was read.
    pub receive_time_ns: Option<i64>,
    /// Who produced the record.
    pub producer_id: Cow<'a, str>,
    /// Names the quote.
    pub message_id: Cow<'a, str>,
    /// Whether another producer wrote it in the reference's form (schema 1).
    pub foreign: bool,
}
