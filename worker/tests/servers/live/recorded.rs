//! Real trades through venues that lose connections and trades: the candles are the exchanges' own.

use std::io::Read as _;
use std::time::Duration;

use e2e::venue::{FakeVenue, Script, Tape, TapeTrade, VenueClock, VenueKind, VenueOptions};
use flate2::read::GzDecoder;
use market::decimal::Decimal;
use serde_json::Value;

use super::{Case, DAY_NS, FACTOR, check, nanos};
use crate::real::{binance_windows, kraken_minutes, market_data};
use crate::stage::Candles;

/// The recordings begin and end within a window: what is of it is left out.
const BINANCE_NS: (i64, i64) = (1_723_161_300_000_000_000, 1_723_161_900_000_000_000);
const KRAKEN_NS: (i64, i64) = (1_762_795_440_000_000_000, 1_762_820_040_000_000_000);
/// How much of Kraken's recording comes live, the rest before it.
const KRAKEN_LIVE: Duration = Duration::from_secs(900);
/// Windows have to be closed by what comes after the last trade.
const AFTER: Duration = Duration::from_secs(90);

/// Trades as Binance aggregates them: one price, one side, one millisecond, consecutive ids.
fn aggregated(rows: &str) -> Vec<TapeTrade> {
    let mut tape: Vec<TapeTrade> = Vec::new();
    for row in rows.lines() {
        let fields: Vec<&str> = row.split(',').collect();
        let id: u64 = fields[0].parse().unwrap();
        let event_ns = fields[4].parse::<i64>().unwrap() * 1_000_000;
        let taker_buys = fields[5] == "False";
        match tape.last_mut() {
            Some(last)
                if last.price == fields[1]
                    && last.taker_buys == taker_buys
                    && last.event_ns == event_ns
                    && last.last_id + 1 == id =>
            {
                let size = Decimal::parse(&last.size).unwrap();
                let sum = size.checked_add(Decimal::parse(fields[2]).unwrap()).unwrap();
                (last.last_id, last.size) = (id, sum.to_string());
            }
            _ => tape.push(TapeTrade {
                id: 3_084_500_001 + tape.len() as u64,
                first_id: id,
                last_id: id,
                price: fields[1].to_owned(),
                size: fields[2].to_owned(),
                taker_buys,
                event_ns,
            }),
        }
    }
    tape
}

fn kraken_trades(json: &str) -> Vec<TapeTrade> {
    let json: Value = serde_json::from_str(json).unwrap();
    let rows = json["result"].as_object().unwrap().values().find_map(Value::as_array).unwrap();
    let trade = |row: &Value| {
        let id = row[6].as_u64().unwrap();
        let time = row[2].to_string();
        let (seconds, part) = time.split_once('.').unwrap_or((&time, ""));
        let micros: i64 = format!("{part:0<6}")[..6].parse().unwrap();
        TapeTrade {
            id,
            first_id: id,
            last_id: id,
            price: row[0].as_str().unwrap().to_owned(),
            size: row[1].as_str().unwrap().to_owned(),
            taker_buys: row[3] == "b",
            event_ns: seconds.parse::<i64>().unwrap() * 1_000_000_000 + micros * 1_000,
        }
    };
    rows.iter().map(trade).collect()
}

/// A venue that plays a recording from this time on, what lies before by REST.
fn case(
    kind: VenueKind,
    (symbol, instrument): (&'static str, &'static str),
    mut trades: Vec<TapeTrade>,
    (from_ns, to_ns): (i64, i64),
    begin_ns: i64,
) -> (Case, VenueClock) {
    trades.retain(|trade| (from_ns..to_ns).contains(&trade.event_ns));
    let (first, last) = (trades.first().unwrap().clone(), trades.last().unwrap().clone());
    let clock = VenueClock::starting_at(begin_ns, FACTOR);
    let mut tape = Tape::default();
    tape.trades.insert(instrument.to_owned(), trades);
    let at = |seconds, script| (Duration::from_secs(seconds), script);
    let schedule = vec![
        at(100, Script::Skip(5)),
        at(180, Script::Drop),
        at(240, Script::BadRepair),
        at(350, Script::Duplicates),
        at(380, Script::Reorder),
        at(420, Script::Close(1006)),
        at(450, Script::Silence),
    ];
    let options = VenueOptions { venue: kind, clock, tape, schedule, seed: 5, key: None };
    let case = Case {
        kind,
        source: super::member(kind).to_lowercase(),
        script: None,
        seed: None,
        venue: FakeVenue::start(options),
        until_ns: last.event_ns + nanos(AFTER),
        series: vec![(symbol, instrument)],
        begins: Some((first.id, begin_ns - begin_ns.rem_euclid(DAY_NS))),
    };
    (case, clock)
}

/// Candles of the time that was recorded.
fn recorded(mut candles: Candles, (_, to_ns): (i64, i64)) -> Candles {
    candles.retain(|_, candle| candle.close_time_ms <= to_ns / 1_000_000);
    candles
}

#[test]
fn recorded_trades_of_binance_give_its_own_candles_whatever_is_lost_on_the_way() {
    let Some(data) = market_data() else { return };
    let packed = std::fs::File::open(data.join("BTCUSDT-trades-2024-08-08T2354.csv.gz")).unwrap();
    let mut rows = String::new();
    GzDecoder::new(packed).read_to_string(&mut rows).unwrap();
    let begin_ns = BINANCE_NS.0 + nanos(Duration::from_secs(5));
    let series = ("BTC", "BTCUSDT");
    let (case, clock) = case(VenueKind::Binance, series, aggregated(&rows), BINANCE_NS, begin_ns);
    let stored = recorded(check("live-recorded-binance", &[case], clock), BINANCE_NS);
    let theirs = std::fs::read_to_string(data.join("BTCUSDT-5m-2024-08-08T2350.csv")).unwrap();
    assert_eq!(binance_windows(&stored, &theirs), 2);
}

#[test]
fn recorded_trades_of_kraken_give_its_own_candles_whatever_is_lost_on_the_way() {
    let Some(data) = market_data() else { return };
    let json = std::fs::read_to_string(data.join("kraken-XBTUSDT-trades.json")).unwrap();
    let trades = kraken_trades(&json);
    let begin_ns = trades.last().unwrap().event_ns - nanos(KRAKEN_LIVE);
    let (case, clock) = case(VenueKind::Kraken, ("XBT", "BTC/USDT"), trades, KRAKEN_NS, begin_ns);
    let stored = recorded(check("live-recorded-kraken", &[case], clock), KRAKEN_NS);
    let theirs = std::fs::read_to_string(data.join("kraken-XBTUSDT-1m.json")).unwrap();
    // The last minute, too: the feed vouches for it, where a file that ends in it cannot.
    assert_eq!(kraken_minutes(&stored, &theirs), (273, 137));
}
