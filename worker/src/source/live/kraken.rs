//! Kraken spot, version 2 of its WebSocket: `trade`; repair by REST `Trades` from a time.
//!
//! Prices and sizes are JSON numbers, taken as their text. `trade_id` is dense per book. The socket
//! writes times with six decimals, REST with up to nine: both are cut to microseconds, so that a
//! trade has one content whichever way it came. Source: docs.kraken.com.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use market::tick::Side;
use serde::Deserialize;
use sonic_rs::LazyValue;

use super::ask::Row;
use super::json;
use super::limiter::{Budget, HostLimits};
use super::venue::{BadBody, Cursors, Facts, Frame, Listed, Names, PageAsk, PageFrom, Venue};
use crate::source::SourceTrade;

/// How it writes numbers, times and names.
mod text;

use text::{common_name, number, seconds};

const UNIT_NS: i64 = 1_000;

const FACTS: Facts = Facts {
    name: "kraken",
    unit_ns: UNIT_NS,
    // About one public call a second and 150 connections in ten minutes are allowed.
    limits: HostLimits {
        rest: Budget { burst: 2.0, per_second: 0.9 },
        connections: Budget { burst: 5.0, per_second: 0.2 },
    },
    rest_allowed: 0.0,
    page_weight: 1,
    list_weight: 1,
    dead_after: Duration::from_secs(5),
    cursors: Cursors::Times,
    socket: "wss://ws.kraken.com",
    rest: "https://api.kraken.com",
    used_header: None,
    subscribes_by_url: false,
};

/// Kraken spot.
pub(super) struct Kraken;

/// A frame; what it does not know is left out.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    channel: Option<&'a str>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow)]
    data: Option<LazyValue<'a>>,
    #[serde(borrow)]
    method: Option<&'a str>,
    success: Option<bool>,
    error: Option<String>,
    symbol: Option<String>,
    result: Option<AckResult>,
    #[serde(borrow)]
    time_out: Option<&'a str>,
}

#[derive(Deserialize)]
struct AckResult {
    symbol: Option<String>,
}

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow)]
    symbol: &'a str,
    #[serde(borrow)]
    side: &'a str,
    #[serde(borrow)]
    price: LazyValue<'a>,
    #[serde(borrow)]
    qty: LazyValue<'a>,
    trade_id: u64,
    #[serde(borrow)]
    timestamp: &'a str,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    system: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer<T> {
    #[serde(default)]
    error: Vec<String>,
    result: Option<T>,
}

#[derive(Deserialize)]
struct Pair {
    altname: String,
    wsname: Option<String>,
    #[serde(default)]
    status: String,
}

/// `[price, volume, time, side, type, misc, trade_id]`
type RestTrade<'a> = (&'a str, &'a str, LazyValue<'a>, &'a str, &'a str, &'a str, u64);

impl Trade<'_> {
    fn source_trade(&self) -> Option<SourceTrade> {
        let ns = i64::try_from(self.timestamp.parse::<Timestamp>().ok()?.as_nanosecond()).ok()?;
        let times = (ns, self.trade_id);
        let (price, size) = (number(&self.price)?, number(&self.qty)?);
        Some(trade(times, &price, &size, taker_side(self.side)))
    }
}

fn taker_side(side: &str) -> Option<Side> {
    match side {
        "buy" | "b" => Some(Side::Buy),
        "sell" | "s" => Some(Side::Sell),
        _ => None,
    }
}

fn trade((ns, id): (i64, u64), price: &str, size: &str, side: Option<Side>) -> SourceTrade {
    SourceTrade {
        trade_id: Some(id),
        executions: None,
        price: price.into(),
        size: size.into(),
        side,
        event_time_ns: ns.saturating_sub(ns.rem_euclid(UNIT_NS)),
        receive_time_ns: None,
        recovered: false,
        future: false,
    }
}

/// What an answer holds, or what it says instead.
fn answered<T>(answer: Answer<T>) -> Result<T, BadBody> {
    match answer.error.first() {
        Some(error) if error.contains("Too many requests") || error.contains("Rate limit") => {
            Err(BadBody::TooMany)
        }
        Some(error) if error.starts_with("EQuery") || error.starts_with("EGeneral:Invalid") => {
            Err(BadBody::Refused(error.clone()))
        }
        Some(error) => Err(BadBody::Later(error.clone())),
        None => answer.result.ok_or_else(|| BadBody::Unreadable("it has no result".to_owned())),
    }
}

impl Message<'_> {
    fn acknowledgement(&self, names: &Names) -> Frame {
        let symbol = self.result.as_ref().and_then(|result| result.symbol.as_ref());
        let instrument = symbol.or(self.symbol.as_ref()).and_then(|name| names.index(name));
        let sent_ns = self.time_out.and_then(|time| time.parse::<Timestamp>().ok());
        let sent_ns = sent_ns.and_then(|time| i64::try_from(time.as_nanosecond()).ok());
        match (self.success, instrument) {
            (Some(true), Some(instrument)) => Frame::Subscribed { instrument, sent_ns },
            (Some(false), instrument) => {
                let reason = self.error.clone().unwrap_or_else(|| "no reason given".to_owned());
                Frame::Refused { instrument, reason }
            }
            _ => Frame::Other,
        }
    }

    fn trades(&self, names: &Names, out: &mut Vec<Frame>) -> Option<()> {
        let trades: Vec<Trade<'_>> = json::frame(self.data.as_ref()?.as_raw_str())?;
        for trade in &trades {
            let Some(instrument) = names.index(trade.symbol) else { continue };
            let frame = trade.source_trade().map_or(Frame::Unreadable, |trade| {
                // A snapshot is of trades that happened before.
                let sent_ns = Some(trade.event_time_ns).filter(|_| self.kind == Some("update"));
                Frame::Trade { instrument, trade, sent_ns }
            });
            out.push(frame);
        }
        Some(())
    }

    fn status(&self) -> Frame {
        let status = self.data.as_ref().and_then(|data| {
            let data: Vec<Status<'_>> = json::frame(data.as_raw_str())?;
            data.first()?.system.map(str::to_owned)
        });
        match status {
            Some(system) => Frame::Trading {
                open: system == "online",
                reason: format!("the venue says that it is \"{system}\""),
            },
            None => Frame::Unreadable,
        }
    }
}

impl Venue for Kraken {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn socket_path(&self, _: &[&str]) -> String {
        "/v2".to_owned()
    }

    fn subscribe(&self, instruments: &[&str]) -> Vec<String> {
        let message = serde_json::json!({
            "method": "subscribe",
            "params": {"channel": "trade", "symbol": instruments, "snapshot": false},
            "req_id": 1,
        });
        vec![message.to_string()]
    }

    fn read(&self, text: &str, names: &Names, out: &mut Vec<Frame>) {
        let Some(message) = json::frame::<Message<'_>>(text) else {
            return out.push(Frame::Unreadable);
        };
        match (message.channel, message.method) {
            (Some("trade"), _) => {
                if message.trades(names, out).is_none() {
                    out.push(Frame::Unreadable);
                }
            }
            (Some("status"), _) => out.push(message.status()),
            (None, Some("subscribe")) => out.push(message.acknowledgement(names)),
            (None, None) => out.push(Frame::Unreadable),
            _ => out.push(Frame::Other),
        }
    }

    fn list_path(&self) -> &'static str {
        "/0/public/AssetPairs"
    }

    fn read_list(&self, body: &[u8]) -> Result<Vec<Listed>, BadBody> {
        let pairs = answered(json::body::<Answer<HashMap<String, Pair>>>(body)?)?;
        let listed = pairs.into_values().filter_map(|pair| {
            let closed = match pair.status.as_str() {
                "online" | "" => None,
                status => Some(format!("its status is {status}")),
            };
            let instrument = common_name(pair.wsname.as_deref()?);
            Some(Listed { instrument, rest_name: pair.altname, closed })
        });
        Ok(listed.collect())
    }

    fn page_path(&self, ask: PageAsk<'_>) -> String {
        let PageAsk { rest_name, from, rows } = ask;
        let since = match from {
            // It begins after the time that is named.
            PageFrom::Time(ns) => format!("&since={}", ns.saturating_sub(1)),
            PageFrom::Newest | PageFrom::Id(_) => String::new(),
        };
        format!("/0/public/Trades?pair={rest_name}{since}&count={rows}")
    }

    fn read_page(&self, body: &[u8]) -> Result<Vec<Row>, BadBody> {
        let result = answered(json::body::<Answer<HashMap<String, LazyValue<'_>>>>(body)?)?;
        let Some((_, trades)) = result.iter().find(|(key, _)| key.as_str() != "last") else {
            return Err(BadBody::Unreadable("it has no trades".to_owned()));
        };
        let trades: Vec<RestTrade<'_>> = json::body(trades.as_raw_str().as_bytes())?;
        let row = |row: &RestTrade<'_>| {
            let (price, size, time, side, _, _, id) = row;
            let ns = seconds(time.as_raw_str());
            let ns = ns.ok_or_else(|| BadBody::Unreadable("a time is no number".to_owned()))?;
            Ok(Row::Trade(trade((ns, *id), price, size, taker_side(side))))
        };
        trades.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests;
