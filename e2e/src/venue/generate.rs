//! Tapes that are made up: seeded, the same on every machine.

use std::time::Duration;

use super::{
    VenueKind,
    clock::nanos,
    dice::{below, nanos_below, roll, word},
    tape::{CoinUpdate, Tape, TapeTrade},
    text::{trimmed, units},
};

const MICRO_NS: i64 = 1_000;
const MILLI_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// Of a hundred trades so many happen at exactly the time of the one before.
const SAME_MOMENT: u64 = 30;
/// Of a hundred trades so many more happen within the same or the next few milliseconds.
const NEAR_MOMENT: u64 = 30;
/// How much later at most those are.
const NEAR_NS: i64 = 300 * MICRO_NS;
/// One of so many trades comes after a pause.
const PAUSE_EVERY: u64 = 2_000;
const PAUSE_NS: i64 = 10 * SECOND_NS;
/// Between the updates of a coin at least, and how much more at most.
const UPDATE_NS: i64 = 45 * SECOND_NS;
const UPDATE_MORE_NS: i64 = 30 * SECOND_NS;
/// A price moves so many ticks at most from trade to trade.
const STEP_TICKS: u64 = 4;
/// No id is above this one at the start.
const FIRST_ID_BOUND: u64 = 3_000_000_000;

const TAG_FIRST: u64 = 1;
const TAG_GAP: u64 = 2;
const TAG_MORE: u64 = 3;
const TAG_PRICE: u64 = 4;
const TAG_SIZE: u64 = 5;
const TAG_SIDE: u64 = 6;
const TAG_PAUSE: u64 = 7;

/// Coins whose prices look familiar: a start of the name, the price in ticks, a tick's decimals.
const COINS: [(&str, u64, usize); 8] = [
    ("BTC", 6_168_600, 2),
    ("XBT", 6_168_600, 2),
    ("bitcoin", 6_168_600, 2),
    ("ETH", 261_342, 2),
    ("ethereum", 261_342, 2),
    ("SOL", 14_730, 2),
    ("solana", 14_730, 2),
    ("DOGE", 10_412, 5),
];

impl Tape {
    /// A tape from `from_ns` to `to_ns` with about so many trades a second of each instrument, many
    /// of which share a millisecond or a moment, with a pause now and then. What an instrument is
    /// called says whose it is: `BTCUSDT`, `BTC-USD`, `BTC/USD` or `bitcoin`; a coin has an update
    /// about every minute. The same arguments make the same tape.
    #[must_use]
    pub fn generated(
        seed: u64,
        instruments: &[&str],
        from_ns: i64,
        to_ns: i64,
        per_second: f64,
    ) -> Self {
        let mut tape = Self::default();
        for instrument in instruments {
            let maker = Maker::new(seed, instrument);
            let name = (*instrument).to_owned();
            if maker.venue == VenueKind::CoinGecko {
                tape.updates.insert(name, maker.updates(from_ns, to_ns));
            } else {
                let gap_ns = nanos(Duration::from_secs_f64(1.0 / per_second));
                tape.trades.insert(name, maker.trades(from_ns, to_ns, gap_ns));
            }
        }
        tape
    }
}

/// Makes the tape of one instrument.
pub(super) struct Maker {
    venue: VenueKind,
    key: u64,
    ticks: u64,
    decimals: usize,
}

impl Maker {
    pub(super) fn new(seed: u64, instrument: &str) -> Self {
        let key = roll(&[seed, word(instrument)]);
        let made_up = ("", 1_000 + below(100_000, &[word(instrument)]), 4);
        let coin = COINS.iter().find(|coin| instrument.starts_with(coin.0)).unwrap_or(&made_up);
        let venue = VenueKind::of_instrument(instrument);
        Self { venue, key, ticks: coin.1, decimals: coin.2 }
    }

    fn trades(&self, from_ns: i64, to_ns: i64, gap_ns: i64) -> Vec<TapeTrade> {
        let mut trades = Vec::new();
        let mut event_ns = from_ns;
        let mut id = 100_000_000 + below(FIRST_ID_BOUND, &[self.key, TAG_FIRST]);
        let mut first_id = id + below(FIRST_ID_BOUND, &[self.key, TAG_FIRST, 1]);
        let mut ticks = self.ticks;
        for n in 0.. {
            event_ns = event_ns.saturating_add(self.gap_ns(n, gap_ns));
            if event_ns > to_ns {
                break;
            }
            ticks = self.step(n, ticks);
            let is_aggregate = self.venue == VenueKind::Binance;
            let more = below(4, &[self.key, TAG_MORE, n]);
            let (first, last) = if is_aggregate { (first_id, first_id + more) } else { (id, id) };
            let event_ns = self.rounded(event_ns);
            let mut trade = self.trade(n, ticks, event_ns);
            (trade.id, trade.first_id, trade.last_id) = (id, first, last);
            trades.push(trade);
            (id, first_id) = (id + 1, last + 1);
        }
        trades
    }

    /// The price after trade `n`, in ticks.
    fn step(&self, n: u64, ticks: u64) -> u64 {
        let step = below(2 * STEP_TICKS + 1, &[self.key, TAG_PRICE, n]);
        (ticks + step).saturating_sub(STEP_TICKS).max(1)
    }

    /// So long after the trade before it trade `n` happens.
    fn gap_ns(&self, n: u64, gap_ns: i64) -> i64 {
        if n > 0 && below(PAUSE_EVERY, &[self.key, TAG_PAUSE, n]) == 0 {
            return PAUSE_NS;
        }
        match below(100, &[self.key, TAG_GAP, n]) {
            ..SAME_MOMENT => 0,
            share if share < SAME_MOMENT + NEAR_MOMENT => {
                nanos_below(NEAR_NS, &[self.key, TAG_GAP, n, 1])
            }
            // The other 40 of 100 make up for the rest: 5 times the mean at most, 2.5 times on
            // average.
            _ => nanos_below(5 * gap_ns, &[self.key, TAG_GAP, n, 2]),
        }
    }

    /// As exact as the venue's times are.
    fn rounded(&self, time_ns: i64) -> i64 {
        let step = if self.venue == VenueKind::Binance { MILLI_NS } else { MICRO_NS };
        time_ns - time_ns.rem_euclid(step)
    }

    /// A trade at so many ticks, without ids of its own.
    fn trade(&self, n: u64, ticks: u64, event_ns: i64) -> TapeTrade {
        let lots = match below(100, &[self.key, TAG_SIZE, n]) {
            ..50 => 1 + below(1_000_000, &[self.key, TAG_SIZE, n, 1]),
            50..90 => 1_000 * (1 + below(200_000, &[self.key, TAG_SIZE, n, 1])),
            _ => 100_000_000 * (1 + below(1_000, &[self.key, TAG_SIZE, n, 1])),
        };
        let (mut price, mut size) = (units(ticks, self.decimals), units(lots, 8));
        match self.venue {
            VenueKind::Binance => price = super::text::padded(&price, 8),
            VenueKind::Coinbase => size = trimmed(&size).to_owned(),
            VenueKind::Kraken | VenueKind::CoinGecko => {}
        }
        let taker_buys = below(2, &[self.key, TAG_SIDE, n]) == 0;
        TapeTrade { id: 0, first_id: 0, last_id: 0, price, size, taker_buys, event_ns }
    }

    /// So many trades, evenly spread over the second after this moment; Binance's are aggregates
    /// of one trade each. Their ids are those of nobody.
    pub(super) fn burst(&self, count: u32, after_ns: i64) -> Vec<TapeTrade> {
        let mut ticks = self.ticks;
        (1..=count)
            .map(|number| {
                let n = roll(&[self.key, after_ns.unsigned_abs(), u64::from(number)]);
                ticks = self.step(n, ticks);
                let event_ns = after_ns + SECOND_NS * i64::from(number) / i64::from(count);
                let event_ns = self.rounded(event_ns).max(self.rounded(after_ns) + MILLI_NS);
                let mut trade = self.trade(n, ticks, event_ns);
                trade.first_id = u64::from(self.venue == VenueKind::Binance);
                trade.last_id = trade.first_id;
                trade
            })
            .collect()
    }

    fn updates(&self, from_ns: i64, to_ns: i64) -> Vec<CoinUpdate> {
        let mut updates = Vec::new();
        let (mut time_ns, mut ticks) = (from_ns, self.ticks);
        for n in 0.. {
            if time_ns > to_ns {
                break;
            }
            ticks = self.step(n, ticks);
            let change = below(1_000_000_000, &[self.key, TAG_SIDE, n]);
            updates.push(CoinUpdate {
                last_updated_at: time_ns / SECOND_NS,
                usd: trimmed(&units(ticks, self.decimals)).to_owned(),
                usd_market_cap: units(ticks * 197_034_567, self.decimals + 2),
                usd_24h_vol: units(2_909_660_341_889_408 + change, 5),
                usd_24h_change: format!("-{}", units(change, 9)),
            });
            time_ns += UPDATE_NS + nanos_below(UPDATE_MORE_NS, &[self.key, TAG_GAP, n]);
        }
        updates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: i64 = 3_600 * SECOND_NS;

    #[test]
    fn a_tape_is_the_same_for_the_same_seed_and_has_what_real_ones_have() {
        let names = ["BTCUSDT", "BTC-USD", "BTC/USD", "bitcoin"];
        let tape = Tape::generated(1, &names, 0, HOUR_NS, 20.0);
        assert_eq!(tape, Tape::generated(1, &names, 0, HOUR_NS, 20.0));
        assert_ne!(tape, Tape::generated(2, &names, 0, HOUR_NS, 20.0));
        for (name, trades) in &tape.trades {
            assert!((60_000..85_000).contains(&trades.len()), "{name}: {}", trades.len());
            let times: Vec<i64> = trades.iter().map(|trade| trade.event_ns).collect();
            let shared = times.windows(2).filter(|pair| pair[0] / MILLI_NS == pair[1] / MILLI_NS);
            assert!(shared.count() > trades.len() / 2);
            assert!(times.windows(2).any(|pair| pair[1] - pair[0] >= PAUSE_NS - MILLI_NS));
            let step = if name == "BTCUSDT" { MILLI_NS } else { MICRO_NS };
            assert!(times.iter().all(|time| time % step == 0));
        }
        assert!((50..=80).contains(&tape.updates["bitcoin"].len()));
    }
}
