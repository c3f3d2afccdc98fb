use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::replay::Now;

/// The clock that sources live by. In production it is the wall clock; a test may make it run
/// faster, together with the venue it talks to: then every wait is that much shorter.
#[derive(Clone)]
pub struct SourceClock {
    now: Now,
    factor: f64,
}

/// How a clock runs that tests share with a venue of theirs: `20@WALL_NS=SHOWN_NS`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faster {
    /// Seconds that it advances in one second of the wall clock.
    factor: f64,
    /// When the wall clock showed this, in nanoseconds since the epoch …
    wall_ns: i64,
    /// … it showed this.
    shown_ns: i64,
}

/// Why a text says of no clock how it runs.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{text}\" is no clock; write FACTOR@WALL_NS=SHOWN_NS with a factor above 0")]
pub struct FasterError {
    text: String,
}

impl FromStr for Faster {
    type Err = FasterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('@').and_then(|(factor, times)| {
            let (wall_ns, shown_ns) = times.split_once('=')?;
            let factor = factor.parse().ok().filter(|factor| *factor > 0.0 && *factor < 1e6)?;
            Some(Self { factor, wall_ns: wall_ns.parse().ok()?, shown_ns: shown_ns.parse().ok()? })
        });
        parsed.ok_or_else(|| FasterError { text: text.to_owned() })
    }
}

impl fmt::Debug for SourceClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SourceClock").field("factor", &self.factor).finish_non_exhaustive()
    }
}

impl SourceClock {
    /// The wall clock, which shows `now`.
    #[must_use]
    pub fn wall_clock(now: Now) -> Self {
        Self { now, factor: 1.0 }
    }

    /// A clock that runs faster than the wall clock, which shows `now`.
    #[must_use]
    pub fn faster(now: Now, Faster { factor, wall_ns, shown_ns }: Faster) -> Self {
        let faster = move || {
            let passed = Duration::from_nanos(now().saturating_sub(wall_ns).max(0).unsigned_abs());
            let passed_ns = passed.mul_f64(factor).as_nanos();
            shown_ns.saturating_add(i64::try_from(passed_ns).unwrap_or(i64::MAX))
        };
        Self { now: Arc::new(faster), factor }
    }

    /// The clock itself.
    #[must_use]
    pub fn now(&self) -> Now {
        Now::clone(&self.now)
    }

    /// Nanoseconds since the epoch.
    pub(in crate::source) fn now_ns(&self) -> i64 {
        (self.now)()
    }

    /// How long this time of the clock takes on the wall.
    pub(super) fn wall(&self, time: Duration) -> Duration {
        time.div_f64(self.factor)
    }

    /// Waits for this time of the clock.
    pub(super) async fn sleep(&self, time: Duration) {
        tokio::time::sleep(self.wall(time)).await;
    }
}
