use e2e::venue::VenueKind;
use serde_json::Value;

use crate::client::{SECOND_NS, get, get_with, happened, start, start_with};

#[test]
fn binance_pages_ascend_from_an_id_or_a_time() {
    let venue = start(VenueKind::Binance, 1.0);
    let page = |query: &str| get(&venue, &format!("/api/v3/aggTrades?symbol=BTCUSDT{query}"));
    let all = happened(&venue, "BTCUSDT");
    let from = &all[1_000];
    let answer = page(&format!("&fromId={}&limit=3", from.id));
    assert_eq!(answer.ids("a"), [from.id, from.id + 1, from.id + 2]);
    let row = format!(
        r#"[{{"a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{},"M":true}},"#,
        from.id,
        from.price,
        from.size,
        from.first_id,
        from.last_id,
        from.event_ns / 1_000_000,
        !from.taker_buys
    );
    assert!(answer.body.starts_with(&row), "{}", answer.body);
    assert_eq!(answer.headers["x-mbx-used-weight-1m"].parse::<u64>().unwrap() % 4, 0);
    assert!(answer.headers["date"].ends_with(" GMT"));
    assert_eq!(page("").ids("a").len(), 500);
    assert_eq!(page(&format!("&fromId={}&limit=5000", from.id)).ids("a").len(), 1_000);
    let newest = page("&limit=5").ids("a");
    assert!(*newest.last().unwrap() >= all.last().unwrap().id);
    let (start_ms, end_ms) = (from.event_ns / 1_000_000, from.event_ns / 1_000_000 + 2_000);
    let span = page(&format!("&startTime={start_ms}&endTime={end_ms}&limit=1000")).ids("a");
    let in_span = all.iter().filter(|t| (start_ms..=end_ms).contains(&(t.event_ns / 1_000_000)));
    assert_eq!(span, in_span.map(|trade| trade.id).collect::<Vec<u64>>());
    let beyond = page(&format!("&fromId={}", all.last().unwrap().id + 1_000_000));
    assert_eq!(beyond.body, "[]");
}

#[test]
fn binance_says_what_is_wrong() {
    let venue = start(VenueKind::Binance, 1.0);
    let answer = get(&venue, "/api/v3/aggTrades?symbol=XXXUSDT");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, r#"{"code":-1121,"msg":"Invalid symbol."}"#);
    assert_eq!(get(&venue, "/api/v3/exchangeInfo?symbols=%5B%22XXX%22%5D").status, 400);
    let all = get(&venue, "/api/v3/exchangeInfo").json();
    let symbols = all["symbols"].as_array().unwrap();
    let bitcoin = symbols.iter().find(|one| one["symbol"] == "BTCUSDT").unwrap();
    assert_eq!(bitcoin["status"], "TRADING");
    assert_eq!((&bitcoin["baseAsset"], &bitcoin["quoteAsset"]), (&"BTC".into(), &"USDT".into()));
    assert!(symbols.len() > 4);
    let two = get(&venue, "/api/v3/exchangeInfo?symbols=[%22BTCUSDT%22,%22ETHUSDT%22]").json();
    assert_eq!(two["symbols"].as_array().unwrap().len(), 2);
    assert!(get(&venue, "/api/v3/time").json()["serverTime"].is_i64());
    assert_eq!(venue.calls()["/api/v3/exchangeInfo"], 3);
}

#[test]
fn coinbase_pages_descend_below_an_id() {
    let venue = start(VenueKind::Coinbase, 1.0);
    let all = happened(&venue, "BTC-USD");
    let after = &all[2_000];
    let page = get(&venue, &format!("/products/BTC-USD/trades?limit=3&after={}", after.id));
    assert_eq!(page.ids("trade_id"), [after.id - 1, after.id - 2, after.id - 3]);
    let row = &all[1_999];
    let side = if row.taker_buys { "sell" } else { "buy" };
    let first = &page.json()[0];
    assert_eq!(first["side"], side);
    assert_eq!(first["price"], row.price);
    assert_eq!(first["size"], row.size);
    assert_eq!(first["time"].as_str().unwrap().len(), 27);
    assert_eq!(page.headers["cb-after"], (after.id - 3).to_string());
    let newest = get(&venue, "/products/BTC-USD/trades").ids("trade_id");
    assert_eq!(newest.len(), 1_000);
    assert!(newest[0] >= all.last().unwrap().id);
    assert!(newest.windows(2).all(|pair| pair[0] == pair[1] + 1));
    let oldest = get(&venue, &format!("/products/BTC-USD/trades?after={}", all[0].id));
    assert_eq!(oldest.body, "[]");
    assert_eq!(get(&venue, "/products/XXX-USD/trades").status, 404);
    let products = get(&venue, "/products").json();
    let bitcoin = products.as_array().unwrap().iter().find(|one| one["id"] == "BTC-USD").unwrap();
    assert_eq!(
        bitcoin.to_string(),
        r#"{"base_currency":"BTC","id":"BTC-USD","quote_currency":"USD","status":"online","trading_disabled":false}"#
    );
}

#[test]
fn kraken_pages_ascend_after_a_time_and_say_where_they_end() {
    let venue = start(VenueKind::Kraken, 30.0);
    let all = happened(&venue, "BTC/USD");
    let index = all.iter().skip(100).position(|t| t.event_ns % SECOND_NS > 0).unwrap() + 100;
    let since_ns = all[index].event_ns;
    let ids = |answer: &Value| -> Vec<u64> {
        let rows = answer["result"]["XXBTZUSD"].as_array().unwrap();
        rows.iter().map(|row| row[6].as_u64().unwrap()).collect()
    };
    let answer =
        get(&venue, &format!("/0/public/Trades?pair=XBTUSD&since={since_ns}&count=10")).json();
    let first = all.iter().find(|trade| trade.event_ns > since_ns).unwrap();
    assert_eq!(ids(&answer), (first.id..first.id + 10).collect::<Vec<u64>>());
    let last_id = first.id + 9;
    let last = all.iter().find(|trade| trade.id == last_id).unwrap();
    assert_eq!(answer["result"]["last"], last.event_ns.to_string());
    let seconds = since_ns / SECOND_NS;
    let by_second =
        get(&venue, &format!("/0/public/Trades?pair=XXBTZUSD&since={seconds}&count=1")).json();
    let from_second = all.iter().find(|trade| trade.event_ns > seconds * SECOND_NS).unwrap();
    assert_eq!(ids(&by_second), [from_second.id]);
    let newest = ids(&get(&venue, "/0/public/Trades?pair=XBT/USD").json());
    assert_eq!(newest.len(), 1_000);
    assert!(*newest.last().unwrap() >= all.last().unwrap().id);
    let unknown = get(&venue, "/0/public/Trades?pair=XXXUSD");
    assert_eq!(unknown.status, 200);
    assert_eq!(unknown.body, r#"{"error":["EQuery:Unknown asset pair"]}"#);
}

#[test]
fn kraken_writes_rows_and_pairs_as_on_the_wire() {
    let venue = start(VenueKind::Kraken, 1.0);
    let all = happened(&venue, "ETH/USD");
    let trade = &all[5];
    let query = format!("pair=ETHUSD&since={}&count=1", trade.event_ns - 1);
    let body = get(&venue, &format!("/0/public/Trades?{query}")).body;
    let first = all.iter().find(|other| other.event_ns == trade.event_ns).unwrap();
    let (seconds, micros) = (first.event_ns / SECOND_NS, first.event_ns / 1_000 % 1_000_000);
    let side = if first.taker_buys { "b" } else { "s" };
    let row = format!(
        r#"{{"error":[],"result":{{"XETHZUSD":[["{}000","{}",{seconds}.{micros:06}0,"{side}","#,
        first.price, first.size
    );
    assert!(body.starts_with(&row), "{body} {row}");
    let pairs = get(&venue, "/0/public/AssetPairs").json();
    let pair = &pairs["result"]["XXBTZUSD"];
    let names = ["altname", "wsname", "base", "quote", "status"];
    let found = names.map(|name| pair[name].as_str().unwrap());
    assert_eq!(found, ["XBTUSD", "XBT/USD", "XXBT", "ZUSD", "online"]);
}

#[test]
fn coin_gecko_answers_from_its_tape_with_a_tag() {
    let venue = start(VenueKind::CoinGecko, 1.0);
    let query = "ids=bitcoin%2Cnobody&vs_currencies=usd&precision=full&include_market_cap=true\
                 &include_24hr_vol=true&include_24hr_change=true&include_last_updated_at=true";
    let target = format!("/api/v3/simple/price?{query}");
    let answer = get(&venue, &target);
    let age: i64 = answer.headers.get("age").map_or(0, |age| age.parse().unwrap());
    let tape = venue.tape();
    let before = venue.now_ns() / SECOND_NS - age;
    let updates = &tape.updates["bitcoin"];
    let known = updates.partition_point(|update| update.last_updated_at <= before);
    let update = &updates[known - 1];
    assert_eq!(
        answer.body,
        format!(
            r#"{{"bitcoin":{{"usd":{},"usd_market_cap":{},"usd_24h_vol":{},"usd_24h_change":{},"last_updated_at":{}}}}}"#,
            update.usd,
            update.usd_market_cap,
            update.usd_24h_vol,
            update.usd_24h_change,
            update.last_updated_at
        )
    );
    assert!(answer.headers["cache-control"].contains("max-age=30"));
    let header = format!("If-None-Match: {}\r\n", answer.headers["etag"]);
    let again = get_with(&venue, &target, &header).unwrap();
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(get(&venue, "/api/v3/simple/price?ids=bitcoin").status, 422);
    assert!(get(&venue, "/api/v3/coins/list").body.contains(r#"{"id":"bitcoin","#));
    assert!(venue.rest_url().ends_with("/api/v3"));
}

#[test]
fn coin_gecko_wants_its_key_in_either_header() {
    let venue = start_with(VenueKind::CoinGecko, 1.0, 1.0, Some("k1"));
    let status = |header: &str| get_with(&venue, "/api/v3/ping", header).unwrap().status;
    assert_eq!(status(""), 401);
    assert_eq!(status("x-cg-demo-api-key: k2\r\n"), 401);
    assert_eq!(status("x-cg-demo-api-key: k1\r\n"), 200);
    assert_eq!(status("x-cg-pro-api-key: k1\r\n"), 200);
}
