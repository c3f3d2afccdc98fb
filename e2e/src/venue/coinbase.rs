//! Coinbase Exchange: matches and heartbeats, and REST.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    dice::{roll, word},
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

const HEARTBEAT_NS: i64 = 1_000_000_000;
const MATCHES: &str = "matches";
const HEARTBEAT: &str = "heartbeat";
/// A book counts about so many changes for each trade.
const CHANGES_PER_TRADE: u64 = 13;

/// One connection.
pub(super) struct Coinbase {
    venue: Arc<Venue>,
    /// When the next heartbeat of a product is due.
    beats: BTreeMap<String, i64>,
}

impl Coinbase {
    pub(super) fn new(venue: Arc<Venue>) -> Self {
        Self { venue, beats: BTreeMap::new() }
    }

    fn subscribe(&mut self, wanted: &Channels, feed: &mut Feed) -> Vec<Reply> {
        let now_ns = self.venue.clock.now_ns();
        let refused = self.venue.faults.hit(Script::RefuseInstrument, now_ns);
        let products = wanted.values().flatten();
        let mut wrong =
            products.filter(|product| !feed.knows(product) || refused.as_ref() == Some(*product));
        if let Some(product) = wrong.next() {
            return vec![Reply::Now(error(&format!("{product} is not a valid product")))];
        }
        let mut replies = Vec::new();
        for product in wanted.get(MATCHES).into_iter().flatten() {
            for trade in feed.newest(product, 1) {
                let time_ns = trade.event_ns;
                replies.push(Reply::Now(frame("last_match", product, &trade, time_ns)));
            }
            let repeats = self.venue.plays(Script::Snapshot);
            feed.subscribe(product, if repeats { SNAPSHOT } else { 0 });
        }
        for product in wanted.get(HEARTBEAT).into_iter().flatten() {
            self.beats.entry(product.clone()).or_insert(now_ns + HEARTBEAT_NS);
        }
        replies.push(Reply::Answer(self.subscriptions(feed)));
        replies
    }

    fn unsubscribe(&mut self, wanted: &Channels, feed: &mut Feed) -> Vec<Reply> {
        for product in wanted.get(MATCHES).into_iter().flatten() {
            feed.unsubscribe(product);
        }
        for product in wanted.get(HEARTBEAT).into_iter().flatten() {
            self.beats.remove(product);
        }
        vec![Reply::Answer(self.subscriptions(feed))]
    }

    fn subscriptions(&self, feed: &Feed) -> String {
        let matches: Vec<&str> = feed.instruments().collect();
        let beats: Vec<&str> = self.beats.keys().map(String::as_str).collect();
        let channels = [(MATCHES, matches), (HEARTBEAT, beats)];
        let channels = channels.iter().filter(|channel| !channel.1.is_empty());
        let channels: Vec<String> = channels
            .map(|(name, products)| {
                let products = Value::from_iter(products.iter().copied());
                format!("{{\"name\":\"{name}\",\"product_ids\":{products}}}")
            })
            .collect();
        format!("{{\"type\":\"subscriptions\",\"channels\":[{}]}}", channels.join(","))
    }
}

impl Dialect for Coinbase {
    fn hear(&mut self, text: &str, feed: &mut Feed) -> Vec<Reply> {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let channels = channels(&message);
        match message["type"].as_str() {
            Some("subscribe") if !channels.is_empty() => self.subscribe(&channels, feed),
            Some("unsubscribe") => self.unsubscribe(&channels, feed),
            _ => vec![Reply::Now(error("Malformed JSON"))],
        }
    }

    fn trades(&mut self, deliveries: &[Delivery]) -> Vec<String> {
        let frames = deliveries
            .iter()
            .map(|one| frame("match", &one.instrument, &one.trade, one.stamp_ns()));
        frames.collect()
    }

    fn pulse(&mut self, now_ns: i64, _: i64, feed: &Feed) -> Vec<String> {
        let stamp_ns = self.venue.stamp_ns();
        let is_mute = self.venue.plays(Script::NoPings);
        let mut frames = Vec::new();
        for (product, due_ns) in self.beats.iter_mut().filter(|beat| *beat.1 <= now_ns) {
            *due_ns = now_ns + HEARTBEAT_NS;
            let last_id = feed.newest(product, 1).first().map_or(0, |trade| trade.id);
            let (sequence, time) = (sequence(last_id) + 1, rfc3339_us(stamp_ns));
            frames.push(format!(
                "{{\"type\":\"heartbeat\",\"sequence\":{sequence},\"last_trade_id\":{last_id},\
                 \"product_id\":\"{product}\",\"time\":\"{time}\"}}"
            ));
        }
        if is_mute { Vec::new() } else { frames }
    }

    fn pulse_ns(&self, _: i64) -> Option<i64> {
        self.beats.values().min().copied()
    }
}

/// Products by channel.
type Channels = BTreeMap<String, BTreeSet<String>>;

/// A channel is a name, or a name with products of its own.
fn channels(message: &Value) -> Channels {
    let texts = |value: &Value| -> BTreeSet<String> {
        let values = value.as_array().into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let shared = texts(&message["product_ids"]);
    let mut channels = Channels::new();
    for channel in message["channels"].as_array().into_iter().flatten() {
        if let Some(name) = channel.as_str().or_else(|| channel["name"].as_str()) {
            let own = texts(&channel["product_ids"]);
            let products = channels.entry(name.to_owned()).or_default();
            products.extend(shared.iter().cloned().chain(own));
        }
    }
    channels
}

fn error(reason: &str) -> String {
    let message = "Failed to subscribe";
    format!("{{\"type\":\"error\",\"message\":\"{message}\",\"reason\":\"{reason}\"}}")
}

fn frame(kind: &str, product: &str, trade: &TapeTrade, time_ns: i64) -> String {
    let TapeTrade { id, price, size, .. } = trade;
    let (maker, taker) = (order(product, *id, 1), order(product, *id, 2));
    let (side, sequence, time) = (side(trade), sequence(*id), rfc3339_us(time_ns));
    format!(
        "{{\"type\":\"{kind}\",\"trade_id\":{id},\"maker_order_id\":\"{maker}\",\
         \"taker_order_id\":\"{taker}\",\"side\":\"{side}\",\"size\":\"{size}\",\
         \"price\":\"{price}\",\"product_id\":\"{product}\",\"sequence\":{sequence},\
         \"time\":\"{time}\"}}"
    )
}

/// The maker's: the other than the taker's.
const fn side(trade: &TapeTrade) -> &'static str {
    if trade.taker_buys { "sell" } else { "buy" }
}

/// The number of the trade among all changes of the book.
const fn sequence(id: u64) -> u64 {
    id * CHANGES_PER_TRADE + id % CHANGES_PER_TRADE
}

/// A made-up id of an order.
fn order(product: &str, id: u64, tag: u64) -> String {
    let (high, low) = (roll(&[word(product), id, tag]), roll(&[id, tag, 3]));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
