//! The trades of one instrument, in id order and without holes. Pure: time is an argument.
//!
//! ```text
//! socket ─▶ trade ──┐             ┌─▶ events, in order
//! REST   ─▶ answer ─┼─▶ Sequencer ┤
//! time   ─▶ turn ───┘             └─▶ what to ask of REST
//! ```
//!
//! Trades beyond a hole are held back until the missing ids are there. What it has emitted ends at
//! [`Sequencer::next_id`]; whether nothing before that is missing is known as `joined`, and only
//! then does it vouch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use market::publication::FeedState;

use super::ask::{Ask, Goal, Near};
use super::held::HeldBytes;
use crate::source::{Event, Listing, SourceTrade};

/// Which trades wait, and which go out.
mod order;
/// How long an instrument is usually quiet.
mod quiet;
/// What an answer of the REST side means.
mod repair;
/// What it says of itself: `live`, `state`, `start`.
mod said;

/// Trades of a series that are held back; the newest beyond are dropped, for they have ids too.
const HELD_MAX: usize = 20_000;
/// Trades may overtake each other by so much before a missing id is asked for.
const REORDER_NS: i64 = 500 * NANOS_PER_MILLI;
/// After a subscription is confirmed, for how long REST may not know what the socket did not send.
const SETTLE_NS: i64 = NANOS_PER_SECOND;
/// How long a hole may be asked for before its ids count as lost.
const HOLE_NS_MAX: i64 = 600 * NANOS_PER_SECOND;
/// As [`HOLE_NS_MAX`], for the trades since midnight.
const HISTORY_NS_MAX: i64 = 900 * NANOS_PER_SECOND;
/// How long to wait for the newest trade by REST, when a live one could begin the series.
const BEGIN_NS_MAX: i64 = 10 * NANOS_PER_SECOND;

const NANOS_PER_MILLI: i64 = 1_000_000;
pub(super) const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// How a sequencer is told to be.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Whose trades.
    pub listing: Listing,
    /// The time resolution of the venue, in nanoseconds.
    pub unit_ns: i64,
    /// Where the series begins, or goes on.
    pub goal: Goal,
    /// After how long without a feed it is called stale.
    pub stale_after: Duration,
    /// Bytes that all sequencers of the process hold back together.
    pub held_bytes: Arc<HeldBytes>,
    /// Makes the waits of this series its own.
    pub seed: u64,
}

/// What a sequencer has seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Trades that were emitted.
    pub ticks: u64,
    /// Trades that were emitted or held already.
    pub duplicates: u64,
    /// Holes that were found.
    pub gaps: u64,
    /// Ids that REST gave.
    pub repaired: u64,
    /// Ids that nobody gave.
    pub lost: u64,
}

/// A connection that carries the series.
#[derive(Debug, Clone, Copy)]
struct Up {
    since_ns: i64,
    /// The highest id that it brought or named: it brings all that follow.
    newest_id: Option<u64>,
}

/// A hole that is being repaired.
#[derive(Debug, Clone, Copy)]
struct Hole {
    since_ns: i64,
    until_ns: i64,
    /// Whether REST was asked for it: then it counts.
    counted: bool,
}

/// One question to the REST side.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at_ns: i64,
    /// Whether it is only to look whether the socket is silent.
    probe: bool,
}

/// The trades of one instrument.
pub(super) struct Sequencer {
    options: Options,
    goal: Option<Goal>,
    next_id: u64,
    /// Event time of the trade before `next_id`, or where coverage begins.
    last_ns: i64,
    /// The highest id that is known to exist.
    known_to: u64,
    held: BTreeMap<u64, SourceTrade>,
    up: Option<Up>,
    joined: bool,
    /// Why the venue does not trade.
    halted: Option<String>,
    hole: Option<Hole>,
    /// Whether it catches up with the trades since midnight.
    history: bool,
    asked: Option<Asked>,
    ask_after_ns: i64,
    failures: u32,
    jumps: repair::Jumps,
    quiet: quiet::Quiet,
    said: said::Said,
    pub(super) counts: Counts,
}

impl Sequencer {
    /// One that has seen nothing.
    pub(super) fn new(options: Options) -> Self {
        let goal = Some(options.goal);
        Self {
            options,
            goal,
            next_id: 0,
            last_ns: i64::MIN,
            known_to: 0,
            held: BTreeMap::new(),
            up: None,
            joined: false,
            halted: None,
            hole: None,
            history: false,
            asked: None,
            ask_after_ns: i64::MIN,
            failures: 0,
            jumps: repair::Jumps::default(),
            quiet: quiet::Quiet::default(),
            said: said::Said::default(),
            counts: Counts::default(),
        }
    }

    /// A connection carries the series from now on.
    pub(super) fn connect(&mut self, now_ns: i64) {
        self.up.get_or_insert(Up { since_ns: now_ns, newest_id: None });
        self.quiet.heard_ns = Some(now_ns);
        self.quiet.silent = 0;
        self.ask_after_ns = self.ask_after_ns.min(now_ns);
        // Only time in which it can be asked for counts.
        if let Some(hole) = &mut self.hole {
            hole.until_ns = now_ns.saturating_add(hole.until_ns.saturating_sub(hole.since_ns));
            hole.since_ns = now_ns;
        }
    }

    /// No connection carries the series any more.
    pub(super) fn disconnect(&mut self, reason: &str, now_ns: i64, out: &mut Vec<Event>) {
        self.up = None;
        self.joined = false;
        self.say(FeedState::Down, reason, now_ns, out);
    }

    /// What to ask of the REST side now; it has to be answered before the next question.
    pub(super) fn ask(&mut self, now_ns: i64) -> Option<Ask> {
        if self.asked.is_some() || now_ns < self.ask_after_ns {
            return None;
        }
        let (ask, probe) = match self.goal {
            Some(goal) => (self.first_ask(goal)?, false),
            None => (Ask::From { id: self.next_id.saturating_sub(1), near: self.near() }, {
                let up = self.up?;
                let missing = self.is_missing();
                let settled = now_ns >= up.since_ns.saturating_add(SETTLE_NS);
                let patient = self
                    .hole
                    .is_some_and(|hole| now_ns >= hole.since_ns.saturating_add(REORDER_NS));
                match self.joined {
                    false if missing || settled => false,
                    true if missing && patient => false,
                    true if !missing && self.quiet.is_long(now_ns) => true,
                    true | false => return None,
                }
            }),
        };
        if let Some(hole) = &mut self.hole
            && !hole.counted
        {
            hole.counted = true;
            self.counts.gaps += u64::from(!self.history);
        }
        self.asked = Some(Asked { at_ns: now_ns, probe });
        Some(ask)
    }

    /// Whether what it asks may wait for the repair of others.
    pub(super) fn is_patient(&self) -> bool {
        let looks = self.joined && !self.is_missing();
        looks || self.history || matches!(self.goal, Some(Goal::Since { .. }))
    }

    fn first_ask(&self, goal: Goal) -> Option<Ask> {
        match goal {
            Goal::Newest => self.up.map(|_| Ask::Newest),
            Goal::Since { ns } => Some(Ask::LastBefore { ns }),
            Goal::Resume { next_id, near } => {
                Some(Ask::From { id: next_id.saturating_sub(1), near })
            }
        }
    }

    fn near(&self) -> Option<Near> {
        let id = self.next_id.checked_sub(1)?;
        (self.last_ns > i64::MIN).then_some(Near { id, ns: self.last_ns })
    }

    /// Whether ids are known that were not emitted.
    fn is_missing(&self) -> bool {
        self.known_to >= self.next_id
    }

    /// Time passes: limits, and what is due to be said. `vouched_ns` is up to where the connection
    /// would have brought every trade; `None` while nothing is known of that.
    pub(super) fn turn(&mut self, now_ns: i64, vouched_ns: Option<i64>, out: &mut Vec<Event>) {
        self.begin_late(now_ns, out);
        if self.up.is_some() && self.hole.is_some_and(|hole| now_ns >= hole.until_ns) {
            self.lose_first(now_ns, "the venue did not give these trades in time", out);
        }
        if self.goal.is_none() && self.is_missing() && self.up.is_some() {
            let waited = self.hole.is_none_or(|hole| now_ns >= hole.since_ns + SETTLE_NS);
            if waited {
                self.say(FeedState::Repairing, "fetching trades that did not come", now_ns, out);
            }
        }
        self.speak(now_ns, vouched_ns, out);
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        for trade in self.held.values() {
            self.options.held_bytes.give(HeldBytes::of(trade));
        }
    }
}

#[cfg(test)]
mod tests;
