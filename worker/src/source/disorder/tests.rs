//! Disorder loses nothing, and is the same from wherever it starts.

use std::sync::Arc;

use market::symbol::{Series, SourceName, Symbol};
use proptest::prelude::*;

use super::super::listing::Instrument;
use super::super::simulated::{self, SimulatedOptions};
use super::super::{Position, Positions};
use super::*;

const SECOND: i64 = 1_000_000_000;
const ORIGIN: i64 = 1_700_000_000_000_000_000;

const ALL: DisorderOptions = DisorderOptions {
    seed: 5,
    delayed_share: 0.3,
    delay_max_ns: 30 * SECOND,
    duplicate_share: 0.2,
    late_share: 0.05,
    late_by_ns: 130 * SECOND,
};

fn market() -> SimulatedOptions {
    let listings = ["BTC", "ETH"].map(|symbol| {
        let instrument = Instrument {
            symbol: Symbol::new(symbol).unwrap(),
            instrument: format!("{symbol}USDT"),
            coin_id: None,
            usd_basis: None,
        };
        instrument.listing(&SourceName::new("demo").unwrap(), "simulated", "t").unwrap()
    });
    SimulatedOptions {
        seed: 11,
        ticks_per_second: 5,
        origin_ns: ORIGIN,
        ticks: Some(4_000),
        listings: listings.to_vec(),
    }
}

fn emissions(options: DisorderOptions, positions: &Positions) -> Vec<Emission> {
    let inner = simulated::open(&market(), positions, Arc::new(|| i64::MAX));
    let mut source = Disorder::new(Box::new(inner), options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut all = Vec::new();
    while runtime.block_on(source.next(&mut all)).unwrap() == Flow::More {}
    all
}

fn trades(emissions: &[Emission], listing: usize) -> Vec<SourceTrade> {
    let own = emissions.iter().filter(|emission| emission.listing == listing);
    let trades = own.filter_map(|emission| match &emission.event {
        Event::Trade(trade) => Some(trade.clone()),
        Event::Quote(_) | Event::Mark(_) => None,
    });
    trades.collect()
}

fn series(symbol: &str) -> Series {
    let (symbol, source) = (Symbol::new(symbol).unwrap(), SourceName::new("demo").unwrap());
    Series { symbol, source }
}

#[test]
fn without_duplicates_disorder_is_a_permutation() {
    for delayed_share in [0.3, 1.0] {
        let options = DisorderOptions { duplicate_share: 0.0, delayed_share, ..ALL };
        let disordered = emissions(options, &Positions::new());
        for listing in [0, 1] {
            let mut trades = trades(&disordered, listing);
            let ids: Vec<_> = trades.iter().map(|trade| trade.trade_id).collect();
            assert!(!ids.is_sorted());
            trades.sort_by_key(|trade| trade.trade_id);
            let tape = &simulated::tapes(&market())[listing];
            let ticks: Vec<_> = (0..tape.ticks().unwrap()).map(|n| tape.tick(n)).collect();
            assert_eq!(trades, ticks);
        }
    }
}

#[test]
fn every_trade_is_sent_twice_where_all_are_duplicated() {
    let options = DisorderOptions { duplicate_share: 1.0, ..ALL };
    let mut trades = trades(&emissions(options, &Positions::new()), 0);
    trades.sort_by_key(|trade| trade.trade_id);
    assert!(trades.chunks(2).all(|pair| pair.len() == 2 && pair[0] == pair[1]));
    assert!(trades.chunks(2).is_sorted_by_key(|pair| pair[0].trade_id));
}

#[test]
fn no_delay_is_longer_than_the_bound_and_late_trades_are_later_than_they_must_be() {
    let options = DisorderOptions { duplicate_share: 0.0, ..ALL };
    let tape = trades(&emissions(options, &Positions::new()), 0);
    let last_ns = tape.iter().map(|trade| trade.event_time_ns).max().unwrap();
    // The latest time that has left, and the one before the trade that let others go.
    let (mut left_ns, mut before_ns) = (i64::MIN, i64::MIN);
    let mut late = 0;
    for trade in &tape {
        if left_ns.saturating_sub(trade.event_time_ns) >= ALL.late_by_ns {
            late += 1;
        } else if trade.event_time_ns + ALL.late_by_ns < last_ns {
            assert!(before_ns.saturating_sub(trade.event_time_ns) <= ALL.delay_max_ns);
        }
        if trade.event_time_ns > left_ns {
            (before_ns, left_ns) = (left_ns, trade.event_time_ns);
        }
    }
    assert!(late > tape.len() / 30, "{late}");
}

#[test]
fn end_comes_after_every_trade_and_other_marks_keep_their_place() {
    let disordered = emissions(ALL, &Positions::new());
    let none = DisorderOptions { delayed_share: 0.0, duplicate_share: 0.0, late_share: 0.0, ..ALL };
    let plain = emissions(none, &Positions::new());
    let marks = |emissions: &[Emission]| {
        let marks = emissions.iter().filter(|emission| matches!(emission.event, Event::Mark(_)));
        marks.cloned().collect::<Vec<_>>()
    };
    assert_eq!(marks(&plain), marks(&disordered));
    for listing in [0, 1] {
        let last = disordered.iter().rfind(|emission| emission.listing == listing).unwrap();
        assert_eq!(last.event, Event::Mark(MarkKind::End));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_restart_from_any_position_sends_the_rest_in_the_same_order(
        btc in 0_u64..2_300,
        eth in 0_u64..1_700,
        delayed_share in prop_oneof![Just(0.0), Just(0.4), Just(1.0)],
    ) {
        let options = DisorderOptions { delayed_share, ..ALL };
        let whole = emissions(options, &Positions::new());
        let positions = Positions::from([
            (series("BTC"), Position::at(simulated::FIRST_ID + btc)),
            (series("ETH"), Position::at(simulated::FIRST_ID + eth)),
        ]);
        let rest = emissions(options, &positions);
        for (listing, symbol) in ["BTC", "ETH"].into_iter().enumerate() {
            let next_id = positions[&series(symbol)].next_id;
            let mut expected = trades(&whole, listing);
            expected.retain(|trade| trade.trade_id >= Some(next_id));
            prop_assert_eq!(trades(&rest, listing), expected);
        }
    }
}
