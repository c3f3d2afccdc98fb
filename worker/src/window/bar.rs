//! Open, high, low, close and exact sums of a set of ticks.
//!
//! A bar is a function of its set: open and close are chosen by (event time, id), everything else
//! is commutative, so that arrival order never matters.

use market::decimal::{Decimal, NOTIONAL_BOUND, Notional, VOLUME_BOUND};
use serde::{Deserialize, Serialize};

/// The order of ticks within a series: event time, then id (or offset, where there are no ids).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Key {
    /// Event time in nanoseconds.
    pub(super) event_ns: i64,
    /// Trade id, or offset.
    pub(super) order: u64,
}

/// One tick as windows see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) key: Key,
    pub(super) id: Option<u64>,
    pub(super) price: Decimal,
    /// Zero for quotes.
    pub(super) size: Decimal,
    pub(super) notional: Notional,
    pub(super) taker_buys: bool,
    /// Executions of a trade, 1 for a quote.
    pub(super) count: u64,
}

/// What a window holds of its ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bar {
    pub(super) first: Key,
    pub(super) last: Key,
    pub(super) open: Decimal,
    pub(super) high: Decimal,
    pub(super) low: Decimal,
    pub(super) close: Decimal,
    pub(super) volume: Decimal,
    pub(super) quote_volume: Notional,
    pub(super) taker_buy_volume: Decimal,
    pub(super) taker_buy_quote_volume: Notional,
    pub(super) count: u64,
    /// Lowest and highest id.
    pub(super) ids: Option<(u64, u64)>,
}

impl Bar {
    /// The bar of a single tick.
    pub(super) const fn of(print: &Print) -> Self {
        let (bought, bought_notional) = if print.taker_buys {
            (print.size, print.notional)
        } else {
            (Decimal::ZERO, Notional::ZERO)
        };
        Self {
            first: print.key,
            last: print.key,
            open: print.price,
            high: print.price,
            low: print.price,
            close: print.price,
            volume: print.size,
            quote_volume: print.notional,
            taker_buy_volume: bought,
            taker_buy_quote_volume: bought_notional,
            count: print.count,
            ids: match print.id {
                Some(id) => Some((id, id)),
                None => None,
            },
        }
    }

    /// Adds one tick in place. Changes nothing and returns false where a sum, together with what
    /// larger windows hold besides, would pass its bound.
    pub(super) fn add(&mut self, print: &Print, besides: (Decimal, Notional)) -> bool {
        let volume = self.volume.checked_add(print.size);
        let quote_volume = self.quote_volume.checked_add(print.notional);
        let (Some(volume), Some(quote_volume)) = (volume, quote_volume) else {
            return false;
        };
        if !fit(volume, quote_volume, besides) {
            return false;
        }
        if print.taker_buys {
            // Parts of the sums above.
            let bought = self.taker_buy_volume.checked_add(print.size);
            let bought_quote = self.taker_buy_quote_volume.checked_add(print.notional);
            let (Some(bought), Some(bought_quote)) = (bought, bought_quote) else {
                return false;
            };
            self.taker_buy_volume = bought;
            self.taker_buy_quote_volume = bought_quote;
        }
        (self.volume, self.quote_volume) = (volume, quote_volume);
        if print.key < self.first {
            (self.first, self.open) = (print.key, print.price);
        }
        if print.key > self.last {
            (self.last, self.close) = (print.key, print.price);
        }
        self.high = self.high.max(print.price);
        self.low = self.low.min(print.price);
        self.count = self.count.saturating_add(print.count);
        if let Some(id) = print.id {
            let (low, high) = self.ids.unwrap_or((id, id));
            self.ids = Some((low.min(id), high.max(id)));
        }
        true
    }

    /// Whether its sums stay within their bounds together with these.
    pub(super) fn fits_beside(&self, besides: (Decimal, Notional)) -> bool {
        fit(self.volume, self.quote_volume, besides)
    }

    /// This bar and another one together, or `None` where a sum would pass its bound.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let (first, open) = if other.first < self.first {
            (other.first, other.open)
        } else {
            (self.first, self.open)
        };
        let (last, close) = if other.last > self.last {
            (other.last, other.close)
        } else {
            (self.last, self.close)
        };
        Some(Self {
            first,
            last,
            open,
            high: self.high.max(other.high),
            low: self.low.min(other.low),
            close,
            volume: self.volume.checked_add(other.volume).filter(|sum| *sum < VOLUME_BOUND)?,
            quote_volume: self
                .quote_volume
                .checked_add(other.quote_volume)
                .filter(|sum| *sum < NOTIONAL_BOUND)?,
            taker_buy_volume: self.taker_buy_volume.checked_add(other.taker_buy_volume)?,
            taker_buy_quote_volume: self
                .taker_buy_quote_volume
                .checked_add(other.taker_buy_quote_volume)?,
            count: self.count.saturating_add(other.count),
            ids: match (self.ids, other.ids) {
                (Some((low, high)), Some((first, last))) => Some((low.min(first), high.max(last))),
                (one, None) => one,
                (None, other) => other,
            },
        })
    }
}

fn fit(volume: Decimal, quote_volume: Notional, besides: (Decimal, Notional)) -> bool {
    volume.checked_add(besides.0).is_some_and(|sum| sum < VOLUME_BOUND)
        && quote_volume.checked_add(besides.1).is_some_and(|sum| sum < NOTIONAL_BOUND)
}
