//! Redis: a stream, last values, and open bars.
//!
//! ```text
//! aggregator ──▶ queue ──▶ task ──▶ link ──▶ one script
//! (commits,      (pure,    (waits,  (one     (refuses what
//!  open bars)     bounded)  retries) socket)   came before)
//! ```
//!
//! The aggregator never waits: a commit is taken or refused at once. What is refused, and what a
//! Redis without its memory lacks, the caller reads from the store and hands over again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market::candle::Candle;
use market::publication::Publication;
use runtime::exit;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Removing all that a pipeline wrote.
mod drop;
/// Why something is not published.
mod error;
/// Names of keys and Pub/Sub channels.
mod keys;
/// One connection to Redis, as the owner of one prefix.
mod link;
/// Publications as Redis is sent them.
mod message;
/// What waits to be published.
mod queue;
/// The one that talks to Redis.
mod task;

pub use drop::drop_keys;
pub use error::PublishError;
pub use link::{
    BATCH_MESSAGES_MAX, Published, REFERENCE_SECONDS, RedisLink, RedisSettings, STREAM_LENGTH_MAX,
};
pub use message::{Message, Standing};
pub use queue::{
    COMMITS_QUEUED_MAX, Committed, Missing, OPEN_BARS_QUEUED_MAX, PUBLICATIONS_QUEUED_MAX,
    PublishedTo, Recovery, Refusal,
};

use queue::Queue;
use task::Task;

/// What is published to Redis, by a task of its own.
#[derive(Debug)]
pub struct RedisFeed {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Notify,
}

impl Shared {
    /// The lock is held for some moves of memory, never across an await.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RedisFeed {
    /// Begins to publish. A Redis that cannot be reached is tried again and again; until it can,
    /// and until the caller has caught up ([`RedisFeed::recovery`]), commits are refused.
    ///
    /// # Errors
    /// [`PublishError::RefuseOwner`], [`PublishError::Enter`], where Redis can be reached.
    pub async fn connect(settings: RedisSettings) -> Result<Self, PublishError> {
        let shared = Arc::new(Shared::default());
        let mut task = Task::new(Arc::clone(&shared), settings);
        match task.connect().await {
            Ok(()) => {}
            Err(error) if error.exit_code() == exit::SETTINGS => return Err(error),
            Err(error) => task.lose_link(&error),
        }
        Ok(Self { shared, task: tokio::spawn(task.run()) })
    }

    /// Hands over what a commit wrote; never waits.
    ///
    /// # Errors
    /// [`Refusal::Behind`]: the commit, and all after it, have to come by [`RedisFeed::recover`].
    pub fn committed(&self, commit: Committed) -> Result<(), Refusal> {
        let offered = self.shared.queue().offer(commit);
        self.shared.wake.notify_one();
        offered
    }

    /// Hands over open bars, each with the `seq` of its channel's last closed candle. The newest
    /// one of a channel counts; while Redis is away, none does.
    pub fn open_bars(&self, bars: impl IntoIterator<Item = (Standing, u64, Candle)>) {
        let bars = bars.into_iter();
        let bars =
            bars.map(|(standing, seq, candle)| (standing, Publication::OpenBar { seq, candle }));
        self.shared.queue().open_bars(bars);
        self.shared.wake.notify_one();
    }

    /// What the caller has to hand over before commits are taken; `None` too while Redis is away
    /// or has work left.
    #[must_use]
    pub fn recovery(&self) -> Option<Recovery> {
        self.shared.queue().recovery()
    }

    /// Hands over a part of what was missing, in the order of the numbers; never waits.
    ///
    /// # Errors
    /// The commit again, with [`Refusal::Full`] to be tried later, or with [`Refusal::Behind`]
    /// when another recovery has begun.
    pub fn recover(
        &self,
        recovery: Recovery,
        commit: Committed,
    ) -> Result<(), (Refusal, Committed)> {
        let recovered = self.shared.queue().recover(recovery, commit);
        self.shared.wake.notify_one();
        recovered
    }

    /// Says that all that was missing is handed over: commits are taken from now on.
    ///
    /// # Errors
    /// [`Refusal::Behind`] when another recovery has begun.
    pub fn caught_up(&self, recovery: Recovery) -> Result<(), Refusal> {
        self.shared.queue().caught_up(recovery)
    }

    /// The last commit of each partition that has been published since the last call.
    #[must_use]
    pub fn take_published_to(&self) -> Vec<PublishedTo> {
        self.shared.queue().take_published_to()
    }

    /// Whether all that is committed reaches Redis, and how many publications wait for it.
    #[must_use]
    pub fn backlog(&self) -> (bool, usize) {
        let queue = self.shared.queue();
        (queue.up && !queue.is_behind(), queue.waiting())
    }

    /// Whether Redis can be reached and lets us publish.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.queue().up
    }

    /// Publishes what waits, for at most so long, and ends.
    pub async fn close(mut self, limit: Duration) {
        self.shared.queue().closing = true;
        self.shared.wake.notify_one();
        if tokio::time::timeout(limit, &mut self.task).await.is_err() {
            tracing::warn!("Redis did not take what was left in time; the store has it");
        }
    }
}

impl Drop for RedisFeed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
