use e2e::{
    venue::{FakeVenue, Refusal, Script, VenueKind},
    wait,
};

use crate::client::{Answer, LIMIT, Socket, get, start};

fn assert_breach(venue: &FakeVenue, part: &str) {
    wait::until(&format!("a breach with {part:?}"), LIMIT, || {
        venue.breaches().iter().any(|breach| breach.contains(part))
    });
}

#[test]
fn a_client_that_does_not_subscribe_in_time_is_dropped() {
    for kind in [VenueKind::Coinbase, VenueKind::Kraken] {
        let venue = start(kind, 50.0);
        let mut socket = Socket::open(&venue, "/v2");
        socket.end();
        assert_breach(&venue, "nothing was subscribed within 5 s");
    }
}

#[test]
fn a_client_that_does_not_answer_a_ping_is_closed() {
    let venue = start(VenueKind::Binance, 100.0);
    let mut socket = Socket::open(&venue, "/ws");
    assert_breach(&venue, "a ping was not answered");
    assert!(socket.end().contains("closed 1008"));
}

#[test]
fn too_many_messages_are_seen() {
    for (kind, most) in [(VenueKind::Binance, 5), (VenueKind::Coinbase, 100)] {
        let venue = start(kind, 1.0);
        let mut socket = Socket::subscribed(&venue, kind);
        for _ in 0..2 * most {
            socket.ping();
        }
        assert!(socket.end().contains("closed 1008"));
        assert_breach(&venue, "messages came within a second");
    }
}

#[test]
fn too_much_weight_is_refused_and_then_banned() {
    let venue = start(VenueKind::Binance, 0.001);
    let target = "/api/v3/exchangeInfo?symbol=BTCUSDT";
    for _ in 0..300 {
        assert_eq!(get(&venue, target).status, 200);
    }
    let refused = get(&venue, target);
    assert_eq!(refused.status, 429);
    assert!(refused.body.starts_with(r#"{"code":-1003,"#));
    assert!(refused.headers["retry-after"].parse::<u64>().unwrap() <= 61);
    assert_breach(&venue, "weight 6020 was used");
    let again = wait::for_some("a ban", LIMIT, || {
        Some(get(&venue, target)).filter(|answer| answer.status == 418)
    });
    assert_eq!(again.headers["retry-after"], "120");
    assert_breach(&venue, "while told to wait");
}

#[test]
fn calls_that_come_too_fast_are_refused_as_each_venue_does() {
    let path = "/products/BTC-USD/trades?limit=1";
    let coinbase = start(VenueKind::Coinbase, 1.0);
    let refused = wait::for_some("429", LIMIT, || {
        Some(get(&coinbase, path)).filter(|answer| answer.status == 429)
    });
    assert!(!refused.headers.contains_key("retry-after"));
    assert_breach(&coinbase, "/products/BTC-USD/trades was called sooner");
    let kraken = start(VenueKind::Kraken, 1.0);
    let answers: Vec<String> =
        (0..8).map(|_| get(&kraken, "/0/public/Trades?pair=XBTUSD&count=1").body).collect();
    assert!(answers[..5].iter().all(|body| body.starts_with(r#"{"error":[],"#)));
    assert_eq!(answers[7], r#"{"error":["EGeneral:Too many requests"]}"#);
    assert_breach(&kraken, "/0/public/Trades was called sooner");
    let gecko = start(VenueKind::CoinGecko, 1.0);
    let answers: Vec<Answer> = (0..12).map(|_| get(&gecko, "/api/v3/ping")).collect();
    let last = &answers[11];
    assert_eq!((last.status, last.headers["retry-after"].as_str()), (429, "60"));
    assert_breach(&gecko, "was called sooner");
}

#[test]
fn too_many_connections_are_seen() {
    let venue = start(VenueKind::Kraken, 1.0);
    for _ in 0..150 {
        Socket::open(&venue, "/v2");
    }
    let refused = Socket::try_open(&venue, "/v2");
    assert!(refused.is_err_and(|error| error.to_string().contains("429")));
    assert_breach(&venue, "151 sockets were opened in 600 s");
}

#[test]
fn a_connection_while_told_to_wait_is_seen() {
    let venue = start(VenueKind::Binance, 1.0);
    venue.play(Script::Refuse(Refusal::TooMany(Some(30))));
    assert!(Socket::try_open(&venue, "/ws").is_err());
    assert_eq!(venue.breaches(), [""; 0]);
    wait::until("a breach", LIMIT, || {
        assert!(Socket::try_open(&venue, "/ws").is_err());
        !venue.breaches().is_empty()
    });
    assert_breach(&venue, "a socket was opened while told to wait");
}
