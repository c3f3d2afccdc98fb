//! One member of a group of aggregators: Kafka to PostgreSQL, then Redis.
//!
//! One thread owns the consumer, the engine and the claims. It folds on while one commit is under
//! way; what it may have folded beyond is bounded, and a store that does not answer stops the
//! reading, not the membership. A partition is read after its claim, and given up after its last
//! commit; a commit that is fenced leaves nothing behind.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use market::interval::Interval;
use market::pipeline::OnSourceLoss;
use runtime::clock;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::AggregateError;
use super::ends::Asking;
use super::raw::RawTicks;
use super::seen::{Seen, Teller};
use crate::publish::redis::RedisFeed;
use crate::store::SeriesInfo;
use crate::topic::{AdminError, BATCH_RECORDS_MAX, GroupConsumer, Membership, TopicError};
use crate::window::Engine;

/// Answers of servers.
mod answers;
/// Partitions that the group gave us: claimed, restored, and given up.
mod claims;
/// A commit on its way, until it is known what became of it.
mod courier;
/// Records to commits.
mod folding;
/// What Redis is told, and what it lacks.
mod publishing;
/// Catching up a Redis that lacks something.
mod recovery;
/// How it stands, for those who look.
mod telling;
/// The traces of sampled records.
mod traced;

use claims::Claiming;
use folding::Folding;
use publishing::Publishing;
use traced::{TRACEPARENT, Traced};

pub use courier::Courier;

/// How long a poll waits for a record.
const POLL_WAIT: Duration = Duration::from_millis(5);
/// Behind means that the last record was appended this long ago.
const BEHIND_MS: i64 = 1_000;
/// How long a partition that is given up, or a shutdown, waits for each of the last commits.
const FAREWELL_WAIT: Duration = Duration::from_secs(1);

/// What one member works with.
pub struct Member {
    /// Where records come from.
    pub consumer: GroupConsumer,
    /// What folds them.
    pub engine: Engine,
    /// What takes effects to the store.
    pub courier: Courier,
    /// Who is told after the commit.
    pub feed: Option<RedisFeed>,
    /// Every series of the spec.
    pub series: Vec<SeriesInfo>,
    /// The intervals that are stored and published.
    pub intervals: Vec<Interval>,
    /// Names the log that offsets count in.
    pub source_id: String,
    /// How many partitions the topic has: the number never changes.
    pub partitions: i32,
    /// Whether ticks are stored as they stand on the topic.
    pub raw_ticks: bool,
    /// What to do when records are gone that were not folded.
    pub on_source_loss: OnSourceLoss,
    /// Who shows how it is doing.
    pub seen: Seen,
    /// Who asks where the partitions end, until the member ends.
    pub asking: Asking,
    /// Whether the traces of sampled records go on here.
    pub traced: bool,
    /// Called on every turn of the loop.
    pub on_turn: OnTurn,
}

/// Told on every turn of a member's loop.
pub type OnTurn = Box<dyn FnMut(Instant) + Send>;

impl Member {
    /// Works until `stop` is cancelled, then commits what it has and leaves the group.
    ///
    /// # Errors
    /// [`AggregateError`]; what was committed stays.
    pub fn run(self, stop: CancellationToken, handle: Handle) -> Result<(), AggregateError> {
        let now = clock::monotonic();
        let topic = self.courier.topic.clone();
        let raw_ticks = RawTicks::new(self.raw_ticks);
        let mut folding =
            Folding::new(self.engine, self.courier, self.series, raw_ticks, (stop.clone(), handle));
        folding.traced = self.traced.then(Traced::default);
        Loop {
            consumer: self.consumer,
            folding,
            publishing: Publishing::new(self.feed, self.intervals, now),
            topic,
            source_id: self.source_id,
            partitions: self.partitions,
            on_source_loss: self.on_source_loss,
            stop,
            teller: Teller::new(self.seen),
            paused: None,
            on_turn: self.on_turn,
            _asking: self.asking,
        }
        .run()
    }
}

struct Loop {
    consumer: GroupConsumer,
    folding: Folding,
    publishing: Publishing,
    topic: String,
    source_id: String,
    partitions: i32,
    on_source_loss: OnSourceLoss,
    stop: CancellationToken,
    teller: Teller,
    /// Since when there is no room for what another batch does.
    paused: Option<Instant>,
    on_turn: OnTurn,
    _asking: Asking,
}

impl Loop {
    fn run(mut self) -> Result<(), AggregateError> {
        let ended =
            self.work().and_then(|()| self.folding.finish(FAREWELL_WAIT, &mut self.publishing));
        match ended {
            // Nothing more is committed after it: whoever comes next reads all of it again.
            Err(error) if error.is_retryable() && self.stop.is_cancelled() => {
                tracing::warn!(error = %error, "the last commit was not taken");
            }
            ended => ended?,
        }
        self.publishing.close(FAREWELL_WAIT, &self.folding);
        self.consumer.leave(FAREWELL_WAIT);
        Ok(())
    }

    /// Works until it is told to stop.
    fn work(&mut self) -> Result<(), AggregateError> {
        while !self.stop.is_cancelled() {
            for membership in self.consumer.memberships()? {
                self.follow(membership)?;
            }
            self.claim_due()?;
            self.fold_batch()?;
            self.folding.land(Duration::ZERO, &mut self.publishing)?;
            let now = clock::monotonic();
            // A claim needs the store, too.
            if !self.folding.claims.has_due(now) && self.folding.commit_due(now) {
                self.folding.depart();
            }
            self.publishing.turn(&mut self.folding, now)?;
            self.tell(now);
        }
        Ok(())
    }

    fn follow(&mut self, membership: Membership) -> Result<(), AggregateError> {
        match membership {
            Membership::Assigned(partitions) => {
                self.count("assigned");
                tracing::info!(?partitions, "the group gave us partitions");
                let found = partitions.iter().max().map_or(0, |last| last + 1);
                if found > self.partitions {
                    let (topic, expected) = (self.topic.clone(), self.partitions);
                    return Err(AdminError::PartitionsChanged { topic, found, expected }.into());
                }
                self.folding.claims.expect(&partitions, clock::monotonic());
                // The group waits for our word; each partition follows when it is claimed.
                self.consumer.assign(&[])?;
            }
            Membership::Revoked(partitions) => {
                self.count("revoked");
                tracing::info!(?partitions, "the group takes partitions away");
                self.folding.finish(FAREWELL_WAIT, &mut self.publishing)?;
                let read = self.folding.forget(&partitions);
                self.consumer.unassign(&read)?;
            }
            Membership::Lost(partitions) => {
                self.count("lost");
                tracing::warn!(?partitions, "the group has given our partitions to others");
                let read = self.folding.forget(&partitions);
                self.consumer.unassign(&read)?;
            }
        }
        Ok(())
    }

    fn claim_due(&mut self) -> Result<(), AggregateError> {
        let now = clock::monotonic();
        let Self { folding, consumer, .. } = self;
        if !folding.claims.has_due(now) {
            return Ok(());
        }
        let Some(courier) = folding.flight.courier() else { return Ok(()) };
        let claiming = Claiming {
            topic: &self.topic,
            source_id: &self.source_id,
            series: &folding.series,
            on_source_loss: self.on_source_loss,
        };
        let parts = (&mut courier.store, &mut folding.engine, &*consumer);
        let taken = folding.claims.take_due(&claiming, parts, now, &folding.answers)?;
        match self.publishing.claimed(&taken, folding) {
            Err(error) if error.is_retryable() => {
                tracing::warn!(error = %error, "cannot publish what was committed; trying again");
                folding.claims.put_back(&taken, &mut folding.engine, now);
                Ok(())
            }
            published => published,
        }
    }

    /// Reads one batch and folds it, where there is room for what it does.
    fn fold_batch(&mut self) -> Result<(), AggregateError> {
        let Self { folding, consumer, publishing, .. } = self;
        if !folding.has_room() {
            // The commit under way makes room.
            return folding.land(POLL_WAIT, publishing);
        }
        if folding.engine.is_closing() {
            return folding.close_some(POLL_WAIT, publishing);
        }
        let batch = consumer.poll(POLL_WAIT);
        let mut last_timestamp_ms = None;
        let mut left = BTreeSet::new();
        for (at, record) in batch.records().enumerate() {
            let record = match record {
                Ok(record) => record,
                Err(error) if error.is_retryable() => {
                    tracing::warn!(error = %error, "the topic could not be read; trying again");
                    continue;
                }
                Err(error @ TopicError::FindOffset { partition, .. }) => {
                    // A claim looks at the log, and tells what is gone from what is not there yet.
                    tracing::warn!(error = %error, "claiming the partition again");
                    if folding.claims.owned.contains_key(&partition) {
                        let now = clock::monotonic();
                        folding.claims.put_back(&[partition], &mut folding.engine, now);
                    }
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if folding.engine.is_closing() {
                // One record reached so many windows that they take several commits: the rest
                // of the batch is read again after them.
                left.insert(record.partition);
                continue;
            }
            folding.take(&record);
            if let Some(traced) = &mut folding.traced
                && let Some(traceparent) = batch.header(at, TRACEPARENT)
            {
                traced.fold(traceparent, &record);
            }
            last_timestamp_ms = Some(record.timestamp_ms);
        }
        let records = batch.len();
        drop(batch);
        folding.count();
        let left = folding.claims.next_offsets(&left);
        if !left.is_empty() {
            let partitions: Vec<i32> = left.iter().map(|(partition, _)| *partition).collect();
            consumer.unassign(&partitions)?;
            consumer.assign(&left)?;
        }
        let now_ms = clock::now_ns().div_euclid(1_000_000);
        let delay_ms = last_timestamp_ms.map_or(0, |timestamp_ms| now_ms - timestamp_ms);
        folding.behind = delay_ms > BEHIND_MS || records == BATCH_RECORDS_MAX;
        Ok(())
    }
}
