//! The made-up market: pure, dense, in order, and like a real one.

use std::collections::HashMap;

use market::decimal::Decimal;
use market::symbol::{SourceName, Symbol};
use proptest::prelude::*;

use super::super::listing::Instrument;
use super::super::{Emission, Flow, Source};
use super::*;

const HOUR: i64 = 3_600_000_000_000;
const ORIGIN: i64 = 1_700_000_000_000_000_000;

fn options(seed: u64, ticks_per_second: u32, symbols: &[&str]) -> SimulatedOptions {
    let source = SourceName::new("demo").unwrap();
    let listings = symbols.iter().map(|symbol| {
        let instrument = Instrument {
            symbol: Symbol::new(symbol).unwrap(),
            instrument: format!("{symbol}USDT"),
            coin_id: None,
            usd_basis: None,
        };
        instrument.listing(&source, VENUE, "t").unwrap()
    });
    let listings = listings.collect();
    SimulatedOptions { seed, ticks_per_second, origin_ns: ORIGIN, ticks: None, listings }
}

fn clock(now_ns: i64) -> Now {
    Arc::new(move || now_ns)
}

fn drained(source: &mut Replay) -> Vec<Emission> {
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

#[test]
fn known_ticks_stay_as_they_are() {
    let tape = &tapes(&options(7, 10, &["BTC", "ETH"]))[0];
    let said = |n| {
        let tick = tape.tick(n);
        format!("{} {} {}", tick.event_time_ns - ORIGIN, tick.price, tick.size)
    };
    assert_eq!(
        [said(0), said(1), said(1_000_000)],
        [
            "26000000 64690.92 0.00163",
            "26000000 64690.91 0.00300",
            "175007446000000 67005.81 0.00198",
        ]
    );
}

#[test]
fn event_time_never_goes_back_and_most_neighbours_share_a_millisecond() {
    let tape = &tapes(&options(3, 10, &["BTC", "ETH", "DOGE"]))[0];
    let times: Vec<_> = (0..50_000).map(|n| tape.tick(n).event_time_ns).collect();
    assert!(times.is_sorted());
    let shared = times.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!((60..70).contains(&(shared * 100 / times.len())), "{shared}");
    assert!(times.iter().all(|time| time % NANOS_PER_MILLI == 0));
}

#[test]
fn ticks_come_at_the_asked_rate_with_quiet_spells_of_some_minutes() {
    let tapes = tapes(&options(5, 10, &["BTC", "ETH"]));
    for tape in &tapes {
        let times: Vec<_> = (0..150_000).map(|n| tape.tick(n).event_time_ns).collect();
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!((HOUR / 30..HOUR / 6).contains(&longest), "{longest}");
    }
    let hour =
        |tape: &Tape| (0_u64..).take_while(|n| tape.tick(*n).event_time_ns < ORIGIN + HOUR).count();
    let ticks: usize = tapes.iter().map(hour).sum();
    assert!((35_990..=36_000).contains(&ticks), "{ticks}");
}

#[test]
fn prices_move_about_a_realistic_base_and_are_as_exact_as_the_venue_writes_them() {
    let tapes = tapes(&options(1, 10, &["BTC", "SHIB", "NEW"]));
    for (tape, least, most) in [(&tapes[0], "61000", "69000"), (&tapes[1], "0.000016", "0.00002")] {
        let (least, most) = (Decimal::parse(least).unwrap(), Decimal::parse(most).unwrap());
        let prices: Vec<_> =
            (0..5_000).map(|n| Decimal::parse_tick(&tape.tick(n * 37).price).unwrap()).collect();
        assert!(prices.iter().all(|price| (least..most).contains(price)));
        assert!(prices.iter().min() < prices.iter().max());
    }
    let made_up = tapes[2].tick(0);
    assert!(Decimal::parse_tick(&made_up.price).unwrap() > Decimal::ZERO);
    assert!(Decimal::parse_tick(&made_up.size).unwrap() > Decimal::ZERO);
}

#[test]
fn a_finite_market_sends_so_many_ticks_of_dense_ids_and_ends_every_series() {
    let options = SimulatedOptions { ticks: Some(20_000), ..options(9, 50, &["BTC", "ETH", "X"]) };
    let tapes = tapes(&options);
    let mut source = open(&options, &Positions::new(), clock(ORIGIN + HOUR));
    let all = drained(&mut source);
    let mut sent = 0;
    for (listing, tape) in tapes.iter().enumerate() {
        let trades = trades(&all, listing);
        sent += trades.len();
        for (n, trade) in (0_u64..).zip(&trades) {
            assert_eq!(*trade, tape.tick(n));
            assert_eq!(trade.trade_id, Some(FIRST_ID + n));
        }
    }
    assert_eq!(sent, 20_000);
    assert_eq!(source.progress().map(|progress| progress.done), Some(20_000));
    let ends = all.iter().rev().take(3);
    assert!(ends.map(|last| &last.event).all(|event| *event == Event::Mark(MarkKind::End)));
}

#[test]
fn what_lies_before_now_comes_at_once_and_nothing_from_after_it() {
    let options = options(4, 20, &["BTC", "ETH"]);
    let now_ns = ORIGIN + 2 * HOUR;
    let mut source = open(&options, &Positions::new(), clock(now_ns));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut all = Vec::new();
    let until_waits = async {
        loop {
            let wait =
                tokio::time::timeout(std::time::Duration::from_millis(200), source.next(&mut all));
            if wait.await.is_err() {
                return;
            }
        }
    };
    runtime.block_on(until_waits);
    for (listing, tape) in tapes(&options).iter().enumerate() {
        let due = (0_u64..).take_while(|n| tape.tick(*n).event_time_ns <= now_ns).count();
        assert_eq!(trades(&all, listing).len(), due);
    }
    let vouched = all.iter().filter_map(|emission| match &emission.event {
        Event::Mark(MarkKind::Live { complete_to_ns, .. }) => Some(*complete_to_ns),
        Event::Mark(_) | Event::Quote(_) | Event::Trade(_) => None,
    });
    assert!(vouched.max().is_some_and(|latest| latest <= now_ns));
}

#[test]
fn a_live_mark_is_never_past_the_next_tick_of_its_series() {
    let options = SimulatedOptions { ticks: Some(8_000), ..options(2, 2, &["BTC", "DOT", "X"]) };
    let all = drained(&mut open(&options, &Positions::new(), clock(ORIGIN + 4 * HOUR)));
    let mut said = HashMap::new();
    let mut marks = 0;
    for Emission { listing, event } in &all {
        match event {
            Event::Mark(MarkKind::Live { complete_to_ns, .. }) => {
                marks += 1;
                said.insert(*listing, *complete_to_ns);
            }
            Event::Trade(trade) => {
                assert!(said.get(listing).is_none_or(|said| *said <= trade.event_time_ns));
            }
            Event::Quote(_) | Event::Mark(_) => {}
        }
    }
    assert!(marks > 10, "{marks}");
}

#[test]
fn the_tape_begins_where_the_spec_says_else_its_prefill_before_the_first_start() {
    assert_eq!(origin_ns(None, ORIGIN + 1, HOUR), ORIGIN - HOUR);
    assert_eq!(origin_ns(Some(ORIGIN), 5, HOUR), ORIGIN);
}

proptest! {
    #[test]
    fn a_restart_from_any_position_sends_the_rest_of_the_same_tape(
        seed in 0_u64..1_000,
        at in 0_u64..3_000,
    ) {
        let options = SimulatedOptions { ticks: Some(4_000), ..options(seed, 50, &["BTC", "ETH"]) };
        let whole = drained(&mut open(&options, &Positions::new(), clock(ORIGIN + HOUR)));
        let next_id = FIRST_ID + at;
        let series = options.listings[0].series.clone();
        let positions = Positions::from([(series, Position::at(next_id))]);
        let rest = drained(&mut open(&options, &positions, clock(ORIGIN + HOUR)));
        let mut expected = trades(&whole, 0);
        expected.retain(|trade| trade.trade_id >= Some(next_id));
        prop_assert_eq!(trades(&rest, 0), expected);
        let begun = rest.iter().find(|emission| emission.listing == 0).map(|first| &first.event);
        let Some(Event::Mark(MarkKind::Start(start))) = begun else {
            return Err(TestCaseError::fail("no start"));
        };
        prop_assert_eq!(start.next_id, Some(next_id));
        // Every trade at or after `from_ns` has an id of at least `next_id`.
        let before = at.checked_sub(1).map(|last| tapes(&options)[0].tick(last).event_time_ns);
        prop_assert!(before.is_none_or(|before_ns| before_ns < start.from_ns));
        prop_assert_eq!(trades(&rest, 1), trades(&whole, 1));
    }

    #[test]
    fn any_tick_follows_the_one_before_at_any_rate(
        seed in any::<u64>(),
        rate in 1_u32..1_000_000,
        n in 0_u64..1_000_000_000,
    ) {
        let tape = &tapes(&options(seed, rate, &["X"]))[0];
        prop_assert!(tape.tick(n).event_time_ns <= tape.tick(n + 1).event_time_ns);
    }
}
