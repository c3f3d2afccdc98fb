//! Which scripts were played, and which of them are under way.

use std::{
    mem::discriminant,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    clock::nanos,
    script::{Refusal, Script},
};

/// By how much the venue's clock is off at first, and then the other way.
const SKEW_NS: i64 = 5_000_000_000;

/// A script that was played.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) script: Script,
    /// The instrument that it hits, where it hits one.
    pub(super) instrument: String,
    pub(super) from_ns: i64,
    pub(super) until_ns: i64,
    /// How often it was asked what comes next.
    turns: u64,
}

/// What a page of trades is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Right,
    /// It is not given: too many calls.
    Refused,
    /// It begins with trades that were not asked for.
    Overlapping,
    Empty,
}

/// All that were played, in order. Times are those of the venue's clock before any skew.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Played>>);

impl Faults {
    pub(super) fn play(&self, script: Script, instrument: String, now_ns: i64) {
        let until_ns = now_ns.saturating_add(nanos(script.lasts()));
        let played = Played { script, instrument, from_ns: now_ns, until_ns, turns: 0 };
        self.lock().push(played);
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Those played after the first so many.
    pub(super) fn after(&self, count: usize) -> Vec<Played> {
        self.lock()[count..].to_vec()
    }

    /// The latest under way for which `pick` answers.
    pub(super) fn find<T>(&self, now_ns: i64, pick: impl Fn(&Played) -> Option<T>) -> Option<T> {
        self.lock().iter().rev().filter(|played| played.is_under_way(now_ns)).find_map(pick)
    }

    /// Whether this script is under way, with whatever parameter.
    pub(super) fn has(&self, script: Script, now_ns: i64) -> bool {
        let kind = discriminant(&script);
        self.find(now_ns, |played| (discriminant(&played.script) == kind).then_some(())).is_some()
    }

    pub(super) fn is_quiet(&self, now_ns: i64) -> bool {
        !self.lock().iter().any(|played| played.is_under_way(now_ns))
    }

    /// How often this has been asked about this script before, while it is under way.
    pub(super) fn turn(&self, script: Script, now_ns: i64) -> Option<u64> {
        let mut all = self.lock();
        let mut under_way = all.iter_mut().rev().filter(|played| played.is_under_way(now_ns));
        let played = under_way.find(|played| played.script == script)?;
        played.turns += 1;
        Some(played.turns - 1)
    }

    /// What the page of trades that is asked for now is like.
    pub(super) fn page(&self, now_ns: i64) -> Page {
        match self.turn(Script::BadRepair, now_ns).map(|turn| turn % 4) {
            Some(0) => Page::Refused,
            Some(1) => Page::Overlapping,
            Some(2) => Page::Empty,
            _ => Page::Right,
        }
    }

    /// How sockets, or the calls of CoinGecko, are refused.
    pub(super) fn refusal(&self, now_ns: i64) -> Option<(Refusal, i64)> {
        self.find(now_ns, |played| match played.script {
            Script::Refuse(refusal) => Some((refusal, played.until_ns)),
            _ => None,
        })
    }

    /// The instrument that this script hits.
    pub(super) fn hit(&self, script: Script, now_ns: i64) -> Option<String> {
        self.find(now_ns, |played| (played.script == script).then(|| played.instrument.clone()))
    }

    /// By how much the venue's clock is off.
    pub(super) fn skew_ns(&self, now_ns: i64) -> i64 {
        let skew = self.find(now_ns, |played| {
            let is_first_half = now_ns - played.from_ns < played.until_ns - now_ns;
            let skew_ns = if is_first_half { SKEW_NS } else { -SKEW_NS };
            (played.script == Script::Skew).then_some(skew_ns)
        });
        skew.unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Played>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Played {
    fn is_under_way(&self, now_ns: i64) -> bool {
        (self.from_ns..self.until_ns).contains(&now_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: i64 = 1_000_000_000;

    #[test]
    fn a_script_is_under_way_until_it_is_over_and_its_turns_are_counted() {
        let faults = Faults::default();
        faults.play(Script::BadRepair, String::new(), 0);
        assert!(faults.has(Script::BadRepair, 0) && !faults.is_quiet(0));
        assert_eq!(faults.turn(Script::BadRepair, 1), Some(0));
        assert_eq!(faults.turn(Script::BadRepair, 1), Some(1));
        assert_eq!(faults.turn(Script::BadRepair, 60 * SECOND_NS), None);
        assert!(faults.is_quiet(60 * SECOND_NS));
    }

    #[test]
    fn the_clock_is_fast_and_then_slow() {
        let faults = Faults::default();
        faults.play(Script::Skew, String::new(), 0);
        let skews = [1, 29, 31, 59, 61].map(|second| faults.skew_ns(second * SECOND_NS));
        assert_eq!(skews, [SKEW_NS, SKEW_NS, -SKEW_NS, -SKEW_NS, 0]);
    }
}
