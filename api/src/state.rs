//! What every route can reach.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use market::interval::Interval;
use market::publication::Publication;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::feed::{Feed, FeedError, RedisSettings};
use crate::hub::Hub;
use crate::store::{PostgresSettings, SqliteStore, Store, StoreError};

/// Between looks for tables that are not there yet.
const TABLES_PAUSE: Duration = Duration::from_millis(500);

/// What the serving side is told when it starts on embedded parts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The SQLite file; its tables must exist.
    pub database: PathBuf,
    /// The pipeline's name.
    pub pipeline: String,
    /// Whether this is the demo market, which pages must say.
    pub demo: bool,
    /// The intervals of the spec.
    pub intervals: Vec<Interval>,
    /// The wall clock, in nanoseconds since the epoch.
    pub now_ns: fn() -> i64,
}

/// What the serving side is told when it starts on real servers.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Where the tables are.
    pub postgres: PostgresSettings,
    /// Where publications come from; its prefix is that of the tables, too.
    pub redis: RedisSettings,
    /// The pipeline's name.
    pub pipeline: String,
    /// Whether the whole market is made up, which pages must say.
    pub demo: bool,
    /// The intervals of the spec.
    pub intervals: Vec<Interval>,
    /// The wall clock, in nanoseconds since the epoch.
    pub now_ns: fn() -> i64,
}

/// Why nothing can be served from servers.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings of PostgreSQL, or whose tables they lead to.
    #[error(transparent)]
    ConnectStore(#[from] StoreError),
    /// The settings of Redis.
    #[error(transparent)]
    ConnectFeed(#[from] FeedError),
}

impl ConnectError {
    /// What the process ends with: 1 failed, 2 wrong settings, 3 newer data.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::ConnectStore(error) => error.exit_code(),
            Self::ConnectFeed(error) => error.exit_code(),
        }
    }
}

/// What clients are told about the pipeline.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) name: String,
    pub(crate) demo: bool,
    pub(crate) intervals: Vec<Interval>,
}

/// What every route can reach; a cheap handle.
#[derive(Clone)]
pub struct ApiState {
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) now_ns: fn() -> i64,
    /// Cancelled when connections have to end.
    pub(crate) shutdown: CancellationToken,
    /// WebSockets that are open.
    pub(crate) connections: TaskTracker,
}

impl ApiState {
    /// Opens the store and starts the hub, which reads `feed` until its last sender is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened or read.
    pub async fn open(
        settings: Settings,
        feed: broadcast::Receiver<Arc<Publication>>,
    ) -> Result<Self, StoreError> {
        let store = Store::Sqlite(SqliteStore::open(&settings.database).await?);
        // A file that cannot be read is said at once.
        store.series().await?;
        let pipeline = Pipeline {
            name: settings.pipeline,
            demo: settings.demo,
            intervals: settings.intervals,
        };
        Ok(Self::start(store, Feed::local(feed), pipeline, settings.now_ns).await)
    }

    /// Serves from PostgreSQL and Redis. Neither has to be there yet: what cannot be read is
    /// answered with 503, and both are looked for again and again.
    ///
    /// # Errors
    /// [`ConnectError`]: settings that cannot be read, and tables of another pipeline or of a newer
    /// version.
    pub async fn connect(settings: ServerSettings) -> Result<Self, ConnectError> {
        let store = Store::connect(&settings.postgres, &settings.redis.prefix).await?;
        let feed = Feed::redis(&settings.redis).await?;
        let ServerSettings { pipeline: name, demo, intervals, .. } = settings;
        let pipeline = Pipeline { name, demo, intervals };
        Ok(Self::start(store, feed, pipeline, settings.now_ns).await)
    }

    /// Returns when the tables are there, and are those of `prefix`.
    ///
    /// # Errors
    /// [`StoreError`]: what waiting does not mend.
    pub async fn await_tables(&self, prefix: &str) -> Result<(), StoreError> {
        loop {
            match self.store.check_owner(prefix).await {
                Err(error) if error.is_retryable() => tokio::time::sleep(TABLES_PAUSE).await,
                checked => return checked,
            }
        }
    }

    async fn start(store: Store, feed: Feed, pipeline: Pipeline, now_ns: fn() -> i64) -> Self {
        Self {
            hub: Hub::start(store.clone(), now_ns, feed).await,
            store,
            pipeline: Arc::new(pipeline),
            now_ns,
            shutdown: CancellationToken::new(),
            connections: TaskTracker::new(),
        }
    }

    /// How many WebSockets are open.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.hub.clients()
    }

    /// The wall clock in milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.now_ns)().div_euclid(1_000_000)
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms).unwrap_or_default().to_string()
}
