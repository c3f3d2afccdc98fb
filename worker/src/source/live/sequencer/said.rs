use market::publication::FeedState;
use market::tick::{MarkKind, REASON_LENGTH_MAX};

use super::{NANOS_PER_SECOND, Sequencer};
use crate::source::Event;
use crate::source::tape::start;

/// Streams of one venue may overtake each other by so much.
const OVERTAKE_NS: i64 = 500_000_000;
/// At most one `live` mark in such a time.
const LIVE_EVERY_NS: i64 = NANOS_PER_SECOND;
const NANOS_PER_HOUR: i64 = 3_600 * NANOS_PER_SECOND;

/// What was said last.
#[derive(Debug, Default)]
pub(super) struct Said {
    state: Option<(FeedState, String)>,
    state_at_ns: i64,
    /// Every trade before it was emitted, as a mark said.
    complete_to_ns: i64,
    live_at_ns: i64,
    hour: i64,
}

impl Said {
    pub(super) fn begin(&mut self, now_ns: i64, from_ns: i64) {
        self.hour = now_ns.div_euclid(NANOS_PER_HOUR);
        self.complete_to_ns = from_ns;
    }
}

/// What a record can hold of a reason.
fn cut(reason: &str) -> &str {
    reason.get(..reason.floor_char_boundary(REASON_LENGTH_MAX)).unwrap_or_default()
}

impl Sequencer {
    /// How the feed is, as it was said last.
    pub(in super::super) fn state(&self) -> Option<FeedState> {
        self.said.state.as_ref().map(|(state, _)| *state)
    }

    /// Says how the feed is, where that is new.
    pub(in super::super) fn say(
        &mut self,
        state: FeedState,
        reason: &str,
        now_ns: i64,
        out: &mut Vec<Event>,
    ) {
        let said = self.said.state.as_ref();
        // While it repairs, one reason is enough.
        let same = |why: &str| why == reason || state == FeedState::Repairing;
        if said.is_some_and(|(known, why)| *known == state && same(why)) {
            return;
        }
        // A series that has just begun is up: its `start` says so.
        let is_first = said.is_none() && state == FeedState::Up;
        self.said.state = Some((state, reason.to_owned()));
        self.said.state_at_ns = now_ns;
        if !is_first {
            let reason = cut(reason).to_owned().into();
            out.push(Event::Mark(MarkKind::State { state, reason }));
        }
    }

    /// Says what is due: `live`, the hourly `start`, and again that the feed is down.
    pub(super) fn speak(&mut self, now_ns: i64, vouched_ns: Option<i64>, out: &mut Vec<Event>) {
        self.repeat_down(now_ns, out);
        let whole = self.goal.is_none() && self.up.is_some() && self.joined && !self.is_missing();
        let Some(vouched_ns) = vouched_ns.filter(|_| whole && !self.quiet.is_long(now_ns)) else {
            return;
        };
        let complete_to_ns = vouched_ns.saturating_sub(OVERTAKE_NS);
        let known_ns = self.said.complete_to_ns.max(self.last_ns);
        let due_ns = self.said.live_at_ns.saturating_add(LIVE_EVERY_NS);
        if complete_to_ns > known_ns && now_ns >= due_ns {
            self.said.complete_to_ns = complete_to_ns;
            self.said.live_at_ns = now_ns;
            let next_id = Some(self.next_id);
            out.push(Event::Mark(MarkKind::Live { complete_to_ns, next_id }));
        }
        let hour = now_ns.div_euclid(NANOS_PER_HOUR);
        if hour > self.said.hour {
            self.said.hour = hour;
            let after_ns = self.last_ns.saturating_add(self.options.unit_ns);
            let from_ns = self.said.complete_to_ns.max(after_ns);
            let start = start(&self.options.listing, from_ns, self.next_id);
            out.push(Event::Mark(MarkKind::Start(start)));
        }
    }

    fn repeat_down(&mut self, now_ns: i64, out: &mut Vec<Event>) {
        let Some((FeedState::Down, reason)) = &self.said.state else { return };
        let stale_ns = i64::try_from(self.options.stale_after.as_nanos()).unwrap_or(i64::MAX);
        if now_ns < self.said.state_at_ns.saturating_add(stale_ns) {
            return;
        }
        let reason = cut(reason).to_owned().into();
        self.said.state_at_ns = now_ns;
        out.push(Event::Mark(MarkKind::State { state: FeedState::Down, reason }));
    }
}
