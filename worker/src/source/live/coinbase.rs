//! Coinbase Exchange: `matches` and `heartbeat`, repair by `trades` before an id.
//!
//! `side` is the maker's, so the taker's is the opposite. `trade_id` is dense per product;
//! `sequence` is the book's and is not used. Source: Coinbase Exchange's WebSocket and REST
//! documentation; the side as measured and as other recorders of this feed found.

use std::time::Duration;

use jiff::Timestamp;
use market::tick::Side;
use serde::Deserialize;

use super::ask::Row;
use super::json;
use super::limiter::{Budget, HostLimits};
use super::venue::{BadBody, Cursors, Facts, Frame, Listed, Names, PageAsk, PageFrom, Venue};
use crate::source::SourceTrade;

const FACTS: Facts = Facts {
    name: "coinbase",
    unit_ns: 1_000,
    // 10 requests a second with a burst of 15 are allowed to an address, 8 new connections.
    limits: HostLimits {
        rest: Budget { burst: 6.0, per_second: 5.0 },
        connections: Budget { burst: 4.0, per_second: 0.5 },
    },
    rest_allowed: 0.0,
    page_weight: 1,
    list_weight: 1,
    dead_after: Duration::from_secs(5),
    cursors: Cursors::Ids,
    socket: "wss://ws-feed.exchange.coinbase.com",
    rest: "https://api.exchange.coinbase.com",
    used_header: None,
    subscribes_by_url: false,
};

/// Coinbase Exchange.
pub(super) struct Coinbase;

/// A frame; what it does not know is left out.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow)]
    product_id: Option<&'a str>,
    #[serde(borrow)]
    time: Option<&'a str>,
    trade_id: Option<u64>,
    last_trade_id: Option<u64>,
    #[serde(borrow)]
    price: Option<&'a str>,
    #[serde(borrow)]
    size: Option<&'a str>,
    #[serde(borrow)]
    side: Option<&'a str>,
    #[serde(default)]
    channels: Vec<Channel>,
    message: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Channel {
    name: String,
    #[serde(default)]
    product_ids: Vec<String>,
}

#[derive(Deserialize)]
struct RestTrade<'a> {
    trade_id: u64,
    #[serde(borrow)]
    price: &'a str,
    #[serde(borrow)]
    size: &'a str,
    #[serde(borrow)]
    side: &'a str,
    #[serde(borrow)]
    time: &'a str,
}

#[derive(Deserialize)]
struct Product {
    id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    trading_disabled: bool,
}

/// Nanoseconds since the epoch of an RFC 3339 time.
fn nanos(time: &str) -> Option<i64> {
    i64::try_from(time.parse::<Timestamp>().ok()?.as_nanosecond()).ok()
}

fn taker_side(maker: &str) -> Option<Side> {
    match maker {
        "sell" => Some(Side::Buy),
        "buy" => Some(Side::Sell),
        _ => None,
    }
}

fn trade(
    (id, time, side): (u64, &str, Option<&str>),
    (price, size): (&str, &str),
) -> Option<SourceTrade> {
    Some(SourceTrade {
        trade_id: Some(id),
        executions: None,
        price: price.into(),
        size: size.into(),
        side: side.and_then(taker_side),
        event_time_ns: nanos(time)?,
        receive_time_ns: None,
        recovered: false,
        future: false,
    })
}

impl Message<'_> {
    fn trade(&self) -> Option<SourceTrade> {
        trade((self.trade_id?, self.time?, self.side), (self.price?, self.size?))
    }

    fn frame(&self, names: &Names) -> Frame {
        let instrument = self.product_id.and_then(|name| names.index(name));
        let sent_ns = self.time.and_then(nanos);
        match (self.kind, instrument) {
            // The last match happened before the subscription: it says nothing of now.
            (Some(kind @ ("match" | "last_match")), Some(instrument)) => match self.trade() {
                Some(trade) => {
                    Frame::Trade { instrument, trade, sent_ns: sent_ns.filter(|_| kind == "match") }
                }
                None => Frame::Unreadable,
            },
            (Some("heartbeat"), Some(instrument)) => {
                // For years it was 0: then it says nothing.
                let newest_id = self.last_trade_id.filter(|id| *id > 0);
                Frame::Heartbeat { instrument, newest_id, sent_ns }
            }
            (Some("error"), _) => {
                let said = [&self.message, &self.reason].map(|text| text.as_deref().unwrap_or(""));
                let named = |name: &str| said[1].split_whitespace().any(|word| word == name);
                let instrument = names.iter().find(|(name, _)| named(name));
                let reason = said.join(": ");
                Frame::Refused { instrument: instrument.map(|(_, index)| index), reason }
            }
            (None, _) => Frame::Unreadable,
            _ => Frame::Other,
        }
    }
}

impl Venue for Coinbase {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn socket_path(&self, _: &[&str]) -> String {
        String::new()
    }

    fn subscribe(&self, instruments: &[&str]) -> Vec<String> {
        let channels = ["matches", "heartbeat"];
        let message = serde_json::json!({
            "type": "subscribe", "product_ids": instruments, "channels": channels,
        });
        vec![message.to_string()]
    }

    fn read(&self, text: &str, names: &Names, out: &mut Vec<Frame>) {
        let Some(message) = json::frame::<Message<'_>>(text) else {
            return out.push(Frame::Unreadable);
        };
        if message.kind != Some("subscriptions") {
            return out.push(message.frame(names));
        }
        let matches = message.channels.iter().filter(|channel| channel.name == "matches");
        let products = matches.flat_map(|channel| &channel.product_ids);
        let subscribed = products.filter_map(|product| names.index(product));
        out.extend(subscribed.map(|instrument| Frame::Subscribed { instrument, sent_ns: None }));
    }

    fn list_path(&self) -> &'static str {
        "/products"
    }

    fn read_list(&self, body: &[u8]) -> Result<Vec<Listed>, BadBody> {
        let products: Vec<Product> = json::body(body)?;
        let listed = products.into_iter().map(|product| {
            let closed = match (product.status.as_str(), product.trading_disabled) {
                (_, true) => Some("its trading is disabled".to_owned()),
                ("online" | "", false) => None,
                (status, false) => Some(format!("its status is {status}")),
            };
            Listed { rest_name: product.id.clone(), instrument: product.id, closed }
        });
        Ok(listed.collect())
    }

    fn page_path(&self, ask: PageAsk<'_>) -> String {
        let PageAsk { rest_name, from, rows } = ask;
        let after = match from {
            // Pages go to older ids, the one that is named excluded.
            PageFrom::Id(id) => format!("&after={}", id.saturating_add(rows)),
            PageFrom::Newest | PageFrom::Time(_) => String::new(),
        };
        format!("/products/{rest_name}/trades?limit={rows}{after}")
    }

    fn read_page(&self, body: &[u8]) -> Result<Vec<Row>, BadBody> {
        let rows: Vec<RestTrade<'_>> = json::body(body)?;
        rows.iter()
            .map(|row| {
                trade((row.trade_id, row.time, Some(row.side)), (row.price, row.size))
                    .map(Row::Trade)
                    .ok_or_else(|| BadBody::Unreadable(format!("\"{}\" is no time", row.time)))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Frame> {
        let mut out = Vec::new();
        Coinbase.read(text, &Names::of(["SKL-BTC", "BTC-USD"].into_iter()), &mut out);
        out
    }

    const MATCH: &str = r#"{"type":"match","trade_id":280232,"maker_order_id":"2a0da34e-..","taker_order_id":"3c82abaa-..","side":"sell","size":"985","price":"0.00001305","product_id":"SKL-BTC","sequence":177100030,"time":"2021-04-17T16:43:37.089723Z"}"#;

    #[test]
    fn the_taker_is_the_opposite_of_the_side_that_is_sent() {
        let frames = read(MATCH);
        let [Frame::Trade { instrument: 0, trade, sent_ns: Some(sent_ns) }] = frames.as_slice()
        else {
            panic!("{frames:?}")
        };
        assert_eq!(trade.side, Some(Side::Buy));
        assert_eq!((&*trade.price, &*trade.size), ("0.00001305", "985"));
        assert_eq!(trade.event_time_ns, 1_618_677_817_089_723_000);
        assert_eq!(*sent_ns, trade.event_time_ns);
    }

    #[test]
    fn the_last_match_is_a_trade_and_says_nothing_of_now() {
        let frames = read(&MATCH.replace("\"match\"", "\"last_match\""));
        assert!(matches!(frames.as_slice(), [Frame::Trade { sent_ns: None, .. }]), "{frames:?}");
    }

    #[test]
    fn a_heartbeat_names_the_newest_trade_unless_it_is_0() {
        let text = r#"{"type":"heartbeat","sequence":177100050,"last_trade_id":280232,"product_id":"SKL-BTC","time":"2021-04-17T16:43:38.000000Z"}"#;
        let newest = |text: &str| match read(text).as_slice() {
            [Frame::Heartbeat { newest_id, .. }] => *newest_id,
            other => panic!("{other:?}"),
        };
        assert_eq!(newest(text), Some(280_232));
        assert_eq!(newest(&text.replace("280232", "0")), None);
    }

    #[test]
    fn an_error_names_the_product_that_is_refused() {
        let text = r#"{"type":"error","message":"Failed to subscribe","reason":"BTC-USD is not a valid product"}"#;
        let reason = "Failed to subscribe: BTC-USD is not a valid product".to_owned();
        assert_eq!(read(text), [Frame::Refused { instrument: Some(1), reason }]);
    }

    #[test]
    fn a_page_from_an_id_asks_for_what_lies_before_its_end() {
        let ask = PageAsk { rest_name: "BTC-USD", from: PageFrom::Id(5_000), rows: 1_000 };
        assert_eq!(Coinbase.page_path(ask), "/products/BTC-USD/trades?limit=1000&after=6000");
    }
}
