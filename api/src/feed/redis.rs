//! The stream of what is committed, and the open bars beside it.
//!
//! ```text
//! P:stream ──XREAD──▶ ledger (drops repeats, sees holes) ──▶ waiting ──▶ queue ──▶ hub
//! P:live ──Pub/Sub──▶ dropped while the queue is full ─────────────────▶
//! ```
//! One task per process. It goes on after the last entry that it has read, so that an outage loses
//! nothing that is numbered; a server that has lost its memory is read from its beginning, and
//! the numbers tell what is new.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use market::publication::Publication;
use redis::RedisError;
use runtime::exit;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::watch;

use super::{FeedHealth, News};

/// What is new among the entries of the stream. Pure.
mod ledger;
/// The connections to one server.
mod link;

use ledger::{Ledger, say_missed};
use link::{Link, Place};

/// How many publications may wait for the hub. Those of the stream wait there for their turn, an
/// open bar gives way to the next one.
const QUEUE_MAX: usize = 1_024;
/// How long a lost server is left alone: doubled with each try, from the one to the other.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Where publications come from.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://[user:password@]host:port[/database]`, or `rediss://` with TLS.
    pub url: String,
    /// The certificates that the server's one must lead to, in PEM. Without it those of the
    /// system.
    pub root_ca_file: Option<PathBuf>,
    /// What all keys of the pipeline begin with.
    pub prefix: String,
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisSettings")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Why nothing comes from Redis. Holds no password.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The URL is none of Redis.
    #[error(
        "the URL of Redis cannot be read; write redis://[user:password@]host:port[/database], or \
         rediss:// with TLS"
    )]
    ReadUrl,
    /// The certificates cannot be read.
    #[error("certificates \"{path}\" cannot be read; name a PEM file", path = path.display())]
    ReadCertificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server does not answer, or refuses us.
    #[error("Redis at \"{address}\" cannot be read")]
    ReadServer {
        /// Host and port.
        address: String,
        /// Why.
        source: RedisError,
    },
    /// The server is there, and nothing but other settings would help.
    #[error(
        "Redis at \"{address}\" does not let us in, or cannot be trusted; check REDIS_URL and \
         REDIS_CA_FILE"
    )]
    EnterServer {
        /// Host and port.
        address: String,
        /// Why.
        source: RedisError,
    },
    /// The server does not answer in time.
    #[error("Redis at \"{address}\" did not answer within {} s", waited.as_secs())]
    AwaitServer {
        /// Host and port.
        address: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The server ended the conversation.
    #[error("Redis at \"{address}\" has gone away")]
    KeepServer {
        /// Host and port.
        address: String,
    },
}

impl FeedError {
    /// What the process ends with: 1 failed, 2 wrong settings.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::ReadUrl | Self::ReadCertificates { .. } | Self::EnterServer { .. } => {
                exit::SETTINGS
            }
            Self::ReadServer { .. } | Self::AwaitServer { .. } | Self::KeepServer { .. } => {
                exit::FAILED
            }
        }
    }
}

/// Starts the task; it ends with its receiver. The first try to reach the server is over when this
/// returns, so that what is published later is not missed.
pub(super) async fn start(
    settings: &RedisSettings,
    health: watch::Sender<FeedHealth>,
) -> Result<mpsc::Receiver<News>, FeedError> {
    let place = Place::new(settings)?;
    let (queue, receiver) = mpsc::channel(QUEUE_MAX);
    let mut task =
        Task { place, queue, health, ledger: Ledger::default(), waiting: VecDeque::new() };
    let link = match task.connect().await {
        Ok(link) => Some(link),
        Err(error @ FeedError::EnterServer { .. }) => return Err(error),
        Err(error) => {
            task.say_lost(&error);
            // What is published until then is not in the feed.
            task.waiting.push_back(News::Missed);
            None
        }
    };
    tokio::spawn(task.run(link));
    Ok(receiver)
}

struct Task {
    place: Place,
    queue: mpsc::Sender<News>,
    health: watch::Sender<FeedHealth>,
    ledger: Ledger,
    /// Entries that are read and not handed over: at most one reading of the stream.
    waiting: VecDeque<News>,
}

impl Task {
    async fn run(mut self, mut link: Option<Link>) {
        let mut pause = PAUSE_MIN;
        while !self.queue.is_closed() {
            let lost = match link.take() {
                Some(link) => {
                    pause = PAUSE_MIN;
                    match self.read(link).await {
                        Ok(()) => return,
                        Err(error) => Some(error),
                    }
                }
                None => match self.connect().await {
                    Ok(connected) => {
                        link = Some(connected);
                        None
                    }
                    Err(error) => Some(error),
                },
            };
            if let Some(error) = lost {
                self.say_lost(&error);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }

    async fn connect(&mut self) -> Result<Link, FeedError> {
        let mut link = Link::connect(&self.place).await?;
        match self.ledger.resume(link.run_id()) {
            None => self.ledger.begin(link.begin().await?),
            Some(id) if id.is_before_all() => {}
            Some(id) => {
                if !link.has_entry(&id).await? {
                    say_missed(&mut self.waiting);
                }
            }
        }
        if self.health.send_replace(FeedHealth::Live) == FeedHealth::Lost {
            tracing::info!(address = self.place.address(), "publications come from Redis");
        }
        Ok(link)
    }

    /// Hands over what comes, until the hub is gone.
    async fn read(&mut self, link: Link) -> Result<(), FeedError> {
        let (entries, live) = link.into_streams(self.ledger.last_id());
        let (mut entries, mut live) = (pin!(entries), pin!(live));
        loop {
            tokio::select! {
                biased;
                () = self.queue.closed() => return Ok(()),
                place = self.queue.reserve(), if !self.waiting.is_empty() => {
                    let news = self.waiting.pop_front();
                    if let (Ok(place), Some(news)) = (place, news) {
                        place.send(news);
                    }
                }
                bar = live.next() => self.take_open_bar(&bar.ok_or_else(|| self.place.gone())?),
                batch = entries.next(), if self.waiting.is_empty() => {
                    let batch = batch.ok_or_else(|| self.place.gone())??;
                    self.ledger.take(batch, &mut self.waiting);
                }
            }
        }
    }

    /// Nobody waits for an open bar: the next one is as good.
    fn take_open_bar(&self, json: &str) {
        match serde_json::from_str(json) {
            Ok(bar @ Publication::OpenBar { .. }) => {
                match self.queue.try_send(News::Publication(bar.into())) {
                    Ok(()) | Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {}
                }
            }
            Ok(_) => tracing::debug!("what was sent as an open bar is none"),
            Err(error) => tracing::debug!(%error, "an open bar cannot be read"),
        }
    }

    /// Says it once an outage.
    fn say_lost(&self, error: &FeedError) {
        let error: &dyn std::error::Error = error;
        if self.health.send_replace(FeedHealth::Lost) == FeedHealth::Live {
            tracing::warn!(error, "publications do not come; Redis is tried again and again");
        } else {
            tracing::debug!(error, "publications do not come");
        }
    }
}
