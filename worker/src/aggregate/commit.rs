use std::time::Duration;

use runtime::clock;
use tokio::runtime::Handle;

use super::{AggregateError, Progress, Stop};
use crate::metrics::Metrics;
use crate::publish::LocalFeed;
use crate::store::{Commit, CommitOutcome, PartitionProgress, SqliteStore, StoreError};
use crate::window::Engine;

/// Tries of a commit that the store may take later (a full disk, a lock).
const COMMIT_TRIES_MAX: u32 = 5;
/// The wait before another try.
const COMMIT_RETRY_WAIT: Duration = Duration::from_millis(200);

/// Effects to the store, then to whoever listens.
pub struct Committer {
    /// Where effects go.
    pub store: SqliteStore,
    /// Who is told.
    pub feed: LocalFeed,
    /// What is counted.
    pub metrics: Metrics,
}

impl Committer {
    /// One record may reach so many windows that they take several commits. Told to stop, it
    /// leaves the rest to the next start.
    pub(super) fn close_all(
        &mut self,
        engine: &mut Engine,
        progress: &mut Progress,
        stop: &Stop,
        handle: &Handle,
    ) -> Result<(), AggregateError> {
        while engine.is_closing() && !stop.now.is_cancelled() {
            self.commit(engine, progress, handle)?;
            engine.close_more();
            progress.folded = true;
        }
        Ok(())
    }

    /// Commits everything that was folded, then publishes it.
    pub(super) fn commit(
        &mut self,
        engine: &mut Engine,
        progress: &mut Progress,
        handle: &Handle,
    ) -> Result<(), AggregateError> {
        if !progress.folded {
            return Ok(());
        }
        let effects = engine.take_effects();
        let partitions = progress.claims.values().map(|claim| PartitionProgress {
            partition: claim.partition,
            token: claim.token,
            commit_seq: claim.commit_seq,
            next_offset: claim.next_offset,
        });
        let commit = Commit {
            partitions: partitions.collect(),
            states: effects.states.clone(),
            candles: effects.candles.clone(),
            alerts: effects.alerts.clone(),
            gaps: effects.gaps.clone(),
            feeds: effects.feeds.clone(),
            dead_letters: std::mem::take(&mut progress.dead_letters),
            ticks: progress.raw_ticks.take(),
        };
        let timer = self.metrics.commit_seconds.start_timer();
        self.write(&commit, handle)?;
        timer.observe_duration();
        progress.commit(clock::monotonic());
        let before = std::mem::replace(&mut progress.counted, engine.stats());
        self.metrics.count(before, engine.stats());
        self.metrics.count_commit(&commit);
        self.feed.committed(&effects);
        Ok(())
    }

    fn write(&mut self, commit: &Commit, handle: &Handle) -> Result<(), AggregateError> {
        for tried in 1.. {
            match handle.block_on(self.store.commit(commit)) {
                Ok(CommitOutcome::Applied) => return Ok(()),
                Ok(CommitOutcome::Fenced { partitions }) => {
                    // After an answer that was lost, our own commit is what stands in the way.
                    if tried > 1 && self.was_applied(commit, handle)? {
                        return Ok(());
                    }
                    return Err(StoreError::LoseClaim { partitions }.into());
                }
                Err(error) if error.is_retryable() && tried < COMMIT_TRIES_MAX => {
                    tracing::warn!(error = %error, tried, "the store did not take a commit; trying again");
                    handle.block_on(tokio::time::sleep(COMMIT_RETRY_WAIT));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn was_applied(&mut self, commit: &Commit, handle: &Handle) -> Result<bool, StoreError> {
        for of in &commit.partitions {
            let asked = self.store.was_applied(of.partition, of.token, of.commit_seq);
            if !handle.block_on(asked)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
