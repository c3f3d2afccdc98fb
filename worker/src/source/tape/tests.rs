//! Marks between records: said once, never too early.

use market::symbol::{SourceName, Symbol};

use super::super::SourceTrade;
use super::super::listing::Instrument;
use super::*;

const MINUTE: i64 = NANOS_PER_MINUTE;

fn listing(symbol: &str) -> Listing {
    let instrument = Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        instrument: format!("{symbol}USDT"),
        coin_id: None,
        usd_basis: None,
    };
    instrument.listing(&SourceName::new("s").unwrap(), "binance", "t").unwrap()
}

fn item(at_ns: i64, joins: bool, event: Event) -> Item {
    Item { at_ns, unit_ns: 1, joins, event: Ok(event) }
}

fn trade(at_ns: i64, id: u64) -> Item {
    let trade = SourceTrade {
        trade_id: Some(id),
        executions: None,
        price: "1".into(),
        size: "1".into(),
        side: None,
        event_time_ns: at_ns,
        receive_time_ns: None,
        recovered: false,
        future: false,
    };
    item(at_ns, true, Event::Trade(trade))
}

fn series(symbol: &str, trades: &[(i64, u64)]) -> (Listing, Items) {
    let listing = listing(symbol);
    let (from_ns, next_id) = trades[0];
    let begin = Event::Mark(MarkKind::Start(start(&listing, from_ns, next_id)));
    let mut items = vec![item(from_ns, false, begin)];
    items.extend(trades.iter().map(|(at_ns, id)| trade(*at_ns, *id)));
    (listing, Box::new(items.into_iter()))
}

/// `A1` a trade of the first series, `B live 2` a mark up to minute 2 of the second.
fn said(series: Vec<(Listing, Items)>, boundaries: Boundaries) -> Vec<String> {
    let (listings, items) = series.into_iter().unzip();
    let said = Merge::new(listings, items, boundaries).map(|timed| {
        let Emission { listing, event } = timed.emission.unwrap();
        let name = ["A", "B"][listing];
        match event {
            Event::Trade(trade) => format!("{name}{}", trade.trade_id.unwrap()),
            Event::Mark(MarkKind::Start(start)) => {
                format!("{name} start {} {}", start.from_ns / MINUTE, start.next_id.unwrap())
            }
            Event::Mark(MarkKind::Live { complete_to_ns, next_id }) => {
                assert_eq!(complete_to_ns % NANOS_PER_SECOND, 0);
                let seconds = complete_to_ns / NANOS_PER_SECOND;
                format!("{name} live {}:{:02} {}", seconds / 60, seconds % 60, next_id.unwrap())
            }
            Event::Mark(MarkKind::End) => format!("{name} end"),
            other @ (Event::Quote(_) | Event::Mark(_)) => panic!("{other:?}"),
        }
    });
    said.collect()
}

#[test]
fn series_are_merged_by_event_time_and_ties_by_listing() {
    let said = said(
        vec![series("A", &[(10, 1), (30, 2), (30, 3)]), series("B", &[(10, 7), (20, 8), (30, 9)])],
        Boundaries::Last,
    );
    let order =
        ["A start 0 1", "A1", "B start 0 7", "B7", "B8", "A2", "A3", "B9", "A end", "B end"];
    assert_eq!(said, order);
}

#[test]
fn a_quiet_series_is_vouched_for_once_a_minute_while_others_go_on() {
    let a = series("A", &[(1, 1), (MINUTE + 1, 2), (3 * MINUTE + 1, 3), (4 * MINUTE, 4)]);
    let b = series("B", &[(2, 7), (4 * MINUTE + 2, 8)]);
    assert_eq!(
        said(vec![a, b], Boundaries::Last),
        [
            "A start 0 1",
            "A1",
            "B start 0 7",
            "B7",
            "B live 1:00 8",
            "A2",
            "B live 3:00 8",
            "A3",
            "A4",
            "B8",
            "A end",
            "B end",
        ]
    );
}

#[test]
fn a_paced_tape_is_vouched_for_at_every_minute_also_when_all_series_are_quiet() {
    let a = || vec![series("A", &[(1, 1), (3 * MINUTE + MINUTE / 2, 2)])];
    let minutes = ["A start 0 1", "A1", "A live 1:00 2", "A live 2:00 2", "A live 3:00 2", "A2"];
    assert_eq!(said(a(), Boundaries::Minutes)[..6], minutes);
    let seconds = said(a(), Boundaries::SecondsFrom(3 * MINUTE + 1));
    assert_eq!(seconds[..5], minutes[..5]);
    assert_eq!(seconds[5], "A live 3:01 2");
    assert_eq!(seconds[seconds.len() - 3], "A live 3:28 2");
}

#[test]
fn nothing_is_vouched_for_before_a_hole_or_after_the_last_trade() {
    let (listing, items) = series("B", &[(2, 7), (9 * MINUTE, 12)]);
    let items = items.map(|mut item| {
        item.joins = item.at_ns < MINUTE;
        item
    });
    let a = series("A", &[(1, 1), (5 * MINUTE, 2), (20 * MINUTE, 3)]);
    let said = said(vec![a, (listing, Box::new(items))], Boundaries::Minutes);
    assert!(said.iter().all(|said| !said.starts_with("B live")), "{said:?}");
}

#[test]
fn start_is_said_again_once_an_hour_with_what_is_complete() {
    let trades: Vec<_> = (0..150).map(|n| (n * MINUTE + 1, n.unsigned_abs())).collect();
    let said = said(vec![series("A", &trades)], Boundaries::Last);
    let starts: Vec<_> = said.iter().filter(|said| said.contains("start")).collect();
    assert_eq!(starts, ["A start 0 0", "A start 59 60", "A start 119 120"]);
    assert!(said.iter().all(|said| !said.contains("live")));
}

#[test]
fn an_error_comes_after_everything_before_it() {
    let failed =
        Item { at_ns: 20, unit_ns: 1, joins: false, event: Err(SourceError::FinishReader) };
    let (listing_a, items) = series("A", &[(1, 1)]);
    let (listing_b, others) = series("B", &[(1, 1), (19, 2), (21, 3)]);
    let items: Items = Box::new(items.chain([failed]));
    let merge = Merge::new(vec![listing_a, listing_b], vec![items, others], Boundaries::Last);
    let all: Vec<_> = merge.collect();
    assert_eq!(all.len(), 6);
    assert!(all[..5].iter().all(|timed| timed.emission.is_ok()));
    assert!(all[5].emission.is_err());
}
