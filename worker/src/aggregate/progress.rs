use std::collections::BTreeMap;
use std::time::Instant;

use super::raw::RawTicks;
use super::seen::{PartitionLook, View};
use crate::metrics::Tally;
use crate::store::{Claim, DeadLetter};
use crate::topic::Fetched;
use crate::window::Stats;

/// How far the aggregator of a local run is.
pub(super) struct Progress {
    pub(super) claims: BTreeMap<i32, Claim>,
    pub(super) dead_letters: Vec<DeadLetter>,
    pub(super) raw_ticks: RawTicks,
    /// Whether a record was folded since the last commit.
    pub(super) folded: bool,
    pub(super) counted: Stats,
    pub(super) delay_ms: i64,
    pub(super) tally: Tally,
    /// Log-append time of the last folded record of each partition.
    appended_ms: BTreeMap<i32, i64>,
    committed: Instant,
}

impl Progress {
    pub(super) fn new(claims: Vec<Claim>, raw_ticks: RawTicks, now: Instant) -> Self {
        Self {
            claims: claims.into_iter().map(|claim| (claim.partition, claim)).collect(),
            dead_letters: Vec::new(),
            raw_ticks,
            folded: false,
            counted: Stats::default(),
            delay_ms: 0,
            tally: Tally::default(),
            appended_ms: BTreeMap::new(),
            committed: now,
        }
    }

    /// A record is folded.
    pub(super) fn take(&mut self, record: &Fetched<'_>) {
        if let Some(claim) = self.claims.get_mut(&record.partition) {
            claim.next_offset = record.offset + 1;
        }
        self.appended_ms.insert(record.partition, record.timestamp_ms);
        self.folded = true;
    }

    /// What is folded is committed.
    pub(super) fn commit(&mut self, now: Instant) {
        for claim in self.claims.values_mut() {
            claim.commit_seq += 1;
        }
        self.committed = now;
        self.folded = false;
    }

    /// Shows how far it is. There is no group: everything is ours from the start.
    pub(super) fn show(&self, view: &mut View) {
        let looks = self.claims.values().map(|claim| {
            let look = PartitionLook {
                claim: claim.claim,
                commit_seq: claim.commit_seq,
                published_seq: claim.commit_seq,
                next_offset: claim.next_offset,
                appended_ms: self.appended_ms.get(&claim.partition).copied(),
                committed: Some(self.committed),
                dirty_since: self.folded.then_some(self.committed),
            };
            (claim.partition, Some(look))
        });
        view.partitions = looks.collect();
        view.settled = true;
    }
}
