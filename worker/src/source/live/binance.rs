//! Binance spot: `@aggTrade` over combined streams, repair by `aggTrades` from an id.
//!
//! An aggregate is what one taker order filled at one price; its ids are dense, and `f` to `l` are
//! the executions in it. Source: the `web-socket-streams` and `rest-api` pages of Binance's
//! spot API documentation.

use std::time::Duration;

use market::tick::Side;
use serde::Deserialize;

use super::ask::Row;
use super::json;
use super::limiter::{Budget, HostLimits};
use super::venue::{BadBody, Cursors, Facts, Frame, Listed, Names, PageAsk, PageFrom, Venue};
use crate::source::SourceTrade;

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_MICRO: i64 = 1_000;
/// Times from here on are microseconds: in milliseconds they would be after the year 33,000.
const MICROS_FROM: i64 = 1_000_000_000_000_000;

const FACTS: Facts = Facts {
    name: "binance",
    unit_ns: NANOS_PER_MILLI,
    // 6,000 weight a minute and 300 connections in five minutes are allowed; half of it is ours,
    // for others may ask from the same address.
    limits: HostLimits {
        rest: Budget { burst: 1_500.0, per_second: 50.0 },
        connections: Budget { burst: 10.0, per_second: 0.5 },
    },
    rest_allowed: 6_000.0,
    page_weight: 4,
    list_weight: 20,
    dead_after: Duration::from_secs(15),
    cursors: Cursors::Both,
    socket: "wss://data-stream.binance.vision",
    rest: "https://data-api.binance.vision",
    used_header: Some("x-mbx-used-weight-1m"),
    subscribes_by_url: true,
};

/// Binance spot.
pub(super) struct Binance;

/// A trade on a combined stream.
#[derive(Deserialize)]
struct Combined<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    e: &'a str,
    #[serde(rename = "E")]
    sent: i64,
    #[serde(borrow)]
    s: &'a str,
    a: u64,
    #[serde(borrow)]
    p: &'a str,
    #[serde(borrow)]
    q: &'a str,
    f: i64,
    l: i64,
    #[serde(rename = "T")]
    time: i64,
    m: bool,
}

/// What every frame of a combined stream has.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    data: Option<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    e: Option<&'a str>,
}

/// An aggregate trade of REST.
#[derive(Deserialize)]
struct Aggregate<'a> {
    a: u64,
    #[serde(borrow)]
    p: &'a str,
    #[serde(borrow)]
    q: &'a str,
    f: i64,
    l: i64,
    #[serde(rename = "T")]
    time: i64,
    m: bool,
}

impl Aggregate<'_> {
    /// A row, unless it is a placeholder, which has no executions.
    fn row(&self) -> Row {
        let executions = match (u64::try_from(self.f), u64::try_from(self.l)) {
            (Ok(first), Ok(last)) => (first, last),
            _ => return Row::Void(self.a),
        };
        Row::Trade(SourceTrade {
            trade_id: Some(self.a),
            executions: Some(executions),
            price: self.p.into(),
            size: self.q.into(),
            // The buyer made the market: the taker sold.
            side: Some(if self.m { Side::Sell } else { Side::Buy }),
            event_time_ns: nanos(self.time),
            receive_time_ns: None,
            recovered: false,
            future: false,
        })
    }
}

/// A time in milliseconds or microseconds, told apart by its size.
const fn nanos(time: i64) -> i64 {
    let unit = if time >= MICROS_FROM { NANOS_PER_MICRO } else { NANOS_PER_MILLI };
    time.saturating_mul(unit)
}

/// What a frame is that is no trade.
fn other(text: &str) -> Frame {
    match json::frame::<Named<'_>>(text) {
        Some(Named { data: Some(Event { e: Some("aggTrade") }) }) | None => Frame::Unreadable,
        Some(Named { data: Some(Event { e: Some("serverShutdown") }) }) => Frame::Closing,
        Some(_) => Frame::Other,
    }
}

#[derive(Deserialize)]
struct ExchangeInfo {
    symbols: Vec<Symbol>,
}

#[derive(Deserialize)]
struct Symbol {
    symbol: String,
    status: String,
}

impl Venue for Binance {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn socket_path(&self, instruments: &[&str]) -> String {
        let streams: Vec<_> = instruments
            .iter()
            .map(|instrument| format!("{}@aggTrade", instrument.to_lowercase()))
            .collect();
        format!("/stream?streams={}", streams.join("/"))
    }

    fn subscribe(&self, _: &[&str]) -> Vec<String> {
        Vec::new()
    }

    fn read(&self, text: &str, names: &Names, out: &mut Vec<Frame>) {
        let data = match json::frame::<Combined<'_>>(text) {
            Some(Combined { data }) if data.e == "aggTrade" => data,
            Some(_) | None => return out.push(other(text)),
        };
        let Some(instrument) = names.index(data.s) else { return out.push(Frame::Other) };
        let Data { sent, a, p, q, f, l, time, m, .. } = data;
        out.push(match (Aggregate { a, p, q, f, l, time, m }).row() {
            Row::Trade(trade) => Frame::Trade { instrument, trade, sent_ns: Some(nanos(sent)) },
            // What is no trade is told by REST, when the next id shows that it is missing.
            Row::Void(_) => Frame::Other,
        });
    }

    fn list_path(&self) -> &'static str {
        "/api/v3/exchangeInfo?showPermissionSets=false"
    }

    fn read_list(&self, body: &[u8]) -> Result<Vec<Listed>, BadBody> {
        let info: ExchangeInfo = json::body(body)?;
        let listed = info.symbols.into_iter().map(|symbol| Listed {
            rest_name: symbol.symbol.clone(),
            closed: (symbol.status != "TRADING")
                .then(|| format!("its status is {}", symbol.status)),
            instrument: symbol.symbol,
        });
        Ok(listed.collect())
    }

    fn page_path(&self, ask: PageAsk<'_>) -> String {
        let PageAsk { rest_name, from, rows } = ask;
        let from = match from {
            PageFrom::Newest => String::new(),
            PageFrom::Id(id) => format!("&fromId={id}"),
            PageFrom::Time(ns) => format!("&startTime={}", ns.div_euclid(NANOS_PER_MILLI)),
        };
        format!("/api/v3/aggTrades?symbol={rest_name}{from}&limit={rows}")
    }

    fn read_page(&self, body: &[u8]) -> Result<Vec<Row>, BadBody> {
        let rows: Vec<Aggregate<'_>> = json::body(body)?;
        Ok(rows.iter().map(|row| row.row()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Frame> {
        let mut out = Vec::new();
        Binance.read(text, &Names::of(["BTCUSDT"].into_iter()), &mut out);
        out
    }

    const TRADE: &str = r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1723161600215,"s":"BTCUSDT","a":3084512345,"p":"61686.00000000","q":"0.00369000","f":3721550000,"l":3721550002,"T":1723161600212,"m":true,"M":true}}"#;

    #[test]
    fn an_aggregate_keeps_its_text_and_the_taker_is_the_other_side_of_the_maker() {
        let frames = read(TRADE);
        let [Frame::Trade { instrument: 0, trade, sent_ns }] = frames.as_slice() else {
            panic!("{frames:?}")
        };
        assert_eq!(*sent_ns, Some(1_723_161_600_215_000_000));
        assert_eq!(
            (trade.trade_id, trade.executions),
            (Some(3_084_512_345), Some((3_721_550_000, 3_721_550_002)))
        );
        assert_eq!((&*trade.price, &*trade.size), ("61686.00000000", "0.00369000"));
        assert_eq!(trade.side, Some(Side::Sell));
        assert_eq!(trade.event_time_ns, 1_723_161_600_212_000_000);
    }

    #[test]
    fn times_in_microseconds_are_the_same_times() {
        let micros = TRADE.replace("1723161600212", "1723161600212000");
        assert_eq!(read(&micros), read(TRADE));
    }

    #[test]
    fn what_is_no_trade_of_ours_is_told_apart() {
        let shutdown =
            r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#;
        assert_eq!(read(shutdown), [Frame::Closing]);
        for other in [
            r#"{"result":null,"id":1}"#,
            r#"{"stream":"x","data":{"e":"somethingNew","E":1,"s":"BTCUSDT","a":"text","f":{}}}"#,
            &TRADE.replace("BTCUSDT", "ETHUSDT"),
        ] {
            assert_eq!(read(other), [Frame::Other], "{other}");
        }
        for bad in ["", "{", "null x", &TRADE.replace("3084512345", "\"x\""), &TRADE[..80]] {
            assert_eq!(read(bad), [Frame::Unreadable], "{bad}");
        }
    }

    #[test]
    fn a_placeholder_row_is_an_id_without_a_trade() {
        let body = br#"[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27783,"T":1498793709153,"m":true,"M":true},{"a":26130,"p":"0","q":"0","f":-1,"l":-1,"T":1498793709153,"m":true,"M":true}]"#;
        let rows = Binance.read_page(body).unwrap();
        assert_eq!(rows.iter().map(Row::id).collect::<Vec<_>>(), [26_129, 26_130]);
        assert!(matches!(rows[1], Row::Void(_)));
    }
}
