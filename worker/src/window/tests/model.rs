//! A naive model that keeps every trade, and properties of the engine against it.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
struct Plain {
    id: u64,
    event_ns: i64,
    price: u32,
    size: u32,
    buys: bool,
}

impl Plain {
    fn record(&self) -> Record<'static> {
        let (price, size) = (format!("{}.5", self.price), format!("0.{:03}", self.size));
        changed(trade(self.id, self.event_ns, &price, &size), |trade| {
            trade.side = Some(if self.buys { Side::Buy } else { Side::Sell });
        })
    }
}

/// Trades of one series: dense ids, event times that never go back and often tie.
fn tape(step_ms_max: i64, count: usize) -> impl Strategy<Value = Vec<Plain>> {
    let step = prop_oneof![4 => Just(0), 4 => 0..2_000_i64, 2 => 0..step_ms_max];
    proptest::collection::vec((step, 90..110_u32, 1..1_000_u32, any::<bool>()), 1..count).prop_map(
        |steps| {
            let mut event_ns = DAY_NS;
            let trades = (1..).zip(steps).map(|(id, (step_ms, price, size, buys))| {
                event_ns += step_ms * 1_000_000;
                Plain { id, event_ns, price, size, buys }
            });
            trades.collect()
        },
    )
}

/// The order of arrival when each trade is delayed by at most the allowed lateness.
fn delayed(trades: &[Plain], delays: &[i64]) -> Vec<Plain> {
    let mut order: Vec<(i64, Plain)> = trades
        .iter()
        .zip(delays.iter().cycle())
        .map(|(trade, delay)| (trade.event_ns + delay, *trade))
        .collect();
    order.sort_by_key(|(at, trade)| (*at, trade.id));
    order.into_iter().map(|(_, trade)| trade).collect()
}

fn delays() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(prop_oneof![2 => Just(0), 3 => 0..MINUTE_NS], 1..50)
}

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

/// Direct folding of the trades that arrived; runs of missing ids between them.
struct Model {
    trades: Vec<Plain>,
    from_ns: i64,
    /// First missing id, and the event times of its neighbours.
    missing: Vec<(u64, i64, i64)>,
}

impl Model {
    fn new(mut trades: Vec<Plain>, from_ns: i64, next_id: u64, until_ns: i64) -> Self {
        trades.sort_by_key(|trade| trade.id);
        let mut missing = Vec::new();
        let (mut expected, mut last_ns) = (1, i64::MIN);
        for trade in &trades {
            if trade.id > expected {
                missing.push((expected, last_ns, trade.event_ns));
            }
            (expected, last_ns) = (trade.id + 1, trade.event_ns);
        }
        if next_id > expected {
            missing.push((expected, last_ns, until_ns));
        }
        Self { trades, from_ns, missing }
    }

    fn window(&self, open_ms: i64, close_ms: i64) -> Expected {
        let (open_ns, close_ns) = (open_ms * 1_000_000, close_ms * 1_000_000);
        let mut inside: Vec<&Plain> = self
            .trades
            .iter()
            .filter(|trade| (open_ns..close_ns).contains(&trade.event_ns))
            .collect();
        inside.sort_by_key(|trade| (trade.event_ns, trade.id));
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
        let size = |trade: &&Plain| Decimal::parse(&format!("0.{:03}", trade.size)).unwrap();
        let notional =
            |trade: &&Plain| Decimal::parse(&price(trade)).unwrap().notional(size(trade)).unwrap();
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
        let before = self.trades.iter().filter(|trade| trade.event_ns < open_ns);
        let last = before.max_by_key(|trade| (trade.event_ns, trade.id))?;
        let unknown = self.missing.iter().any(|(id, from, _)| *id > last.id && *from < close_ns);
        (!unknown).then_some(last)
    }

    /// Every candle that was shown is right, and none that is covered is missing.
    fn check(&self, bench: &mut Bench, until_ns: i64) -> Result<(), TestCaseError> {
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

/// Past the last trade's day, so that all but the largest windows close.
fn until(trades: &[Plain]) -> i64 {
    let last_ns = trades.last().map_or(DAY_NS, |trade| trade.event_ns);
    (last_ns / (1_440 * MINUTE_NS) + 1) * 1_440 * MINUTE_NS
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_order_within_lateness_gives_the_candles_of_the_set(
        trades in tape(200_000, 60), delays in delays(), again in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let until_ns = until(&trades);
        let mut arrivals = delayed(&trades, &delays);
        for index in again {
            let at = index.index(arrivals.len());
            let repeated = arrivals[at];
            arrivals.insert((at + 7).min(arrivals.len()), repeated);
        }
        let mut bench = Bench::new();
        bench.feed([start(DAY_NS, 1)]);
        let mut watermark = i64::MIN;
        for trade in &arrivals {
            let outcome = bench.apply(&trade.record());
            prop_assert!(matches!(outcome, Outcome::Folded | Outcome::Duplicate), "{:?}", outcome);
            let now = bench.engine.watermarks().next().unwrap().1.unwrap();
            prop_assert!(now >= watermark, "the watermark went back");
            watermark = now;
        }
        let next_id = trades.len() as u64 + 1;
        bench.feed([live(until_ns, next_id)]);
        Model::new(trades, DAY_NS, next_id, until_ns).check(&mut bench, until_ns)?;
    }

    #[test]
    fn coverage_and_complete_equal_the_model_when_ids_are_missing(
        trades in tape(200_000, 60), delays in delays(), dropped in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        head_ns in prop_oneof![Just(0), 0..3 * MINUTE_NS],
    ) {
        let until_ns = until(&trades);
        let from_ns = DAY_NS - head_ns;
        let next_id = trades.len() as u64 + 1;
        let gone: Vec<u64> = dropped.iter().map(|index| trades[index.index(trades.len())].id).collect();
        // The first trade stays, so that no run is without a lower neighbour.
        let kept: Vec<Plain> = trades.iter().copied().filter(|trade| trade.id == 1 || !gone.contains(&trade.id)).collect();
        let mut bench = Bench::new();
        bench.feed([start(from_ns, 1)]);
        bench.feed(delayed(&kept, &delays).iter().map(Plain::record));
        bench.feed([live(until_ns, next_id)]);
        Model::new(kept, from_ns, next_id, until_ns).check(&mut bench, until_ns)?;
    }

    #[test]
    fn restart_from_any_checkpoint_gives_the_same(
        trades in tape(200_000, 60), delays in delays(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 1..6),
        dropped in any::<prop::sample::Index>(),
    ) {
        let gone = dropped.index(trades.len());
        let mut arrivals = delayed(&trades, &delays);
        arrivals.remove(gone);
        let records: Vec<Record<'static>> = std::iter::once(start(DAY_NS, 1))
            .chain(arrivals.iter().map(Plain::record))
            .chain([live(until(&trades), trades.len() as u64 + 1)])
            .collect();
        let cuts: Vec<usize> = cuts.iter().map(|index| index.index(records.len())).collect();
        let (mut whole, mut cut) = (Bench::new(), Bench::new());
        let mut states = BTreeMap::new();
        for (at, record) in records.iter().enumerate() {
            prop_assert_eq!(whole.apply(record), cut.apply(record));
            if cuts.contains(&at) {
                cut.restart(&mut states);
            }
        }
        whole.commit();
        cut.commit();
        prop_assert_eq!(whole.shown, cut.shown);
        prop_assert_eq!(whole.alerts, cut.alerts);
        prop_assert_eq!(whole.gaps, cut.gaps);
    }

    #[test]
    fn larger_intervals_equal_direct_folding_over_weeks(trades in tape(9 * 86_400_000, 6)) {
        let until_ns = until(&trades) + 33 * 1_440 * MINUTE_NS;
        let mut bench = Bench::new();
        bench.feed([start(DAY_NS, 1)]);
        bench.feed(trades.iter().map(Plain::record));
        let next_id = trades.len() as u64 + 1;
        bench.feed([live(until_ns, next_id)]);
        Model::new(trades, DAY_NS, next_id, until_ns).check(&mut bench, until_ns)?;
    }
}
