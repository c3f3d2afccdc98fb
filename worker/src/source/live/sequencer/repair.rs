use market::publication::FeedState;
use market::tick::MarkKind;

use super::super::ask::{Answer, Goal, Row, Unanswered};
use super::{
    BEGIN_NS_MAX, HISTORY_NS_MAX, HOLE_NS_MAX, NANOS_PER_SECOND, SETTLE_NS, Sequencer, Up,
};
use crate::source::Event;
use crate::source::dice::below;

/// The longest wait before a question is asked again.
const AGAIN_NS_MAX: u64 = 30_000_000_000;
/// The first such wait.
const AGAIN_NS: u64 = 1_000_000_000;
/// How often the venue has to leave out the same ids before they are lost …
const JUMPS_MAX: u32 = 3;
/// … and for how long at least.
const JUMPS_NS: i64 = 30 * NANOS_PER_SECOND;
/// A socket that did not bring a trade of so long ago is silent.
const SILENT_NS: i64 = 5 * NANOS_PER_SECOND;
/// So many looks in a row have to find it silent.
const SILENT_LOOKS: u32 = 2;

/// Answers in a row that leave out the ids that were asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Jumps {
    count: u32,
    since_ns: Option<i64>,
}

impl Jumps {
    /// One more; whether that is enough to believe it.
    fn is_enough(&mut self, now_ns: i64) -> bool {
        self.count = self.count.saturating_add(1);
        let since_ns = *self.since_ns.get_or_insert(now_ns);
        self.count >= JUMPS_MAX && now_ns >= since_ns.saturating_add(JUMPS_NS)
    }
}

impl Sequencer {
    /// The answer to the last question.
    pub(in super::super) fn answer(
        &mut self,
        answer: Result<Answer, Unanswered>,
        now_ns: i64,
        out: &mut Vec<Event>,
    ) {
        let Some(asked) = self.asked.take() else { return };
        let answer = match answer {
            Ok(answer) => answer,
            Err(unanswered) => {
                let refused = matches!(unanswered, Unanswered::Refused { .. });
                self.retry(now_ns);
                if refused {
                    self.refuse(now_ns, &unanswered.to_string(), out);
                }
                return;
            }
        };
        if let Some(goal) = self.goal
            && !self.reach(goal, &answer, now_ns, out)
        {
            self.retry(now_ns);
            return;
        }
        let before = self.next_id;
        let verified = answer
            .rows
            .iter()
            .any(|row| row.id().saturating_add(1) >= before && row.id() <= before);
        self.watch_silence(asked.probe, asked.at_ns, &answer);
        let ends = answer.ends;
        self.take_rows(answer, now_ns, out);
        // REST may be behind the socket, but not for longer than it takes to settle.
        let settled = |up: Up| asked.at_ns >= up.since_ns.saturating_add(SETTLE_NS);
        if verified && ends && self.up.is_some_and(settled) && !self.is_missing() {
            self.joined = true;
        }
        if asked.probe && verified {
            self.quiet.heard_ns = Some(now_ns);
        }
        if self.next_id > before || (verified && !self.is_missing()) {
            self.failures = 0;
            self.ask_after_ns = now_ns;
        } else {
            self.retry(now_ns);
        }
        self.settle(now_ns, out);
    }

    /// Whether the socket has been silent although there were trades, at several looks in a row.
    pub(in super::super) const fn is_deaf(&self) -> bool {
        self.quiet.silent >= SILENT_LOOKS
    }

    fn watch_silence(&mut self, probe: bool, asked_ns: i64, answer: &Answer) {
        let missed = |row: &Row| match row {
            Row::Trade(trade) => {
                row.id() >= self.next_id && trade.event_time_ns < asked_ns.saturating_sub(SILENT_NS)
            }
            Row::Void(_) => false,
        };
        if probe && answer.rows.iter().any(missed) {
            self.quiet.silent += 1;
        }
    }

    /// Begins where the goal says, if the answer tells.
    fn reach(&mut self, goal: Goal, answer: &Answer, now_ns: i64, out: &mut Vec<Event>) -> bool {
        let mut trades = answer.rows.iter().filter_map(|row| match row {
            Row::Trade(trade) => Some(trade),
            Row::Void(_) => None,
        });
        let unit_ns = self.options.unit_ns;
        match goal {
            Goal::Newest => {
                let Some(newest) = trades.next_back() else { return false };
                let next_id = newest.trade_id.unwrap_or(0).saturating_add(1);
                self.begin(next_id, newest.event_time_ns.saturating_add(unit_ns), now_ns, out);
            }
            Goal::Since { ns } => {
                let Some(first) = trades.next() else { return false };
                self.begin(first.trade_id.unwrap_or(0), ns, now_ns, out);
                self.known_to = self.known_to.max(first.trade_id.unwrap_or(0));
            }
            Goal::Resume { next_id, .. } => {
                let before = trades.find(|trade| trade.trade_id == next_id.checked_sub(1));
                let Some(before) = before else { return false };
                self.begin(next_id, before.event_time_ns.saturating_add(unit_ns), now_ns, out);
            }
        }
        true
    }

    /// Without the answer that tells where to begin, the first live trade does.
    pub(super) fn begin_late(&mut self, now_ns: i64, out: &mut Vec<Event>) {
        if let Some(Goal::Resume { next_id, near: Some(near) }) = self.goal {
            let from_ns = near.ns.saturating_add(self.options.unit_ns);
            return self.begin(next_id, from_ns, now_ns, out);
        }
        let (Some(goal), Some(up)) = (self.goal, self.up) else { return };
        let most_ns = match goal {
            Goal::Newest => BEGIN_NS_MAX,
            Goal::Since { .. } => HISTORY_NS_MAX,
            Goal::Resume { .. } => HOLE_NS_MAX,
        };
        if now_ns >= up.since_ns.saturating_add(most_ns) {
            self.begin_with_held(now_ns, out);
        }
    }

    fn begin_with_held(&mut self, now_ns: i64, out: &mut Vec<Event>) {
        let Some((id, trade)) = self.held.first_key_value() else { return };
        let (id, from_ns) = (*id, trade.event_time_ns.saturating_add(self.options.unit_ns));
        self.goal = Some(Goal::Newest);
        self.begin(id, from_ns, now_ns, out);
    }

    fn take_rows(&mut self, answer: Answer, now_ns: i64, out: &mut Vec<Event>) {
        for row in answer.rows {
            let id = row.id();
            self.known_to = self.known_to.max(id);
            if id > self.next_id {
                self.flush(out);
            }
            if id > self.next_id && !self.jump_to(&row, now_ns, out) {
                break;
            }
            if id == self.next_id {
                match row {
                    Row::Trade(mut trade) => {
                        trade.recovered = true;
                        self.emit(trade, out);
                    }
                    Row::Void(id) => {
                        self.next_id = id.saturating_add(1);
                        out.push(Event::Mark(MarkKind::Void { from_id: id, to_id: id }));
                    }
                }
            }
        }
        self.flush(out);
        self.note_hole(now_ns);
    }

    /// The answer leaves out ids; said often enough, they are lost. Whether to go on behind them.
    fn jump_to(&mut self, row: &Row, now_ns: i64, out: &mut Vec<Event>) -> bool {
        let Row::Trade(trade) = row else { return false };
        if !self.jumps.is_enough(now_ns) {
            return false;
        }
        self.lose((row.id(), trade.event_time_ns), "the venue does not serve these trades", out);
        true
    }

    /// The ids before the first trade that is held are lost.
    pub(super) fn lose_first(&mut self, now_ns: i64, reason: &str, out: &mut Vec<Event>) {
        let Some((id, trade)) = self.held.first_key_value() else { return };
        let to = (*id, trade.event_time_ns);
        self.lose(to, reason, out);
        self.hole = None;
        self.flush(out);
        self.settle(now_ns, out);
    }

    fn lose(&mut self, (to_id, to_ns): (u64, i64), reason: &str, out: &mut Vec<Event>) {
        let (from_id, from_ns) = (self.next_id, self.last_ns);
        out.push(Event::Mark(MarkKind::Lost {
            from_id,
            to_id: to_id.saturating_sub(1),
            from_ns,
            to_ns: to_ns.max(from_ns),
            reason: reason.to_owned().into(),
        }));
        self.counts.lost += to_id.saturating_sub(from_id);
        self.next_id = to_id;
        self.jumps = Jumps::default();
    }

    /// The venue refuses. It may be for a while, as when an instrument is halted, so what is
    /// missing has its time; but a series that has not begun does with the trades it has.
    fn refuse(&mut self, now_ns: i64, reason: &str, out: &mut Vec<Event>) {
        if self.goal.is_some() && self.jumps.is_enough(now_ns) {
            self.jumps = Jumps::default();
            self.begin_with_held(now_ns, out);
        }
        if !self.joined || self.is_missing() {
            self.say(FeedState::Repairing, reason, now_ns, out);
        }
    }

    /// Asks again after a while: full jitter over a wait that doubles.
    fn retry(&mut self, now_ns: i64) {
        let wait_ns = AGAIN_NS.saturating_mul(1 << self.failures.min(10)).min(AGAIN_NS_MAX);
        let jitter_ns = below(wait_ns, &[self.options.seed, u64::from(self.failures)]);
        self.failures = self.failures.saturating_add(1);
        let wait_ns = i64::try_from(wait_ns / 4 + jitter_ns * 3 / 4).unwrap_or(i64::MAX);
        self.ask_after_ns = now_ns.saturating_add(wait_ns);
    }
}
