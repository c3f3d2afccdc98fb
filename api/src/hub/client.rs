//! Somebody who watches.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ws::Utf8Bytes;

use super::frame::{Delivery, Frame};
use super::{CLIENTS_MAX, Channel, Hub, Outbox};
use crate::store::StoreError;

/// One client of the hub. Dropped, it watches nothing any more.
pub(crate) struct Client {
    id: u64,
    outbox: Arc<Outbox>,
    channels: HashSet<Channel>,
    hub: Hub,
}

impl Client {
    /// A new client, or `None` when there are [`CLIENTS_MAX`].
    pub(super) fn join(hub: &Hub) -> Option<Self> {
        let before = hub.0.clients.fetch_add(1, Ordering::Relaxed);
        // Made before the check, so that dropping it takes the count back.
        let client = Self {
            id: hub.0.next_client.fetch_add(1, Ordering::Relaxed),
            outbox: Arc::default(),
            channels: HashSet::new(),
            hub: hub.clone(),
        };
        (before < CLIENTS_MAX).then_some(client)
    }

    /// What waits for this client.
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// How many channels it watches.
    pub(crate) fn watching(&self) -> usize {
        self.channels.len()
    }

    /// Whether it watches this one.
    pub(crate) fn watches(&self, channel: &Channel) -> bool {
        self.channels.contains(channel)
    }

    /// Sends an answer to this client alone.
    pub(crate) fn answer(&self, text: impl Into<Utf8Bytes>) {
        self.outbox.push(Frame { text: text.into(), delivery: Delivery::Answer });
    }

    /// Begins to watch: the answer, the snapshots, then whatever is published.
    ///
    /// # Errors
    /// [`StoreError`] when a last value has to be read and cannot be; then nothing is watched.
    pub(crate) async fn watch(
        &mut self,
        channels: Vec<Channel>,
        answer: impl Into<Utf8Bytes>,
    ) -> Result<(), StoreError> {
        self.hub.recall_unknown(&channels).await?;
        let now_ms = self.hub.now_ms();
        let mut registry = self.hub.registry();
        self.answer(answer);
        for channel in channels {
            for text in registry.snapshots(&channel, now_ms) {
                self.answer(text);
            }
            let watched = registry.channels.entry(channel.clone()).or_default();
            watched.watchers.insert(self.id, Arc::clone(&self.outbox));
            self.channels.insert(channel);
        }
        Ok(())
    }

    /// Ends watching.
    pub(crate) fn unwatch(&mut self, channels: &[Channel]) {
        let mut registry = self.hub.registry();
        for channel in channels {
            self.channels.remove(channel);
            if let Some(watched) = registry.channels.get_mut(channel) {
                watched.watchers.remove(&self.id);
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let channels: Vec<Channel> = self.channels.iter().cloned().collect();
        self.unwatch(&channels);
        self.hub.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}
