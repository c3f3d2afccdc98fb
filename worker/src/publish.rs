//! After the commit: what was committed goes to everyone who watches.
//!
//! Written after the commit, never before; nobody waits for a slow watcher.

use std::sync::Arc;

use market::candle::Candle;
use market::publication::Publication;
use tokio::sync::broadcast;

use crate::window::Effects;

/// Redis: a stream, last values, and open bars.
pub mod redis;

/// Publications that a watcher may lag behind before it is told to read the store again.
pub const LAG_MAX: usize = 8_192;

/// What a commit wrote, as everyone who watches is told. An open candle is a last value.
pub fn publications(effects: &Effects) -> impl Iterator<Item = Publication> + '_ {
    let candles = effects.candles.iter().map(|row| {
        let (seq, candle) = (row.seq, row.candle.clone());
        match candle.closed {
            true => Publication::Candle { seq, candle },
            false => Publication::OpenBar { seq, candle },
        }
    });
    let alerts = effects.alerts.iter();
    let alerts = alerts.map(|row| Publication::Alert { seq: row.seq, alert: row.alert.clone() });
    let feeds = effects.feeds.iter().filter(|row| row.changed);
    let feeds = feeds.map(|row| Publication::Feed { seq: row.seq, feed: row.feed.clone() });
    candles.chain(alerts).chain(feeds)
}

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
        publications(effects).for_each(|publication| self.send(publication));
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
