//! Records to commits: one is under way while the next is folded.

use std::time::{Duration, Instant};

use market::tick::Tick;
use runtime::clock;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::claims::Claims;
use super::courier::{Courier, Flight, Landing};
use super::publishing::Publishing;
use super::traced::Traced;
use crate::aggregate::raw::RawTicks;
use crate::aggregate::{AggregateError, dead_letter, fold};
use crate::metrics::{Metrics, Tally};
use crate::publish::redis::PublishedTo;
use crate::store::{Commit, CommitOutcome, DeadLetter, PartitionProgress, SeriesInfo};
use crate::topic::Fetched;
use crate::window::{Engine, Outcome, Stats};

/// A commit without news.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Commits while catching up: not sooner than this, nor than so many times what the last took,
/// since each writes the states of all that changed.
const COMMIT_EVERY_BEHIND: Duration = Duration::from_millis(100);
const COMMIT_EVERY_BEHIND_FACTOR: u32 = 4;
/// Candles that wait for the commit under way before reading stops.
const CANDLES_PENDING_MAX: usize = 4_000;
/// Dead letters that wait for the commit under way before reading stops.
const DEAD_LETTERS_PENDING_MAX: usize = 1_000;
/// Bytes of records among them.
const DEAD_LETTER_BYTES_PENDING_MAX: usize = 8 << 20;

/// The engine, the claims it folds for, and the commit that is under way.
pub(super) struct Folding {
    pub(super) engine: Engine,
    pub(super) claims: Claims,
    pub(super) flight: Flight,
    pub(super) series: Vec<SeriesInfo>,
    pub(super) metrics: Metrics,
    pub(super) handle: Handle,
    pub(super) answers: Answers,
    /// Spans of sampled records, where they are traced.
    pub(super) traced: Option<Traced>,
    /// Whether there is more to read than was read.
    pub(super) behind: bool,
    dead_letters: Vec<DeadLetter>,
    raw_ticks: RawTicks,
    tally: Tally,
    counted: Stats,
    committed: Instant,
    /// How long the last commit was under way.
    took: Duration,
    pub(super) stop: CancellationToken,
}

impl Folding {
    pub(super) fn new(
        engine: Engine,
        courier: Courier,
        series: Vec<SeriesInfo>,
        raw_ticks: RawTicks,
        (stop, handle): (CancellationToken, Handle),
    ) -> Self {
        Self {
            engine,
            claims: Claims::default(),
            metrics: courier.metrics.clone(),
            flight: Flight::new(courier),
            series,
            answers: Answers::new(handle.clone(), stop.clone()),
            handle,
            traced: None,
            behind: false,
            dead_letters: Vec::new(),
            raw_ticks,
            tally: Tally::default(),
            counted: Stats::default(),
            committed: clock::monotonic(),
            took: Duration::ZERO,
            stop,
        }
    }

    /// Whether what is folded and not under way leaves room for more.
    pub(super) fn has_room(&self) -> bool {
        self.engine.candles_pending() < CANDLES_PENDING_MAX
            && self.dead_letters.len() < DEAD_LETTERS_PENDING_MAX
            && self.dead_letters.iter().map(|letter| letter.value.len()).sum::<usize>()
                < DEAD_LETTER_BYTES_PENDING_MAX
            && self.raw_ticks.has_room()
    }

    /// Folds a record. A batch may hold some from before a partition was given up or claimed
    /// again: they are left out.
    pub(super) fn take(&mut self, record: &Fetched<'_>) {
        let owned = self.claims.owned.get_mut(&record.partition);
        let Some(owned) = owned.filter(|owned| owned.claim.next_offset <= record.offset) else {
            return;
        };
        let raw_ticks = &mut self.raw_ticks;
        let keep = |tick: &Tick<'_>| raw_ticks.keep((record.partition, record.offset), tick);
        let outcome = fold(&mut self.engine, record, keep);
        self.tally.count(&outcome);
        if let Outcome::DeadLetter { reason, detail } = outcome {
            self.dead_letters.push(dead_letter(record, reason.as_str(), detail));
        }
        owned.claim.next_offset = record.offset + 1;
        owned.appended_ms = Some(record.timestamp_ms);
        owned.touched = true;
    }

    /// Adds what became of the last batch to what is counted.
    pub(super) fn count(&mut self) {
        self.metrics.count_batch(&mut self.tally);
    }

    /// Commits what the last record has closed so far, and closes more.
    pub(super) fn close_some(
        &mut self,
        wait: Duration,
        publishing: &mut Publishing,
    ) -> Result<(), AggregateError> {
        self.land(wait, publishing)?;
        if self.flight.courier().is_some() {
            if self.claims.is_touched() {
                self.depart();
            }
            if let Some(partition) = self.engine.close_more() {
                self.claims.touch(partition);
            }
        }
        Ok(())
    }

    pub(super) fn commit_due(&mut self, now: Instant) -> bool {
        if self.flight.courier().is_none() || !self.claims.is_touched() {
            return false;
        }
        let since = now.duration_since(self.committed);
        if self.behind {
            let grouped = (self.took * COMMIT_EVERY_BEHIND_FACTOR).max(COMMIT_EVERY_BEHIND);
            return since >= grouped.min(COMMIT_EVERY) || !self.has_room();
        }
        since >= COMMIT_EVERY || self.engine.has_news()
    }

    /// Sends everything that was folded since the last commit.
    pub(super) fn depart(&mut self) {
        let effects = self.engine.take_effects();
        let owned = self.claims.owned.values_mut().filter(|owned| owned.touched);
        let partitions = owned.map(|owned| {
            owned.touched = false;
            owned.in_flight = true;
            PartitionProgress {
                partition: owned.claim.partition,
                token: owned.claim.token,
                commit_seq: owned.claim.commit_seq,
                next_offset: owned.claim.next_offset,
            }
        });
        let commit = Commit {
            partitions: partitions.collect(),
            states: effects.states,
            candles: effects.candles,
            alerts: effects.alerts,
            gaps: effects.gaps,
            feeds: effects.feeds,
            dead_letters: std::mem::take(&mut self.dead_letters),
            ticks: self.raw_ticks.take(),
        };
        if let Some(traced) = &mut self.traced {
            traced.depart(commit.partitions.len(), commit.candles.len());
        }
        self.flight.depart(commit, self.stop.clone(), &self.handle);
        self.committed = clock::monotonic();
    }

    /// Takes in what became of the commit under way, if that is known within `wait`: what is
    /// stored is published, what is fenced is dropped.
    pub(super) fn land(
        &mut self,
        wait: Duration,
        publishing: &mut Publishing,
    ) -> Result<(), AggregateError> {
        let Some(Landing { commit, outcome }) = self.flight.land(wait, &self.handle)? else {
            return Ok(());
        };
        let fenced = match outcome? {
            CommitOutcome::Applied => Vec::new(),
            CommitOutcome::Fenced { partitions } => partitions,
        };
        let (now, mut published_to) = (clock::monotonic(), Vec::new());
        self.took = now.duration_since(self.committed);
        for of in &commit.partitions {
            // It may have been given up, or claimed again, meanwhile.
            let owned = self.claims.owned.get_mut(&of.partition);
            let Some(owned) = owned.filter(|owned| owned.claim.token == of.token) else { continue };
            if fenced.contains(&of.partition) {
                self.fence(of.partition, now);
            } else {
                owned.claim.commit_seq += 1;
                owned.committed(now);
                let (partition, token) = (of.partition, of.token);
                let commit_seq = owned.claim.commit_seq;
                published_to.push(PublishedTo { partition, token, commit_seq });
            }
        }
        let span = self.traced.as_mut().and_then(Traced::land);
        publishing.committed(&commit, (published_to, span), self);
        let stats = self.engine.stats();
        let before = std::mem::replace(&mut self.counted, stats);
        self.metrics.count(before, stats);
        self.metrics.count_commit(&commit);
        Ok(())
    }

    /// Another claim came between: what was folded of this partition is void, and it is claimed
    /// again unless the group has given it to somebody else.
    pub(super) fn fence(&mut self, partition: i32, now: Instant) {
        tracing::warn!(partition, "another aggregator has this partition");
        self.metrics.fenced.inc();
        self.dead_letters.retain(|letter| letter.partition != partition);
        self.raw_ticks.forget(&[partition]);
        self.claims.fence(partition, &mut self.engine, now);
    }

    /// Commits what is folded, waiting so long at most for each commit.
    pub(super) fn finish(
        &mut self,
        wait: Duration,
        publishing: &mut Publishing,
    ) -> Result<(), AggregateError> {
        self.land(wait, publishing)?;
        if self.flight.courier().is_some() && self.claims.is_touched() {
            self.depart();
            self.land(wait, publishing)?;
        }
        Ok(())
    }

    /// These partitions are not ours any more. Returns those that the consumer reads.
    pub(super) fn forget(&mut self, partitions: &[i32]) -> Vec<i32> {
        self.dead_letters.retain(|letter| !partitions.contains(&letter.partition));
        self.raw_ticks.forget(partitions);
        self.claims.forget(partitions, &mut self.engine)
    }
}
