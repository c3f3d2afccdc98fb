//! Last values from the store, where none were published yet or some were missed.

use market::interval::Interval;
use market::publication::Publication;

use super::frame::{self, Delivery};
use super::last_value::{LastValue, Slot, Value, place};
use super::{Channel, Hub};
use crate::store::{Store, StoreError, StoredSeries};

impl Hub {
    /// Reads the last values of those `channels` that have none yet.
    pub(super) async fn recall_unknown(&self, channels: &[Channel]) -> Result<(), StoreError> {
        let unknown: Vec<&Channel> = {
            let registry = self.registry();
            let is_known = |channel: &Channel| {
                registry.channels.get(channel).is_some_and(|watched| watched.last.is_known())
            };
            channels.iter().filter(|channel| !is_known(channel)).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let all = self.learn_series().await?;
        for channel in unknown {
            self.recall(channel, &all).await?;
        }
        Ok(())
    }

    /// After publications were missed: reads every watched channel's last value again and tells
    /// those who watch that something may be missing before it. What nobody watches is forgotten.
    pub(super) async fn recover(&self) {
        let watched: Vec<Channel> = {
            let mut registry = self.registry();
            registry.channels.retain(|_, watched| !watched.watchers.is_empty());
            registry.channels.keys().cloned().collect()
        };
        if let Err(error) = self.recover_channels(&watched).await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "last values cannot be read again");
            self.forget(&watched);
        }
    }

    /// Tells those who watch that something may be missing, and does not know what.
    fn forget(&self, channels: &[Channel]) {
        let mut registry = self.registry();
        for channel in channels {
            let Some(watched) = registry.channels.get_mut(channel) else {
                continue;
            };
            watched.last = LastValue::default();
            if channel.series().is_some() {
                watched.send(&frame::reset_text(channel), &Delivery::Kept);
            }
        }
    }

    async fn recover_channels(&self, channels: &[Channel]) -> Result<(), StoreError> {
        let all = self.learn_series().await?;
        for channel in channels {
            self.recall(channel, &all).await?;
            let now_ms = self.now_ms();
            let registry = self.registry();
            let Some(watched) = registry.channels.get(channel) else {
                continue;
            };
            if channel.series().is_some() {
                watched.send(&frame::reset_text(channel), &Delivery::Kept);
            }
            for text in registry.snapshots(channel, now_ms) {
                watched.send(&text, &Delivery::Kept);
            }
        }
        Ok(())
    }

    /// Offers what the store has to the last values; what is newer there stays.
    async fn recall(&self, channel: &Channel, all: &[StoredSeries]) -> Result<(), StoreError> {
        match channel {
            Channel::Prices(symbol) => {
                let of_symbol = |stored: &&StoredSeries| stored.series.symbol == *symbol;
                for stored in all.iter().filter(of_symbol).filter(|stored| stored.primary) {
                    self.recall_price(stored).await?;
                }
            }
            Channel::AllPrices => {
                for stored in all.iter().filter(|stored| stored.primary) {
                    self.recall_price(stored).await?;
                }
            }
            Channel::Candles(series, _) | Channel::Alerts(series) | Channel::Feed(series) => {
                let Some(stored) = all.iter().find(|stored| stored.series == *series) else {
                    return Ok(());
                };
                if let Some(publication) = stored_value(&self.0.store, channel, stored).await? {
                    self.offer(channel, &publication);
                }
            }
        }
        Ok(())
    }

    async fn recall_price(&self, stored: &StoredSeries) -> Result<(), StoreError> {
        let Some(last) = self.0.store.last_closed(stored, Interval::M1).await? else {
            return Ok(());
        };
        let Ok(text) = frame::latest_text(&last.candle) else {
            return Ok(());
        };
        let value = Value { order: (last.candle.open_time_ms, last.seq), text };
        let channel = Channel::Prices(stored.series.symbol.clone());
        self.registry().channels.entry(channel).or_default().last.offer(Slot::Committed, value);
        Ok(())
    }

    fn offer(&self, channel: &Channel, publication: &Publication) {
        if let Ok(text) = frame::publication_text(channel, publication) {
            let (slot, order) = place(publication);
            let mut registry = self.registry();
            let watched = registry.channels.entry(channel.clone()).or_default();
            watched.last.offer(slot, Value { order, text });
        }
    }
}

/// The last value of a series' channel as it would have been published.
async fn stored_value(
    store: &Store,
    channel: &Channel,
    stored: &StoredSeries,
) -> Result<Option<Publication>, StoreError> {
    Ok(match channel {
        Channel::Candles(_, interval) => store
            .last_closed(stored, *interval)
            .await?
            .map(|last| Publication::Candle { seq: last.seq, candle: last.candle }),
        Channel::Alerts(_) => {
            store.last_alert(stored).await?.map(|(alert, seq)| Publication::Alert { seq, alert })
        }
        Channel::Feed(series) => store
            .feeds()
            .await?
            .into_iter()
            .find(|last| last.feed.series == *series)
            .map(|last| Publication::Feed { seq: last.seq, feed: last.feed }),
        Channel::Prices(_) | Channel::AllPrices => None,
    })
}
