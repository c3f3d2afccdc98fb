//! The engine against a naive model that keeps every trade.

use proptest::prelude::*;

use super::model::Model;
use super::tape::{Fate, Plain, arrivals, delayed, delays, fates, tape, until};
use super::*;

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
        Model::new(&trades, &[Fate::Arrives; 60], DAY_NS, until_ns).check(&mut bench, until_ns)?;
    }

    #[test]
    fn coverage_and_complete_equal_the_model_whatever_becomes_of_trades(
        trades in tape(200_000, 60), delays in delays(), fates in fates(),
        starts in proptest::collection::vec(0..60_usize, 0..4), head_ns in prop_oneof![Just(0), 0..3 * MINUTE_NS],
    ) {
        let until_ns = until(&trades);
        let from_ns = DAY_NS - head_ns;
        let next_id = trades.len() as u64 + 1;
        // The last one has no neighbour that the source could have sent.
        let fates: Vec<Fate> = fates.into_iter().take(trades.len()).collect();
        prop_assume!(fates.last() != Some(&Fate::Lost));
        let mut bench = Bench::new();
        bench.feed([start(from_ns, 1)]);
        for record in arrivals(&trades, &fates, &delays, &starts) {
            bench.apply(&record);
        }
        bench.feed([live(until_ns, next_id)]);
        Model::new(&trades, &fates, from_ns, until_ns).check(&mut bench, until_ns)?;
    }

    #[test]
    fn restart_from_any_checkpoint_gives_the_same(
        trades in tape(200_000, 60), delays in delays(), fates in fates(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 1..6),
    ) {
        let fates: Vec<Fate> = fates.into_iter().take(trades.len()).collect();
        prop_assume!(fates.last() != Some(&Fate::Lost));
        let records: Vec<Record<'static>> = std::iter::once(start(DAY_NS, 1))
            .chain(arrivals(&trades, &fates, &delays, &[]))
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
        Model::new(&trades, &[Fate::Arrives; 60], DAY_NS, until_ns).check(&mut bench, until_ns)?;
    }
}
