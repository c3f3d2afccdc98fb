//! The time that a venue and its clients share: the machine's, run faster.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock that runs `factor` times as fast as the machine's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VenueClock {
    /// When the machine's clock showed this, in nanoseconds since the epoch …
    pub origin_ns: i64,
    /// … this one showed that.
    pub shown_ns: i64,
    /// Seconds it advances in one second of the machine's; above 0.
    pub factor: f64,
}

impl VenueClock {
    /// A clock that begins now and runs `factor` times as fast as the machine's.
    #[must_use]
    pub fn starting_now(factor: f64) -> Self {
        Self::starting_at(wall_ns(), factor)
    }

    /// A clock that shows this now and runs `factor` times as fast as the machine's.
    #[must_use]
    pub fn starting_at(shown_ns: i64, factor: f64) -> Self {
        Self { origin_ns: wall_ns(), shown_ns, factor }
    }

    /// How it runs, as the setting `SOURCE_CLOCK` of a worker says it.
    #[must_use]
    pub fn setting(&self) -> String {
        format!("{}@{}={}", self.factor, self.origin_ns, self.shown_ns)
    }

    /// What it shows, in nanoseconds since the epoch.
    #[must_use]
    pub fn now_ns(&self) -> i64 {
        let passed_ns = wall_ns().saturating_sub(self.origin_ns);
        let shown_ns = nanos(Duration::from_nanos(passed_ns.unsigned_abs()).mul_f64(self.factor));
        let shown_ns = if passed_ns < 0 { -shown_ns } else { shown_ns };
        self.shown_ns.saturating_add(shown_ns)
    }

    /// How long the machine's clock takes while this one advances by `shown`.
    #[must_use]
    pub fn wall(&self, shown: Duration) -> Duration {
        shown.div_f64(self.factor)
    }

    /// By how much this clock advances while the machine's advances by `wall`.
    #[must_use]
    pub fn shown(&self, wall: Duration) -> Duration {
        wall.mul_f64(self.factor)
    }

    /// Returns when this clock has advanced by `shown`.
    pub async fn sleep(&self, shown: Duration) {
        tokio::time::sleep(self.wall(shown)).await;
    }
}

/// A span as nanoseconds.
pub(super) fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// A span of so many nanoseconds; what is negative is none.
pub(super) fn span(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "the one reading of the wall clock of all venues")]
fn wall_ns() -> i64 {
    nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
