//! Records both ways, and every bad input a named error.

use std::borrow::Cow;

use proptest::prelude::*;

use super::decode::decode_json;
use super::*;
use crate::publication::FeedState;

/// The contract's own example of a trade.
const TRADE: &str = r#"{"schema":2,"kind":"trade","symbol":"BTC","source":"binance","price_usd":61685.99,"volume_24h":null,"market_cap":null,"price_change_24h":null,"last_updated":1723161599,"timestamp":"2024-08-08T23:59:59.812000Z","producer_id":"crypto-producer-0","message_id":"binance:BTCUSDT:a:3084512345","price":"61685.99000000","size":"0.00123000","side":"buy","trade_id":3084512345,"first_id":3721550000,"last_id":3721550002,"event_time_ns":1723161599812000000,"receive_time_ns":1723161598541231384}"#;
const LIVE: &str = r#"{"schema":2,"kind":"mark","mark":"live","symbol":"BTC","source":"binance","epoch":1723161255100,"complete_to_ns":1723161600000000000,"next_id":3084512346,"producer_id":"crypto-producer-0"}"#;
const START: &str = r#"{"schema":2,"kind":"mark","mark":"start","symbol":"BTC","source":"binance","epoch":1723161255100,"from_ns":1723161255343000000,"next_id":3084500001,"ids":"dense","space":"a","venue":"binance","instrument":"BTCUSDT","base":"BTC","quote":"USDT","usd_basis":"par","producer_id":"crypto-producer-0"}"#;
const FOREIGN: &str = r#"{"symbol":"BTC","coin_id":"bitcoin","price_usd":6.1685e4,"volume_24h":2.9e10,"market_cap":null,"price_change_24h":-1.4,"last_updated":1723161599,"timestamp":"2024-08-08T23:59:59Z","producer_id":"p","message_id":"BTC-1723161599000"}"#;

fn encoded(record: &Record<'_>) -> String {
    let mut out = Vec::new();
    record.encode(&mut out);
    String::from_utf8(out).unwrap()
}

fn trade(record: Record<'_>) -> Trade<'_> {
    match record {
        Record::Tick(Tick::Trade(trade)) => trade,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_contract_examples_parse_and_print_back_to_the_byte() {
    for example in [TRADE, LIVE, START] {
        let record = decode(example.as_bytes()).unwrap();
        assert_eq!(encoded(&record), example);
    }
}

#[test]
fn a_trade_keeps_the_sent_text_and_its_exact_value() {
    let trade = trade(decode(TRADE.as_bytes()).unwrap());
    assert_eq!(trade.price.text, "61685.99000000");
    assert_eq!(trade.price.value.to_string(), "61685.99");
    assert_eq!(trade.execution_count(), 3);
    assert_eq!(trade.side, Some(Side::Buy));
    assert!(matches!(trade.symbol, Cow::Borrowed("BTC")));
}

#[test]
fn a_reference_record_is_a_quote_of_source_reference_at_last_updated() {
    let Record::Tick(Tick::Quote(quote)) = decode(FOREIGN.as_bytes()).unwrap() else {
        panic!("not a quote");
    };
    assert_eq!((quote.source.as_ref(), quote.foreign), ("reference", true));
    assert_eq!(quote.event_time_ns, 1_723_161_599_000_000_000);
    assert_eq!(quote.price.value.to_string(), "61685");
    assert_eq!(quote.volume_24h.as_deref(), Some("2.9e10"));
}

#[test]
fn every_bad_record_is_a_named_error() {
    let check = |bad: String, reason: Reason, lost: Option<u64>| {
        let undecodable = decode(bad.as_bytes()).unwrap_err();
        assert_eq!(undecodable.error.reason(), reason, "{bad}: {}", undecodable.error);
        assert_eq!(undecodable.trade.map(|trade| trade.trade_id), lost, "{bad}");
    };
    let id = Some(3_084_512_345);
    let replaced = |from: &str, to: &str| TRADE.replace(from, to);
    check(String::new(), Reason::Parse, None);
    check("[1]".into(), Reason::Parse, None);
    check(TRADE[..200].into(), Reason::Parse, None);
    check(format!("{{\"a\":\"{}\"}}", "x".repeat(5000)), Reason::Parse, None);
    check(replaced("\"schema\":2", "\"schema\":3"), Reason::Schema, id);
    check(replaced("\"kind\":\"trade\"", "\"kind\":\"book\""), Reason::Schema, None);
    check(replaced("\"side\":\"buy\"", "\"side\":\"b\""), Reason::Schema, id);
    check(replaced("crypto-producer-0", &"p".repeat(65)), Reason::Schema, id);
    check(replaced("\"first_id\":3721550000,", ""), Reason::Schema, id);
    check(replaced("\"61685.99000000\"", "\"0\""), Reason::Price, id);
    check(replaced("\"61685.99000000\"", "\"-1\""), Reason::Price, id);
    check(replaced("\"61685.99000000\"", "\"1e5\""), Reason::Price, id);
    check(replaced("\"61685.99000000\"", "61685.99"), Reason::Price, id);
    check(replaced("\"61685.99000000\"", "\"1.0000000000001\""), Reason::Range, id);
    check(replaced("\"61685.99000000\"", "\"100000000000000\""), Reason::Range, id);
    check(replaced("\"0.00123000\"", "\"0.000\""), Reason::Size, id);
    check(replaced("\"0.00123000\"", "\"\""), Reason::Size, id);
    check(replaced("\"0.00123000\"", "\"0.0000000000001\""), Reason::Range, id);
    check(replaced("\"event_time_ns\":1723161599812000000,", ""), Reason::EventTime, id);
    check(replaced(":1723161599812000000", ":\"soon\""), Reason::EventTime, id);
    check(replaced(":1723161599812000000", ":0"), Reason::EventTime, id);
    check(FOREIGN.replace("\"last_updated\":1723161599,", ""), Reason::EventTime, None);
    check(FOREIGN.replace("6.1685e4", "\"much\""), Reason::Price, None);
    check(LIVE.replace("\"complete_to_ns\":1723161600000000000,", ""), Reason::Schema, None);
    check(LIVE.replace("\"live\"", "\"alive\""), Reason::Schema, None);
    check(START.replace("dense", "sparse"), Reason::Schema, None);
}

#[test]
fn bytes_that_are_no_text_are_refused_wherever_they_stand() {
    for place in ["61685.99000000", "crypto-producer-0", "BTCUSDT"] {
        let at = TRADE.find(place).unwrap();
        let mut bytes = TRADE.as_bytes().to_vec();
        bytes[at] = 0xff;
        assert_eq!(decode(&bytes).unwrap_err().error.reason(), Reason::Parse, "{place}");
    }
}

#[test]
fn unknown_fields_and_any_order_are_read() {
    let reordered = r#"{ "event_time_ns":5,"new":{"a":[1]},"size":"2","price":"3","message_id":"m","trade_id":7,
        "source":"s","symbol":"B\u0054C","price_usd":null,"kind":"trade","schema":2}"#;
    let trade = trade(decode(reordered.as_bytes()).unwrap());
    assert_eq!((trade.symbol.as_ref(), trade.trade_id, trade.usd), ("BTC", Some(7), false));
}

fn any_text() -> impl Strategy<Value = Cow<'static, str>> {
    "[a-zA-Z0-9:/\\-\"\\\\ é]{1,20}".prop_map(Cow::Owned)
}

fn any_amount() -> impl Strategy<Value = Amount<'static>> {
    "[1-9][0-9]{0,8}(\\.[0-9]{1,10})?"
        .prop_map(|text| Amount { value: Decimal::parse(&text).unwrap(), text: text.into() })
}

fn any_trade() -> impl Strategy<Value = Record<'static>> {
    (
        (any_text(), any_text(), proptest::option::of(any_text()), any_text(), any_text()),
        (any_amount(), any_amount(), any::<bool>()),
        proptest::option::of(prop_oneof![Just(Side::Buy), Just(Side::Sell)]),
        (proptest::option::of(any::<u64>()), proptest::option::of((0..100_u64, 100..200_u64))),
        (1..i64::from(i32::MAX) * 1_000_000_000, proptest::option::of(1..i64::MAX)),
        (any::<bool>(), any::<bool>()),
    )
        .prop_map(|(texts, (price, size, usd), side, (trade_id, executions), times, flags)| {
            Record::Tick(Tick::Trade(Trade {
                symbol: texts.0,
                source: texts.1,
                coin_id: texts.2,
                producer_id: texts.3,
                message_id: texts.4,
                price,
                size,
                usd,
                side,
                trade_id,
                executions,
                event_time_ns: times.0,
                receive_time_ns: times.1,
                recovered: flags.0,
                future: flags.1,
            }))
        })
}

fn any_mark() -> impl Strategy<Value = Record<'static>> {
    let start = (any::<i64>(), any::<u64>(), any_text(), any_text(), any::<bool>()).prop_map(
        |(from_ns, next_id, space, venue, dense)| {
            MarkKind::Start(Start {
                from_ns,
                next_id: dense.then_some(next_id),
                ids: if dense { Ids::Dense } else { Ids::None },
                space: space.clone(),
                venue: venue.clone(),
                instrument: space.clone(),
                base: venue,
                quote: space,
                usd_basis: if dense { UsdBasis::Par } else { UsdBasis::None },
            })
        },
    );
    let live = (any::<i64>(), proptest::option::of(any::<u64>()))
        .prop_map(|(complete_to_ns, next_id)| MarkKind::Live { complete_to_ns, next_id });
    let lost = (0..9_u64, 9..20_u64, -9..0_i64, 0..9_i64, any_text()).prop_map(
        |(from_id, to_id, from_ns, to_ns, reason)| MarkKind::Lost {
            from_id,
            to_id,
            from_ns,
            to_ns,
            reason,
        },
    );
    let state =
        any_text().prop_map(|reason| MarkKind::State { state: FeedState::Repairing, reason });
    let kind = prop_oneof![
        start,
        live,
        lost,
        state,
        Just(MarkKind::Void { from_id: 1, to_id: 2 }),
        Just(MarkKind::End),
    ];
    (any_text(), any_text(), any::<u64>(), any_text(), kind).prop_map(
        |(symbol, source, epoch, producer_id, kind)| {
            Record::Mark(Mark { symbol, source, epoch, producer_id, kind })
        },
    )
}

proptest! {
    #[test]
    fn any_record_reads_back_as_it_was_written(record in prop_oneof![any_trade(), any_mark()]) {
        let text = encoded(&record);
        prop_assert_eq!(decode(text.as_bytes()).map_err(|bad| bad.error.to_string()), Ok(record));
    }

    #[test]
    fn the_canonical_reader_and_the_json_parser_agree(record in any_trade(), at in 0..600_usize, byte: u8) {
        let mut bytes = encoded(&record).into_bytes();
        if let Some(read) = canonical::trade(&bytes) {
            prop_assert_eq!(&Record::Tick(Tick::Trade(read)), &record);
        }
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        if let Some(read) = canonical::trade(&bytes) {
            prop_assert_eq!(decode_json(&bytes).map_err(|bad| bad.error.to_string()), Ok(Record::Tick(Tick::Trade(read))));
        }
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
    }
}
