use e2e::venue::{FakeVenue, TapeTrade, VenueKind};
use serde_json::Value;

use crate::client::{BINANCE, COINBASE, KRAKEN, Socket, happened, on_tape, start};

fn assert_dense(ids: &[u64]) {
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
}

#[test]
fn every_trade_from_the_subscription_on_is_sent_once_and_in_order() {
    for (kind, instruments) in [
        (VenueKind::Binance, BINANCE),
        (VenueKind::Coinbase, COINBASE),
        (VenueKind::Kraken, KRAKEN),
    ] {
        let venue = start(kind, 60.0);
        let mut socket = Socket::subscribed(&venue, kind);
        for instrument in instruments {
            let ids = socket.ids(instrument, 300);
            assert_dense(&ids);
            assert!(ids[0] <= happened(&venue, instrument).last().unwrap().id);
            assert!(!venue.tape().happened(instrument, venue.now_ns()).is_empty());
        }
        assert_eq!(venue.breaches(), [""; 0]);
        assert_eq!(venue.sockets(), 1);
    }
}

fn binance_trade(venue: &FakeVenue, text: &str) -> (TapeTrade, Value) {
    let frame: Value = serde_json::from_str(text).unwrap();
    let data = if frame["data"].is_object() { frame["data"].clone() } else { frame };
    (on_tape(venue, data["s"].as_str().unwrap(), data["a"].as_u64().unwrap()), data)
}

#[test]
fn binance_sends_aggregates_as_on_the_wire() {
    let venue = start(VenueKind::Binance, 1.0);
    let mut socket = Socket::open(&venue, "/stream?streams=btcusdt@aggTrade");
    for _ in 0..20 {
        let text = socket.text();
        let (trade, data) = binance_trade(&venue, &text);
        let TapeTrade { id, first_id, last_id, price, size, taker_buys, event_ns } = &trade;
        let (sent_ms, event_ms) = (data["E"].as_i64().unwrap(), event_ns / 1_000_000);
        let buyer_makes = !taker_buys;
        assert_eq!(
            text,
            format!(
                r#"{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":{sent_ms},"s":"BTCUSDT","a":{id},"p":"{price}","q":"{size}","f":{first_id},"l":{last_id},"T":{event_ms},"m":{buyer_makes},"M":true}}}}"#
            )
        );
        assert!((0..1_000).contains(&(sent_ms - event_ms)), "{sent_ms} {event_ms}");
        assert_eq!(price.split_once('.').unwrap().1.len(), 8);
    }
}

#[test]
fn binance_takes_subscriptions_by_message_and_sends_raw_frames() {
    let venue = start(VenueKind::Binance, 1.0);
    let mut socket = Socket::open(&venue, "/ws");
    socket.say(r#"{"method":"SUBSCRIBE","params":["ethusdt@aggTrade","xxxusdt@aggTrade"],"id":7}"#);
    assert_eq!(socket.text(), r#"{"result":null,"id":7}"#);
    let text = socket.text();
    assert!(text.starts_with(r#"{"e":"aggTrade","E":"#), "{text}");
    assert_eq!(binance_trade(&venue, &text).1["s"], "ETHUSDT");
    socket.say(r#"{"method":"UNSUBSCRIBE","params":["ethusdt@aggTrade"],"id":8}"#);
    socket.until(r#"{"result":null,"id":8}"#);
    socket.say(r#"{"method":"LIST_SUBSCRIPTIONS","id":"x"}"#);
    assert_eq!(socket.text(), r#"{"result":["xxxusdt@aggTrade"],"id":"x"}"#);
    socket.say(r#"{"method":"NO"}"#);
    assert!(socket.text().starts_with(r#"{"code":2,"msg":"Invalid request"#));
    socket.say("{");
    assert!(socket.text().starts_with(r#"{"code":3,"#));
}

#[test]
fn binance_pings_every_20_s() {
    let venue = start(VenueKind::Binance, 100.0);
    let mut socket = Socket::subscribed(&venue, VenueKind::Binance);
    let mut pings = 0;
    while pings < 3 {
        pings += usize::from(socket.message().unwrap().is_ping());
    }
    assert_eq!(venue.breaches(), [""; 0]);
}

#[test]
fn coinbase_sends_the_last_match_then_the_answer_then_matches_and_heartbeats() {
    let venue = start(VenueKind::Coinbase, 1.0);
    let mut socket = Socket::open(&venue, "/");
    let newest = happened(&venue, "BTC-USD").last().unwrap().id;
    socket.say(
        r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches","heartbeat"]}"#,
    );
    let last: Value = serde_json::from_str(&socket.text()).unwrap();
    assert_eq!(last["type"], "last_match");
    let first_id = last["trade_id"].as_u64().unwrap();
    assert!(first_id >= newest);
    assert_eq!(
        socket.text(),
        r#"{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]},{"name":"heartbeat","product_ids":["BTC-USD"]}]}"#
    );
    for id in first_id + 1..first_id + 10 {
        let text = socket.until(r#""type":"match""#);
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["trade_id"].as_u64(), Some(id));
        let TapeTrade { price, size, taker_buys, event_ns, .. } = on_tape(&venue, "BTC-USD", id);
        let side = if taker_buys { "sell" } else { "buy" };
        let field = |name: &str| frame[name].to_string();
        let (maker, taker) = (field("maker_order_id"), field("taker_order_id"));
        let (sequence, time) = (field("sequence"), field("time"));
        assert_eq!(
            text,
            format!(
                r#"{{"type":"match","trade_id":{id},"maker_order_id":{maker},"taker_order_id":{taker},"side":"{side}","size":"{size}","price":"{price}","product_id":"BTC-USD","sequence":{sequence},"time":{time}}}"#
            )
        );
        assert_eq!((maker.len(), time.len()), (38, 29));
        assert!(time.contains(&format!(".{:06}Z", event_ns / 1_000 % 1_000_000)), "{time}");
    }
    let beat: Value = serde_json::from_str(&socket.until("heartbeat")).unwrap();
    let keys: Vec<&String> = beat.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["last_trade_id", "product_id", "sequence", "time", "type"]);
    let last_id = beat["last_trade_id"].as_u64().unwrap();
    assert!(on_tape(&venue, "BTC-USD", last_id).event_ns <= venue.now_ns());
}

#[test]
fn coinbase_refuses_a_subscription_with_an_unknown_product_as_a_whole() {
    let venue = start(VenueKind::Coinbase, 20.0);
    let mut socket = Socket::open(&venue, "/");
    let subscribe = |product: &str| {
        format!(
            r#"{{"type":"subscribe","channels":[{{"name":"matches","product_ids":["ETH-USD","{product}"]}}]}}"#
        )
    };
    socket.say(&subscribe("XXX-USD"));
    assert_eq!(
        socket.text(),
        r#"{"type":"error","message":"Failed to subscribe","reason":"XXX-USD is not a valid product"}"#
    );
    socket.say(&subscribe("BTC-USD"));
    assert!(socket.text().contains("last_match"));
    assert_dense(&socket.ids("BTC-USD", 50));
}

#[test]
fn kraken_tells_its_status_answers_each_symbol_and_sends_numbers() {
    let venue = start(VenueKind::Kraken, 1.0);
    let mut socket = Socket::open(&venue, "/v2");
    let status: Value = serde_json::from_str(&socket.text()).unwrap();
    assert_eq!(status["data"][0]["system"], "online");
    assert!(status["data"][0]["connection_id"].as_u64().unwrap() > 1 << 53);
    socket.say(
        r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","XXX/USD"],"snapshot":false},"req_id":42}"#,
    );
    let first = socket.text();
    assert!(
        first.starts_with(
            r#"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD","snapshot":false},"success":true,"time_in":""#
        ) && first.ends_with(r#","req_id":42}"#),
        "{first}"
    );
    let second = socket.text();
    assert!(
        second.starts_with(
            r#"{"error":"Currency pair not supported XXX/USD","method":"subscribe","success":false,"symbol":"XXX/USD","#
        ),
        "{second}"
    );
    let mut batches = 0;
    for _ in 0..40 {
        let text = socket.until(r#""channel":"trade""#);
        let frame: Value = serde_json::from_str(&text).unwrap();
        let entries = frame["data"].as_array().unwrap();
        batches += usize::from(entries.len() > 1);
        let texts: Vec<String> = entries.iter().map(|entry| kraken_entry(&venue, entry)).collect();
        let data = texts.join(",");
        assert_eq!(text, format!(r#"{{"channel":"trade","type":"update","data":[{data}]}}"#));
        assert!(entries.iter().all(|entry| entry["timestamp"] == entries[0]["timestamp"]));
    }
    assert!(batches > 0);
}

fn kraken_entry(venue: &FakeVenue, entry: &Value) -> String {
    let id = entry["trade_id"].as_u64().unwrap();
    let TapeTrade { price, size, taker_buys, .. } = on_tape(venue, "BTC/USD", id);
    let side = if taker_buys { "buy" } else { "sell" };
    let (order, time) = (&entry["ord_type"], &entry["timestamp"]);
    assert_eq!(time.as_str().unwrap().len(), 27);
    format!(
        r#"{{"symbol":"BTC/USD","side":"{side}","price":{price},"qty":{size},"ord_type":{order},"trade_id":{id},"timestamp":{time}}}"#
    )
}

#[test]
fn kraken_begins_with_a_snapshot_if_asked_answers_pings_and_beats_when_silent() {
    let venue = crate::client::start_with(VenueKind::Kraken, 20.0, 0.2, None);
    let mut socket = Socket::open(&venue, "/v2");
    socket.say(
        r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":true}}"#,
    );
    socket.until(r#""success":true"#);
    let text = socket.text();
    assert!(text.starts_with(r#"{"channel":"trade","type":"snapshot","data":[{"#), "{text}");
    assert_eq!(crate::client::trades(&text).len(), 50);
    socket.say(r#"{"method":"ping","req_id":101}"#);
    let pong = socket.until("pong");
    assert!(pong.starts_with(r#"{"method":"pong","req_id":101,"time_in":""#), "{pong}");
    assert_eq!(socket.until("heartbeat"), r#"{"channel":"heartbeat"}"#);
}
