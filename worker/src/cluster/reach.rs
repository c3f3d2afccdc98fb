//! Servers that are waited for at the start.

use std::time::Duration;

use market::pipeline::Pipeline;
use runtime::clock;
use tokio_util::sync::CancellationToken;

use super::Servers;
use crate::aggregate::Seen;
use crate::aggregate::member::OnTurn;
use crate::store::{PostgresStore, SeriesInfo, StoreError};
use crate::topic::{Admin, AdminError};

/// The wait before another try.
const START_RETRY_WAIT: Duration = Duration::from_millis(500);

/// What goes on while a server is waited for at the start.
pub(super) struct Waiting<'a> {
    pub(super) seen: &'a Seen,
    pub(super) on_turn: OnTurn,
    pub(super) stop: &'a CancellationToken,
}

impl Waiting<'_> {
    /// What comes of a try; `None` when told to stop meanwhile.
    pub(super) async fn unless_stopped<T>(&self, tried: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            tried = tried => Some(tried),
        }
    }

    /// What comes of the first try that succeeds, `None` when told to stop; an error that may pass
    /// is said, and tried again.
    async fn until<T, E: std::error::Error + 'static>(
        &mut self,
        what: &str,
        attempt: impl AsyncFn() -> Result<T, E>,
        is_retryable: impl Fn(&E) -> bool,
    ) -> Result<Option<T>, E> {
        while !self.stop.is_cancelled() {
            match self.unless_stopped(attempt()).await {
                None => break,
                Some(Ok(done)) => return Ok(Some(done)),
                Some(Err(error)) if is_retryable(&error) => self.pause(what, &error).await,
                Some(Err(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Says what is waited for, and waits before another try.
    async fn pause(&mut self, what: &str, error: &(dyn std::error::Error + 'static)) {
        if self.seen.wait_for(what) {
            tracing::warn!(error, "{what}");
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(START_RETRY_WAIT) => {}
        }
        // Waiting for a dependency is no reason to be taken for dead.
        (self.on_turn)(clock::monotonic());
    }
}

/// Names the log that offsets count in, waiting for a broker that is away or a topic that is not
/// made yet. `None` when told to stop.
pub(super) async fn reach_topic(
    topic: &str,
    partitions: i32,
    servers: &Servers,
    waiting: &mut Waiting<'_>,
) -> Result<Option<String>, AdminError> {
    let find = async || {
        let admin = Admin::connect(&servers.kafka).await?;
        let found = admin.check(topic, partitions).await?;
        Ok(admin.source_id(&found))
    };
    waiting.until("waiting for the topic", find, AdminError::is_retryable).await
}

/// Connects to the tables and registers the series, waiting for a server that is away or a
/// migration that is under way. `None` when told to stop.
pub(super) async fn reach_store(
    pipeline: &Pipeline,
    series: &[SeriesInfo],
    servers: &Servers,
    waiting: &mut Waiting<'_>,
) -> Result<Option<PostgresStore>, StoreError> {
    let register = async || {
        let options = servers.postgres(pipeline, &servers.database_url);
        let mut store = PostgresStore::connect(options).await?;
        store.register_series(series).await?;
        Ok(store)
    };
    waiting.until("waiting for the store", register, StoreError::is_retryable).await
}
