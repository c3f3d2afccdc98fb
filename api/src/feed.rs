//! Publications: what the hub listens to. In process when the pipeline runs beside it, else from
//! Redis.

use std::sync::Arc;

use market::publication::Publication;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, watch};

/// The stream of what is committed, and the open bars beside it.
mod redis;

pub use redis::{FeedError, RedisSettings};

/// What a feed says next.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// Something was published.
    Publication(Arc<Publication>),
    /// Publications were missed: the store has them.
    Missed,
    /// Nothing more will come.
    Ended,
}

/// Whether publications come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FeedHealth {
    /// They do.
    Live,
    /// Where they come from cannot be reached.
    Lost,
    /// The last one has come.
    Ended,
}

/// Where publications come from.
pub(crate) struct Feed {
    source: Source,
    health: watch::Receiver<FeedHealth>,
}

enum Source {
    Local(broadcast::Receiver<Arc<Publication>>, watch::Sender<FeedHealth>),
    Redis(mpsc::Receiver<News>),
}

impl Feed {
    /// What a pipeline of this process publishes, until its last sender is gone.
    pub(crate) fn local(receiver: broadcast::Receiver<Arc<Publication>>) -> Self {
        let (sender, health) = watch::channel(FeedHealth::Live);
        Self { source: Source::Local(receiver, sender), health }
    }

    /// What workers publish to Redis, from now on. A server that is away is looked for again and
    /// again.
    ///
    /// # Errors
    /// [`FeedError`] when the settings cannot be read.
    pub(crate) async fn redis(settings: &RedisSettings) -> Result<Self, FeedError> {
        let (sender, health) = watch::channel(FeedHealth::Live);
        let receiver = redis::start(settings, sender).await?;
        Ok(Self { source: Source::Redis(receiver), health })
    }

    /// What `/health` calls it.
    pub(crate) const fn service(&self) -> &'static str {
        match self.source {
            Source::Local(..) => "live",
            Source::Redis(_) => "redis",
        }
    }

    /// Whether publications come, as it changes.
    pub(crate) fn health(&self) -> watch::Receiver<FeedHealth> {
        self.health.clone()
    }

    /// Waits for what comes next.
    pub(crate) async fn next(&mut self) -> News {
        match &mut self.source {
            Source::Local(receiver, health) => match receiver.recv().await {
                Ok(publication) => News::Publication(publication),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "publications were missed; last values are read again");
                    News::Missed
                }
                Err(RecvError::Closed) => {
                    health.send_replace(FeedHealth::Ended);
                    News::Ended
                }
            },
            Source::Redis(receiver) => receiver.recv().await.unwrap_or(News::Ended),
        }
    }
}
