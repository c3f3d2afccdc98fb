//! Exact sums of the trades of a window, whatever their order.

use super::record::Trade;

/// A price or size in units of 1e-12 times another is in units of 1e-24; notional has 1e-18.
const NOTIONAL_FACTOR: i128 = 1_000_000;

/// 10^20.
const NOTIONAL_BOUND: i128 = 10_i128.pow(38);

/// Price times size in units of 1e-18; `None` where that has more decimals.
pub(super) fn notional(trade: &Trade) -> Option<i128> {
    // The parts of the product apart, since the whole may pass 128 bits.
    let (whole, rest) = (trade.price / NOTIONAL_FACTOR, trade.price % NOTIONAL_FACTOR);
    let small = rest.checked_mul(trade.size)?;
    let exact = small % NOTIONAL_FACTOR == 0;
    let product = whole.checked_mul(trade.size)?.checked_add(small / NOTIONAL_FACTOR)?;
    (exact && product < NOTIONAL_BOUND).then_some(product)
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    /// Event time, id and price of the first and the last trade in that order.
    pub(super) first: (i64, u64, i128),
    pub(super) last: (i64, u64, i128),
    pub(super) high: i128,
    pub(super) low: i128,
    pub(super) volume: i128,
    pub(super) notional: i128,
    pub(super) bought: i128,
    pub(super) bought_notional: i128,
    pub(super) executions: u64,
    pub(super) lowest_id: u64,
    pub(super) highest_id: u64,
}

impl Sums {
    /// Adds a trade to what there is.
    pub(super) fn add(sums: &mut Option<Self>, trade: &Trade, notional: i128) {
        let place = (trade.event_ns, trade.id, trade.price);
        let executions = trade.executions.map_or(1, |(first, last)| last - first + 1);
        let sums = sums.get_or_insert(Self {
            first: place,
            last: place,
            high: trade.price,
            low: trade.price,
            volume: 0,
            notional: 0,
            bought: 0,
            bought_notional: 0,
            executions: 0,
            lowest_id: trade.id,
            highest_id: trade.id,
        });
        sums.first = sums.first.min(place);
        sums.last = sums.last.max(place);
        sums.high = sums.high.max(trade.price);
        sums.low = sums.low.min(trade.price);
        sums.volume += trade.size;
        sums.notional += notional;
        if trade.bought {
            sums.bought += trade.size;
            sums.bought_notional += notional;
        }
        sums.executions += executions;
        sums.lowest_id = sums.lowest_id.min(trade.id);
        sums.highest_id = sums.highest_id.max(trade.id);
    }

    /// The mean price of the volume, truncated at 12 decimals.
    pub(super) fn vwap(&self) -> i128 {
        let whole = self.notional / self.volume * NOTIONAL_FACTOR;
        whole + self.notional % self.volume * NOTIONAL_FACTOR / self.volume
    }
}
