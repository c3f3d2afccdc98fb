//! Partitions that the group gave us: claimed, restored, and given up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use market::pipeline::OnSourceLoss;
use market::symbol::Series;

use super::answers::Answers;
use crate::aggregate::AggregateError;
use crate::checkpoint;
use crate::store::postgres::{NEVER_FOLDED, PartitionClaim};
use crate::store::{Claim, PostgresStore, SeriesInfo, StoreError};
use crate::topic::{GroupConsumer, LogBounds, TopicError};
use crate::window::{Engine, LogPosition};

/// Logs that end too early.
mod short_logs;

use short_logs::{SHORT_LOG_RETRY_WAIT, ShortLogs};

/// How long a fenced partition waits: by then a group that took us for dead has said so.
const FENCED_WAIT: Duration = Duration::from_secs(1);
/// How long to wait before another try of a claim that failed.
const CLAIM_RETRY_WAIT: Duration = Duration::from_millis(200);

/// A partition that is ours.
#[derive(Debug, Clone)]
pub(super) struct Owned {
    pub(super) claim: Claim,
    /// The last commit that is known to be published.
    pub(super) published_seq: i64,
    /// Whether a record was folded since the last commit.
    pub(super) touched: bool,
    /// Log-append time of the last folded record.
    pub(super) appended_ms: Option<i64>,
    /// When it was last committed, or claimed.
    pub(super) committed: Instant,
    /// Whether the commit under way has it.
    pub(super) in_flight: bool,
    /// Since when something folded is not committed, as far as was noticed.
    pub(super) dirty_since: Option<Instant>,
}

impl Owned {
    /// Notices that something folded is not committed.
    pub(super) fn notice(&mut self, now: Instant) {
        if self.touched || self.in_flight {
            self.dirty_since.get_or_insert(now);
        }
    }

    /// It is committed as far as it was when the commit departed.
    pub(super) fn committed(&mut self, now: Instant) {
        self.committed = now;
        self.in_flight = false;
        self.dirty_since = self.touched.then_some(now);
    }
}

/// What is ours, and what the group gave us that is not claimed yet.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) owned: BTreeMap<i32, Owned>,
    waiting: BTreeMap<i32, Instant>,
    /// What the consumer reads.
    read: BTreeSet<i32>,
    short: ShortLogs,
}

/// What a claim needs to know.
pub(super) struct Claiming<'a> {
    pub(super) topic: &'a str,
    pub(super) source_id: &'a str,
    pub(super) series: &'a [SeriesInfo],
    pub(super) on_source_loss: OnSourceLoss,
}

impl Claims {
    /// The group gave us these.
    pub(super) fn expect(&mut self, partitions: &[i32], now: Instant) {
        self.waiting.extend(partitions.iter().map(|partition| (*partition, now)));
    }

    /// Another claim came between: what was folded is void. Claimed again, unless the group has
    /// given it to somebody else.
    pub(super) fn fence(&mut self, partition: i32, engine: &mut Engine, now: Instant) {
        if self.owned.remove(&partition).is_some() {
            engine.drop_partition(partition);
            self.waiting.insert(partition, now + FENCED_WAIT);
        }
    }

    /// These are not ours any more. Returns those that the consumer reads.
    pub(super) fn forget(&mut self, partitions: &[i32], engine: &mut Engine) -> Vec<i32> {
        for partition in partitions {
            self.waiting.remove(partition);
            self.short.forget(*partition);
            if self.owned.remove(partition).is_some() {
                engine.drop_partition(*partition);
            }
        }
        partitions.iter().copied().filter(|partition| self.read.remove(partition)).collect()
    }

    /// A claim was of no use: it is made again.
    pub(super) fn put_back(&mut self, partitions: &[i32], engine: &mut Engine, now: Instant) {
        for partition in partitions {
            if self.owned.remove(partition).is_some() {
                engine.drop_partition(*partition);
            }
            self.waiting.insert(*partition, now + CLAIM_RETRY_WAIT);
        }
    }

    /// What the group gave us that is not claimed.
    pub(super) fn waiting(&self) -> impl Iterator<Item = i32> {
        self.waiting.keys().copied()
    }

    pub(super) fn has_due(&self, now: Instant) -> bool {
        self.waiting.values().any(|due| *due <= now)
    }

    /// Whether a record was folded since the last commit.
    pub(super) fn is_touched(&self) -> bool {
        self.owned.values().any(|owned| owned.touched)
    }

    /// Where to go on with those of these partitions that are ours.
    pub(super) fn next_offsets(&self, partitions: &BTreeSet<i32>) -> Vec<(i32, i64)> {
        let owned = partitions.iter().filter_map(|partition| self.owned.get(partition));
        owned.map(|owned| (owned.claim.partition, owned.claim.next_offset)).collect()
    }

    /// More of what the partition's last record reached is closed.
    pub(super) fn touch(&mut self, partition: i32) {
        if let Some(owned) = self.owned.get_mut(&partition) {
            owned.touched = true;
        }
    }

    /// Claims what is due, restores its series and begins to read it. A store or a broker that
    /// cannot be reached is asked again later.
    pub(super) fn take_due(
        &mut self,
        claiming: &Claiming<'_>,
        (store, engine, consumer): (&mut PostgresStore, &mut Engine, &GroupConsumer),
        now: Instant,
        answers: &Answers,
    ) -> Result<Vec<i32>, AggregateError> {
        let due = self.waiting.iter().filter(|(_, due)| **due <= now);
        let partitions: Vec<i32> = due.map(|(partition, _)| *partition).collect();
        match self.take(&partitions, claiming, (store, engine, consumer), (now, answers)) {
            Ok(taken) => Ok(taken),
            Err(error) if error.is_retryable() => {
                tracing::warn!(error = %error, ?partitions, "cannot claim partitions; trying again");
                self.put_back(&partitions, engine, now);
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    fn take(
        &mut self,
        partitions: &[i32],
        claiming: &Claiming<'_>,
        (store, engine, consumer): (&mut PostgresStore, &mut Engine, &GroupConsumer),
        (now, answers): (Instant, &Answers),
    ) -> Result<Vec<i32>, AggregateError> {
        // Before the claim: one that is cut off from Kafka must not fence the rightful owner.
        let bounds =
            partitions.iter().map(|partition| Ok((*partition, consumer.bounds(*partition)?)));
        let bounds: BTreeMap<i32, LogBounds> = bounds.collect::<Result<_, TopicError>>()?;
        let claimed = answers.wait(store.claim(claiming.topic, partitions, claiming.source_id))?;
        let (mut offsets, mut losses) = (Vec::with_capacity(claimed.len()), Vec::new());
        let mut short = Vec::new();
        for found in claimed {
            let Some(bounds) = bounds.get(&found.claim.partition) else { continue };
            let same = found.source_id == claiming.source_id;
            if self.short.wait(&found, *bounds, same, now) {
                short.push(found.claim.partition);
                continue;
            }
            let (found, lost) = answers.wait(begin(store, found, *bounds, claiming))?;
            let partition = found.claim.partition;
            losses.extend(lost.clone().map(|reason| (partition, reason)));
            offsets.push((partition, found.claim.next_offset));
            let owned = Owned {
                claim: found.claim,
                published_seq: found.published_seq,
                touched: lost.is_some(),
                appended_ms: None,
                committed: now,
                in_flight: false,
                dirty_since: None,
            };
            self.owned.insert(partition, owned);
        }
        let taken: BTreeSet<i32> = offsets.iter().map(|(partition, _)| *partition).collect();
        let series = claiming.series.iter().filter(|info| taken.contains(&info.partition));
        let series: Vec<Series> = series.map(|info| info.series.clone()).collect();
        for state in answers.wait(store.load_states(&series, checkpoint::VERSION))? {
            let info = claiming.series.iter().find(|info| info.series == state.series);
            let owned = info.and_then(|info| self.owned.get(&info.partition));
            if let Some(Owned { claim, .. }) = owned {
                let (partition, offset) = (claim.partition, claim.next_offset - 1);
                engine.restore(&state, LogPosition { partition, offset, timestamp_ms: 0 })?;
            }
        }
        for (partition, reason) in &losses {
            engine.lose_records(*partition, reason);
        }
        // A fenced one is read already, from where its records are void.
        let again: Vec<i32> =
            partitions.iter().copied().filter(|partition| self.read.remove(partition)).collect();
        consumer.unassign(&again)?;
        consumer.assign(&offsets)?;
        self.read.extend(&taken);
        for partition in partitions {
            self.waiting.remove(partition);
        }
        self.waiting
            .extend(short.into_iter().map(|partition| (partition, now + SHORT_LOG_RETRY_WAIT)));
        Ok(taken.into_iter().collect())
    }
}

/// Where a claimed partition begins, and what is lost if that is not where it ended.
async fn begin(
    store: &mut PostgresStore,
    found: PartitionClaim,
    bounds: LogBounds,
    claiming: &Claiming<'_>,
) -> Result<(PartitionClaim, Option<String>), AggregateError> {
    let Claim { partition, next_offset, token, .. } = found.claim;
    let same = found.source_id == claiming.source_id;
    if next_offset == NEVER_FOLDED {
        if !same {
            let accepted =
                store.accept_source(partition, token, claiming.source_id, bounds.low).await?;
            let lost = StoreError::LoseClaim { partitions: vec![partition] };
            return Ok((accepted.ok_or(lost)?, None));
        }
        let claim = Claim { next_offset: bounds.low, ..found.claim };
        return Ok((PartitionClaim { claim, ..found }, None));
    }
    let detail = if !same {
        "the topic was created anew".to_owned()
    } else if next_offset < bounds.low {
        format!("offsets {next_offset} to {} were dropped before they were read", bounds.low - 1)
    } else if next_offset > bounds.high {
        format!("the log ends at offset {}, before {next_offset}, which is next", bounds.high)
    } else {
        return Ok((found, None));
    };
    if claiming.on_source_loss == OnSourceLoss::Fail {
        let topic = claiming.topic.to_owned();
        return Err(AggregateError::LoseSource { topic, partition, detail });
    }
    tracing::warn!(partition, detail, "records are gone; going on with a gap");
    let accepted = store.accept_source(partition, token, claiming.source_id, bounds.low).await?;
    let accepted = accepted.ok_or(StoreError::LoseClaim { partitions: vec![partition] })?;
    Ok((accepted, Some(detail)))
}
