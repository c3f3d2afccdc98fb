//! Which trades wait, and which go out.

use market::publication::FeedState;
use market::tick::MarkKind;

use super::super::ask::Goal;
use super::repair::Jumps;
use super::{HELD_MAX, HISTORY_NS_MAX, HOLE_NS_MAX, HeldBytes, Hole, Sequencer};
use crate::source::tape::start;
use crate::source::{Event, SourceTrade};

/// No venue trades so often that ids of a feed without holes are so far ahead: such an id is wrong.
const AHEAD_MAX: u64 = 10_000_000;

impl Sequencer {
    /// The socket brought a trade; whether its id can be.
    pub(in super::super) fn trade(
        &mut self,
        trade: SourceTrade,
        now_ns: i64,
        out: &mut Vec<Event>,
    ) -> bool {
        let Some(id) = trade.trade_id.filter(|id| self.can_be(*id)) else { return false };
        self.name(id);
        if self.goal.is_some() || id > self.next_id {
            self.quiet.heard(now_ns);
            self.hold(id, trade);
            self.note_hole(now_ns);
            return true;
        }
        if id < self.next_id {
            // What is repeated, or numbered anew, is no sign that new trades come.
            self.counts.duplicates += 1;
        } else {
            self.quiet.heard(now_ns);
            self.emit(trade, out);
            self.flush(out);
        }
        self.settle(now_ns, out);
        true
    }

    /// The venue says that this id exists; whether it can.
    pub(in super::super) fn newest(&mut self, id: u64, now_ns: i64, out: &mut Vec<Event>) -> bool {
        if !self.can_be(id) {
            return false;
        }
        if id.saturating_add(1) >= self.next_id {
            self.quiet.heard_ns = Some(now_ns);
        }
        self.name(id);
        self.settle(now_ns, out);
        true
    }

    const fn can_be(&self, id: u64) -> bool {
        !self.joined || id <= self.next_id.saturating_add(AHEAD_MAX)
    }

    /// The connection brought or named this id.
    fn name(&mut self, id: u64) {
        self.known_to = self.known_to.max(id);
        if let Some(up) = &mut self.up {
            up.newest_id = up.newest_id.max(Some(id));
        }
    }

    pub(super) fn hold(&mut self, id: u64, trade: SourceTrade) {
        let bytes = HeldBytes::of(&trade);
        if self.held.contains_key(&id) {
            self.counts.duplicates += 1;
            return;
        }
        let newest = self.held.last_key_value().is_none_or(|(last, _)| id > *last);
        let full = self.held.len() >= HELD_MAX || !self.options.held_bytes.has_room(bytes);
        if full && newest && !self.held.is_empty() {
            return;
        }
        if full && let Some((_, dropped)) = self.held.pop_last() {
            self.options.held_bytes.give(HeldBytes::of(&dropped));
        }
        self.options.held_bytes.take(bytes);
        self.held.insert(id, trade);
    }

    /// Opens the hole before what is known, where there is one.
    pub(super) fn note_hole(&mut self, now_ns: i64) {
        if self.goal.is_none() && self.is_missing() && self.hole.is_none() {
            let most_ns = if self.history { HISTORY_NS_MAX } else { HOLE_NS_MAX };
            let until_ns = now_ns.saturating_add(most_ns);
            self.hole = Some(Hole { since_ns: now_ns, until_ns, counted: false });
        }
    }

    /// Emits what is held and joins up.
    pub(super) fn flush(&mut self, out: &mut Vec<Event>) {
        while let Some(entry) = self.held.first_entry()
            && *entry.key() <= self.next_id
        {
            let trade = entry.remove();
            self.options.held_bytes.give(HeldBytes::of(&trade));
            if trade.trade_id == Some(self.next_id) {
                self.emit(trade, out);
            }
        }
    }

    pub(super) fn emit(&mut self, trade: SourceTrade, out: &mut Vec<Event>) {
        if !trade.future {
            self.last_ns = self.last_ns.max(trade.event_time_ns);
        }
        self.next_id = self.next_id.saturating_add(1);
        self.jumps = Jumps::default();
        self.counts.ticks += 1;
        self.counts.repaired += u64::from(trade.recovered && !self.history);
        out.push(Event::Trade(trade));
    }

    /// Looks whether the hole is closed, and says how the feed is.
    pub(super) fn settle(&mut self, now_ns: i64, out: &mut Vec<Event>) {
        if self.goal.is_some() {
            return;
        }
        let newest_id = self.up.and_then(|up| up.newest_id);
        self.joined |= newest_id.is_some_and(|id| id < self.next_id);
        if !self.is_missing() {
            self.hole = None;
            if self.joined {
                self.history = false;
                self.failures = 0;
            }
        }
        self.note_hole(now_ns);
        if self.joined && !self.is_missing() {
            match self.halted.clone() {
                Some(reason) => self.say(FeedState::Halted, &reason, now_ns, out),
                None => self.say(FeedState::Up, "", now_ns, out),
            }
        }
    }

    /// The venue does not trade, for this reason, or does again.
    pub(in super::super) fn halt(
        &mut self,
        reason: Option<&str>,
        now_ns: i64,
        out: &mut Vec<Event>,
    ) {
        self.halted = reason.map(str::to_owned);
        self.settle(now_ns, out);
    }

    /// Begins the series: every trade from `from_ns` on has an id of at least `next_id`.
    pub(super) fn begin(&mut self, next_id: u64, from_ns: i64, now_ns: i64, out: &mut Vec<Event>) {
        self.history = matches!(self.goal, Some(Goal::Since { .. }));
        self.goal = None;
        self.next_id = next_id;
        self.last_ns = from_ns.saturating_sub(self.options.unit_ns);
        let mark = start(&self.options.listing, from_ns, next_id);
        out.push(Event::Mark(MarkKind::Start(mark)));
        self.said.begin(now_ns, from_ns);
        self.flush(out);
        self.settle(now_ns, out);
    }
}
