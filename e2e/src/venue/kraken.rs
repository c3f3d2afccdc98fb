//! Kraken spot: WebSocket v2, and REST.

use std::{fmt::Write, sync::Arc};

use serde_json::Value;

use super::{
    feed::{Delivery, Feed},
    script::Script,
    socket::{Dialect, Reply, SNAPSHOT},
    state::Venue,
    tape::TapeTrade,
    text::rfc3339_us,
};

/// Calls.
mod rest;

pub(super) use rest::answer;

/// A heartbeat is sent after so long a silence.
const SILENCE_NS: i64 = 1_000_000_000;
/// Ids of connections are above this one, which no float holds exactly.
const CONNECTION_ID: u64 = 8_628_615_390_848_610_001;
const ONLINE: &str = "online";
const MAINTENANCE: &str = "maintenance";

/// One connection.
pub(super) struct Kraken {
    venue: Arc<Venue>,
    connection_id: u64,
    /// What the client was told.
    status: &'static str,
    has_subscribed: bool,
    /// When a silence was last noticed.
    noticed_ns: i64,
}

impl Kraken {
    /// Connections are numbered.
    pub(super) fn new(venue: Arc<Venue>, number: u64) -> Self {
        let connection_id = CONNECTION_ID + 2 * number;
        Self { venue, connection_id, status: ONLINE, has_subscribed: false, noticed_ns: 0 }
    }

    fn current_status(&self) -> &'static str {
        if self.venue.plays(Script::Maintenance) { MAINTENANCE } else { ONLINE }
    }

    fn say_status(&mut self) -> String {
        self.status = self.current_status();
        format!(
            "{{\"channel\":\"status\",\"type\":\"update\",\"data\":[{{\"version\":\"2.0.10\",\
             \"system\":\"{}\",\"api_version\":\"v2\",\"connection_id\":{}}}]}}",
            self.status, self.connection_id
        )
    }

    fn subscribe(&mut self, message: &Value, feed: &mut Feed) -> Vec<Reply> {
        let params = &message["params"];
        let times = self.times();
        let request = request_id(message);
        if params["channel"] != "trade" {
            let error = "Channel name invalid";
            return vec![Reply::Now(failure(error, "subscribe", "", &times, &request))];
        }
        self.has_subscribed = true;
        let wants_snapshot = params["snapshot"] == true;
        let repeats = wants_snapshot || self.venue.plays(Script::Snapshot);
        let refused = self.venue.faults.hit(Script::RefuseInstrument, self.venue.clock.now_ns());
        let mut replies = Vec::new();
        for symbol in params["symbol"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !feed.knows(symbol) || refused.as_deref() == Some(symbol) {
                let error = format!("Currency pair not supported {symbol}");
                let text = failure(&error, "subscribe", symbol, &times, &request);
                replies.push(Reply::Now(text));
                continue;
            }
            replies.push(Reply::Answer(format!(
                "{{\"method\":\"subscribe\",\"result\":{{\"channel\":\"trade\",\"symbol\":\
                 \"{symbol}\",\"snapshot\":{wants_snapshot}}},\"success\":true,{times}{request}}}"
            )));
            feed.subscribe(symbol, 0);
            let newest = if repeats { feed.newest(symbol, SNAPSHOT) } else { Vec::new() };
            if !newest.is_empty() {
                let entries = newest.iter().map(|trade| (symbol, trade, trade.event_ns));
                replies.push(Reply::Answer(frame("snapshot", entries)));
            }
        }
        replies
    }

    fn unsubscribe(&self, message: &Value, feed: &mut Feed) -> Vec<Reply> {
        let (times, request) = (self.times(), request_id(message));
        let symbols = message["params"]["symbol"].as_array().into_iter().flatten();
        let replies = symbols.filter_map(Value::as_str).map(|symbol| {
            feed.unsubscribe(symbol);
            Reply::Answer(format!(
                "{{\"method\":\"unsubscribe\",\"result\":{{\"channel\":\"trade\",\"symbol\":\
                 \"{symbol}\"}},\"success\":true,{times}{request}}}"
            ))
        });
        replies.collect()
    }

    fn times(&self) -> String {
        let stamp_ns = self.venue.stamp_ns();
        let (time_in, time_out) = (rfc3339_us(stamp_ns), rfc3339_us(stamp_ns + 49_000));
        format!("\"time_in\":\"{time_in}\",\"time_out\":\"{time_out}\"")
    }
}

impl Dialect for Kraken {
    fn greet(&mut self, _: &mut Feed) -> Vec<String> {
        vec![self.say_status()]
    }

    fn hear(&mut self, text: &str, feed: &mut Feed) -> Vec<Reply> {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let (times, request) = (self.times(), request_id(&message));
        match message["method"].as_str() {
            Some("subscribe") => self.subscribe(&message, feed),
            Some("unsubscribe") => self.unsubscribe(&message, feed),
            Some("ping") => {
                let request = request.trim_start_matches(',');
                let comma = if request.is_empty() { "" } else { "," };
                vec![Reply::Now(format!("{{\"method\":\"pong\",{request}{comma}{times}}}"))]
            }
            method => {
                let method = method.unwrap_or_default();
                vec![Reply::Now(failure("Unsupported method", method, "", &times, &request))]
            }
        }
    }

    /// Trades of one instrument that share a moment are in one frame.
    fn trades(&mut self, deliveries: &[Delivery]) -> Vec<String> {
        let batches = deliveries
            .chunk_by(|one, next| one.instrument == next.instrument && one.stamp == next.stamp);
        let frames = batches.map(|batch| {
            let entries =
                batch.iter().map(|one| (one.instrument.as_str(), &one.trade, one.stamp_ns()));
            frame("update", entries)
        });
        frames.collect()
    }

    fn pulse(&mut self, now_ns: i64, sent_ns: i64, _: &Feed) -> Vec<String> {
        if self.status != self.current_status() {
            return vec![self.say_status()];
        }
        if now_ns < sent_ns.max(self.noticed_ns) + SILENCE_NS {
            return Vec::new();
        }
        self.noticed_ns = now_ns;
        let beats = self.has_subscribed && !self.venue.plays(Script::NoPings);
        if beats { vec![r#"{"channel":"heartbeat"}"#.to_owned()] } else { Vec::new() }
    }

    fn pulse_ns(&self, sent_ns: i64) -> Option<i64> {
        Some(sent_ns.max(self.noticed_ns) + SILENCE_NS)
    }
}

/// With a comma before it, if the client gave one.
fn request_id(message: &Value) -> String {
    match &message["req_id"] {
        Value::Null => String::new(),
        id => format!(",\"req_id\":{id}"),
    }
}

fn failure(error: &str, method: &str, symbol: &str, times: &str, request: &str) -> String {
    let symbol =
        if symbol.is_empty() { String::new() } else { format!("\"symbol\":\"{symbol}\",") };
    format!(
        "{{\"error\":\"{error}\",\"method\":\"{method}\",\"success\":false,{symbol}{times}{request}}}"
    )
}

fn frame<'a>(kind: &str, entries: impl Iterator<Item = (&'a str, &'a TapeTrade, i64)>) -> String {
    let mut frame = format!("{{\"channel\":\"trade\",\"type\":\"{kind}\",\"data\":[");
    for (index, (symbol, trade, time_ns)) in entries.enumerate() {
        let TapeTrade { id, price, size, .. } = trade;
        let comma = if index == 0 { "" } else { "," };
        let side = if trade.taker_buys { "buy" } else { "sell" };
        let (order, time) = (order_type(*id), rfc3339_us(time_ns));
        // Writing to a text does not fail.
        let _ = write!(
            frame,
            "{comma}{{\"symbol\":\"{symbol}\",\"side\":\"{side}\",\"price\":{price},\
             \"qty\":{size},\"ord_type\":\"{order}\",\"trade_id\":{id},\"timestamp\":\"{time}\"}}"
        );
    }
    frame.push_str("]}");
    frame
}

const fn order_type(id: u64) -> &'static str {
    if id.is_multiple_of(3) { "market" } else { "limit" }
}
