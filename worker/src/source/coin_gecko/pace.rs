//! When the next call may be made, and whether the feed is up.
//!
//! ```text
//! start ──call──▶ finish(outcome) ──▶ next_at_ns = latest of  start + interval
//!                                                             the budget's next call
//!                                                             Retry-After, or the backoff
//! ```
//! `Pace::start` refuses a call that is too early, so that no caller can pass the budget. Times
//! are nanoseconds since the epoch of any clock; where it is set back, a wait begins anew.

use std::time::Duration;

use market::pipeline::Plan;

use budget::Bucket;
pub(in crate::source) use budget::Budget;
pub(in crate::source) use judge::{Outcome, Trouble};
use judge::{Verdict, judge};

/// Calls a plan allows, spread evenly.
mod budget;
/// What an outcome means.
mod judge;

/// The longest backoff after errors.
pub(in crate::source) const BACKOFF_MAX: Duration = Duration::from_mins(15);
/// The wait after 429 and 418 without a readable `Retry-After`.
pub(in crate::source) const THROTTLE_WAIT: Duration = Duration::from_mins(2);
/// The wait after a page of the firewall without a readable `Retry-After`.
pub(in crate::source) const BLOCK_WAIT: Duration = BACKOFF_MAX;
/// A `Retry-After` beyond this is asked again after this.
pub(in crate::source) const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);
/// The shortest interval; shorter ones are made as long.
pub(in crate::source) const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// A key that has worked is refused for good only by so many answers in a row: CoinGecko has
/// called good keys wrong for a moment.
pub(in crate::source) const KEY_ERRORS_MAX: u32 = 3;
/// More doublings of the shortest interval are beyond the longest backoff.
const DOUBLINGS_MAX: u32 = 16;

/// How the feed is, as far as calls tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Feed {
    /// No call has ended yet.
    Starting,
    /// The last call was answered.
    Up,
    /// The last call was not; others follow.
    Down(Trouble),
    /// No call follows until the pipeline is changed.
    Refused(Trouble),
}

/// The schedule of one feed.
#[derive(Debug, Clone)]
pub(in crate::source) struct Pace {
    plan: Plan,
    interval_ns: i64,
    bucket: Option<Bucket>,
    /// The last time that was told.
    told_ns: i64,
    next_at_ns: i64,
    calls: u64,
    /// Errors in a row.
    failures: u32,
    /// Answers in a row that the key is wrong.
    key_errors: u32,
    /// Whether any call was answered with prices.
    worked: bool,
    feed: Feed,
}

impl Pace {
    /// A schedule whose first call may be made at once. [`Budget::of`] has the plan's own budget.
    #[must_use]
    pub(in crate::source) fn new(
        plan: Plan,
        interval: Duration,
        budget: Option<Budget>,
        now_ns: i64,
    ) -> Self {
        Self {
            plan,
            interval_ns: nanos(interval.max(INTERVAL_MIN)),
            bucket: budget.map(|budget| Bucket::new(budget, now_ns)),
            told_ns: now_ns,
            next_at_ns: now_ns,
            calls: 0,
            failures: 0,
            key_errors: 0,
            worked: false,
            feed: Feed::Starting,
        }
    }

    /// When the next call may be made, in nanoseconds since the epoch; `None`: never again.
    #[must_use]
    pub(in crate::source) const fn next_at_ns(&self) -> Option<i64> {
        match self.feed {
            Feed::Refused(_) => None,
            Feed::Starting | Feed::Up | Feed::Down(_) => Some(self.next_at_ns),
        }
    }

    /// How the feed is.
    #[must_use]
    pub(in crate::source) const fn feed(&self) -> Feed {
        self.feed
    }

    /// Calls made, failed ones included.
    #[must_use]
    pub(in crate::source) const fn calls(&self) -> u64 {
        self.calls
    }

    /// Takes a call from the budget; `false`: it is too early, look at [`Self::next_at_ns`] again.
    /// A call that is taken counts, also one whose end is never told.
    #[must_use = "without leave no call may be made"]
    pub(in crate::source) fn start(&mut self, now_ns: i64) -> bool {
        self.follow_clock(now_ns);
        if self.next_at_ns().is_none_or(|next_at_ns| now_ns < next_at_ns) {
            return false;
        }
        self.calls += 1;
        self.next_at_ns = now_ns.saturating_add(self.interval_ns);
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now_ns);
            self.next_at_ns = self.next_at_ns.max(bucket.ready_ns());
        }
        true
    }

    /// Tells how the call ended, at `now_ns`. `random` is any number, another one each time.
    pub(in crate::source) fn finish(&mut self, outcome: Outcome<'_>, now_ns: i64, random: u64) {
        self.follow_clock(now_ns);
        let verdict = judge(outcome, self.plan, now_ns);
        self.count(verdict);
        let not_before_ns = match verdict {
            Verdict::Answered | Verdict::Refused(_) => now_ns,
            Verdict::Wait(_, until_ns) => until_ns,
            Verdict::Failed(_, until_ns) => {
                until_ns.unwrap_or(now_ns).max(now_ns.saturating_add(self.backoff_ns(random)))
            }
        };
        let latest_ns = now_ns.saturating_add(nanos(RETRY_AFTER_MAX));
        self.next_at_ns = self.next_at_ns.max(not_before_ns.min(latest_ns));
        self.feed = self.feed_after(verdict);
    }

    /// A clock that was set back by an hour is not waited for.
    fn follow_clock(&mut self, now_ns: i64) {
        let back_ns = self.told_ns.saturating_sub(now_ns).max(0);
        self.next_at_ns = self.next_at_ns.saturating_sub(back_ns);
        if let Some(bucket) = &mut self.bucket {
            bucket.move_back(back_ns);
        }
        self.told_ns = now_ns;
    }

    fn count(&mut self, verdict: Verdict) {
        self.worked |= matches!(verdict, Verdict::Answered);
        self.key_errors = match verdict {
            Verdict::Refused(_) => self.key_errors.saturating_add(1),
            Verdict::Answered | Verdict::Wait(..) | Verdict::Failed(..) => 0,
        };
        self.failures = match verdict {
            Verdict::Failed(..) => self.failures.saturating_add(1),
            Verdict::Wait(..) => self.failures,
            Verdict::Answered | Verdict::Refused(_) => 0,
        };
    }

    fn feed_after(&self, verdict: Verdict) -> Feed {
        match verdict {
            Verdict::Answered => Feed::Up,
            Verdict::Wait(trouble, _) | Verdict::Failed(trouble, _) => Feed::Down(trouble),
            Verdict::Refused(trouble) if self.worked && self.key_errors < KEY_ERRORS_MAX => {
                Feed::Down(trouble)
            }
            Verdict::Refused(trouble) => Feed::Refused(trouble),
        }
    }

    /// Full jitter: anything up to twice the interval, doubled by each further error.
    fn backoff_ns(&self, random: u64) -> i64 {
        let most_ns = nanos(BACKOFF_MAX).max(self.interval_ns);
        let doubled = 1_i64 << self.failures.min(DOUBLINGS_MAX);
        let ceiling_ns = self.interval_ns.saturating_mul(doubled).min(most_ns);
        let delay_ns = (u128::from(random) * u128::from(ceiling_ns.unsigned_abs())) >> 64;
        i64::try_from(delay_ns).unwrap_or(ceiling_ns)
    }
}

/// Nanoseconds; what is longer than 292 years is as long.
fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
