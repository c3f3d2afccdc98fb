use super::*;

fn read(text: &str) -> Vec<Frame> {
    let mut out = Vec::new();
    Kraken.read(text, &Names::of(["BTC/USD", "DOGE/USD"].into_iter()), &mut out);
    out
}

#[test]
fn numbers_with_an_exponent_are_written_out_digit_by_digit() {
    for (written, expected) in [
        ("1e-8", Some("0.00000001")),
        ("1.5E-3", Some("0.0015")),
        ("1E+2", Some("100")),
        ("12.345e1", Some("123.45")),
        ("123.4e-2", Some("1.234")),
        ("-5e0", Some("-5")),
        ("105944.20", Some("105944.20")),
        ("1e400", None),
        ("1e", None),
    ] {
        // Not every one of them is JSON.
        let value = format!("\"{written}\"");
        let value: sonic_rs::LazyValue<'_> = sonic_rs::from_str(&value).unwrap();
        assert_eq!(text::number(&value).as_deref(), expected, "{written}");
    }
}

const TRADE: &str = r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,"timestamp":"2023-10-06T17:35:55.440295Z"},{"symbol":"BTC/USD","side":"sell","price":1e-8,"qty":5,"ord_type":"market","trade_id":10218209,"timestamp":"2023-10-06T17:35:55.440295Z"}]}"#;

#[test]
fn prices_are_the_text_of_the_numbers() {
    let frames = read(TRADE);
    let [Frame::Trade { trade: one, sent_ns, .. }, Frame::Trade { trade: two, .. }] =
        frames.as_slice()
    else {
        panic!("{frames:?}")
    };
    assert_eq!((&*one.price, &*one.size, one.side), ("105944.20", "0.00027625", Some(Side::Buy)));
    assert_eq!((&*two.price, &*two.size, two.side), ("0.00000001", "5", Some(Side::Sell)));
    assert_eq!(one.event_time_ns, 1_696_613_755_440_295_000);
    assert_eq!(*sent_ns, Some(one.event_time_ns));
}

#[test]
fn every_symbol_is_acknowledged_or_refused_by_itself() {
    let ack = r#"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD","snapshot":false},"success":true,"time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z","req_id":1}"#;
    assert_eq!(
        read(ack),
        [Frame::Subscribed { instrument: 0, sent_ns: Some(1_695_632_671_742_648_000) }]
    );
    let refusal = r#"{"error":"Currency pair not supported DOGE/USD","method":"subscribe","success":false,"symbol":"DOGE/USD","req_id":1}"#;
    let reason = "Currency pair not supported DOGE/USD".to_owned();
    assert_eq!(read(refusal), [Frame::Refused { instrument: Some(1), reason }]);
}

#[test]
fn the_status_says_whether_the_venue_trades() {
    let status = r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":8628615390848610000}]}"#;
    assert!(matches!(read(status).as_slice(), [Frame::Trading { open: true, .. }]));
    let halted = status.replace("online", "maintenance");
    assert!(matches!(read(&halted).as_slice(), [Frame::Trading { open: false, .. }]));
}

#[test]
fn what_it_does_not_know_is_other_and_what_is_broken_is_unreadable() {
    for other in [r#"{"channel":"heartbeat"}"#, r#"{"method":"pong","req_id":42}"#] {
        assert_eq!(read(other), [Frame::Other], "{other}");
    }
    for bad in ["", "[]", "{}", r#"{"channel":"trade","type":"update","data":[{}]}"#, &TRADE[..99]]
    {
        assert_eq!(read(bad), [Frame::Unreadable], "{bad}");
    }
}

#[test]
fn a_trade_is_the_same_by_rest_and_its_time_is_cut_to_microseconds() {
    let body = br#"{"error":[],"result":{"XBTUSDT":[["105433.60000","0.00027625",1762795433.9717445,"b","l","",10218208]],"last":"1762820035982277754"}}"#;
    let rows = Kraken.read_page(body).unwrap();
    let [Row::Trade(trade)] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&*trade.price, &*trade.size), ("105433.60000", "0.00027625"));
    assert_eq!(
        (trade.trade_id, trade.event_time_ns),
        (Some(10_218_208), 1_762_795_433_971_744_000)
    );
}

#[test]
fn errors_come_with_a_body_that_says_whether_to_ask_again() {
    let error = |text: &str| {
        let body = format!(r#"{{"error":["{text}"]}}"#);
        Kraken.read_page(body.as_bytes()).unwrap_err()
    };
    assert_eq!(error("EGeneral:Too many requests"), BadBody::TooMany);
    let unknown = "EQuery:Unknown asset pair".to_owned();
    assert_eq!(error(&unknown), BadBody::Refused(unknown.clone()));
    assert_eq!(error("EService:Unavailable"), BadBody::Later("EService:Unavailable".to_owned()));
}

#[test]
fn pairs_are_listed_by_their_common_names() {
    let body = br#"{"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","status":"online"},"XDGUSD":{"altname":"XDGUSD","wsname":"XDG/USD","status":"cancel_only"}}}"#;
    let mut listed = Kraken.read_list(body).unwrap();
    listed.sort_by(|one, other| one.instrument.cmp(&other.instrument));
    assert_eq!(
        (listed[0].instrument.as_str(), listed[0].rest_name.as_str()),
        ("BTC/USD", "XBTUSD")
    );
    assert_eq!(listed[1].closed.as_deref(), Some("its status is cancel_only"));
}
