//! Who watches what, and the last value of every channel.
//!
//! One task reads the publications. A frame is serialized once and shared; handing it to a client
//! only puts it into that client's outbox, so that nobody waits for anybody. Beginning to watch
//! and being shown the last value are one turn under the lock: what is published before is in
//! the snapshot, what is published after follows it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use market::interval::Interval;
use market::publication::Publication;
use market::symbol::{Series, Symbol};
use tokio::sync::watch;

use crate::feed::{Feed, FeedHealth, News};
use crate::store::{Store, StoreError, StoredSeries};

/// What can be watched.
mod channel;
/// Somebody who watches.
mod client;
/// Frames, serialized once.
mod frame;
/// What somebody who begins to watch is shown.
mod last_value;
/// What waits for one client.
mod outbox;
/// Last values from the store, where none were published yet or some were missed.
mod recall;

pub(crate) use channel::Channel;
pub(crate) use client::Client;
use frame::{Delivery, Frame};
use last_value::{LastValue, Slot, Value, place};
pub(crate) use outbox::{Batch, Outbox};

/// How many WebSockets may be open.
pub(crate) const CLIENTS_MAX: usize = 10_000;

/// The one place where publications meet clients; a cheap handle.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Shared>);

struct Shared {
    store: Store,
    now_ns: fn() -> i64,
    registry: Mutex<Registry>,
    feed_service: &'static str,
    feed_health: watch::Receiver<FeedHealth>,
    clients: AtomicUsize,
    next_client: AtomicU64,
}

#[derive(Default)]
struct Registry {
    channels: HashMap<Channel, Watched>,
    /// Whether each series is its symbol's primary one.
    primary: HashMap<Series, bool>,
}

#[derive(Default)]
struct Watched {
    last: LastValue,
    watchers: HashMap<u64, Arc<Outbox>>,
}

impl Watched {
    fn send(&self, text: &Utf8Bytes, delivery: &Delivery) {
        for outbox in self.watchers.values() {
            outbox.push(Frame { text: text.clone(), delivery: delivery.clone() });
        }
    }
}

impl Hub {
    /// Starts the task that reads `feed` until it ends. Series that cannot be read yet are read
    /// when they are needed.
    pub(crate) async fn start(store: Store, now_ns: fn() -> i64, feed: Feed) -> Self {
        let hub = Self(Arc::new(Shared {
            store,
            now_ns,
            registry: Mutex::default(),
            feed_service: feed.service(),
            feed_health: feed.health(),
            clients: AtomicUsize::new(0),
            next_client: AtomicU64::new(0),
        }));
        if let Err(error) = hub.learn_series().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "series cannot be read");
        }
        tokio::spawn(hub.clone().read(feed));
        hub
    }

    /// Whether publications come.
    pub(crate) fn feed_health(&self) -> FeedHealth {
        *self.0.feed_health.borrow()
    }

    /// What `/health` calls where they come from.
    pub(crate) fn feed_service(&self) -> &'static str {
        self.0.feed_service
    }

    /// How many WebSockets are open.
    pub(crate) fn clients(&self) -> usize {
        self.0.clients.load(Ordering::Relaxed)
    }

    /// A new client, or `None` when there are [`CLIENTS_MAX`].
    pub(crate) fn join(&self) -> Option<Client> {
        Client::join(self)
    }

    async fn read(self, mut feed: Feed) {
        loop {
            match feed.next().await {
                News::Publication(publication) => {
                    self.learn_series_of(&publication).await;
                    self.publish(&publication);
                }
                News::Missed => self.recover().await,
                News::Ended => return,
            }
        }
    }

    /// A series may appear after the start; only candles need to know it.
    async fn learn_series_of(&self, publication: &Publication) {
        let channel = Channel::of(publication);
        let (Publication::Candle { .. }, Some(series)) = (publication, channel.series()) else {
            return;
        };
        let known = self.registry().primary.contains_key(series);
        if !known && let Err(error) = self.learn_series().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "series cannot be read");
        }
    }

    async fn learn_series(&self) -> Result<Vec<StoredSeries>, StoreError> {
        let all = self.0.store.series().await?;
        self.registry().primary =
            all.iter().map(|stored| (stored.series.clone(), stored.primary)).collect();
        Ok(all)
    }

    /// Takes one publication in: last values, then everyone who watches.
    fn publish(&self, publication: &Publication) {
        let channel = Channel::of(publication);
        let text = match frame::publication_text(&channel, publication) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%channel, %error, "publication cannot be written");
                return;
            }
        };
        let (slot, order) = place(publication);
        let mut registry = self.registry();
        let watched = registry.channels.entry(channel.clone()).or_default();
        let is_newer = watched.last.offer(slot, Value { order, text: text.clone() });
        match slot {
            Slot::Committed => watched.send(&text, &Delivery::Kept),
            Slot::Open if is_newer => watched.send(&text, &Delivery::LastValue(channel)),
            Slot::Open => {}
        }
        if let Publication::Candle { seq, candle } = publication
            && candle.interval == Interval::M1
        {
            registry.publish_price(candle, *seq, self.now_ms());
        }
    }

    fn now_ms(&self) -> i64 {
        (self.0.now_ns)().div_euclid(1_000_000)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// A closed 1m candle of a primary series is the symbol's price, unless a newer one is known.
    fn publish_price(&mut self, candle: &market::candle::Candle, seq: u64, now_ms: i64) {
        let series = Series { symbol: candle.symbol.clone(), source: candle.source.clone() };
        if self.primary.get(&series) != Some(&true) {
            return;
        }
        let data = match frame::latest_text(candle) {
            Ok(data) => data,
            Err(error) => {
                tracing::error!(%series, %error, "price cannot be written");
                return;
            }
        };
        let watched = self.channels.entry(Channel::Prices(series.symbol.clone())).or_default();
        let value = Value { order: (candle.open_time_ms, seq), text: data.clone() };
        if watched.last.offer(Slot::Committed, value) {
            let text = frame::price_update_text(&series.symbol, &data, now_ms);
            watched.send(&text, &Delivery::Kept);
            if let Some(all) = self.channels.get(&Channel::AllPrices) {
                all.send(&text, &Delivery::Kept);
            }
        }
    }

    /// What somebody who begins to watch `channel` is shown.
    fn snapshots(&self, channel: &Channel, now_ms: i64) -> Vec<Utf8Bytes> {
        let values = |channel: &Channel| {
            self.channels.get(channel).map(|watched| watched.last.values()).unwrap_or_default()
        };
        let price = |symbol: &Symbol| {
            let data = values(&Channel::Prices(symbol.clone())).first().copied()?;
            Some(frame::initial_data_text(symbol, data, now_ms))
        };
        match channel {
            Channel::Candles(..) | Channel::Alerts(_) | Channel::Feed(_) => {
                values(channel).into_iter().map(frame::snapshot_text).collect()
            }
            Channel::Prices(symbol) => price(symbol).into_iter().collect(),
            Channel::AllPrices => {
                let mut symbols: Vec<&Symbol> =
                    self.primary.keys().map(|series| &series.symbol).collect();
                symbols.sort_unstable();
                symbols.dedup();
                symbols.into_iter().filter_map(price).collect()
            }
        }
    }
}
