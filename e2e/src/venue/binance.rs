//! Binance spot: combined and raw streams of aggregates, and REST.

use std::{collections::BTreeSet, fmt::Write, sync::Arc};

use serde_json::Value;

use super::{
    feed::{Delivery, Feed, Stamp},
    http::Request,
    script::Script,
    socket::{Dialect, Reply, SNAPSHOT},
    state::Venue,
    tape::TapeTrade,
};

/// Calls.
mod rest;

pub(super) use rest::{answer, weight};

const MILLI_NS: i64 = 1_000_000;
const MINUTE_MS: i64 = 60_000;
const STREAM: &str = "@aggTrade";

/// One connection.
pub(super) struct Binance {
    venue: Arc<Venue>,
    /// Whether frames name their stream.
    is_combined: bool,
    streams: BTreeSet<String>,
}

impl Binance {
    /// Streams are in the URL: `/stream?streams=a/b` or `/ws/a/b`.
    pub(super) fn new(venue: Arc<Venue>, request: &Request) -> Self {
        let (is_combined, streams) = match request.path.strip_prefix("/ws") {
            Some(streams) => (false, streams),
            None => (true, request.parameter("streams").unwrap_or_default()),
        };
        let streams = streams.split('/').filter(|name| !name.is_empty());
        Self { venue, is_combined, streams: streams.map(str::to_owned).collect() }
    }

    fn wrapped(&self, stream: &str, data: &str) -> String {
        if self.is_combined {
            format!("{{\"stream\":\"{stream}\",\"data\":{data}}}")
        } else {
            data.to_owned()
        }
    }

    /// An unknown stream is taken and stays silent.
    fn subscribe(&self, streams: &[String], feed: &mut Feed) {
        let repeats = self.venue.plays(Script::Snapshot);
        for instrument in streams.iter().filter_map(|stream| instrument(stream)) {
            if feed.knows(&instrument) {
                feed.subscribe(&instrument, if repeats { SNAPSHOT } else { 0 });
            }
        }
    }

    fn refuses(&self, streams: &[String]) -> bool {
        let now_ns = self.venue.clock.now_ns();
        let refused = self.venue.faults.hit(Script::RefuseInstrument, now_ns);
        refused
            .is_some_and(|name| streams.iter().any(|one| instrument(one).as_ref() == Some(&name)))
    }

    fn candle(&self, delivery: &Delivery) -> String {
        let Delivery { instrument, trade, .. } = delivery;
        let time_ms = trade.event_ns / MILLI_NS;
        let open_ms = time_ms - time_ms.rem_euclid(MINUTE_MS);
        let close_ms = open_ms + MINUTE_MS - 1;
        let sent_ms = self.venue.stamp_ns() / MILLI_NS;
        let TapeTrade { first_id, last_id, price, size, .. } = trade;
        let data = format!(
            "{{\"e\":\"kline\",\"E\":{sent_ms},\"s\":\"{instrument}\",\"k\":{{\"t\":{open_ms},\
             \"T\":{close_ms},\"s\":\"{instrument}\",\"i\":\"1m\",\"f\":{first_id},\"L\":{last_id},\
             \"o\":\"{price}\",\"c\":\"{price}\",\"h\":\"{price}\",\"l\":\"{price}\",\
             \"v\":\"{size}\",\"n\":1,\"x\":false,\"q\":\"0\",\"V\":\"0\",\"Q\":\"0\",\"B\":\"0\"}}}}"
        );
        self.wrapped(&format!("{}@kline_1m", instrument.to_ascii_lowercase()), &data)
    }

    fn aggregate(&self, delivery: &Delivery, sent_ms: i64) -> String {
        let Delivery { instrument, trade, stamp } = delivery;
        let time = match stamp {
            Stamp::Time(time_ns) => time_ns / MILLI_NS,
            Stamp::Micros(time_ns) => time_ns / 1_000,
        };
        let mut data = format!("{{\"e\":\"aggTrade\",\"E\":{sent_ms},\"s\":\"{instrument}\",");
        write_fields(&mut data, trade, time);
        data.push('}');
        self.wrapped(&format!("{}{STREAM}", instrument.to_ascii_lowercase()), &data)
    }
}

impl Dialect for Binance {
    fn greet(&mut self, feed: &mut Feed) -> Vec<String> {
        let streams: Vec<String> = self.streams.iter().cloned().collect();
        self.subscribe(&streams, feed);
        Vec::new()
    }

    fn hear(&mut self, text: &str, feed: &mut Feed) -> Vec<Reply> {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return vec![Reply::Now(r#"{"code":3,"msg":"Invalid JSON"}"#.to_owned())];
        };
        let id = &message["id"];
        let params = message["params"].as_array().map_or(&[][..], Vec::as_slice);
        let streams: Vec<String> =
            params.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let result = match message["method"].as_str() {
            Some("SUBSCRIBE") if !self.refuses(&streams) => {
                self.subscribe(&streams, feed);
                self.streams.extend(streams);
                "null".to_owned()
            }
            Some("UNSUBSCRIBE") => {
                for stream in &streams {
                    self.streams.remove(stream);
                    feed.unsubscribe(&instrument(stream).unwrap_or_default());
                }
                "null".to_owned()
            }
            Some("LIST_SUBSCRIPTIONS") => {
                Value::from_iter(self.streams.iter().cloned()).to_string()
            }
            _ => {
                let msg = "Invalid request: unknown variant";
                let error = format!("{{\"code\":2,\"msg\":\"{msg}\",\"id\":{id}}}");
                return vec![Reply::Now(error)];
            }
        };
        vec![Reply::Answer(format!("{{\"result\":{result},\"id\":{id}}}"))]
    }

    fn trades(&mut self, deliveries: &[Delivery]) -> Vec<String> {
        let sent_ms = self.venue.stamp_ns() / MILLI_NS;
        let has_candle = self.venue.plays(Script::CandleFirst);
        let candle = deliveries.last().filter(|_| has_candle).map(|last| self.candle(last));
        let trades = deliveries.iter().map(|delivery| self.aggregate(delivery, sent_ms));
        candle.into_iter().chain(trades).collect()
    }

    fn shutdown_notice(&self) -> Option<String> {
        let sent_ms = self.venue.stamp_ns() / MILLI_NS;
        let data = format!("{{\"e\":\"serverShutdown\",\"E\":{sent_ms}}}");
        Some(self.wrapped("!serverShutdown", &data))
    }
}

/// `BTCUSDT` of `btcusdt@aggTrade`; names of streams are in lower case.
fn instrument(stream: &str) -> Option<String> {
    let name = stream.strip_suffix(STREAM)?;
    (!name.bytes().any(|byte| byte.is_ascii_uppercase())).then(|| name.to_ascii_uppercase())
}

/// The fields that a frame and a page share.
fn write_fields(out: &mut String, trade: &TapeTrade, time: i64) {
    let TapeTrade { id, first_id, last_id, price, size, .. } = trade;
    let buyer_makes = !trade.taker_buys;
    // Writing to a text does not fail.
    let _ = write!(
        out,
        "\"a\":{id},\"p\":\"{price}\",\"q\":\"{size}\",\"f\":{first_id},\"l\":{last_id},\
         \"T\":{time},\"m\":{buyer_makes},\"M\":true"
    );
}
