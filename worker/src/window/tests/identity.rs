//! Identity, order and holes.

use super::*;

#[test]
fn a_repeated_id_is_a_duplicate_without_effect() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1"), trade(2, DAY_NS + 1, "101", "1")]);
    assert_eq!(bench.apply(&trade(1, DAY_NS, "100", "1")), Outcome::Duplicate);
    bench.feed([live(DAY_NS + MINUTE_NS, 3)]);
    assert_eq!(bench.minute(0).volume.unwrap().to_string(), "2");
}

#[test]
fn open_and_close_follow_event_time_then_id_not_arrival() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1)]);
    bench.feed([3, 1, 2].map(|id| trade(id, DAY_NS + 5, &format!("10{id}"), "1")));
    bench.feed([live(DAY_NS + MINUTE_NS, 4)]);
    let candle = bench.minute(0);
    assert_eq!(prices(&candle).unwrap(), ["101", "103", "101", "103"]);
    assert!(candle.complete);
}

#[test]
fn a_series_holds_one_id_space_and_the_other_is_a_dead_letter() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1)]);
    let aggregate = changed(trade(1, DAY_NS, "100", "1"), |trade| {
        trade.message_id = "binance:BTCUSDT:a:1".into();
    });
    assert_eq!(bench.reason(&aggregate), Some(Reason::Space));
    bench.feed([trade(1, DAY_NS, "100", "1")]);
}

#[test]
fn an_aggregate_of_executions_that_are_partly_folded_is_a_conflict() {
    let aggregate = |id, first, last| {
        changed(trade(id, DAY_NS, "100", "1"), |trade| trade.executions = Some((first, last)))
    };
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), aggregate(1, 10, 12), aggregate(2, 13, 13)]);
    assert_eq!(bench.reason(&aggregate(3, 13, 15)), Some(Reason::Conflict));
    bench.feed([live(DAY_NS + MINUTE_NS, 4)]);
    let candle = bench.minute(0);
    assert_eq!((candle.trade_count, candle.complete), (Some(4), false));
}

#[test]
fn a_hole_makes_every_window_it_touches_incomplete_and_filling_it_restores_them() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 10, "100", "1")]);
    bench.feed([trade(4, DAY_NS + MINUTE_NS + 10, "103", "1")]);
    assert!(!bench.minute(0).complete);
    bench.feed([trade(2, DAY_NS + 20, "101", "1")]);
    let candle = bench.minute(0);
    assert_eq!((candle.complete, candle.revision), (false, 1));
    bench.feed([trade(3, DAY_NS + 30, "102", "1")]);
    let candle = bench.minute(0);
    assert_eq!((candle.complete, candle.revision), (true, 2));
    assert_eq!(prices(&candle).unwrap(), ["100", "102", "100", "102"]);
    bench.feed([live(DAY_NS + 5 * MINUTE_NS, 5)]);
    assert!(bench.candle(Interval::M5, 0).unwrap().complete);
}

#[test]
fn a_live_mark_beyond_the_expected_id_opens_a_hole() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1"), live(DAY_NS + MINUTE_NS, 3)]);
    assert!(!bench.minute(0).complete);
    assert_eq!(bench.engine.stats().unexplained_gaps, 1);
}

#[test]
fn a_start_whose_ids_join_up_continues_coverage() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 1, "100", "1")]);
    bench.feed([start(DAY_NS + SECOND_NS, 2), trade(2, DAY_NS + 2 * SECOND_NS, "101", "1")]);
    bench.feed([live(DAY_NS + MINUTE_NS, 3)]);
    assert!(bench.minute(0).complete);
}

#[test]
fn a_start_beyond_the_expected_id_opens_a_hole_before_its_own_time() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 1, "100", "1")]);
    bench.feed([start(DAY_NS + 2 * MINUTE_NS, 9), trade(9, DAY_NS + 2 * MINUTE_NS, "101", "1")]);
    bench.feed([live(DAY_NS + 3 * MINUTE_NS, 10)]);
    assert!(!bench.minute(0).complete);
    let unknown = bench.minute(1);
    assert_eq!((prices(&unknown), unknown.complete), (None, false));
    assert!(bench.minute(2).complete);
}

#[test]
fn void_ids_count_as_folded() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    bench.feed([mark(MarkKind::Void { from_id: 2, to_id: 5 }), trade(6, DAY_NS + 1, "100", "1")]);
    bench.feed([mark(MarkKind::Void { from_id: 8, to_id: 9 }), trade(7, DAY_NS + 2, "100", "1")]);
    bench.feed([trade(10, DAY_NS + 3, "100", "1"), live(DAY_NS + MINUTE_NS, 11)]);
    assert!(bench.minute(0).complete);
}

#[test]
fn a_lost_range_makes_windows_incomplete_until_a_lost_id_arrives_in_time() {
    let lost = MarkKind::Lost {
        from_id: 2,
        to_id: 2,
        from_ns: DAY_NS,
        to_ns: DAY_NS + MINUTE_NS - 1,
        reason: "refused".into(),
    };
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1"), mark(lost)]);
    bench.feed([trade(3, DAY_NS + MINUTE_NS, "100", "1")]);
    assert!(!bench.minute(0).complete);
    bench.feed([trade(2, DAY_NS + 5, "99", "1")]);
    let candle = bench.minute(0);
    assert_eq!((candle.complete, candle.revision, candle.trade_count), (true, 1, Some(2)));
}

#[test]
fn a_lost_id_is_final_once_its_minutes_can_no_longer_change() {
    let lost = MarkKind::Lost {
        from_id: 2,
        to_id: 2,
        from_ns: DAY_NS,
        to_ns: DAY_NS + 1,
        reason: "refused".into(),
    };
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1"), mark(lost)]);
    bench.feed([trade(3, DAY_NS + 10 * MINUTE_NS, "100", "1")]);
    bench.commit();
    assert_eq!(bench.gaps.iter().map(|gap| gap.reason.as_str()).collect::<Vec<_>>(), ["refused"]);
    assert_eq!(bench.apply(&trade(2, DAY_NS, "100", "1")), Outcome::Duplicate);
    bench.feed([live(DAY_NS + 60 * MINUTE_NS, 4)]);
    assert!(!bench.candle(Interval::H1, 0).unwrap().complete, "the hour keeps the damage");
    assert!(bench.candle(Interval::M5, 10).unwrap().complete);
}

#[test]
fn a_dead_letter_loses_its_id_and_nothing_else() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    let beyond = trade(2, DAY_NS + MINUTE_NS, "0.000000000001", "0.000000001");
    assert_eq!(bench.reason(&beyond), Some(Reason::Range));
    bench.feed([live(DAY_NS + 2 * MINUTE_NS, 3)]);
    assert!(bench.minute(0).complete);
    assert!(!bench.minute(1).complete);
}

#[test]
fn bytes_that_are_no_trade_lose_the_id_they_name() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    let mut bytes = Vec::new();
    trade(2, DAY_NS + 1, "100", "1").encode(&mut bytes);
    let bad = String::from_utf8(bytes).unwrap().replace("\"size\":\"1\"", "\"size\":\"0\"");
    let undecodable = market::tick::decode(bad.as_bytes()).unwrap_err();
    let outcome = bench.engine.reject(at(bench.offset), &undecodable);
    assert!(matches!(outcome, Outcome::DeadLetter { reason: Reason::Size, .. }));
    bench.offset += 1;
    bench.feed([trade(3, DAY_NS + MINUTE_NS, "100", "1"), live(DAY_NS + 2 * MINUTE_NS, 4)]);
    assert!(!bench.minute(0).complete);
    assert!(bench.minute(1).complete);
}

#[test]
fn bytes_that_name_a_folded_id_change_nothing_whatever_time_they_name() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    let mut bytes = Vec::new();
    trade(1, DAY_NS + 10 * MINUTE_NS, "100", "1").encode(&mut bytes);
    let bad = String::from_utf8(bytes).unwrap().replace("\"size\":\"1\"", "\"size\":\"0\"");
    let undecodable = market::tick::decode(bad.as_bytes()).unwrap_err();
    bench.engine.reject(at(bench.offset), &undecodable);
    bench.offset += 1;
    bench.feed([trade(3, DAY_NS + 30, "100", "1"), live(DAY_NS + MINUTE_NS, 4)]);
    assert!(
        !bench.minute(0).complete,
        "the second trade is missing, and happened before the third"
    );
}

#[test]
fn a_future_trade_is_a_dead_letter_and_moves_no_watermark() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    let ahead =
        changed(trade(2, DAY_NS + 600 * MINUTE_NS, "100", "1"), |trade| trade.future = true);
    assert_eq!(bench.reason(&ahead), Some(Reason::Future));
    assert!(bench.candle(Interval::M1, 0).is_none(), "nothing closed");
    bench.feed([trade(3, DAY_NS + MINUTE_NS, "100", "1")]);
    assert!(!bench.minute(0).complete);
}

#[test]
fn a_series_that_is_not_in_the_spec_is_a_dead_letter() {
    let mut bench = Bench::new();
    let other = changed(trade(1, DAY_NS, "100", "1"), |trade| trade.symbol = "ETH".into());
    assert_eq!(bench.reason(&other), Some(Reason::Schema));
    assert_eq!(bench.reason(&quote(DAY_NS, "1", false)), None);
    let quote_as_trade =
        changed(trade(1, DAY_NS, "1", "1"), |trade| trade.source = "coingecko".into());
    assert_eq!(bench.reason(&quote_as_trade), Some(Reason::Schema));
}

#[test]
fn holes_are_bounded_and_the_oldest_becomes_lost() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1)]);
    let holes = series::HOLES_MAX as u64 + 1;
    bench.feed((1..=holes + 1).map(|n| trade(2 * n, DAY_NS + n as i64, "100", "1")));
    assert_eq!(bench.apply(&trade(1, DAY_NS, "100", "1")), Outcome::Duplicate);
    assert_eq!(bench.apply(&trade(2 * holes - 1, DAY_NS + 1, "100", "1")), Outcome::Folded);
}

#[test]
fn a_source_goes_on_at_the_lowest_id_that_can_still_be_folded() {
    let mut bench = Bench::new();
    let binance = series("binance");
    assert_eq!(bench.engine.position(&binance), None);
    bench.feed([start(DAY_NS, 5), trade(5, DAY_NS, "100", "1"), trade(8, DAY_NS + 1, "100", "1")]);
    assert_eq!(bench.engine.position(&binance).map(|position| position.next_id), Some(6));
    bench.feed([trade(9, DAY_NS + 10 * MINUTE_NS, "100", "1")]);
    assert_eq!(bench.engine.position(&binance).map(|position| position.next_id), Some(10));
}

#[test]
fn ids_between_the_expected_one_and_a_lost_range_are_a_hole() {
    let lost = |from_id, to_id| MarkKind::Lost {
        from_id,
        to_id,
        from_ns: DAY_NS + 3 * MINUTE_NS,
        to_ns: DAY_NS + 3 * MINUTE_NS,
        reason: "refused".into(),
    };
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1"), mark(lost(5, 6))]);
    bench.feed([trade(7, DAY_NS + 4 * MINUTE_NS, "100", "1"), live(DAY_NS + 5 * MINUTE_NS, 8)]);
    assert!((0..4).all(|minute| !bench.minute(minute).complete));
    assert!(bench.minute(4).complete);
}

#[test]
fn a_trade_without_an_id_in_a_series_that_numbers_its_trades_is_a_dead_letter() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    let nameless = changed(trade(1, DAY_NS, "100", "1"), |trade| trade.trade_id = None);
    assert_eq!(bench.reason(&nameless), Some(Reason::Schema));
}

#[test]
fn a_rejected_record_does_not_fix_the_id_space() {
    let mut bench = Bench::new();
    let mut bytes = Vec::new();
    let other = changed(trade(1, DAY_NS, "100", "1"), |trade| trade.message_id = "o:x:t:1".into());
    other.encode(&mut bytes);
    let bad = String::from_utf8(bytes).unwrap().replace("\"price\":\"100\"", "\"price\":\"0\"");
    let undecodable = market::tick::decode(bad.as_bytes()).unwrap_err();
    bench.engine.reject(at(0), &undecodable);
    let unnamed = changed(trade(1, DAY_NS, "100", "1"), |trade| trade.message_id = "1".into());
    assert_eq!(bench.reason(&unnamed), Some(Reason::Space));
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
}

#[test]
fn an_id_that_no_trade_has_does_not_end_the_search_for_holes() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    bench.feed([trade(1_000_000, DAY_NS + 1, "100", "1"), trade(2, DAY_NS + 2, "100", "1")]);
    bench.feed([trade(3, DAY_NS + MINUTE_NS, "100", "1")]);
    bench.feed([trade(10, DAY_NS + 3 * MINUTE_NS, "100", "1")]);
    bench.feed([trade(11, DAY_NS + 4 * MINUTE_NS, "100", "1")]);
    assert!((1..=3).all(|minute| !bench.minute(minute).complete), "4 to 9 are missing there");
}

#[test]
fn void_and_lost_marks_without_end_keep_a_bounded_state() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    for n in 1..3 * series::ID_RANGES_MAX as u64 {
        bench.feed([mark(MarkKind::Void { from_id: 1_000 + 2 * n, to_id: 1_000 + 2 * n })]);
    }
    let state = bench.commit().states.swap_remove(0);
    assert!(state.bytes.len() < 200_000, "{}", state.bytes.len());
}

#[test]
fn the_id_of_a_trade_that_was_read_and_not_folded_is_lost_and_not_a_hole() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 1, "100", "1")]);
    let ahead = changed(trade(2, DAY_NS + 90 * MINUTE_NS, "100", "1"), |trade| trade.future = true);
    assert_eq!(bench.reason(&ahead), Some(Reason::Future));
    bench.feed([trade(3, DAY_NS + MINUTE_NS, "100", "1")]);
    bench.feed([live(DAY_NS + 5 * MINUTE_NS, 4)]);
    assert_eq!(bench.engine.stats().unexplained_gaps, 0);
    bench.commit();
    let [gap] = bench.gaps.as_slice() else { panic!("{:?}", bench.gaps) };
    assert_eq!((gap.from_id, gap.to_id, gap.reason.as_str(), gap.lost), (2, 2, "future", true));
    assert!(!bench.minute(0).complete && !bench.minute(1).complete, "between its neighbours");
    assert!(bench.minute(2).complete);
}
