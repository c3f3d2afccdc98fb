//! Ids of one series: which are folded, which are expected, which are missing or lost.

use market::coverage::{Gap, UNEXPLAINED_GAP};

use super::Context;
use super::series::{HOLES_MAX, ID_RANGES_MAX, SeriesWindows};

/// `venue:instrument:space:` has so many colons.
const SPACE_COLONS: usize = 3;
/// Why a trade is lost whose time cannot be, as its dead letter says.
const UNTIMED: &str = "future";

impl SeriesWindows {
    /// Whether a message id is of the series' id space, which its first record fixes.
    pub(super) fn in_space(&mut self, message_id: &str) -> bool {
        match &self.space {
            Some(space) => message_id.starts_with(space.as_str()),
            None => {
                let Some(end) = message_id.rfind(':').map(|at| at + 1) else { return false };
                let named = message_id[..end].matches(':').count() == SPACE_COLONS;
                if named {
                    self.space = Some(message_id[..end].to_owned());
                }
                named
            }
        }
    }

    /// Counts an id as folded; one beyond the expected id opens a hole below itself.
    pub(super) fn take_id(&mut self, id: u64, event_ns: i64, context: &mut Context<'_>) {
        match self.next_id {
            Some(next_id) if id < next_id => {
                if let Some(touched) = self.coverage.fill(id, id, Some(event_ns)) {
                    context.reconcile_from(touched);
                }
                self.keep_ids(id, id);
                self.last_event_ns = self.last_event_ns.max(event_ns);
                return;
            }
            Some(next_id) if id > next_id => self.open_hole(next_id, id - 1, event_ns, context),
            Some(_) => {}
            None => self.begin_after(event_ns),
        }
        self.folded.insert(id, id);
        self.expect_after(id);
        self.last_event_ns = event_ns;
    }

    /// The id after this one is expected next, unless it is known already.
    pub(super) fn expect_after(&mut self, id: u64) {
        self.next_id = self.folded.next_missing(id);
    }

    /// A trade that comes before any `start`: coverage begins one unit of the venue's time
    /// resolution after it, since others of the same instant may be missing.
    fn begin_after(&mut self, event_ns: i64) {
        if self.coverage.from_ns.is_none() {
            let unit = [1_000_000, 1_000, 100].into_iter().find(|unit| event_ns % unit == 0);
            self.coverage.from_ns = Some(event_ns.saturating_add(unit.unwrap_or(1)));
        }
    }

    /// The ids from the expected one to `to_id` did not come: their trades may have happened from
    /// the last trade (or vouched time) on, until `to_ns`.
    pub(super) fn open_hole(
        &mut self,
        from_id: u64,
        to_id: u64,
        to_ns: i64,
        context: &mut Context<'_>,
    ) {
        let from_ns = self.last_event_ns.max(self.complete_to_ns);
        let to_ns = to_ns.max(from_ns);
        for (from_id, to_id) in self.folded.missing(from_id, to_id) {
            for (from_id, to_id) in self.untimed.missing(from_id, to_id) {
                let reason = UNEXPLAINED_GAP.into();
                let gap = Gap { from_id, to_id, from_ns, to_ns, lost: false, reason };
                self.keep_gap(gap, context);
                context.stats.unexplained_gaps += 1;
            }
            for (from_id, to_id) in self.untimed.present(from_id, to_id) {
                let reason = UNTIMED.into();
                self.keep_gap(Gap { from_id, to_id, from_ns, to_ns, lost: true, reason }, context);
            }
        }
        self.untimed.forget_to(to_id);
        context.reconcile_from(from_ns);
        self.expect_after(to_id);
    }

    /// Keeps a gap; beyond the most that are kept, the oldest one counts as lost.
    fn keep_gap(&mut self, gap: Gap, context: &mut Context<'_>) {
        self.coverage.open(gap);
        while self.coverage.gaps().len() > HOLES_MAX {
            let oldest = self.coverage.gaps()[0].from_id;
            for gap in self.coverage.take(|gap| gap.from_id == oldest) {
                self.forget(Gap { lost: true, ..gap }, context);
            }
        }
    }

    /// What to write down when records from the expected id on are gone from the log: how many,
    /// the next record tells, by the hole that it opens.
    pub(super) fn lost_records(&self, reason: &str) -> Option<Gap> {
        let from_id = self.next_id?;
        let from_ns = self.last_event_ns.max(self.complete_to_ns);
        let to_ns = self.watermark_ns.max(from_ns);
        let reason = reason.to_owned();
        Some(Gap { from_id, to_id: from_id, from_ns, to_ns, lost: true, reason })
    }

    /// Counts ids as folded.
    pub(super) fn keep_ids(&mut self, from_id: u64, to_id: u64) {
        self.folded.insert(from_id, to_id);
        self.folded.bound(ID_RANGES_MAX);
    }

    /// A trade that was read but cannot be folded: its id is lost, and it happened at this time.
    pub(super) fn lose_trade(
        &mut self,
        id: Option<u64>,
        event_ns: i64,
        reason: &str,
        context: &mut Context<'_>,
    ) {
        let Some(id) = id.filter(|_| self.coverage.from_ns.is_some()) else {
            return;
        };
        // One that is folded stays so, whatever a bad copy says of its time.
        if self.next_id.is_none() || self.folded.contains(id) {
            return;
        }
        // It bounds the holes beside it, as a folded one would.
        if let Some(touched) = self.coverage.fill(id, id, Some(event_ns)) {
            context.reconcile_from(touched);
        }
        let newest = self.next_id.is_some_and(|next_id| id >= next_id);
        self.lose((id, id), (event_ns, event_ns), reason, context);
        self.last_event_ns = if newest { event_ns } else { self.last_event_ns.max(event_ns) };
    }

    /// A trade whose time cannot be: its id is lost, and it happened between its neighbours.
    pub(super) fn lose_untimed(&mut self, id: Option<u64>, context: &mut Context<'_>) {
        let Some(id) = id else { return };
        if self.next_id.is_none_or(|next_id| id >= next_id) {
            self.untimed.insert(id, id);
            self.untimed.keep_last(HOLES_MAX);
            return;
        }
        let hole = self.coverage.gaps().iter().find(|gap| (gap.from_id..=gap.to_id).contains(&id));
        if let Some(times) = hole.filter(|gap| !gap.lost).map(|gap| (gap.from_ns, gap.to_ns)) {
            self.lose((id, id), times, UNTIMED, context);
        }
    }

    /// These ids will not come, apart from those that are folded already.
    pub(super) fn lose(
        &mut self,
        (from_id, to_id): (u64, u64),
        (from_ns, to_ns): (i64, i64),
        reason: &str,
        context: &mut Context<'_>,
    ) {
        if let Some(next_id) = self.next_id.filter(|next_id| from_id > *next_id) {
            self.open_hole(next_id, from_id - 1, from_ns, context);
        }
        if let Some(touched) = self.coverage.fill(from_id, to_id, None) {
            context.reconcile_from(touched);
        }
        for (from_id, to_id) in self.folded.missing(from_id, to_id) {
            let reason = reason.to_owned();
            let gap = Gap { from_id, to_id, from_ns, to_ns, lost: true, reason };
            self.keep_gap(gap, context);
            context.reconcile_from(from_ns);
        }
        if self.next_id.is_some_and(|next_id| to_id >= next_id) {
            self.expect_after(to_id);
        }
    }
}
