//! Calls a plan allows, spread evenly: a bucket that fills by one token a period.

use std::time::Duration;

use market::pipeline::Plan;

use super::nanos;

/// So many calls in any stretch of time of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct Budget {
    /// Most calls in any stretch of `per`.
    pub(in crate::source) calls: u32,
    /// The length of the stretch.
    pub(in crate::source) per: Duration,
    /// Calls that may be made up after a pause; below `calls`.
    pub(in crate::source) burst: u32,
}

impl Budget {
    /// What the plan allows; `None` where the interval alone decides.
    ///
    /// Keyless: 5 calls a minute. Demo: 10,000 calls in 31 days, one every 267.97 seconds.
    #[must_use]
    pub(in crate::source) const fn of(plan: Plan) -> Option<Self> {
        match plan {
            Plan::Keyless => Some(Self { calls: 5, per: Duration::from_mins(1), burst: 1 }),
            Plan::Demo => {
                let per = Duration::from_hours(31 * 24);
                Some(Self { calls: 10_000, per, burst: 5 })
            }
            Plan::Pro => None,
        }
    }

    /// The part of one of so many producers with the same key, or address.
    #[must_use]
    pub(in crate::source) fn shared(self, producers: u32) -> Self {
        let calls = (self.calls / producers.max(1)).max(1);
        Self { calls, burst: self.burst.min(calls.saturating_sub(1)), ..self }
    }

    /// How long one call takes to come back, in nanoseconds. In any stretch `per` there are then
    /// at most the `burst` calls that were left and `calls - burst` that came back.
    fn period_ns(self) -> i64 {
        let spread = i64::from(self.calls.saturating_sub(self.burst).max(1));
        let per_ns = nanos(self.per);
        per_ns / spread + i64::from(per_ns % spread != 0)
    }
}

/// The tokens of a budget. It begins with one: a process that starts again and again gains no
/// burst by it.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    period_ns: i64,
    /// How long it takes an almost empty bucket to fill.
    slack_ns: i64,
    /// When the bucket will be full.
    full_ns: i64,
}

impl Bucket {
    pub(super) fn new(budget: Budget, now_ns: i64) -> Self {
        let period_ns = budget.period_ns();
        let slack_ns = period_ns.saturating_mul(i64::from(budget.burst.max(1)) - 1);
        Self { period_ns, slack_ns, full_ns: now_ns.saturating_add(slack_ns) }
    }

    pub(super) fn take(&mut self, now_ns: i64) {
        self.full_ns = self.full_ns.max(now_ns).saturating_add(self.period_ns);
    }

    pub(super) const fn move_back(&mut self, back_ns: i64) {
        self.full_ns = self.full_ns.saturating_sub(back_ns);
    }

    /// From when on there is a token.
    pub(super) const fn ready_ns(&self) -> i64 {
        self.full_ns.saturating_sub(self.slack_ns)
    }
}
