//! A naive model that keeps every trade.

use proptest::prelude::*;

use super::tape::{Fate, Plain};
use super::*;

/// What the model says of a window.
#[derive(Debug, PartialEq)]
struct Expected {
    prices: Option<[String; 4]>,
    volume: String,
    quote_volume: String,
    taker_buy_volume: String,
    trade_count: u64,
    ids: Option<(u64, u64)>,
    complete: bool,
}

fn sum<const SCALE: u32>(numbers: impl Iterator<Item = market::decimal::Fixed<SCALE>>) -> String {
    numbers
        .fold(market::decimal::Fixed::ZERO, |sum, number| sum.checked_add(number).unwrap())
        .to_string()
}

/// Direct folding of the trades that arrived; what is missing between them.
pub(super) struct Model {
    /// In the order of ids, which is that of time.
    trades: Vec<Plain>,
    from_ns: i64,
    /// Missing ids, and the event times between which each happened.
    missing: Vec<(u64, i64, i64)>,
}

impl Model {
    pub(super) fn new(tape: &[Plain], fates: &[Fate], from_ns: i64, until_ns: i64) -> Self {
        let known = |(trade, fate): (&Plain, &Fate)| {
            matches!(fate, Fate::Arrives | Fate::Unfit).then_some(trade.event_ns)
        };
        let mut missing = Vec::new();
        for (at, (trade, fate)) in tape.iter().zip(fates).enumerate() {
            let lower = tape.iter().zip(fates).take(at).rev().find_map(known);
            let higher = tape.iter().zip(fates).skip(at + 1).find_map(known);
            match fate {
                Fate::Arrives | Fate::Void => {}
                Fate::Unfit => missing.push((trade.id, trade.event_ns, trade.event_ns)),
                Fate::Vanishes | Fate::Lost | Fate::Untimed => {
                    missing.push((trade.id, lower.unwrap(), higher.unwrap_or(until_ns)));
                }
            }
        }
        let arrived = tape.iter().zip(fates).filter(|(_, fate)| **fate == Fate::Arrives);
        Self { trades: arrived.map(|(trade, _)| *trade).collect(), from_ns, missing }
    }

    fn count_before(&self, ns: i64) -> usize {
        self.trades.partition_point(|trade| trade.event_ns < ns)
    }

    fn window(&self, open_ms: i64, close_ms: i64) -> Expected {
        let (open_ns, close_ns) = (open_ms * 1_000_000, close_ms * 1_000_000);
        let inside = &self.trades[self.count_before(open_ns)..self.count_before(close_ns)];
        let price = |trade: &Plain| format!("{}.5", trade.price);
        let prices = match (inside.first(), inside.last()) {
            (Some(first), Some(last)) => {
                let high = inside.iter().max_by_key(|trade| trade.price).unwrap();
                let low = inside.iter().min_by_key(|trade| trade.price).unwrap();
                Some([price(first), price(high), price(low), price(last)])
            }
            _ => self.flat(open_ns, close_ns).map(|trade| [(); 4].map(|()| price(trade))),
        };
        let touched = self.missing.iter().any(|(_, from, to)| *from < close_ns && *to >= open_ns);
        let size = |trade: &Plain| Decimal::parse(&format!("0.{:03}", trade.size)).unwrap();
        let notional =
            |trade: &Plain| Decimal::parse(&price(trade)).unwrap().notional(size(trade)).unwrap();
        Expected {
            complete: self.from_ns <= open_ns && !touched && prices.is_some(),
            prices,
            volume: sum(inside.iter().map(size)),
            quote_volume: sum(inside.iter().map(notional)),
            taker_buy_volume: sum(inside.iter().filter(|trade| trade.buys).map(size)),
            trade_count: inside.len() as u64,
            ids: inside
                .iter()
                .map(|trade| trade.id)
                .min()
                .zip(inside.iter().map(|trade| trade.id).max()),
        }
    }

    /// The last trade before a window, if none can be missing between the two.
    fn flat(&self, open_ns: i64, close_ns: i64) -> Option<&Plain> {
        let last = self.trades[..self.count_before(open_ns)].last()?;
        let unknown = self.missing.iter().any(|(id, from, _)| *id > last.id && *from < close_ns);
        (!unknown).then_some(last)
    }

    /// Every candle that was shown is right, and none that is covered is missing.
    pub(super) fn check(&self, bench: &mut Bench, until_ns: i64) -> Result<(), TestCaseError> {
        bench.commit();
        for interval in Interval::ALL {
            let mut open_ms = interval.open_time_ms(self.from_ns / 1_000_000);
            while interval.close_time_ms(open_ms) * 1_000_000 <= until_ns {
                let close_ms = interval.close_time_ms(open_ms);
                let expected = self.window(open_ms, close_ms);
                let candle = bench.shown.get(&("binance".into(), interval, open_ms));
                if self.from_ns <= open_ms * 1_000_000 || expected.trade_count > 0 {
                    prop_assert!(candle.is_some(), "no {interval} at {open_ms}");
                }
                if let Some(candle) = candle {
                    prop_assert!(candle.closed);
                    prop_assert_eq!(seen(candle), expected, "{} at {}", interval, open_ms);
                }
                open_ms = close_ms;
            }
        }
        Ok(())
    }
}

fn seen(candle: &Candle) -> Expected {
    Expected {
        prices: prices(candle),
        volume: candle.volume.unwrap().to_string(),
        quote_volume: candle.quote_volume.unwrap().to_string(),
        taker_buy_volume: candle.taker_buy_volume.unwrap().to_string(),
        trade_count: candle.trade_count.unwrap(),
        ids: candle.first_id.zip(candle.last_id),
        complete: candle.complete,
    }
}
