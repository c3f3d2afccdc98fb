//! Sets of ids as merged, inclusive ranges: one or two in practice.

use serde::{Deserialize, Serialize};

/// A set of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IdRanges(Vec<(u64, u64)>);

impl IdRanges {
    /// Whether the id is in the set.
    pub(super) fn contains(&self, id: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < id);
        self.0.get(at).is_some_and(|(first, _)| *first <= id)
    }

    /// Whether any id of the range is in the set.
    pub(super) fn intersects(&self, from: u64, to: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < from);
        self.0.get(at).is_some_and(|(first, _)| *first <= to)
    }

    /// The first id after this one that is not in the set; `None` at the end of the numbers.
    pub(super) fn next_missing(&self, id: u64) -> Option<u64> {
        let next = id.checked_add(1)?;
        // Nearly always the newest range ends at or before the id.
        if self.0.last().is_none_or(|(_, last)| *last < next) {
            return Some(next);
        }
        let at = self.0.partition_point(|(_, last)| *last < next);
        match self.0.get(at) {
            Some((first, last)) if *first <= next => last.checked_add(1),
            _ => Some(next),
        }
    }

    /// Adds a range.
    pub(super) fn insert(&mut self, from: u64, to: u64) {
        if let Some((_, last)) = self.0.last_mut()
            && last.checked_add(1) == Some(from)
        {
            *last = to;
            return;
        }
        let start = self.0.partition_point(|(_, last)| last.saturating_add(1) < from);
        let count =
            self.0[start..].iter().take_while(|(first, _)| *first <= to.saturating_add(1)).count();
        let merged = self.0[start..start + count]
            .iter()
            .fold((from, to), |(low, high), (first, last)| (low.min(*first), high.max(*last)));
        self.0.splice(start..start + count, [merged]);
    }

    /// The parts of the range that are not in the set.
    pub(super) fn missing(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = from;
        for (first, last) in &self.0 {
            if *last < next {
                continue;
            }
            if *first > to {
                break;
            }
            if *first > next {
                missing.push((next, first - 1));
            }
            match last.checked_add(1) {
                Some(after) => next = after,
                None => return missing,
            }
        }
        if next <= to {
            missing.push((next, to));
        }
        missing
    }

    /// The parts of the range that are in the set.
    pub(super) fn present(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let inside = self.0.iter().filter(|(first, last)| *first <= to && *last >= from);
        inside.map(|(first, last)| (from.max(*first), to.min(*last))).collect()
    }

    /// Forgets ranges that end at or before this id.
    pub(super) fn forget_to(&mut self, id: u64) {
        if !self.0.is_empty() {
            self.0.retain(|(_, last)| *last > id);
        }
    }

    /// Forgets the lowest ranges beyond so many.
    pub(super) fn keep_last(&mut self, ranges_max: usize) {
        let beyond = self.0.len().saturating_sub(ranges_max);
        self.0.drain(..beyond);
    }

    /// Forgets all but the last range once there are more than `ranges_max`: what lies below it
    /// then counts as folded.
    pub(super) fn bound(&mut self, ranges_max: usize) {
        if self.0.len() > ranges_max {
            let first = self.0[0].0;
            let merged_to = self.0[self.0.len() - ranges_max].1;
            let merged = self.0.len() - ranges_max + 1;
            self.0.splice(..merged, [(first, merged_to)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_equal_a_plain_set(inserts in proptest::collection::vec((0..60_u64, 0..8_u64), 0..40)) {
            let mut ranges = IdRanges::default();
            let mut set = BTreeSet::new();
            for (from, length) in inserts {
                ranges.insert(from, from + length);
                set.extend(from..=from + length);
            }
            for id in 0..70 {
                prop_assert_eq!(ranges.contains(id), set.contains(&id));
                prop_assert_eq!(ranges.intersects(id, id + 3), (id..=id + 3).any(|id| set.contains(&id)));
            }
            let missing: BTreeSet<u64> = ranges.missing(5, 65).into_iter().flat_map(|(from, to)| from..=to).collect();
            let present: BTreeSet<u64> = ranges.present(5, 65).into_iter().flat_map(|(from, to)| from..=to).collect();
            prop_assert_eq!(present, (5..=65).filter(|id| set.contains(id)).collect::<BTreeSet<_>>());
            prop_assert_eq!(missing, (5..=65).filter(|id| !set.contains(id)).collect::<BTreeSet<_>>());
            prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }

    #[test]
    fn bounding_merges_the_oldest_ranges() {
        let mut ranges = IdRanges::default();
        for id in [1, 3, 5, 7] {
            ranges.insert(id, id);
        }
        ranges.bound(2);
        assert_eq!(ranges, IdRanges(vec![(1, 5), (7, 7)]));
    }
}
