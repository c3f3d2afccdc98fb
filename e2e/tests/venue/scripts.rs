use std::collections::{BTreeMap, BTreeSet};

use e2e::{
    venue::{
        FakeVenue, Refusal, Script, Tape, VenueClock, VenueKind, VenueOptions, schedule_at_random,
    },
    wait,
};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Error;

use crate::client::{
    LIMIT, SECOND_NS, Socket, get, get_with, happened, on_tape, start, start_with, trades,
};

const SOCKETS: [VenueKind; 3] = [VenueKind::Binance, VenueKind::Coinbase, VenueKind::Kraken];

fn instrument(kind: VenueKind) -> &'static str {
    match kind {
        VenueKind::Binance => "BTCUSDT",
        VenueKind::Coinbase => "BTC-USD",
        VenueKind::Kraken => "BTC/USD",
        VenueKind::CoinGecko => "bitcoin",
    }
}

fn wait_until_healthy(venue: &FakeVenue) {
    wait::until("the venue to be healthy", LIMIT, || venue.is_healthy());
}

/// A venue with a client that is served.
fn served(kind: VenueKind, factor: f64) -> (FakeVenue, Socket) {
    let venue = start(kind, factor);
    let mut socket = Socket::subscribed(&venue, kind);
    socket.trades();
    (venue, socket)
}

/// Ids that REST has of an instrument from this one on.
fn by_rest(venue: &FakeVenue, kind: VenueKind, from: u64, to: u64) -> Vec<u64> {
    let name = instrument(kind);
    match kind {
        VenueKind::Binance => {
            get(venue, &format!("/api/v3/aggTrades?symbol={name}&fromId={from}&limit=1000"))
                .ids("a")
        }
        VenueKind::Coinbase => {
            let mut ids =
                get(venue, &format!("/products/{name}/trades?after={}", to + 1)).ids("trade_id");
            ids.reverse();
            ids
        }
        VenueKind::Kraken | VenueKind::CoinGecko => {
            let since = on_tape(venue, name, from).event_ns - 1;
            let answer = get(venue, &format!("/0/public/Trades?pair=XBTUSD&since={since}")).json();
            let rows = answer["result"]["XXBTZUSD"].as_array().unwrap();
            rows.iter().map(|row| row[6].as_u64().unwrap()).collect()
        }
    }
}

#[test]
fn sockets_end_as_told() {
    let ends = [
        (Script::Drop, "reset"),
        (Script::Close(1000), "closed 1000"),
        (Script::Close(1006), "without closing handshake"),
        (Script::Close(1008), "closed 1008"),
        (Script::Close(1011), "closed 1011"),
        (Script::Close(1012), "closed 1012"),
        (Script::DayEnds, "without closing handshake"),
    ];
    for kind in SOCKETS {
        let venue = start(kind, 20.0);
        for (script, end) in ends {
            let mut socket = Socket::subscribed(&venue, kind);
            socket.trades();
            venue.play(script);
            let error = socket.end().to_lowercase();
            assert!(error.contains(end), "{kind:?} {script:?}: {error}");
            wait_until_healthy(&venue);
        }
        assert_eq!(venue.played().len(), ends.len());
    }
}

#[test]
fn a_connection_to_binance_lives_for_24_h() {
    let venue = start(VenueKind::Binance, 60_000.0);
    let opened_ns = venue.now_ns();
    let end = Socket::subscribed(&venue, VenueKind::Binance).end();
    assert!(end.to_lowercase().contains("without closing handshake"), "{end}");
    assert!(venue.now_ns() - opened_ns >= 86_400 * SECOND_NS);
    assert_eq!(venue.breaches(), [""; 0]);
}

#[test]
fn a_silent_socket_stays_open_and_another_one_is_served() {
    let (venue, mut silent) = served(VenueKind::Kraken, 100.0);
    venue.play(Script::Silence);
    let mut other = Socket::subscribed(&venue, VenueKind::Kraken);
    other.ids("BTC/USD", 500);
    let before = venue.now_ns();
    let last = silent.end();
    assert!(last.contains("reset"), "{last}");
    assert!(venue.now_ns() - before > 30 * SECOND_NS);
    wait_until_healthy(&venue);
}

#[test]
fn pings_and_heartbeats_stop() {
    let (binance, mut socket) = served(VenueKind::Binance, 200.0);
    binance.play(Script::NoPings);
    let mut pings = 0;
    while !binance.is_healthy() {
        pings += usize::from(socket.message().unwrap().is_ping());
    }
    // One may have been on its way.
    assert!(pings <= 1);
    while !socket.message().unwrap().is_ping() {}
    for kind in [VenueKind::Coinbase, VenueKind::Kraken] {
        let venue = start_with(kind, 100.0, 0.5, None);
        let mut socket = Socket::subscribed(&venue, kind);
        socket.until("heartbeat");
        venue.play(Script::NoPings);
        socket.trades();
        while !venue.is_healthy() {
            assert!(!socket.text().contains("heartbeat") || venue.is_healthy());
        }
        socket.until("heartbeat");
    }
}

#[test]
fn a_pong_may_be_wanted_soon() {
    for kind in SOCKETS {
        let (venue, mut socket) = served(kind, 20.0);
        venue.play(Script::PongWithin(std::time::Duration::from_secs(10)));
        wait_until_healthy(&venue);
        wait::until("more time to pass", LIMIT, || {
            venue.now_ns() > venue.played()[0].0 + 15 * SECOND_NS
        });
        assert!(socket.end().contains("closed 1008"));
        assert_eq!(venue.breaches(), [""; 0]);
    }
}

#[test]
fn binance_announces_a_shutdown() {
    let (venue, mut socket) = served(VenueKind::Binance, 20.0);
    venue.play(Script::Shutdown);
    let notice = socket.until("serverShutdown");
    let time = notice
        .trim_start_matches(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":"#);
    assert_eq!(time.len(), 15, "{notice}");
    let noticed_ns = venue.now_ns();
    assert!(socket.end().contains("closed 1012"));
    assert!(venue.now_ns() - noticed_ns > 5 * SECOND_NS);
}

#[test]
fn sockets_are_refused_in_every_way() {
    let ways = [
        (Refusal::TooMany(Some(30)), 429, Some("30"), "{"),
        (Refusal::TooMany(None), 429, None, "{"),
        (Refusal::Banned, 418, Some("60"), "{"),
        (Refusal::Forbidden, 403, None, "<html"),
        (Refusal::Restricted, 451, None, r#"{"code":0,"#),
        (Refusal::Page, 429, None, "<!DOCTYPE html"),
    ];
    for (refusal, status, seconds, body) in ways {
        let (venue, mut socket) = served(VenueKind::Binance, 1.0);
        venue.play(Script::Refuse(refusal));
        assert!(socket.end().contains("reset"));
        let Err(Error::Http(response)) = Socket::try_open(&venue, "/ws").map(|_| ()) else {
            panic!("{refusal:?}: a socket was opened");
        };
        assert_eq!(response.status(), status);
        let retry = response.headers().get("Retry-After").map(|value| value.to_str().unwrap());
        assert_eq!(retry, seconds, "{refusal:?}");
        let sent = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
        assert!(sent.starts_with(body), "{refusal:?}: {sent}");
        assert_eq!(get(&venue, "/api/v3/time").status, 200);
    }
    let venue = start(VenueKind::CoinGecko, 1.0);
    venue.play(Script::Refuse(Refusal::Page));
    let answer = get(&venue, "/api/v3/ping");
    assert_eq!((answer.status, &answer.body[..9]), (429, "<!DOCTYPE"));
}

#[test]
fn one_instrument_is_refused() {
    let venue = start(VenueKind::Kraken, 20.0);
    venue.play(Script::RefuseInstrument);
    let mut socket = Socket::subscribed(&venue, VenueKind::Kraken);
    let failed = socket.until("Currency pair not supported");
    socket.until(r#""success":true"#);
    let refused = if failed.contains("BTC/USD") { "BTC/USD" } else { "ETH/USD" };
    assert!((0..50).all(|_| socket.trades()[0].0 != refused));
    wait_until_healthy(&venue);
    Socket::subscribed(&venue, VenueKind::Kraken).ids(refused, 5);
    let coinbase = start(VenueKind::Coinbase, 20.0);
    coinbase.play(Script::RefuseInstrument);
    let mut socket = Socket::subscribed(&coinbase, VenueKind::Coinbase);
    assert!(socket.text().contains("is not a valid product"));
}

#[test]
fn data_come_before_the_answer() {
    for (kind, answer) in
        [(VenueKind::Coinbase, "subscriptions"), (VenueKind::Kraken, r#""success":true"#)]
    {
        let (venue, mut dropped) = served(kind, 10.0);
        venue.play(Script::EarlyData);
        assert!(dropped.end().contains("reset"));
        let mut socket = Socket::subscribed(&venue, kind);
        let mut early = 0;
        loop {
            let text = socket.text();
            if text.contains(answer) {
                break;
            }
            early += trades(&text).len();
        }
        assert!(early > 5, "{kind:?}: {early}");
    }
}

#[test]
fn the_last_50_trades_are_repeated_after_a_reconnect() {
    for kind in SOCKETS {
        let (venue, mut dropped) = served(kind, 1.0);
        venue.play(Script::Snapshot);
        assert!(dropped.end().contains("reset"));
        let last = happened(&venue, instrument(kind)).last().unwrap().id;
        let mut socket = Socket::subscribed(&venue, kind);
        let ids = socket.ids(instrument(kind), 60);
        assert!((last - 50..last + 20).contains(&ids[0]), "{kind:?}: {last} {ids:?}");
        assert!(ids[..50].contains(&last));
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
}

#[test]
fn skipped_trades_are_not_on_the_socket_and_served_by_rest() {
    for kind in SOCKETS {
        let (venue, mut socket) = served(kind, 30.0);
        let mut ids = socket.ids(instrument(kind), 1);
        venue.play(Script::Skip(7));
        ids.extend(socket.ids(instrument(kind), 200));
        let jump = ids.windows(2).find(|pair| pair[1] != pair[0] + 1).unwrap();
        assert_eq!(jump[1] - jump[0], 8);
        let found = by_rest(&venue, kind, jump[0], jump[1]);
        assert!((jump[0]..=jump[1]).all(|id| found.contains(&id)), "{kind:?}: {found:?}");
        let count = u64::try_from(ids.len()).unwrap();
        assert_eq!(ids[ids.len() - 1] - ids[0] + 1, count + 7);
    }
}

#[test]
fn repairs_are_refused_overlap_and_are_empty_in_turn() {
    let (venue, mut socket) = served(VenueKind::Binance, 10.0);
    let from = happened(&venue, "BTCUSDT")[100].id;
    venue.play(Script::BadRepair);
    assert!(socket.end().contains("reset"));
    let page = || get(&venue, &format!("/api/v3/aggTrades?symbol=BTCUSDT&fromId={from}"));
    assert_eq!(page().status, 429);
    assert_eq!(page().ids("a")[0], from - 10);
    assert_eq!(page().body, "[]");
    assert_eq!(page().ids("a")[0], from);

    let (venue, _socket) = served(VenueKind::Coinbase, 10.0);
    let after = happened(&venue, "BTC-USD")[100].id;
    venue.play(Script::BadRepair);
    let page = || get(&venue, &format!("/products/BTC-USD/trades?after={after}&limit=20"));
    assert_eq!(page().status, 429);
    assert_eq!(page().ids("trade_id")[0], after + 9);
    assert_eq!(page().body, "[]");
    assert_eq!(page().ids("trade_id")[0], after - 1);

    let (venue, _socket) = served(VenueKind::Kraken, 10.0);
    let since = happened(&venue, "BTC/USD")[200].event_ns;
    venue.play(Script::BadRepair);
    let page = || get(&venue, &format!("/0/public/Trades?pair=XBTUSD&since={since}")).json();
    let time = |answer: Value| answer["result"]["XXBTZUSD"][0][2].as_f64();
    assert_eq!(page()["error"][0], "EGeneral:Too many requests");
    let overlapping = time(page());
    assert_eq!(time(page()), None);
    assert!(overlapping < time(page()));
}

#[test]
fn trades_come_twice_or_out_of_order_for_a_while() {
    for kind in SOCKETS {
        let name = instrument(kind);
        let (venue, mut socket) = served(kind, 40.0);
        venue.play(Script::Duplicates);
        let ids = socket.ids(name, 200);
        let distinct: BTreeSet<u64> = ids.iter().copied().collect();
        assert!(distinct.len() < 130, "{kind:?}: {}", distinct.len());
        wait_until_healthy(&venue);
        venue.play(Script::Reorder);
        let mut unordered = 0;
        let mut last = 0;
        let mut seen = BTreeSet::new();
        while !venue.is_healthy() {
            for (_, id, _) in socket.trades().into_iter().filter(|trade| trade.0 == name) {
                unordered += usize::from(id < last);
                last = id;
                seen.insert(id);
            }
        }
        seen.extend(socket.ids(name, 30));
        assert!(unordered > 20, "{kind:?}: {unordered}");
        let (first, last) = (*seen.first().unwrap(), *seen.last().unwrap());
        assert_eq!(u64::try_from(seen.len()).unwrap(), last - first + 1, "{kind:?}");
    }
}

#[test]
fn wrong_stamps_are_listed() {
    for kind in SOCKETS {
        let (venue, mut socket) = served(kind, 40.0);
        venue.play(Script::Misstamp);
        let mut sent = BTreeMap::new();
        while !venue.is_healthy() {
            sent.extend(socket.trades().into_iter().map(|(name, id, time)| ((name, id), time)));
        }
        let wrong = venue.misstamped();
        assert!(wrong.len() > 20, "{kind:?}: {}", wrong.len());
        let listed: BTreeMap<(String, u64), i64> =
            wrong.into_iter().map(|(name, id, stamp)| ((name, id), stamp)).collect();
        let tape = venue.tape();
        let mut ways = BTreeSet::new();
        for ((name, id), time) in sent {
            let trade = tape.trades[&name].iter().find(|trade| trade.id == id).unwrap();
            let (stamp_ns, factor) = read(&time);
            let expected = listed.get(&(name, id)).copied().unwrap_or(trade.event_ns);
            assert_eq!(stamp_ns, expected, "{kind:?} {id} {time}");
            let offset = if stamp_ns == 0 { i64::MIN } else { stamp_ns - trade.event_ns };
            ways.insert((offset / SECOND_NS, factor));
        }
        assert_eq!(ways.len(), if kind == VenueKind::Binance { 5 } else { 4 }, "{ways:?}");
    }
}

/// A time as written, in nanoseconds, and how many a unit of a number is.
fn read(time: &str) -> (i64, i64) {
    if let Ok(number) = time.parse::<i64>() {
        let factor = if number >= 1_000_000_000_000_000 { 1_000 } else { 1_000_000 };
        return (number * factor, factor);
    }
    let time: jiff::Timestamp = time.parse().unwrap();
    (i64::try_from(time.as_nanosecond()).unwrap(), 1)
}

#[test]
fn the_venues_clock_is_fast_then_slow_and_trades_keep_their_times() {
    let (venue, mut socket) = served(VenueKind::Binance, 30.0);
    let time_ms =
        |venue: &FakeVenue| get(venue, "/api/v3/time").json()["serverTime"].as_i64().unwrap();
    let begin_ms = time_ms(&venue);
    venue.play(Script::Skew);
    assert!(time_ms(&venue) - begin_ms >= 5_000);
    let mut last = 0;
    while !venue.is_healthy() {
        for (_, id, time) in socket.trades().into_iter().filter(|trade| trade.0 == "BTCUSDT") {
            assert!(last == 0 || id == last + 1);
            last = id;
            let event_ns = on_tape(&venue, "BTCUSDT", id).event_ns;
            assert_eq!(time, (event_ns / 1_000_000).to_string());
        }
    }
    assert_eq!(venue.misstamped(), []);
}

#[test]
fn a_candle_comes_before_its_trades() {
    let (venue, mut socket) = served(VenueKind::Binance, 1.0);
    venue.play(Script::CandleFirst);
    let candle: Value = serde_json::from_str(&socket.until("@kline_1m")).unwrap();
    assert_eq!(candle["data"]["k"]["x"], false);
    socket.trades();
}

#[test]
fn in_maintenance_nothing_trades() {
    let (venue, mut socket) = served(VenueKind::Kraken, 20.0);
    venue.play(Script::Maintenance);
    let status = socket.until("status");
    assert!(status.contains(r#""system":"maintenance""#), "{status}");
    let begin_ns = venue.played()[0].0;
    let pairs = get(&venue, "/0/public/AssetPairs").json();
    assert_eq!(pairs["result"]["XXBTZUSD"]["status"], "cancel_only");
    assert!(socket.until("status").contains(r#""system":"online""#));
    let id = socket.trades()[0].1;
    let trades = &venue.tape().trades["BTC/USD"];
    let in_halt = (begin_ns + SECOND_NS)..(begin_ns + 29 * SECOND_NS);
    assert!(trades.iter().all(|trade| !in_halt.contains(&trade.event_ns)));
    assert!(trades.windows(2).all(|pair| pair[1].id == pair[0].id + 1));
    assert!(id > trades[0].id);
}

#[test]
fn one_instrument_disappears() {
    let (venue, _socket) = served(VenueKind::Binance, 1.0);
    venue.play(Script::Delist);
    let all = get(&venue, "/api/v3/exchangeInfo").json();
    let broken = all["symbols"].as_array().unwrap().iter().filter(|one| one["status"] == "BREAK");
    assert_eq!(broken.count(), 1);
    let gecko = start(VenueKind::CoinGecko, 1.0);
    let target = "/api/v3/simple/price?ids=bitcoin,ethereum&vs_currencies=usd";
    assert_eq!(get(&gecko, target).json().as_object().unwrap().len(), 2);
    gecko.play(Script::Delist);
    assert_eq!(get(&gecko, target).json().as_object().unwrap().len(), 1);
}

#[test]
fn odd_numbers_are_on_the_tape_as_they_are_sent() {
    for kind in SOCKETS {
        let (venue, mut socket) = served(kind, 10.0);
        venue.play(Script::OddNumbers);
        let small = socket.until("1e-8");
        assert!(small.contains(if kind == VenueKind::Kraken { ":1e-8," } else { "\"1e-8\"" }));
        let trade = trades(&small).into_iter().next().unwrap();
        assert_eq!(on_tape(&venue, &trade.0, trade.1).price, "1e-8");
        socket.until("1E+2");
        wait_until_healthy(&venue);
    }
    let gecko = start(VenueKind::CoinGecko, 200.0);
    gecko.play(Script::OddNumbers);
    let target = "/api/v3/simple/price?ids=bitcoin&vs_currencies=usd&precision=full";
    let seen = wait::for_some("1e-8", LIMIT, || {
        Some(get(&gecko, target).body).filter(|body| body.contains("1e-8"))
    });
    assert_eq!(seen, r#"{"bitcoin":{"usd":1e-8}}"#);
}

#[test]
fn odd_frames_come_and_a_broken_one_ends_the_session() {
    for kind in SOCKETS {
        let (venue, mut socket) = served(kind, 5.0);
        venue.play(Script::OddFrames);
        socket.until(r#""type":"unheard_of""#);
        let large = socket.until(r#""type":"unheard_of""#);
        assert!(large.len() > 1 << 20);
        let odd = socket.until("unheard_of");
        assert!(odd.starts_with(r#"{"unheard_of":{"a":[1,null]},"#), "{odd}");
        let error = socket.end();
        assert!(error.to_lowercase().contains("utf"), "{error}");
        Socket::subscribed(&venue, kind).trades();
    }
}

#[test]
fn a_burst_of_20_000_trades_goes_out_quickly() {
    for kind in SOCKETS {
        let (venue, mut socket) = served(kind, 100.0);
        let (ids, time) = wait::timed(|| {
            venue.play(Script::Burst(20_000));
            let mut ids: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            while ids.values().all(|ids| ids.len() < 20_000) {
                for (name, id, _) in socket.trades() {
                    ids.entry(name).or_default().push(id);
                }
            }
            ids
        });
        println!("{kind:?}: 20,000 trades arrived in {time:?}");
        for ids in ids.values() {
            assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1));
        }
        let (name, ids) = ids.iter().max_by_key(|entry| entry.1.len()).unwrap();
        let burst = on_tape(&venue, name, ids[ids.len() - 1]).event_ns;
        assert!(burst > venue.played()[0].0);
    }
}

#[test]
fn coin_gecko_answers_from_an_old_copy_then_cut_off() {
    let venue = start(VenueKind::CoinGecko, 1.0);
    venue.play(Script::StaleCache);
    let target = "/api/v3/simple/price?ids=bitcoin&vs_currencies=usd&precision=full\
                  &include_24hr_vol=true&include_last_updated_at=true";
    let old = get(&venue, target);
    assert_eq!(old.headers["age"], "250");
    let updated = old.json()["bitcoin"]["last_updated_at"].as_i64().unwrap();
    assert!(venue.now_ns() / SECOND_NS - updated >= 250);
    assert!(get(&venue, target).json()["bitcoin"]["usd_24h_vol"].is_null());
    let cut = get(&venue, target);
    assert!(cut.is_whole && serde_json::from_str::<Value>(&cut.body).is_err());
    assert!(!get(&venue, target).is_whole);
    let same = get_with(&venue, target, "If-None-Match: W/\"x\"\r\n").unwrap();
    assert_eq!((same.status, same.headers["etag"].as_str()), (304, "W/\"x\""));
}

#[test]
fn bodies_drip() {
    let venue = start(VenueKind::Coinbase, 20.0);
    let target = "/products/BTC-USD/trades?limit=50";
    let begin_ns = venue.now_ns();
    venue.play(Script::SlowBody);
    let answer = get(&venue, target);
    assert!(venue.now_ns() - begin_ns > 50 * SECOND_NS);
    assert!(answer.is_whole);
    assert_eq!(answer.ids("trade_id").len(), 50);
}

#[test]
fn an_unreachable_venue_resets_every_connection() {
    let (venue, mut socket) = served(VenueKind::Kraken, 1_000.0);
    venue.play(Script::Unreachable);
    assert!(socket.end().contains("reset"));
    assert!(Socket::try_open(&venue, "/v2").is_err());
    assert!(get_with(&venue, "/0/public/Time", "").is_none());
    wait_until_healthy(&venue);
    Socket::subscribed(&venue, VenueKind::Kraken).trades();
}

#[test]
fn every_script_that_applies_leaves_a_healthy_venue() {
    for kind in [VenueKind::Binance, VenueKind::Coinbase, VenueKind::Kraken, VenueKind::CoinGecko] {
        let venue = start_with(kind, 2_000.0, 1.0, None);
        for script in Script::every().filter(|script| script.applies_to(kind)) {
            venue.play(script);
            wait_until_healthy(&venue);
        }
        if kind == VenueKind::CoinGecko {
            assert_eq!(get(&venue, "/api/v3/ping").status, 200);
        } else {
            Socket::subscribed(&venue, kind).trades();
        }
    }
}

#[test]
fn a_schedule_is_played_by_the_venues_clock() {
    let kind = VenueKind::Coinbase;
    let clock = VenueClock::starting_now(1_000.0);
    let schedule = schedule_at_random(kind, 3, std::time::Duration::from_secs(1_500));
    let tape = Tape::generated(1, &["BTC-USD"], clock.shown_ns, clock.origin_ns, 1.0);
    let options =
        VenueOptions { venue: kind, clock, tape, schedule: schedule.clone(), seed: 1, key: None };
    let venue = FakeVenue::start(options);
    wait::until("all scripts to be played", LIMIT, || venue.played().len() == schedule.len());
    for ((at_ns, script), (after, planned)) in venue.played().into_iter().zip(schedule) {
        assert_eq!(script, planned);
        let planned_ns = clock.shown_ns + i64::try_from(after.as_nanos()).unwrap();
        assert!(at_ns >= planned_ns);
    }
}
