//! A commit on its way, until it is known what became of it.

use std::time::{Duration, Instant};

use runtime::clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::aggregate::AggregateError;
use crate::metrics::Metrics;
use crate::store::{AlertRow, Commit, CommitOutcome, DeadLetter, PostgresStore, StoreError};
use crate::topic::{Letter, Outbox, TopicError};

/// The wait before the second try; it doubles with each.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(50);
/// The longest wait before another try. There are tries until one succeeds or we stop.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);

/// Bytes of a dead letter that are kept: with its headers it is no larger than what brokers take.
const LETTER_BYTES_MAX: usize = 900_000;

/// Takes what was folded to where it belongs: dead letters, then the store, then alerts.
pub struct Courier {
    /// Where commits go.
    pub store: PostgresStore,
    /// The topic of dead letters.
    pub dead_letters: Outbox,
    /// The topic of alerts.
    pub alerts: Outbox,
    /// The topic that dead letters stood in.
    pub topic: String,
    /// Who says so.
    pub worker: String,
    /// What is counted.
    pub metrics: Metrics,
}

/// What became of a commit.
pub(super) struct Landing {
    pub(super) commit: Commit,
    pub(super) outcome: Result<CommitOutcome, AggregateError>,
}

type Away = JoinHandle<(Box<Courier>, Landing)>;

/// A courier that is here, or under way with one commit.
pub(super) struct Flight {
    here: Option<Box<Courier>>,
    away: Option<Away>,
    /// When the courier departed last.
    departed: Option<Instant>,
}

impl Flight {
    pub(super) fn new(courier: Courier) -> Self {
        Self { here: Some(Box::new(courier)), away: None, departed: None }
    }

    /// Since when the commit under way has been.
    pub(super) fn under_way(&self) -> Option<Instant> {
        self.departed.filter(|_| self.away.is_some())
    }

    /// The courier, where it is here.
    pub(super) fn courier(&mut self) -> Option<&mut Courier> {
        self.here.as_deref_mut()
    }

    /// Sends a commit, if the courier is here.
    pub(super) fn depart(&mut self, commit: Commit, stop: CancellationToken, handle: &Handle) {
        if let Some(mut courier) = self.here.take() {
            self.departed = Some(clock::monotonic());
            self.away = Some(handle.spawn(async move {
                let outcome = courier.deliver(&commit, &stop).await;
                (courier, Landing { commit, outcome })
            }));
        }
    }

    /// What became of the commit that was under way, if that is known within `wait`.
    ///
    /// # Errors
    /// [`AggregateError::LoseThread`].
    pub(super) fn land(
        &mut self,
        wait: Duration,
        handle: &Handle,
    ) -> Result<Option<Landing>, AggregateError> {
        let Some(task) = &mut self.away else { return Ok(None) };
        if !task.is_finished() && wait.is_zero() {
            return Ok(None);
        }
        let Ok(landed) = handle.block_on(async { tokio::time::timeout(wait, task).await }) else {
            return Ok(None);
        };
        let (courier, landing) = landed.map_err(|_| AggregateError::LoseThread)?;
        self.here = Some(courier);
        self.away = None;
        Ok(Some(landing))
    }
}

impl Courier {
    async fn deliver(
        &mut self,
        commit: &Commit,
        stop: &CancellationToken,
    ) -> Result<CommitOutcome, AggregateError> {
        let letters: Vec<_> =
            commit.dead_letters.iter().map(|letter| self.dead_letter(letter)).collect();
        self.send(&letters, |courier| &courier.dead_letters, stop).await?;
        let timer = self.metrics.commit_seconds.start_timer();
        let outcome = self.write(commit, stop).await?;
        timer.observe_duration();
        let fenced: &[i32] = match &outcome {
            CommitOutcome::Applied => &[],
            CommitOutcome::Fenced { partitions } => partitions,
        };
        let ours = commit.alerts.iter().filter(|row| !fenced.contains(&row.partition));
        self.send_alerts(ours, stop).await?;
        Ok(outcome)
    }

    /// Sends alerts that are committed to their topic.
    pub(super) async fn send_alerts(
        &self,
        rows: impl Iterator<Item = &AlertRow>,
        stop: &CancellationToken,
    ) -> Result<(), TopicError> {
        let letters: Vec<_> = rows.filter_map(alert).collect();
        self.send(&letters, |courier| &courier.alerts, stop).await
    }

    /// Sends the commit until the store has answered.
    async fn write(
        &mut self,
        commit: &Commit,
        stop: &CancellationToken,
    ) -> Result<CommitOutcome, AggregateError> {
        let mut wait = RETRY_WAIT_MIN;
        let mut tried = false;
        loop {
            match self.store.commit(commit).await {
                Ok(CommitOutcome::Fenced { partitions }) if tried => {
                    if let Some(outcome) = self.tell_own(commit, &partitions).await? {
                        return Ok(outcome);
                    }
                }
                Ok(outcome) => return Ok(outcome),
                Err(error) if error.is_retryable() && !stop.is_cancelled() => {
                    tracing::warn!(error = %error, "the store did not take a commit; trying again");
                }
                Err(error) => return Err(error.into()),
            }
            tried = true;
            self.metrics.commit_retries.inc();
            pause(&mut wait, stop).await;
        }
    }

    /// After an answer that was lost, our own commit may be what stands in the way. `None` where
    /// that cannot be told now.
    async fn tell_own(
        &mut self,
        commit: &Commit,
        fenced: &[i32],
    ) -> Result<Option<CommitOutcome>, StoreError> {
        let mut lost = Vec::new();
        for of in commit.partitions.iter().filter(|of| fenced.contains(&of.partition)) {
            match self.store.was_applied(of.partition, of.token, of.commit_seq).await {
                Ok(true) => {}
                Ok(false) => lost.push(of.partition),
                Err(error) if error.is_retryable() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(match lost.as_slice() {
            [] => CommitOutcome::Applied,
            [_, ..] => CommitOutcome::Fenced { partitions: lost },
        }))
    }

    async fn send(
        &self,
        letters: &[Letter],
        outbox: impl Fn(&Self) -> &Outbox,
        stop: &CancellationToken,
    ) -> Result<(), TopicError> {
        let mut wait = RETRY_WAIT_MIN;
        while !letters.is_empty() {
            match outbox(self).send(letters).await {
                Ok(()) => break,
                Err(error) if error.is_retryable() && !stop.is_cancelled() => {
                    tracing::warn!(error = %error, "a topic did not take records; trying again");
                }
                Err(error) => return Err(error),
            }
            pause(&mut wait, stop).await;
        }
        Ok(())
    }

    fn dead_letter(&self, letter: &DeadLetter) -> Letter {
        let length = letter.value.len();
        let value = letter.value[..length.min(LETTER_BYTES_MAX)].to_vec();
        let detail = if length > LETTER_BYTES_MAX {
            format!("{}; cut here from {length} bytes", letter.detail)
        } else {
            letter.detail.clone()
        };
        Letter {
            key: letter.key.clone(),
            value,
            headers: vec![
                ("dlq.reason", letter.reason.to_owned()),
                ("dlq.detail", detail),
                ("dlq.topic", self.topic.clone()),
                ("dlq.partition", letter.partition.to_string()),
                ("dlq.offset", letter.offset.to_string()),
                ("dlq.timestamp", letter.timestamp_ms.to_string()),
                ("dlq.worker", self.worker.clone()),
            ],
        }
    }
}

fn alert(row: &AlertRow) -> Option<Letter> {
    let value = serde_json::to_vec(&row.alert).ok()?;
    let key = Some(row.alert.symbol.as_str().as_bytes().to_vec());
    Some(Letter { key, value, headers: Vec::new() })
}

/// Waits before another try, longer each time, unless told to stop.
async fn pause(wait: &mut Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(*wait) => {}
    }
    *wait = (*wait * 2).min(RETRY_WAIT_MAX);
}
