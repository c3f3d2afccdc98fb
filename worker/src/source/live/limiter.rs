//! How often a host may be asked, shared by every task of the process. The buckets are pure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::source::clock::SourceClock;

/// The longest wait before looking again whether there is room.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// A budget that fills up as time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::source) struct Budget {
    /// How much may be spent at once.
    pub burst: f64,
    /// How much comes back in a second.
    pub per_second: f64,
}

impl Budget {
    /// The part of one of `producers` that share it.
    fn shared(self, producers: u32) -> Self {
        let producers = f64::from(producers.max(1));
        Self { burst: (self.burst / producers).max(1.0), per_second: self.per_second / producers }
    }
}

/// What a venue allows one address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::source) struct HostLimits {
    /// REST, in the venue's weight.
    pub rest: Budget,
    /// Connection attempts.
    pub connections: Budget,
}

impl HostLimits {
    /// For a host without sockets.
    pub(in crate::source) const fn of(burst: f64, per_second: f64) -> Self {
        let rest = Budget { burst, per_second };
        Self { rest, connections: rest }
    }
}

/// What is left of a budget.
#[derive(Debug)]
struct Bucket {
    budget: Budget,
    left: f64,
    at_ns: i64,
}

impl Bucket {
    fn new(budget: Budget) -> Self {
        Self { budget, left: budget.burst, at_ns: i64::MIN }
    }

    fn fill(&mut self, now_ns: i64) {
        if self.at_ns > i64::MIN {
            let passed =
                Duration::from_nanos(now_ns.saturating_sub(self.at_ns).max(0).unsigned_abs());
            self.left += passed.as_secs_f64() * self.budget.per_second;
        }
        self.left = self.left.min(self.budget.burst);
        // A clock that was set back goes on from there.
        self.at_ns = now_ns;
    }

    /// Takes `cost` so that at least `spare` stays, or says how long that will not be so.
    fn take(&mut self, cost: f64, spare: f64, now_ns: i64) -> Result<(), Duration> {
        self.fill(now_ns);
        let cost = cost.min(self.budget.burst);
        let needed = (cost + spare).min(self.budget.burst);
        if self.left >= needed {
            self.left -= cost;
            return Ok(());
        }
        let wait = (needed - self.left) / self.budget.per_second.max(f64::MIN_POSITIVE);
        Err(Duration::try_from_secs_f64(wait).unwrap_or(LOOK_MAX))
    }
}

#[derive(Debug)]
struct Spent {
    rest: Bucket,
    connections: Bucket,
    blocked_until_ns: i64,
}

/// One host.
#[derive(Debug)]
pub(in crate::source) struct Host {
    spent: Mutex<Spent>,
    clock: SourceClock,
    /// Producers that share what the venue allows.
    producers: u32,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Need {
    /// A connection attempt.
    Connection,
    /// A call of REST of this weight.
    Call(u32),
    /// As `Call`, only while half of what may be spent at once is left: it may wait for others.
    PatientCall(u32),
}

impl Host {
    fn new(limits: HostLimits, clock: SourceClock, producers: u32) -> Self {
        let spent = Spent {
            rest: Bucket::new(limits.rest.shared(producers)),
            connections: Bucket::new(limits.connections.shared(producers)),
            blocked_until_ns: i64::MIN,
        };
        Self { spent: Mutex::new(spent), clock, producers }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_take(&self, need: Need, now_ns: i64) -> Result<(), Duration> {
        let mut spent = self.locked();
        if now_ns < spent.blocked_until_ns {
            let left_ns = spent.blocked_until_ns.saturating_sub(now_ns);
            return Err(Duration::from_nanos(left_ns.unsigned_abs()));
        }
        match need {
            Need::Connection => spent.connections.take(1.0, 0.0, now_ns),
            Need::Call(weight) => spent.rest.take(f64::from(weight), 0.0, now_ns),
            Need::PatientCall(weight) => {
                let spare = spent.rest.budget.burst / 2.0;
                spent.rest.take(f64::from(weight), spare, now_ns)
            }
        }
    }

    /// Waits until there is room, and takes it.
    pub(in crate::source) async fn take(&self, need: Need) {
        while let Err(wait) = self.try_take(need, self.clock.now_ns()) {
            self.clock.sleep(wait.clamp(Duration::from_millis(10), LOOK_MAX)).await;
        }
    }

    /// The venue does not want to be asked for so long.
    pub(super) fn block(&self, wait: Duration) {
        let wait_ns = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
        let until_ns = self.clock.now_ns().saturating_add(wait_ns);
        let mut spent = self.locked();
        spent.blocked_until_ns = spent.blocked_until_ns.max(until_ns);
    }

    /// The venue counts what was used: where that is more than we know of, somebody else at this
    /// address asks as well.
    pub(super) fn used(&self, used: f64, allowed: f64) {
        let share = 1.0 / f64::from(self.producers.max(1));
        let mut spent = self.locked();
        let left = (allowed - used).max(0.0) * share;
        spent.rest.left = spent.rest.left.min(left);
    }

    /// What of the REST budget is left, from 0 to 1.
    pub(in crate::source) fn left(&self) -> f64 {
        let mut spent = self.locked();
        spent.rest.fill(self.clock.now_ns());
        spent.rest.left / spent.rest.budget.burst
    }
}

/// All hosts that this process talks to.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Hosts(Arc<Mutex<HashMap<String, Arc<Host>>>>);

impl Hosts {
    /// The host of this name; the first who asks says what it allows.
    pub(in crate::source) fn host(
        &self,
        name: &str,
        limits: HostLimits,
        (clock, producers): (&SourceClock, u32),
    ) -> Arc<Host> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Host::new(limits, clock.clone(), producers));
        Arc::clone(hosts.entry(name.to_owned()).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn bucket(burst: f64, per_second: f64) -> Bucket {
        Bucket::new(Budget { burst, per_second })
    }

    #[test]
    fn a_budget_is_spent_at_once_and_comes_back_with_time() {
        let mut bucket = bucket(4.0, 2.0);
        for _ in 0..4 {
            assert_eq!(bucket.take(1.0, 0.0, 0), Ok(()));
        }
        assert_eq!(bucket.take(1.0, 0.0, 0), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(1.0, 0.0, SECOND / 2), Ok(()));
        assert_eq!(bucket.take(4.0, 0.0, 100 * SECOND), Ok(()));
        assert!(bucket.take(1.0, 0.0, 100 * SECOND).is_err());
    }

    #[test]
    fn who_is_patient_leaves_half_for_others() {
        let mut bucket = bucket(10.0, 1.0);
        for _ in 0..5 {
            assert_eq!(bucket.take(1.0, 5.0, 0), Ok(()));
        }
        assert!(bucket.take(1.0, 5.0, 0).is_err());
        assert_eq!(bucket.take(1.0, 0.0, 0), Ok(()));
    }

    #[test]
    fn a_call_that_costs_more_than_fits_waits_for_a_full_budget() {
        let mut bucket = bucket(2.0, 1.0);
        assert_eq!(bucket.take(20.0, 0.0, 0), Ok(()));
        assert!(bucket.take(20.0, 0.0, SECOND).is_err());
        assert_eq!(bucket.take(20.0, 0.0, 2 * SECOND), Ok(()));
    }

    #[test]
    fn whoever_has_blocked_a_host_has_blocked_it_for_all() {
        let clock = SourceClock::wall_clock(Arc::new(|| 0));
        let budget = Budget { burst: 1.0, per_second: 1.0 };
        let limits = HostLimits { rest: budget, connections: budget };
        let hosts = Hosts::default();
        let one = hosts.host("api", limits, (&clock, 1));
        let other = hosts.host("api", limits, (&clock, 1));
        one.block(Duration::from_secs(120));
        assert_eq!(other.try_take(Need::Connection, 0), Err(Duration::from_secs(120)));
        assert_eq!(other.try_take(Need::Connection, 121 * SECOND), Ok(()));
    }
}
