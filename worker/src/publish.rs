//! After the commit: what was committed goes to everyone who watches.
//!
//! Written after the commit, never before; nobody waits for a slow watcher.

use std::sync::Arc;

use market::candle::Candle;
use market::publication::Publication;
use tokio::sync::broadcast;

use crate::window::Effects;

/// Publications that a watcher may lag behind before it is told to read the store again.
pub const LAG_MAX: usize = 8_192;

/// The in-process hot path of a local run.
#[derive(Debug, Clone)]
pub struct LocalFeed(broadcast::Sender<Arc<Publication>>);

impl LocalFeed {
    /// A feed that nobody watches yet.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::Sender::new(LAG_MAX))
    }

    /// A watcher of all that is published from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<Publication>> {
        self.0.subscribe()
    }

    /// Publishes what a commit wrote.
    pub fn committed(&self, effects: &Effects) {
        for row in &effects.candles {
            let (seq, candle) = (row.seq, row.candle.clone());
            self.send(if candle.closed {
                Publication::Candle { seq, candle }
            } else {
                Publication::OpenBar { seq, candle }
            });
        }
        for row in &effects.alerts {
            self.send(Publication::Alert { seq: row.seq, alert: row.alert.clone() });
        }
        for row in effects.feeds.iter().filter(|row| row.changed) {
            self.send(Publication::Feed { seq: row.seq, feed: row.feed.clone() });
        }
    }

    /// Publishes windows that are still open.
    pub fn open_bars(&self, bars: Vec<(u64, Candle)>) {
        for (seq, candle) in bars {
            self.send(Publication::OpenBar { seq, candle });
        }
    }

    fn send(&self, publication: Publication) {
        // There may be no watcher; then nobody is told, and the store has it all.
        let _ = self.0.send(Arc::new(publication));
    }
}

impl Default for LocalFeed {
    fn default() -> Self {
        Self::new()
    }
}
