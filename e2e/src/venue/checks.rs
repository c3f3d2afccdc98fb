//! What a client must not do at a venue, and whether it did. Times are those of the venue's clock.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{VenueClock, VenueKind, clock::nanos};

/// Breaches that are kept; later ones are the same again.
const BREACHES_MAX: usize = 1_000;
/// What is on its way between a client and us takes at most so long, by the machine's clock.
const ON_THE_WAY: Duration = Duration::from_millis(100);
const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;
/// How long who ignores a refusal is banned.
const BAN_SECONDS: u64 = 120;

/// The two ways in: calls, and connections of sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Rest,
    Socket,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is answered. So much weight is used in this minute.
    Served(u64),
    /// It is refused, perhaps for so many seconds.
    TooMany(Option<u64>),
    /// It is refused for so many seconds, because a refusal was ignored.
    Banned(u64),
}

/// How much a venue stands.
struct Limits {
    /// One call in so many nanoseconds, and so many at once.
    calls: Option<(i64, i64)>,
    weight_per_minute: u64,
    /// So many connections in so many nanoseconds.
    attempts: Option<(usize, i64)>,
    messages_per_second: Option<usize>,
}

/// A refusal with a time to wait.
#[derive(Clone, Copy, Default)]
struct Wait {
    from_ns: i64,
    until_ns: i64,
}

#[derive(Default)]
struct Seen {
    breaches: Vec<String>,
    calls: BTreeMap<String, u64>,
    sockets: u64,
    attempts: VecDeque<i64>,
    messages: VecDeque<i64>,
    minute: i64,
    weight: u64,
    /// When the next call would be in order if none may come at once.
    next_call_ns: i64,
    waits: [Wait; 2],
}

/// Everything that is counted and checked at one venue.
pub(super) struct Checks {
    kind: VenueKind,
    limits: Limits,
    /// What is on its way between a client and us takes at most so long.
    pub(super) grace_ns: i64,
    seen: Mutex<Seen>,
}

impl Checks {
    pub(super) fn new(kind: VenueKind, clock: VenueClock, has_key: bool) -> Self {
        let limits = limits(kind, has_key);
        let grace_ns = nanos(clock.shown(ON_THE_WAY));
        Self { kind, limits, grace_ns, seen: Mutex::default() }
    }

    pub(super) fn breach(&self, sentence: String) {
        self.lock().breach(sentence);
    }

    pub(super) fn breaches(&self) -> Vec<String> {
        self.lock().breaches.clone()
    }

    pub(super) fn calls(&self) -> BTreeMap<String, u64> {
        self.lock().calls.clone()
    }

    pub(super) fn sockets(&self) -> u64 {
        self.lock().sockets
    }

    /// One more socket, and its number.
    pub(super) fn count_socket(&self) -> u64 {
        let mut seen = self.lock();
        seen.sockets += 1;
        seen.sockets
    }

    /// A call of this path, and what becomes of it.
    pub(super) fn call(&self, path: &str, weight: u64, now_ns: i64) -> Verdict {
        let mut seen = self.lock();
        *seen.calls.entry(path.to_owned()).or_default() += 1;
        if seen.ignores(Door::Rest, self.grace_ns, now_ns) {
            seen.breach(format!("{path} was called while told to wait"));
            if self.kind == VenueKind::Binance {
                return Verdict::Banned(BAN_SECONDS);
            }
        }
        if seen.weigh(weight, now_ns) > self.limits.weight_per_minute {
            let used = seen.weight;
            seen.breach(format!("weight {used} was used in a minute, by {path} in the end"));
            let left_ns = MINUTE_NS - now_ns.rem_euclid(MINUTE_NS);
            return Verdict::TooMany(u64::try_from(left_ns / SECOND_NS + 1).ok());
        }
        if let Some((gap_ns, burst)) = self.limits.calls {
            let next_ns = seen.next_call_ns.max(now_ns);
            if next_ns - now_ns > (burst - 1) * gap_ns + self.grace_ns {
                seen.breach(format!("{path} was called sooner than one call in {gap_ns} ns"));
                return Verdict::TooMany((self.kind == VenueKind::CoinGecko).then_some(60));
            }
            seen.next_call_ns = next_ns + gap_ns;
        }
        Verdict::Served(seen.weight)
    }

    /// The client is told not to come for so many seconds.
    pub(super) fn tell_to_wait(&self, door: Door, seconds: u64, now_ns: i64) {
        let seconds = i64::try_from(seconds).unwrap_or(0);
        let until_ns = now_ns.saturating_add(seconds.saturating_mul(SECOND_NS));
        let wait = &mut self.lock().waits[door as usize];
        if now_ns >= wait.until_ns {
            wait.from_ns = now_ns;
        }
        wait.until_ns = wait.until_ns.max(until_ns);
    }

    /// Who comes from now on cannot know what was told before, nor what was used.
    pub(super) fn forget_client(&self) {
        let mut seen = self.lock();
        seen.waits = Default::default();
        seen.next_call_ns = 0;
        seen.messages.clear();
    }

    /// Somebody wants a socket; whether that is one too many.
    pub(super) fn attempt(&self, now_ns: i64) -> bool {
        let mut seen = self.lock();
        if seen.ignores(Door::Socket, self.grace_ns, now_ns) {
            seen.breach("a socket was opened while told to wait".to_owned());
        }
        let Some((most, span_ns)) = self.limits.attempts else { return false };
        let count = hit(&mut seen.attempts, span_ns, now_ns);
        if count > most {
            seen.breach(format!("{count} sockets were opened in {} s", span_ns / SECOND_NS));
        }
        count > most
    }

    /// A message of a client; whether it is one too many. Binance counts those of a connection,
    /// which are in `own`, Coinbase all of them.
    pub(super) fn message(&self, own: &mut VecDeque<i64>, now_ns: i64) -> bool {
        let Some(most) = self.limits.messages_per_second else { return false };
        let mut seen = self.lock();
        let all = if self.kind == VenueKind::Binance { own } else { &mut seen.messages };
        let count = hit(all, SECOND_NS, now_ns);
        // As many more as may have been on their way and come at once.
        let late = i64::try_from(most).unwrap_or(0).saturating_mul(self.grace_ns) / SECOND_NS;
        let is_too_many = count > most + usize::try_from(late).unwrap_or(0);
        if is_too_many {
            seen.breach(format!("{count} messages came within a second"));
        }
        is_too_many
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn breach(&mut self, sentence: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push(sentence);
        }
    }

    /// Whether the client was told to wait, can know it, and comes nevertheless.
    fn ignores(&self, door: Door, grace_ns: i64, now_ns: i64) -> bool {
        let wait = self.waits[door as usize];
        now_ns >= wait.from_ns.saturating_add(grace_ns) && now_ns < wait.until_ns
    }

    /// The weight that is used in this minute, this call included.
    fn weigh(&mut self, weight: u64, now_ns: i64) -> u64 {
        let minute = now_ns.div_euclid(MINUTE_NS);
        if minute > self.minute {
            (self.minute, self.weight) = (minute, 0);
        }
        self.weight += weight;
        self.weight
    }
}

const fn limits(kind: VenueKind, has_key: bool) -> Limits {
    let none = Limits {
        calls: None,
        weight_per_minute: u64::MAX,
        attempts: None,
        messages_per_second: None,
    };
    match kind {
        VenueKind::Binance => Limits {
            weight_per_minute: 6_000,
            attempts: Some((300, 5 * MINUTE_NS)),
            messages_per_second: Some(5),
            ..none
        },
        VenueKind::Coinbase => {
            Limits { calls: Some((SECOND_NS / 8, 20)), messages_per_second: Some(100), ..none }
        }
        VenueKind::Kraken => {
            Limits { calls: Some((SECOND_NS, 5)), attempts: Some((150, 10 * MINUTE_NS)), ..none }
        }
        VenueKind::CoinGecko if has_key => Limits { calls: Some((MINUTE_NS / 100, 100)), ..none },
        VenueKind::CoinGecko => Limits { calls: Some((MINUTE_NS / 10, 10)), ..none },
    }
}

/// Remembers now, and counts what is not older than the span.
fn hit(times: &mut VecDeque<i64>, span_ns: i64, now_ns: i64) -> usize {
    while times.front().is_some_and(|time| now_ns - time >= span_ns) {
        times.pop_front();
    }
    times.push_back(now_ns);
    times.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(kind: VenueKind) -> Checks {
        let clock = VenueClock { origin_ns: 0, shown_ns: 0, factor: 0.001 };
        Checks::new(kind, clock, false)
    }

    #[test]
    fn weight_beyond_the_minutes_budget_is_refused_and_then_banned() {
        let checks = checks(VenueKind::Binance);
        for call in 1..=300 {
            assert_eq!(checks.call("/a", 20, 0), Verdict::Served(call * 20));
        }
        assert_eq!(checks.call("/a", 20, 0), Verdict::TooMany(Some(61)));
        checks.tell_to_wait(Door::Rest, 61, 0);
        assert_eq!(checks.call("/a", 4, 30 * SECOND_NS), Verdict::Banned(BAN_SECONDS));
        assert_eq!(checks.call("/a", 4, 61 * SECOND_NS), Verdict::Served(4));
        assert_eq!(checks.breaches().len(), 2);
        assert_eq!(checks.calls()["/a"], 303);
    }

    #[test]
    fn calls_may_come_at_once_and_then_at_their_pace() {
        for (kind, burst, gap_ns) in
            [(VenueKind::Coinbase, 20, SECOND_NS / 8), (VenueKind::Kraken, 5, SECOND_NS)]
        {
            let checks = checks(kind);
            assert!((0..burst).all(|_| checks.call("/a", 0, 0) == Verdict::Served(0)));
            // What is on its way counts as one call more.
            while checks.call("/a", 0, 0) == Verdict::Served(0) {}
            assert!(checks.calls()["/a"] <= burst + 2);
            for n in 1..100 {
                assert_eq!(checks.call("/a", 0, n * gap_ns), Verdict::Served(0), "{kind:?}");
            }
            assert_eq!(checks.breaches().len(), 1);
        }
    }

    #[test]
    fn messages_and_connections_are_counted_in_a_span() {
        let checks = checks(VenueKind::Binance);
        let mut own = VecDeque::new();
        assert!((0..5).all(|_| !checks.message(&mut own, 0)));
        assert!(!checks.message(&mut own, SECOND_NS));
        assert!((0..4).all(|_| !checks.message(&mut own, SECOND_NS)));
        assert!(checks.message(&mut own, SECOND_NS));
        assert!((0..300).all(|_| !checks.attempt(0)));
        assert!(checks.attempt(299 * SECOND_NS));
        assert!(!checks.attempt(300 * SECOND_NS + 1));
        assert_eq!(checks.breaches().len(), 2);
    }
}
