use market::decimal::{Decimal, Notional};
use market::interval::Interval;
use market::symbol::{SourceName, Symbol};

use super::*;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn notional(text: &str) -> Notional {
    Notional::parse(text).unwrap()
}

fn official(open_time_ms: i64) -> Official {
    Official {
        open_time_ms,
        open: decimal("61828.00000000"),
        high: decimal("61860.80"),
        low: decimal("61583.22"),
        close: decimal("61685.99"),
        volume: decimal("199.42863000"),
        quote_volume: notional("12304668.02540550"),
        trade_count: 8_863,
        taker_buy_volume: decimal("90.18301"),
        taker_buy_quote_volume: notional("5563967.3332507"),
    }
}

fn ours(open_time_ms: i64) -> Candle {
    Candle {
        symbol: Symbol::new("BTCUSDT").unwrap(),
        source: SourceName::new("binance").unwrap(),
        interval: Interval::M1,
        open_time_ms,
        close_time_ms: open_time_ms + 60_000,
        open: Some(decimal("61828")),
        high: Some(decimal("61860.8")),
        low: Some(decimal("61583.22")),
        close: Some(decimal("61685.99")),
        volume: Some(decimal("199.42863")),
        quote_volume: Some(notional("12304668.0254055")),
        taker_buy_volume: Some(decimal("90.18301")),
        taker_buy_quote_volume: Some(notional("5563967.3332507")),
        vwap: None,
        trade_count: Some(8_863),
        first_id: None,
        last_id: None,
        first_event_ns: None,
        last_event_ns: None,
        closed: true,
        complete: true,
        revision: 0,
        samples: None,
        sma_20: None,
        sma_50: None,
        ema_20: None,
        trend: None,
    }
}

#[test]
fn candles_of_equal_numbers_are_equal_however_they_are_written() {
    let verdict = compare(&[official(0), official(60_000)], &[ours(60_000), ours(0)]);
    assert_eq!(verdict, Verdict { equal: 2, ..Verdict::default() });
    assert!(verdict.holds());
}

#[test]
fn each_of_the_nine_fields_is_compared_and_the_first_window_is_told_with_both_values() {
    type Change = fn(&mut Candle);
    let changes: [(&str, Change); FIELDS] = [
        ("open", |candle| candle.open = None),
        ("high", |candle| candle.high = Some(decimal("61860.81"))),
        ("low", |candle| candle.low = Some(decimal("0.000000000001"))),
        ("close", |candle| candle.close = None),
        ("volume", |candle| candle.volume = Some(decimal("199.428630000001"))),
        ("quote_volume", |candle| candle.quote_volume = None),
        ("trade_count", |candle| candle.trade_count = Some(8_862)),
        ("taker_buy_volume", |candle| candle.taker_buy_volume = None),
        ("taker_buy_quote_volume", |candle| candle.taker_buy_quote_volume = None),
    ];
    for (field, change) in changes {
        let mut changed = ours(60_000);
        change(&mut changed);
        let (mut later, all) = (ours(120_000), [official(0), official(60_000), official(120_000)]);
        later.open = None;
        let verdict = compare(&all, &[ours(0), changed, later]);
        assert_eq!((verdict.equal, verdict.differing, verdict.holds()), (1, 2, false), "{field}");
        let Some((60_000, Mismatch::Differs(differences))) = &verdict.first else {
            panic!("{field}: {verdict:?}");
        };
        let [difference] = differences.as_slice() else { panic!("{field}: {differences:?}") };
        assert_eq!(difference.field, field);
        assert_ne!(difference.official, difference.ours);
    }
}

#[test]
fn incomplete_and_open_windows_are_not_counted_and_prove_nothing() {
    let (mut partly, mut open) = (ours(0), ours(60_000));
    partly.complete = false;
    partly.volume = None;
    open.closed = false;
    let verdict = compare(&[official(0), official(60_000)], &[partly, open]);
    assert_eq!(verdict, Verdict { incomplete: 2, ..Verdict::default() });
    assert!(!verdict.holds());
    assert_eq!(verdict.to_string(), "nothing is proved: all 2 windows are incomplete");
}

#[test]
fn window_that_only_the_exchange_has_is_missing() {
    let verdict = compare(&[official(0), official(60_000)], &[ours(60_000)]);
    assert_eq!((verdict.missing, verdict.holds()), (1, false));
    assert_eq!(verdict.first, Some((0, Mismatch::Missing)));
}

#[test]
fn window_with_trades_that_only_we_have_is_told_within_the_range_of_the_exchange() {
    let mut flat = ours(120_000);
    flat.trade_count = Some(0);
    let all = [official(0), official(180_000)];
    let made = [ours(-60_000), ours(0), ours(60_000), flat, ours(180_000), ours(240_000)];
    let verdict = compare(&all, &made);
    assert_eq!((verdict.equal, verdict.unknown, verdict.holds()), (2, 1, false));
    assert_eq!(verdict.first, Some((60_000, Mismatch::Unknown)));
}
