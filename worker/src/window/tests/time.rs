//! Time: lateness, revisions, flat candles, quotes, snapshots, alerts.

use super::*;

#[test]
fn late_trade_within_allowed_lateness_corrects_every_closed_window_once() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 4 * MINUTE_NS, "100", "1")]);
    bench.feed([trade(3, DAY_NS + 5 * MINUTE_NS, "102", "1")]);
    bench.feed([trade(2, DAY_NS + 4 * MINUTE_NS + 9, "109", "2")]);
    let minute = bench.minute(4);
    assert_eq!((minute.revision, minute.high.unwrap().to_string().as_str()), (1, "109"));
    let five = bench.candle(Interval::M5, 0).unwrap();
    assert_eq!((five.revision, five.volume.unwrap().to_string().as_str()), (1, "3"));
    assert!(bench.candle(Interval::M15, 0).is_none(), "an open window gets no revision");
    bench.feed([live(DAY_NS + 15 * MINUTE_NS, 4)]);
    let fifteen = bench.candle(Interval::M15, 0).unwrap();
    assert_eq!((fifteen.revision, fifteen.volume.unwrap().to_string().as_str()), (0, "4"));
}

#[test]
fn trade_past_allowed_lateness_is_a_dead_letter_for_all_intervals() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    bench.feed([trade(3, DAY_NS + 2 * MINUTE_NS, "100", "1")]);
    bench.feed([live(DAY_NS + 2 * MINUTE_NS, 4)]);
    let on_the_edge = bench.reason(&trade(2, DAY_NS + 1, "101", "1"));
    assert_eq!(on_the_edge, None, "the watermark is at, not past, close time + lateness");
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    bench.feed([trade(3, DAY_NS + 2 * MINUTE_NS + 1, "100", "1")]);
    assert_eq!(bench.reason(&trade(2, DAY_NS + 1, "101", "1")), Some(Reason::Late));
    assert_eq!(bench.apply(&trade(2, DAY_NS + 1, "101", "1")), Outcome::Duplicate, "lost for good");
    bench.feed([live(DAY_NS + 60 * MINUTE_NS, 4)]);
    let hour = bench.candle(Interval::H1, 0).unwrap();
    assert_eq!((hour.complete, hour.trade_count), (false, Some(2)));
}

#[test]
fn every_covered_interval_has_a_candle_flat_at_the_last_close() {
    let mut bench = Bench::new();
    bench.feed([
        start(DAY_NS, 1),
        trade(1, DAY_NS + 1, "100", "1"),
        trade(2, DAY_NS + 2, "101", "1"),
    ]);
    bench.feed([live(DAY_NS + 10 * MINUTE_NS, 3)]);
    for minute in 1..10 {
        let flat = bench.minute(minute);
        assert_eq!(prices(&flat).unwrap(), ["101"; 4]);
        assert_eq!((flat.trade_count, flat.vwap, flat.complete), (Some(0), None, true));
    }
    let five = bench.candle(Interval::M5, 5).unwrap();
    assert_eq!((prices(&five).unwrap(), five.complete), (["101"; 4].map(String::from), true));
}

#[test]
fn no_row_means_not_covered() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS + 90 * SECOND_NS, 1), trade(1, DAY_NS + 4 * MINUTE_NS, "100", "1")]);
    bench.feed([live(DAY_NS + 5 * MINUTE_NS, 2)]);
    assert!(bench.candle(Interval::M1, 0).is_none());
    assert!(bench.candle(Interval::M1, 1).is_none(), "partly covered, no trades");
    let unpriced = bench.minute(2);
    assert_eq!((prices(&unpriced), unpriced.complete), (None, false));
    assert!(bench.minute(4).complete);
    assert!(!bench.candle(Interval::M5, 0).unwrap().complete, "covered in part only");
}

#[test]
fn flat_prices_are_unknown_after_a_hole_until_the_next_trade() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 1, "100", "1")]);
    bench.feed([live(DAY_NS + 3 * MINUTE_NS, 3), live(DAY_NS + 6 * MINUTE_NS, 3)]);
    let unknown = bench.minute(5);
    assert_eq!((prices(&unknown), unknown.complete), (None, false));
    bench.feed([trade(3, DAY_NS + 6 * MINUTE_NS, "103", "1"), live(DAY_NS + 8 * MINUTE_NS, 4)]);
    let known = bench.minute(7);
    assert_eq!((prices(&known).unwrap(), known.complete), (["103"; 4].map(String::from), true));
}

#[test]
fn a_changed_close_changes_the_flat_candles_after_it_up_to_the_next_trade() {
    let mut settings = settings();
    settings.allowed_lateness_ns = 10 * MINUTE_NS;
    let mut bench = Bench::with(settings);
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 1, "100", "1")]);
    bench.feed([trade(3, DAY_NS + 4 * MINUTE_NS, "104", "1"), live(DAY_NS + 6 * MINUTE_NS, 4)]);
    assert_eq!(prices(&bench.minute(2)), None);
    let after = bench.offset;
    bench.feed([trade(2, DAY_NS + 2, "101", "1")]);
    let effects = bench.commit();
    let mut changed: Vec<_> = effects
        .candles
        .iter()
        .filter(|row| row.candle.interval == Interval::M1)
        .map(|row| (row.candle.open_time_ms - DAY_NS / 1_000_000) / 60_000)
        .collect();
    changed.sort_unstable();
    assert_eq!(changed, [0, 1, 2, 3, 4], "minute 4 was touched by the hole");
    assert!(effects.candles.iter().all(|row| row.last_offset == after && row.candle.revision == 1));
    assert_eq!(prices(&bench.minute(3)).unwrap(), ["101"; 4]);
    assert_eq!(prices(&bench.minute(5)).unwrap(), ["104"; 4]);
}

#[test]
fn nothing_closes_without_records_and_the_watermark_never_goes_back() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 3 * MINUTE_NS, "100", "1")]);
    bench.feed([live(DAY_NS, 2)]);
    let watermark = bench.engine.watermarks().next().unwrap().1;
    assert_eq!(watermark, Some(DAY_NS + 3 * MINUTE_NS));
}

#[test]
fn quotes_have_samples_but_no_coverage_and_no_flat_candles() {
    let mut bench = Bench::new();
    bench.feed([quote(DAY_NS, "100", false), quote(DAY_NS + 20 * SECOND_NS, "99", false)]);
    assert_eq!(bench.apply(&quote(DAY_NS, "98", false)), Outcome::Duplicate, "the first wins");
    bench.feed([quote(DAY_NS + 7 * MINUTE_NS, "101", false)]);
    let candle = bench.candle_of("coingecko", Interval::M1, 0).unwrap();
    assert_eq!(prices(&candle).unwrap(), ["100", "100", "99", "99"]);
    assert_eq!((candle.samples, candle.volume, candle.trade_count), (Some(2), None, None));
    assert!(!candle.complete);
    assert!(bench.candle_of("coingecko", Interval::M1, 3).is_none());
    assert!(bench.candle_of("coingecko", Interval::M5, 0).is_some(), "the next quote closes it");
}

#[test]
fn foreign_records_may_be_out_of_order_by_the_bound() {
    let mut bench = Bench::new();
    bench.feed([quote(DAY_NS, "100", true), quote(DAY_NS + MINUTE_NS + SECOND_NS, "101", true)]);
    assert!(bench.candle_of("reference", Interval::M1, 0).is_none());
    bench.feed([quote(DAY_NS + MINUTE_NS + 2 * SECOND_NS, "101", true)]);
    assert!(bench.candle_of("reference", Interval::M1, 0).is_some());
}

#[test]
fn the_end_of_a_finite_source_shows_open_windows_and_the_next_file_grows_them() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + MINUTE_NS, "100", "1")]);
    bench.feed([trade(2, DAY_NS + MINUTE_NS + 1, "101", "1"), mark(MarkKind::End)]);
    let open = bench.candle(Interval::M5, 0).unwrap();
    assert_eq!((open.closed, open.complete, open.trade_count), (false, false, Some(2)));
    assert_eq!(bench.feeds, [FeedState::Ended], "the last state of a commit");
    bench.feed([start(DAY_NS, 3), trade(3, DAY_NS + 2 * MINUTE_NS, "102", "1")]);
    bench.feed([live(DAY_NS + 5 * MINUTE_NS, 4)]);
    let closed = bench.candle(Interval::M5, 0).unwrap();
    assert_eq!((closed.closed, closed.complete, closed.trade_count), (true, true, Some(3)));
    assert_eq!(closed.revision, 0);
}

#[test]
fn state_and_end_of_an_older_producer_are_ignored() {
    let mut bench = Bench::new();
    let mut newer = start(DAY_NS, 1);
    if let Record::Mark(mark) = &mut newer {
        mark.epoch = 2;
    }
    let down = MarkKind::State { state: FeedState::Down, reason: "gone".into() };
    bench.feed([newer, mark(down), mark(MarkKind::End)]);
    bench.commit();
    assert_eq!(bench.feeds, [FeedState::Up]);
}

#[test]
fn an_alert_is_raised_by_the_tick_that_crosses_once_per_window_and_direction() {
    let mut bench = Bench::new();
    bench.feed([
        start(DAY_NS, 1),
        trade(1, DAY_NS, "100", "1"),
        trade(2, DAY_NS + 1, "104.99", "1"),
    ]);
    bench.commit();
    assert!(bench.alerts.is_empty());
    bench.feed([trade(3, DAY_NS + 2, "106.1", "1"), trade(4, DAY_NS + 3, "108", "1")]);
    bench.commit();
    let [alert] = bench.alerts.as_slice() else { panic!("{:?}", bench.alerts) };
    assert_eq!(alert.alert_id, format!("BTC:binance:price_change:up:1m:{}", DAY_NS / 1_000_000));
    assert_eq!(alert.open_price.unwrap().to_string(), "100");
    assert_eq!((alert.severity, alert.alert_type), (Severity::Low, AlertType::PriceSpike));
    bench.feed([trade(5, DAY_NS + 4, "90", "1")]);
    bench.commit();
    assert_eq!(bench.alerts.len(), 2);
}

#[test]
fn late_trades_raise_no_alert() {
    let mut bench = Bench::new();
    bench.feed([
        start(DAY_NS, 1),
        trade(1, DAY_NS, "100", "1"),
        trade(3, DAY_NS + MINUTE_NS, "100", "1"),
    ]);
    bench.feed([trade(2, DAY_NS + 1, "150", "1")]);
    bench.commit();
    assert!(bench.alerts.is_empty());
}

#[test]
fn a_repeated_down_mark_is_a_stale_feed() {
    let down = || mark(MarkKind::State { state: FeedState::Down, reason: "gone".into() });
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS + 5, "100", "1"), down()]);
    bench.commit();
    assert!(bench.alerts.is_empty());
    bench.feed([down(), down()]);
    bench.commit();
    assert_eq!(bench.alerts.len(), 1);
    assert_eq!(bench.alerts[0].alert_type, AlertType::StaleFeed);
}

#[test]
fn seq_grows_by_one_per_channel_with_each_candle_shown() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1"), live(DAY_NS + 3 * MINUTE_NS, 2)]);
    let seqs = |effects: &Effects| -> Vec<u64> {
        let minutes = effects.candles.iter().filter(|row| row.candle.interval == Interval::M1);
        minutes.map(|row| row.seq).collect()
    };
    assert_eq!(seqs(&bench.commit()), [1, 2, 3]);
    bench.feed([live(DAY_NS + 4 * MINUTE_NS, 2)]);
    assert_eq!(seqs(&bench.commit()), [4]);
}

#[test]
fn open_bars_hold_the_open_minute_in_every_interval() {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    bench.feed([trade(2, DAY_NS + MINUTE_NS, "101", "1")]);
    let bars = bench.engine.take_open_bars();
    let volume = |interval| {
        let bar = bars.iter().find(|(_, candle)| candle.interval == interval).unwrap();
        (bar.1.volume.unwrap().to_string(), bar.1.closed)
    };
    assert_eq!(volume(Interval::M1), ("1".into(), false));
    assert_eq!(volume(Interval::M5), ("2".into(), false));
    assert_eq!(volume(Interval::Month), ("2".into(), false));
    assert!(bench.engine.take_open_bars().is_empty(), "nothing changed");
}

#[test]
fn a_hole_that_can_no_longer_be_filled_is_told_once() {
    for (lateness_s, step_ns) in [(60, SECOND_NS), (30, SECOND_NS), (60, SECOND_NS + 7)] {
        let mut settings = settings();
        settings.allowed_lateness_ns = lateness_s * SECOND_NS;
        let mut bench = Bench::with(settings);
        bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
        for n in 3..400 {
            bench.feed([trade(n, DAY_NS + i64::try_from(n).unwrap() * step_ns, "100", "1")]);
            bench.commit();
        }
        let ids: Vec<_> = bench.gaps.iter().map(|gap| (gap.from_id, gap.to_id)).collect();
        assert_eq!(ids, [(2, 2)], "lateness {lateness_s} s, a trade every {step_ns} ns");
    }
}

#[test]
fn a_feed_that_is_down_in_a_quiet_minute_is_stale_too() {
    let down = || mark(MarkKind::State { state: FeedState::Down, reason: "gone".into() });
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1"), live(DAY_NS + 90 * SECOND_NS, 2)]);
    bench.feed([down(), down(), down()]);
    bench.commit();
    assert_eq!(bench.alerts.len(), 1);
}

#[test]
fn times_that_no_record_can_have_close_nothing() {
    let mut bench = Bench::new();
    assert_eq!(bench.reason(&start(i64::MIN, 1)), Some(Reason::EventTime));
    assert_eq!(bench.reason(&trade(1, 1_000_000, "100", "1")), Some(Reason::EventTime));
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100", "1")]);
    assert_eq!(bench.reason(&live(i64::MAX, 2)), Some(Reason::Future));
    assert_eq!(bench.reason(&trade(2, i64::MAX, "100", "1")), Some(Reason::Future));
    bench.feed([trade(2, DAY_NS + 1, "100", "1"), live(DAY_NS + MINUTE_NS, 3)]);
    assert!(bench.minute(0).complete);
}

#[test]
fn a_producer_learns_the_highest_epoch() {
    let mut bench = Bench::new();
    assert_eq!(bench.engine.epoch(), 0);
    bench.feed([start(DAY_NS, 1)]);
    assert_eq!(bench.engine.epoch(), 1);
}

#[test]
fn a_foreign_quote_far_ahead_of_its_log_append_time_is_a_dead_letter() {
    let mut bench = Bench::new();
    let received = LogPosition { partition: 0, offset: 0, timestamp_ms: DAY_NS / 1_000_000 };
    let ahead = bench.engine.apply(received, &quote(DAY_NS + 61 * SECOND_NS, "100", true));
    assert!(matches!(ahead, Outcome::DeadLetter { reason: Reason::Future, .. }), "{ahead:?}");
    let near = bench.engine.apply(received, &quote(DAY_NS + 60 * SECOND_NS, "100", true));
    assert_eq!(near, Outcome::Folded);
}
