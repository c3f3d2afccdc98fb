//! What happens at a venue, in advance: trades per instrument, or updates per coin.

use std::collections::BTreeMap;

use super::dice::{roll, word};

/// One trade, or at Binance one aggregate of trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeTrade {
    /// Its id: one more than that of the trade before it.
    pub id: u64,
    /// The first trade of the aggregate; elsewhere the id.
    pub first_id: u64,
    /// The last trade of the aggregate; elsewhere the id.
    pub last_id: u64,
    /// As the venue writes it.
    pub price: String,
    /// Of the base currency, as the venue writes it.
    pub size: String,
    /// Whether the taker bought.
    pub taker_buys: bool,
    /// When it happens, in nanoseconds since the epoch; never before the trade before it.
    pub event_ns: i64,
}

/// What CoinGecko says about a coin from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinUpdate {
    /// That moment, in seconds since the epoch.
    pub last_updated_at: i64,
    /// The price.
    pub usd: String,
    /// Price times supply.
    pub usd_market_cap: String,
    /// What was traded in the 24 h before, of all venues.
    pub usd_24h_vol: String,
    /// By how many percent the price changed in the 24 h before.
    pub usd_24h_change: String,
}

/// What happens at one venue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    /// By instrument: ids dense and ascending, times ascending.
    pub trades: BTreeMap<String, Vec<TapeTrade>>,
    /// By coin id: times ascending.
    pub updates: BTreeMap<String, Vec<CoinUpdate>>,
}

impl Tape {
    /// Every instrument and coin, in order.
    pub fn instruments(&self) -> impl Iterator<Item = &str> {
        self.trades.keys().chain(self.updates.keys()).map(String::as_str)
    }

    /// Trades of an instrument that have happened by then.
    #[must_use]
    pub fn happened(&self, instrument: &str, now_ns: i64) -> &[TapeTrade] {
        let trades = self.trades.get(instrument).map_or(&[][..], Vec::as_slice);
        &trades[..trades.partition_point(|trade| trade.event_ns <= now_ns)]
    }

    /// When the trade of this index happens.
    pub(super) fn time_of(&self, instrument: &str, index: usize) -> Option<i64> {
        Some(self.trades.get(instrument)?.get(index)?.event_ns)
    }

    /// Puts trades among those of an instrument by time. They and all later ones are numbered
    /// anew, so nobody may have seen a trade as late as the first of them.
    pub fn insert(&mut self, instrument: &str, mut added: Vec<TapeTrade>) {
        let trades = self.trades.entry(instrument.to_owned()).or_default();
        let Some(first_ns) = added.iter().map(|trade| trade.event_ns).min() else { return };
        let at = trades.partition_point(|trade| trade.event_ns < first_ns);
        let first_id = trades.get(at).map(|trade| trade.id);
        added.extend(trades.drain(at..));
        added.sort_by_key(|trade| trade.event_ns);
        trades.append(&mut added);
        number(trades, at, first_id.unwrap_or_else(|| roll(&[word(instrument)]) >> 34));
    }

    /// Takes the trades out that happen after `after_ns` until `until_ns`, as when a market is
    /// halted. Later ones are numbered anew, so nobody may have seen a trade after `after_ns`.
    pub fn remove(&mut self, instrument: &str, after_ns: i64, until_ns: i64) {
        let Some(trades) = self.trades.get_mut(instrument) else { return };
        let begin = trades.partition_point(|trade| trade.event_ns <= after_ns);
        let end = trades.partition_point(|trade| trade.event_ns <= until_ns);
        let first_id = trades.get(begin).map_or(0, |trade| trade.id);
        trades.drain(begin..end);
        number(trades, begin, first_id);
    }
}

/// Numbers the trades from this index on; the first of all gets `first_id`.
fn number(trades: &mut [TapeTrade], from: usize, first_id: u64) {
    let before = from.checked_sub(1).map(|index| (trades[index].id, trades[index].last_id));
    let (mut id, mut last_id) = before.unwrap_or((first_id.saturating_sub(1), first_id));
    for trade in &mut trades[from..] {
        let is_aggregate = trade.first_id != trade.id || trade.last_id != trade.id;
        let more = trade.last_id - trade.first_id;
        id += 1;
        let first = if is_aggregate { last_id + 1 } else { id };
        last_id = first + more;
        (trade.id, trade.first_id, trade.last_id) = (id, first, last_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tape() -> Tape {
        Tape::generated(7, &["BTCUSDT", "BTC-USD"], 0, 60_000_000_000, 50.0)
    }

    fn assert_dense(tape: &Tape) {
        for trades in tape.trades.values() {
            for pair in trades.windows(2) {
                assert_eq!(pair[1].id, pair[0].id + 1);
                assert!(pair[1].event_ns >= pair[0].event_ns);
                assert_eq!(pair[1].first_id, pair[0].last_id + 1);
            }
        }
    }

    #[test]
    fn trades_that_are_put_in_or_taken_out_leave_ids_dense() {
        let mut tape = tape();
        for instrument in ["BTCUSDT", "BTC-USD"] {
            let before = tape.happened(instrument, 30_000_000_000).to_vec();
            let mut added = before[..20].to_vec();
            for trade in &mut added {
                trade.event_ns = 30_500_000_000;
            }
            let count = tape.trades[instrument].len();
            tape.insert(instrument, added);
            assert_eq!(tape.trades[instrument].len(), count + 20);
            assert_dense(&tape);
            tape.remove(instrument, 30_000_000_000, 31_000_000_000);
            assert!(tape.trades[instrument].len() <= count);
            assert_dense(&tape);
            assert_eq!(tape.happened(instrument, 30_000_000_000), before);
        }
    }

    #[test]
    fn trades_can_be_put_on_an_empty_tape() {
        let trade = tape().trades["BTC-USD"][0].clone();
        let mut tape = Tape::default();
        tape.insert("ETH-USD", vec![trade.clone(), trade]);
        assert_eq!(tape.trades["ETH-USD"].len(), 2);
        assert_dense(&tape);
    }
}
