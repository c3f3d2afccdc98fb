//! The one place that reads the clock. Everything else takes time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The wall clock in nanoseconds since the epoch.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one reading of the wall clock")]
pub fn now_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

/// A clock that never goes back, for durations.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one reading of the monotonic clock")]
pub fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clock_is_in_nanoseconds_of_this_century() {
        let year_2020_ns = 1_577_836_800_000_000_000;
        let year_2100_ns = 4_102_444_800_000_000_000;
        assert!((year_2020_ns..year_2100_ns).contains(&now_ns()));
    }

    #[test]
    fn monotonic_clock_never_goes_back() {
        let earlier = monotonic();
        assert!(monotonic() >= earlier);
    }
}
