//! What a series is known to hold in full, and what it is not.
//!
//! Coverage runs from where a source vouches to the series watermark, less its gaps. A gap is a
//! range of missing ids together with the event times at which their trades may have happened:
//! from the event time of the last lower id to that of the next higher one, ends included.

use serde::{Deserialize, Serialize};

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The reason of a gap that no source has explained.
pub const UNEXPLAINED_GAP: &str = "unexplained_gap";

/// Ids that are missing, and the event times at which their trades may have happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// First missing id.
    pub from_id: u64,
    /// Last missing id.
    pub to_id: u64,
    /// Earliest event time of a missing trade, inclusive.
    pub from_ns: i64,
    /// Latest event time of a missing trade, inclusive.
    pub to_ns: i64,
    /// Whether they are said not to come, as opposed to not having come so far.
    pub lost: bool,
    /// Why: [`UNEXPLAINED_GAP`], or what the source or the dead letter says.
    pub reason: String,
}

impl Gap {
    /// Whether a trade of the window `[open_ms, close_ms)` may be missing.
    #[must_use]
    pub const fn touches(&self, open_ms: i64, close_ms: i64) -> bool {
        self.from_ns < close_ms.saturating_mul(NANOS_PER_MILLI)
            && self.to_ns >= open_ms.saturating_mul(NANOS_PER_MILLI)
    }

    const fn overlaps(&self, from_id: u64, to_id: u64) -> bool {
        self.from_id <= to_id && self.to_id >= from_id
    }
}

/// The time for which every trade of a series is known, less its gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Where it begins, inclusive; `None` until a source vouches.
    pub from_ns: Option<i64>,
    /// Its gaps in id order, without overlap.
    gaps: Vec<Gap>,
}

impl Coverage {
    /// The gaps, in id order.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// How much time is covered up to `to_ns`, gaps left out.
    #[must_use]
    pub fn covered_ns(&self, to_ns: i64) -> i64 {
        let Some(from_ns) = self.from_ns else { return 0 };
        let (mut covered_ns, mut at_ns) = (0_i64, from_ns);
        // Ids are in the order of time.
        for gap in &self.gaps {
            let gap_from_ns = gap.from_ns.clamp(at_ns, to_ns.max(at_ns));
            covered_ns = covered_ns.saturating_add(gap_from_ns.saturating_sub(at_ns));
            at_ns = at_ns.max(gap.to_ns.saturating_add(1));
        }
        covered_ns.saturating_add(to_ns.saturating_sub(at_ns).max(0))
    }

    /// Whether coverage begins at or before the window that opens at `open_ms`, gaps aside.
    #[must_use]
    pub fn began_by(&self, open_ms: i64) -> bool {
        self.from_ns.is_some_and(|from_ns| from_ns <= open_ms.saturating_mul(NANOS_PER_MILLI))
    }

    /// Whether a gap touches the window `[open_ms, close_ms)`.
    #[must_use]
    pub fn has_gap_in(&self, open_ms: i64, close_ms: i64) -> bool {
        self.gaps.iter().any(|gap| gap.touches(open_ms, close_ms))
    }

    /// Whether trades after the one with this id, and before `close_ms`, may be missing.
    #[must_use]
    pub fn has_gap_after(&self, id: u64, close_ms: i64) -> bool {
        let close_ns = close_ms.saturating_mul(NANOS_PER_MILLI);
        self.gaps.iter().any(|gap| gap.from_id > id && gap.from_ns < close_ns)
    }

    /// Adds a gap of ids that no other gap holds.
    pub fn open(&mut self, gap: Gap) {
        let at = self.gaps.partition_point(|other| other.from_id < gap.from_id);
        self.gaps.insert(at, gap);
    }

    /// Takes these ids out of every gap. A trade's event time narrows what is left on either
    /// side of it. Returns the earliest event time that was touched.
    pub fn fill(&mut self, from_id: u64, to_id: u64, event_ns: Option<i64>) -> Option<i64> {
        let first = self.gaps.partition_point(|gap| gap.to_id < from_id);
        let count =
            self.gaps[first..].iter().take_while(|gap| gap.overlaps(from_id, to_id)).count();
        if count == 0 {
            return None;
        }
        let filled: Vec<Gap> = self.gaps.drain(first..first + count).collect();
        let touched = filled.iter().map(|gap| gap.from_ns).chain(event_ns).min();
        let mut left = Vec::with_capacity(2);
        for gap in filled {
            // Where the ends of the gap were wrong, as after an id that no trade has, a trade
            // within it tells better.
            let (low_ns, high_ns) =
                (event_ns.unwrap_or(gap.to_ns), event_ns.unwrap_or(gap.from_ns));
            if gap.from_id < from_id {
                let (from_ns, to_ns) = (gap.from_ns.min(low_ns), gap.from_ns.max(low_ns));
                left.push(Gap { to_id: from_id - 1, from_ns, to_ns, ..gap.clone() });
            }
            if gap.to_id > to_id {
                let (from_ns, to_ns) = (gap.from_ns.max(high_ns), gap.to_ns.max(high_ns));
                left.push(Gap { from_id: to_id + 1, from_ns, to_ns, ..gap });
            }
        }
        let after = first + left.len();
        self.gaps.splice(first..first, left);
        event_ns.map_or(touched, |event_ns| touched.min(self.narrow(first, after, event_ns)))
    }

    /// Ids are in the order of time: what is missing below an id did not happen after it, and
    /// what is missing above did not happen before. Returns the earliest event time touched.
    fn narrow(&mut self, below: usize, above: usize, event_ns: i64) -> Option<i64> {
        let mut touched = event_ns;
        let (lower, higher) = self.gaps.split_at_mut(above);
        for gap in higher.iter_mut().take_while(|gap| gap.from_ns < event_ns) {
            touched = touched.min(gap.from_ns);
            (gap.from_ns, gap.to_ns) = (event_ns, gap.to_ns.max(event_ns));
        }
        for gap in lower[..below].iter_mut().rev().take_while(|gap| gap.to_ns > event_ns) {
            touched = touched.min(gap.from_ns);
            (gap.from_ns, gap.to_ns) = (gap.from_ns.min(event_ns), event_ns);
        }
        Some(touched)
    }

    /// Takes out the gaps that `is_final` holds for, in id order.
    pub fn take(&mut self, is_final: impl Fn(&Gap) -> bool) -> Vec<Gap> {
        let (taken, kept) = std::mem::take(&mut self.gaps).into_iter().partition(is_final);
        self.gaps = kept;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(ids: (u64, u64), ns: (i64, i64)) -> Gap {
        let (from_id, to_id) = ids;
        let (from_ns, to_ns) = ns;
        Gap { from_id, to_id, from_ns, to_ns, lost: false, reason: UNEXPLAINED_GAP.into() }
    }

    #[test]
    fn a_gap_touches_windows_with_both_of_its_ends_included() {
        let minute = 60_000 * NANOS_PER_MILLI;
        assert!(gap((1, 2), (minute - 1, minute)).touches(0, 60_000));
        assert!(gap((1, 2), (minute - 1, minute)).touches(60_000, 120_000));
        assert!(!gap((1, 2), (minute, minute)).touches(0, 60_000));
        assert!(!gap((1, 2), (0, minute - 1)).touches(60_000, 120_000));
    }

    #[test]
    fn coverage_begins_where_the_source_vouches() {
        let mut coverage = Coverage::default();
        assert!(!coverage.began_by(i64::MAX / NANOS_PER_MILLI));
        coverage.from_ns = Some(60_000 * NANOS_PER_MILLI);
        assert!(coverage.began_by(60_000));
        assert!(!coverage.began_by(59_999));
    }

    #[test]
    fn an_id_within_a_gap_splits_it_at_its_event_time() {
        let mut coverage = Coverage::default();
        coverage.open(gap((10, 20), (100, 200)));
        assert_eq!(coverage.fill(15, 15, Some(150)), Some(100));
        assert_eq!(coverage.gaps(), [gap((10, 14), (100, 150)), gap((16, 20), (150, 200))]);
        assert_eq!(coverage.fill(10, 14, None), Some(100));
        assert_eq!(coverage.fill(16, 20, None), Some(150));
        assert!(coverage.gaps().is_empty());
        assert_eq!(coverage.fill(1, 99, None), None);
    }

    #[test]
    fn an_id_tells_when_the_gaps_beside_its_own_cannot_have_been() {
        let mut coverage = Coverage::default();
        for ids in [(10, 11), (12, 13), (14, 15)] {
            coverage.open(gap(ids, (100, 200)));
        }
        assert_eq!(coverage.fill(12, 13, Some(150)), Some(100));
        assert_eq!(coverage.gaps(), [gap((10, 11), (100, 150)), gap((14, 15), (150, 200))]);
    }

    #[test]
    fn a_range_may_fill_several_gaps_and_parts_of_gaps() {
        let mut coverage = Coverage::default();
        coverage.open(gap((30, 40), (300, 400)));
        coverage.open(gap((10, 20), (100, 200)));
        assert_eq!(coverage.fill(15, 32, None), Some(100));
        assert_eq!(coverage.gaps(), [gap((10, 14), (100, 200)), gap((33, 40), (300, 400))]);
    }

    #[test]
    fn a_gap_lies_after_an_id_only_if_it_begins_before_the_close() {
        let mut coverage = Coverage::default();
        coverage.open(gap((10, 20), (60_000 * NANOS_PER_MILLI, 61_000 * NANOS_PER_MILLI)));
        assert!(coverage.has_gap_after(9, 120_000));
        assert!(!coverage.has_gap_after(9, 60_000));
        assert!(!coverage.has_gap_after(21, 120_000));
    }
}
