//! What is known of each id of a series: folded, missing, and when each can have happened.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::windows::Known;

/// An id that was not folded, and the times between which its trade happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    pub(super) from_ns: i64,
    pub(super) to_ns: i64,
    /// Whether somebody told the times; else they follow from the ids around it.
    pub(super) told: bool,
    /// Whether it is said not to come.
    pub(super) lost: bool,
}

/// All there is to know of ids and times.
#[derive(Default)]
pub(super) struct Ids {
    pub(super) covered_from_ns: Option<i64>,
    /// Folded, or no trades.
    pub(super) folded: HashSet<u64>,
    /// The id that is expected next.
    pub(super) next: Option<u64>,
    pub(super) missing: BTreeMap<u64, Missing>,
    /// Ids that came with a time that cannot be, before anything told when they happened.
    pub(super) untimed: BTreeSet<u64>,
    /// Trades with a lower id than the key happened at or before the value.
    pub(super) below: BTreeMap<u64, i64>,
    /// Trades with the key's id or a higher one happened at or after the value, for that is when
    /// the one before happened.
    above: BTreeMap<u64, i64>,
    /// The same, for a mark has vouched for it; whatever the trade before was stamped with.
    vouched: BTreeMap<u64, i64>,
}

impl Known for Ids {
    fn covers(&self, open_ns: i64, close_ns: i64) -> bool {
        let touches = |gap: &Missing| gap.from_ns < close_ns && gap.to_ns >= open_ns;
        self.began_by(open_ns) && !self.missing.values().any(touches)
    }

    fn began_by(&self, open_ns: i64) -> bool {
        self.covered_from_ns.is_some_and(|from_ns| from_ns <= open_ns)
    }

    fn may_miss_after(&self, id: u64, before_ns: i64) -> bool {
        self.missing.range(id..).any(|(_, gap)| gap.from_ns < before_ns)
    }
}

impl Ids {
    /// Trades with a lower id happened at or before this time.
    pub(super) fn bound_below(&mut self, id: u64, ns: i64) {
        self.below.entry(id).and_modify(|at| *at = ns.min(*at)).or_insert(ns);
    }

    /// A mark says that trades with this id or a higher one happened at or after this time.
    pub(super) fn vouch(&mut self, id: u64, ns: i64) {
        self.vouched.entry(id).and_modify(|at| *at = ns.max(*at)).or_insert(ns);
    }

    /// A trade with this id happened then. Returns the earliest time that this tells about.
    pub(super) fn happened(&mut self, id: u64, ns: i64) -> i64 {
        self.bound_below(id, ns);
        self.above.entry(id + 1).and_modify(|at| *at = ns.max(*at)).or_insert(ns);
        // What is missing between this id and the next known ones on either side.
        let lower = self.below.range(..id).next_back().map_or(0, |(lower, _)| *lower);
        let next = |of: &BTreeMap<u64, i64>| of.range(id + 2..).next().map(|(higher, _)| *higher);
        let higher = [next(&self.above), next(&self.vouched)].into_iter().flatten().min();
        let higher = higher.unwrap_or(u64::MAX);
        let around: Vec<u64> = self.missing.range(lower..higher).map(|(id, _)| *id).collect();
        around.into_iter().fold(ns, |earliest, id| earliest.min(self.locate(id)))
    }

    /// Tells the times of a missing id again. Returns the earliest that it may have been so far.
    fn locate(&mut self, id: u64) -> i64 {
        let last = |of: &BTreeMap<u64, i64>| of.range(..=id).next_back().map(|(_, at)| *at);
        let from_ns = last(&self.above).max(last(&self.vouched)).unwrap_or(i64::MIN);
        let to_ns = self.below.range(id + 1..).next().map_or(i64::MAX, |(_, at)| *at);
        match self.missing.get_mut(&id) {
            Some(gap) if !gap.told => {
                let before_ns = gap.from_ns;
                (gap.from_ns, gap.to_ns) = (from_ns, to_ns.max(from_ns));
                before_ns.min(from_ns)
            }
            _ => i64::MAX,
        }
    }

    /// The ids from the expected one up to this one are missing. Returns from when on.
    pub(super) fn expect(&mut self, next: u64) -> i64 {
        let mut earliest_ns = i64::MAX;
        let mut expected = self.next.unwrap_or(next);
        while expected < next {
            if !self.folded.contains(&expected) {
                let lost = self.untimed.remove(&expected);
                let gap = Missing { from_ns: i64::MAX, to_ns: i64::MAX, told: false, lost };
                self.missing.entry(expected).or_insert(gap);
                earliest_ns = earliest_ns.min(self.locate(expected));
            }
            expected += 1;
        }
        while self.folded.contains(&expected) {
            expected += 1;
        }
        self.next = Some(expected);
        earliest_ns
    }

    /// An id is folded, or no trade. Returns from when on something was missing of it.
    pub(super) fn fold(&mut self, id: u64) -> i64 {
        self.folded.insert(id);
        self.untimed.remove(&id);
        self.missing.remove(&id).map_or(i64::MAX, |gap| gap.from_ns)
    }

    /// A trade was read that cannot be folded; it happened between these times.
    pub(super) fn lose(&mut self, id: u64, from_ns: i64, to_ns: i64) -> i64 {
        if self.folded.contains(&id) {
            return i64::MAX;
        }
        let before_ns = self.missing.get(&id).map_or(i64::MAX, |gap| gap.from_ns);
        self.missing.insert(id, Missing { from_ns, to_ns, told: true, lost: true });
        before_ns.min(from_ns)
    }
}
