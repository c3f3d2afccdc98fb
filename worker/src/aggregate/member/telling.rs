//! How a member stands, for those who look.

use std::time::Instant;

use super::Loop;
use super::claims::Owned;
use super::folding::Folding;
use crate::aggregate::seen::PartitionLook;
use crate::status::GroupStatus;

impl Loop {
    /// Says that the loop turned, and now and then how everything is.
    pub(super) fn tell(&mut self, now: Instant) {
        let Self { folding, publishing, consumer, teller, .. } = self;
        let full = !folding.has_room();
        self.paused = if full { self.paused.or(Some(now)) } else { None };
        let paused = self.paused;
        let Folding { engine, claims, flight, .. } = folding;
        teller.turn(now, engine, |view| {
            for owned in claims.owned.values_mut() {
                owned.notice(now);
            }
            let owned = claims.owned.iter();
            view.partitions =
                owned.map(|(partition, owned)| (*partition, Some(look(owned)))).collect();
            view.partitions.extend(claims.waiting().map(|partition| (partition, None)));
            let group = consumer.state();
            view.joined = group.settled;
            view.group = GroupStatus {
                state: group.state,
                join_state: group.join_state,
                rebalances: group.rebalance_cnt,
            };
            view.paused = paused;
            view.committing = flight.under_way();
            view.publish = publishing.status();
        });
        (self.on_turn)(now);
    }

    /// Counts what the group decided.
    pub(super) fn count(&self, event: &str) {
        self.folding.metrics.rebalances.with_label_values(&[event]).inc();
    }
}

fn look(owned: &Owned) -> PartitionLook {
    PartitionLook {
        claim: owned.claim.claim,
        commit_seq: owned.claim.commit_seq,
        published_seq: owned.published_seq,
        next_offset: owned.claim.next_offset,
        appended_ms: owned.appended_ms,
        committed: Some(owned.committed),
        dirty_since: owned.dirty_since,
    }
}
