//! What a series is known to hold in full, and what it is not.

use serde::{Deserialize, Serialize};

const NANOS_PER_MILLI: i64 = 1_000_000;

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
    /// Why: `unexplained_gap`, or what the source or the dead letter says.
    pub reason: String,
}

impl Gap {
    /// Whether a trade of the window `[open_ms, close_ms)` may be missing.
    #[must_use]
    pub const fn touches(&self, open_ms: i64, close_ms: i64) -> bool {
        self.from_ns < close_ms.saturating_mul(NANOS_PER_MILLI)
            && self.to_ns >= open_ms.saturating_mul(NANOS_PER_MILLI)
    }
}

/// The time for which every trade of a series is known, less its gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Where it begins, inclusive; `None` until a source vouches.
    pub from_ns: Option<i64>,
    /// Gaps within it.
    pub gaps: Vec<Gap>,
}

impl Coverage {
    /// Whether coverage begins at or before the window `[open_ms, …)`, gaps aside.
    #[must_use]
    pub fn began_by(&self, open_ms: i64) -> bool {
        self.from_ns.is_some_and(|from_ns| from_ns <= open_ms.saturating_mul(NANOS_PER_MILLI))
    }

    /// Whether a gap touches the window `[open_ms, close_ms)`.
    #[must_use]
    pub fn has_gap_in(&self, open_ms: i64, close_ms: i64) -> bool {
        self.gaps.iter().any(|gap| gap.touches(open_ms, close_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from_ns: i64, to_ns: i64) -> Gap {
        Gap { from_id: 1, to_id: 2, from_ns, to_ns, reason: "unexplained_gap".into() }
    }

    #[test]
    fn a_gap_touches_windows_with_both_of_its_ends_included() {
        let minute = 60_000 * NANOS_PER_MILLI;
        assert!(gap(minute - 1, minute).touches(0, 60_000));
        assert!(gap(minute - 1, minute).touches(60_000, 120_000));
        assert!(!gap(minute, minute).touches(0, 60_000));
        assert!(!gap(0, minute - 1).touches(60_000, 120_000));
    }

    #[test]
    fn coverage_begins_where_the_source_vouches() {
        let mut coverage = Coverage::default();
        assert!(!coverage.began_by(i64::MAX / NANOS_PER_MILLI));
        coverage.from_ns = Some(60_000 * NANOS_PER_MILLI);
        assert!(coverage.began_by(60_000));
        assert!(!coverage.began_by(59_999));
    }
}
