use market::symbol::{SourceName, Symbol};
use market::tick::MarkKind;
use proptest::prelude::*;

use super::super::ask::{Answer, Row, Unanswered};
use super::*;
use crate::source::listing::Instrument;

const DAY_NS: i64 = 86_400 * NANOS_PER_SECOND;
/// Midnight of a day.
const MIDNIGHT_NS: i64 = 20_000 * DAY_NS;
const START_NS: i64 = MIDNIGHT_NS + 3_600 * NANOS_PER_SECOND;
const MILLI: i64 = NANOS_PER_MILLI;

fn listing() -> Listing {
    let symbol = Symbol::new("BTC").unwrap();
    let instrument =
        Instrument { symbol, instrument: "BTCUSDT".into(), coin_id: None, usd_basis: None };
    instrument.listing(&SourceName::new("binance").unwrap(), "binance", "a").unwrap()
}

fn sequencer(goal: Goal) -> Sequencer {
    Sequencer::new(Options {
        listing: listing(),
        unit_ns: MILLI,
        goal,
        stale_after: Duration::from_secs(60),
        held_bytes: Arc::default(),
        seed: 7,
    })
}

/// Trade `id` happens `id` milliseconds after midnight.
fn trade(id: u64) -> SourceTrade {
    SourceTrade {
        trade_id: Some(id),
        executions: None,
        price: "1".into(),
        size: "1".into(),
        side: None,
        event_time_ns: MIDNIGHT_NS + i64::try_from(id).unwrap() * MILLI,
        receive_time_ns: None,
        recovered: false,
        future: false,
    }
}

fn page(ids: impl Iterator<Item = u64>, ends: bool) -> Result<Answer, Unanswered> {
    Ok(Answer::of(ids.map(|id| Row::Trade(trade(id))).collect(), ends))
}

/// Ids in order, each with whether it was lost.
fn ids(events: &[Event]) -> Vec<(u64, bool)> {
    let mut found = Vec::new();
    for event in events {
        match event {
            Event::Trade(trade) => found.push((trade.trade_id.unwrap(), false)),
            Event::Mark(MarkKind::Lost { from_id, to_id, .. }) => {
                found.extend((*from_id..=*to_id).map(|id| (id, true)));
            }
            Event::Quote(_) | Event::Mark(_) => {}
        }
    }
    found
}

fn start_of(events: &[Event]) -> (u64, i64) {
    let mut starts = events.iter().filter_map(|event| match event {
        Event::Mark(MarkKind::Start(start)) => Some((start.next_id.unwrap(), start.from_ns)),
        _ => None,
    });
    starts.next_back().expect("it has begun")
}

fn states(events: &[Event]) -> Vec<FeedState> {
    let state = |event: &Event| match event {
        Event::Mark(MarkKind::State { state, .. }) => Some(*state),
        _ => None,
    };
    events.iter().filter_map(state).collect()
}

fn lives(events: &[Event]) -> Vec<(i64, u64)> {
    let live = |event: &Event| match event {
        Event::Mark(MarkKind::Live { complete_to_ns, next_id }) => {
            Some((*complete_to_ns, next_id.unwrap()))
        }
        _ => None,
    };
    events.iter().filter_map(live).collect()
}

/// One that has begun at id 100 and is connected and joined.
fn joined(out: &mut Vec<Event>) -> Sequencer {
    let mut sequencer = sequencer(Goal::Newest);
    sequencer.connect(START_NS);
    assert_eq!(sequencer.ask(START_NS), Some(Ask::Newest));
    sequencer.answer(page(99..=99, true), START_NS, out);
    sequencer.trade(trade(100), START_NS, out);
    assert_eq!(ids(out), [(100, false)]);
    sequencer
}

#[test]
fn without_history_it_begins_after_the_newest_trade_of_rest() {
    let mut out = Vec::new();
    joined(&mut out);
    assert_eq!(start_of(&out), (100, MIDNIGHT_NS + 100 * MILLI));
}

#[test]
fn without_an_answer_the_first_live_trade_begins_one_unit_after_itself() {
    let (mut out, mut sequencer) = (Vec::new(), sequencer(Goal::Newest));
    sequencer.connect(START_NS);
    sequencer.trade(trade(500), START_NS, &mut out);
    sequencer.turn(START_NS + BEGIN_NS_MAX - 1, None, &mut out);
    assert_eq!(out, []);
    sequencer.turn(START_NS + BEGIN_NS_MAX, None, &mut out);
    assert_eq!(start_of(&out), (500, MIDNIGHT_NS + 501 * MILLI));
    assert_eq!(ids(&out), [(500, false)]);
}

#[test]
fn history_begins_at_midnight_with_the_last_trade_before_it() {
    let (mut out, mut sequencer) = (Vec::new(), sequencer(Goal::Since { ns: MIDNIGHT_NS }));
    sequencer.connect(START_NS);
    assert_eq!(sequencer.ask(START_NS), Some(Ask::LastBefore { ns: MIDNIGHT_NS }));
    sequencer.trade(trade(1_002), START_NS, &mut out);
    sequencer.answer(page(7..=7, false), START_NS, &mut out);
    assert_eq!(start_of(&out), (7, MIDNIGHT_NS));
    let Some(Ask::From { id, .. }) = sequencer.ask(START_NS) else { panic!("it asks on") };
    assert_eq!(id, 7);
    sequencer.answer(page(7..=900, false), START_NS, &mut out);
    let Some(Ask::From { id: 900, .. }) = sequencer.ask(START_NS) else { panic!("it asks on") };
    sequencer.answer(page(900..=1_002, true), START_NS, &mut out);
    assert_eq!(ids(&out), (7..=1_002).map(|id| (id, false)).collect::<Vec<_>>());
    assert_eq!(sequencer.ask(START_NS), None);
}

#[test]
fn a_known_position_begins_at_once_and_asks_for_what_came_meanwhile() {
    let near = Near { id: 41, ns: MIDNIGHT_NS + 41 * MILLI };
    let mut sequencer = sequencer(Goal::Resume { next_id: 42, near: Some(near) });
    let mut out = Vec::new();
    sequencer.turn(START_NS, None, &mut out);
    assert_eq!(start_of(&out), (42, MIDNIGHT_NS + 42 * MILLI));
    sequencer.connect(START_NS);
    assert_eq!(sequencer.ask(START_NS), None, "the socket may bring it");
    let later = START_NS + SETTLE_NS;
    assert_eq!(sequencer.ask(later), Some(Ask::From { id: 41, near: Some(near) }));
    sequencer.answer(page(41..=45, true), later, &mut out);
    assert_eq!(ids(&out), (42..=45).map(|id| (id, false)).collect::<Vec<_>>());
    sequencer.turn(later, Some(later), &mut out);
    assert_eq!(lives(&out), [(later - 500 * MILLI, 46)]);
}

#[test]
fn a_hole_is_asked_for_after_a_moment_and_what_is_beyond_waits() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    for id in [103, 104] {
        sequencer.trade(trade(id), START_NS, &mut out);
    }
    assert_eq!(sequencer.ask(START_NS), None, "they may have overtaken each other");
    let later = START_NS + REORDER_NS;
    let Some(Ask::From { id: 100, .. }) = sequencer.ask(later) else { panic!("it asks") };
    assert_eq!(sequencer.ask(later), None, "one question at a time");
    sequencer.answer(page(100..=102, true), later, &mut out);
    assert_eq!(ids(&out), (100..=104).map(|id| (id, false)).collect::<Vec<_>>());
    assert_eq!((sequencer.counts.gaps, sequencer.counts.repaired), (1, 2));
}

#[test]
fn trades_that_overtake_each_other_are_put_in_order_without_a_question() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    for id in [102, 101, 102, 104, 103, 100] {
        sequencer.trade(trade(id), START_NS, &mut out);
    }
    assert_eq!(ids(&out), (100..=104).map(|id| (id, false)).collect::<Vec<_>>());
    assert_eq!(sequencer.ask(START_NS + NANOS_PER_SECOND), None);
    assert_eq!(sequencer.counts.duplicates, 2);
}

#[test]
fn an_empty_answer_proves_nothing_and_is_asked_again() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    sequencer.disconnect("cut", START_NS, &mut out);
    sequencer.connect(START_NS);
    let mut now_ns = START_NS + SETTLE_NS;
    assert!(sequencer.ask(now_ns).is_some());
    sequencer.answer(page(0..0, true), now_ns, &mut out);
    sequencer.turn(now_ns, Some(now_ns), &mut out);
    assert_eq!(lives(&out), []);
    now_ns += 2 * NANOS_PER_SECOND;
    assert!(sequencer.ask(now_ns).is_some());
    sequencer.answer(page(100..=101, true), now_ns, &mut out);
    sequencer.turn(now_ns, Some(now_ns), &mut out);
    assert_eq!(ids(&out), [(100, false), (101, false)]);
    assert_eq!(lives(&out).len(), 1);
}

#[test]
fn ids_that_the_venue_leaves_out_again_and_again_are_lost() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    sequencer.trade(trade(105), START_NS, &mut out);
    let mut now_ns = START_NS;
    for _ in 0..3 {
        now_ns += 60 * NANOS_PER_SECOND;
        assert!(sequencer.ask(now_ns).is_some());
        sequencer.answer(page([100, 103, 104, 105].into_iter(), true), now_ns, &mut out);
    }
    let expected =
        [(100, false), (101, true), (102, true), (103, false), (104, false), (105, false)];
    assert_eq!(ids(&out), expected);
    let lost = out.iter().find_map(|event| match event {
        Event::Mark(MarkKind::Lost { from_ns, to_ns, .. }) => Some((*from_ns, *to_ns)),
        _ => None,
    });
    assert_eq!(lost, Some((MIDNIGHT_NS + 100 * MILLI, MIDNIGHT_NS + 103 * MILLI)));
}

#[test]
fn what_a_gateway_refuses_for_some_seconds_is_not_lost() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    sequencer.trade(trade(105), START_NS, &mut out);
    let mut now_ns = START_NS;
    let mut refusals = 0;
    while now_ns < START_NS + 25 * NANOS_PER_SECOND {
        now_ns += NANOS_PER_SECOND;
        if sequencer.ask(now_ns).is_some() {
            refusals += 1;
            let reason = "HTTP 404".to_owned();
            sequencer.answer(Err(Unanswered::Refused { reason }), now_ns, &mut out);
        }
    }
    assert!(refusals > 3);
    now_ns += 60 * NANOS_PER_SECOND;
    assert!(sequencer.ask(now_ns).is_some());
    sequencer.answer(page(100..=105, true), now_ns, &mut out);
    assert_eq!(ids(&out), (100..=105).map(|id| (id, false)).collect::<Vec<_>>());
}

#[test]
fn an_id_that_cannot_be_is_left_out_and_ends_nothing() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    let wrong = SourceTrade { trade_id: Some(u64::MAX / 2), ..trade(101) };
    assert!(!sequencer.trade(wrong, START_NS, &mut out));
    assert!(!sequencer.newest(u64::MAX, START_NS, &mut out));
    assert!(sequencer.trade(trade(101), START_NS, &mut out));
    assert_eq!(ids(&out), [(100, false), (101, false)]);
    assert_eq!(sequencer.ask(START_NS + REORDER_NS), None);
}

#[test]
fn ids_that_begin_anew_are_not_vouched_for() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    for second in 1..=60 {
        let now_ns = START_NS + second * NANOS_PER_SECOND;
        assert!(sequencer.trade(trade(1), now_ns, &mut out));
        if sequencer.ask(now_ns).is_some() {
            sequencer.answer(page(0..=0, true), now_ns, &mut out);
        }
        sequencer.turn(now_ns, Some(now_ns), &mut out);
    }
    let last_ns = lives(&out).last().unwrap().0;
    assert!(last_ns < START_NS + 20 * NANOS_PER_SECOND);
}

#[test]
fn a_hole_that_cannot_be_repaired_in_time_is_lost_and_the_feed_goes_on() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    sequencer.trade(trade(110), START_NS, &mut out);
    let mut now_ns = START_NS;
    while now_ns < START_NS + HOLE_NS_MAX {
        now_ns += NANOS_PER_SECOND;
        if sequencer.ask(now_ns).is_some() {
            let reason = "HTTP 500".to_owned();
            sequencer.answer(Err(Unanswered::Again { reason }), now_ns, &mut out);
        }
        sequencer.turn(now_ns, Some(now_ns), &mut out);
    }
    let mut expected = vec![(100, false)];
    expected.extend((101..110).map(|id| (id, true)));
    expected.push((110, false));
    assert_eq!(ids(&out), expected);
    assert_eq!(states(&out), [FeedState::Repairing, FeedState::Up]);
    assert_eq!(sequencer.counts.lost, 9);
}

#[test]
fn placeholders_are_void() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    sequencer.trade(trade(103), START_NS, &mut out);
    let later = START_NS + REORDER_NS;
    assert!(sequencer.ask(later).is_some());
    let rows = vec![Row::Trade(trade(100)), Row::Void(101), Row::Trade(trade(102))];
    sequencer.answer(Ok(Answer::of(rows, true)), later, &mut out);
    assert!(out.contains(&Event::Mark(MarkKind::Void { from_id: 101, to_id: 101 })));
    assert_eq!(sequencer.next_id, 104);
}

#[test]
fn a_feed_that_is_down_vouches_for_nothing_and_says_so_again_after_a_while() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    sequencer.disconnect("cut", START_NS, &mut out);
    for second in 1..=61 {
        let now_ns = START_NS + second * NANOS_PER_SECOND;
        sequencer.turn(now_ns, Some(now_ns), &mut out);
    }
    assert_eq!(lives(&out), []);
    assert_eq!(states(&out), [FeedState::Down, FeedState::Down]);
}

#[test]
fn a_venue_that_does_not_trade_is_halted_until_it_does() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    sequencer.halt(Some("maintenance"), START_NS, &mut out);
    let quiet_ns = START_NS + 16 * NANOS_PER_SECOND;
    assert!(sequencer.ask(quiet_ns).is_some());
    sequencer.answer(page(100..=100, true), quiet_ns, &mut out);
    sequencer.halt(None, quiet_ns, &mut out);
    assert_eq!(states(&out), [FeedState::Halted, FeedState::Up]);
}

#[test]
fn what_rest_says_at_the_moment_of_a_connect_joins_nothing() {
    let mut out = Vec::new();
    let mut sequencer = sequencer(Goal::Newest);
    sequencer.connect(START_NS);
    assert_eq!(sequencer.ask(START_NS), Some(Ask::Newest));
    sequencer.answer(page(99..=99, true), START_NS, &mut out);
    let later = START_NS + SETTLE_NS;
    sequencer.turn(later, Some(later), &mut out);
    assert_eq!(lives(&out), []);
    assert!(matches!(sequencer.ask(later), Some(Ask::From { id: 99, .. })));
    sequencer.answer(page(99..=99, true), later, &mut out);
    sequencer.turn(later, Some(later), &mut out);
    assert_eq!(lives(&out).len(), 1);
}

#[test]
fn time_without_a_connection_loses_nothing() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    sequencer.trade(trade(110), START_NS, &mut out);
    sequencer.disconnect("cut", START_NS, &mut out);
    let later = START_NS + 2 * HOLE_NS_MAX;
    sequencer.turn(later, None, &mut out);
    sequencer.connect(later);
    sequencer.turn(later, None, &mut out);
    assert_eq!(ids(&out), [(100, false)]);
    assert!(sequencer.ask(later).is_some());
    sequencer.answer(page(100..=110, true), later, &mut out);
    assert_eq!(ids(&out), (100..=110).map(|id| (id, false)).collect::<Vec<_>>());
}

#[test]
fn a_quiet_instrument_is_looked_at_before_it_is_vouched_for_again() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    let quiet_ns = START_NS + 16 * NANOS_PER_SECOND;
    let before = lives(&out).len();
    sequencer.turn(quiet_ns, Some(quiet_ns), &mut out);
    assert_eq!(lives(&out).len(), before);
    assert!(matches!(sequencer.ask(quiet_ns), Some(Ask::From { id: 100, .. })));
    sequencer.answer(page(100..=100, true), quiet_ns, &mut out);
    sequencer.turn(quiet_ns, Some(quiet_ns), &mut out);
    assert_eq!(lives(&out).len(), before + 1);
    assert!(!sequencer.is_deaf());
}

#[test]
fn a_socket_that_is_silent_about_trades_of_rest_is_deaf() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    let mut now_ns = START_NS;
    for look in 1..=2 {
        assert!(!sequencer.is_deaf());
        now_ns += 301 * NANOS_PER_SECOND;
        assert!(sequencer.ask(now_ns).is_some());
        sequencer.answer(page(99 + look..=100 + look, true), now_ns, &mut out);
    }
    assert!(sequencer.is_deaf());
    assert_eq!(ids(&out), [(100, false), (101, false), (102, false)]);
}

#[test]
fn what_is_held_back_is_bounded_and_the_newest_are_fetched_again() {
    let mut out = Vec::new();
    let mut sequencer = joined(&mut out);
    let last = 102 + HELD_MAX as u64 + 50;
    for id in 102..=last {
        sequencer.trade(trade(id), START_NS, &mut out);
    }
    assert_eq!(sequencer.held.len(), HELD_MAX);
    let mut now_ns = START_NS + REORDER_NS;
    while let Some(Ask::From { id, .. }) = sequencer.ask(now_ns) {
        sequencer.answer(page(id..=last.min(id + 999), id + 999 > last), now_ns, &mut out);
        now_ns += NANOS_PER_SECOND;
    }
    assert_eq!(ids(&out), (100..=last).map(|id| (id, false)).collect::<Vec<_>>());
    assert!(sequencer.options.held_bytes.has_room(16 * 1024 * 1024), "all of it is given back");
}

/// What happens to the next trades, or to the connection.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The socket brings so many trades.
    Live(u64),
    /// It leaves out so many.
    Skip(u64),
    /// It brings the last ones again.
    Repeat(u64),
    /// The next two come in the wrong order.
    Swap,
    Cut,
    Connect,
    /// REST answers: whole, cut after so many rows, empty, an error.
    Answer(Rest),
    /// Seconds pass.
    Wait(i64),
}

#[derive(Debug, Clone, Copy)]
enum Rest {
    Whole,
    Rows(u64),
    Empty,
    Fails,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rest = prop_oneof![
        4 => Just(Rest::Whole),
        2 => (1..20_u64).prop_map(Rest::Rows),
        1 => Just(Rest::Empty),
        1 => Just(Rest::Fails),
    ];
    let step = prop_oneof![
        6 => (1..30_u64).prop_map(Step::Live),
        2 => (1..30_u64).prop_map(Step::Skip),
        1 => (1..30_u64).prop_map(Step::Repeat),
        1 => Just(Step::Swap),
        1 => Just(Step::Cut),
        2 => Just(Step::Connect),
        4 => rest.prop_map(Step::Answer),
        3 => (1..90_i64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..120)
}

/// A venue whose trades happen as it is told, and a sequencer that listens to it.
struct Venue {
    sequencer: Sequencer,
    now_ns: i64,
    next: u64,
    up: bool,
    /// Whether the socket has left out trades and nothing has told so.
    silent: bool,
    asked: Option<Ask>,
    out: Vec<Event>,
}

impl Venue {
    fn trade(&mut self, id: u64) {
        if self.up {
            let trade = SourceTrade { event_time_ns: self.times(id), ..trade(id) };
            self.sequencer.trade(trade, self.now_ns, &mut self.out);
        }
    }

    /// Ids happen in order, at most a second before they are sent.
    fn times(&self, id: u64) -> i64 {
        START_NS + i64::try_from(id).unwrap() * MILLI
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Live(count) => {
                self.silent = false;
                for _ in 0..count {
                    self.next += 1;
                    self.trade(self.next - 1);
                }
            }
            Step::Skip(count) => {
                self.silent |= self.up;
                self.next += count;
            }
            Step::Repeat(count) => {
                for id in self.next.saturating_sub(count).max(1)..self.next {
                    self.trade(id);
                }
            }
            Step::Swap => {
                self.silent = false;
                self.next += 2;
                self.trade(self.next - 1);
                self.trade(self.next - 2);
            }
            Step::Cut => {
                (self.up, self.silent) = (false, false);
                self.sequencer.disconnect("cut", self.now_ns, &mut self.out);
            }
            Step::Connect => {
                self.up = true;
                self.sequencer.connect(self.now_ns);
            }
            Step::Answer(rest) => self.answer(rest),
            Step::Wait(seconds) => {
                self.now_ns += seconds * NANOS_PER_SECOND;
                self.sequencer.turn(self.now_ns, Some(self.now_ns), &mut self.out);
            }
        }
        if self.asked.is_none() {
            self.asked = self.sequencer.ask(self.now_ns);
        }
    }

    fn answer(&mut self, rest: Rest) {
        let Some(ask) = self.asked.take() else { return };
        let first = match ask {
            Ask::Newest => self.next - 1,
            Ask::LastBefore { .. } => 1,
            Ask::From { id, .. } => id.max(1),
        };
        let rows = match rest {
            Rest::Whole => 1_000,
            Rest::Rows(rows) => rows,
            Rest::Empty => 0,
            Rest::Fails => {
                let again = Unanswered::Again { reason: "no answer".into() };
                return self.sequencer.answer(Err(again), self.now_ns, &mut self.out);
            }
        };
        let end = self.next.min(first + rows);
        let row = |id| Row::Trade(SourceTrade { event_time_ns: self.times(id), ..trade(id) });
        let rows = (first..end).map(row).collect();
        let answer = Answer::of(rows, end == self.next);
        self.sequencer.answer(Ok(answer), self.now_ns, &mut self.out);
    }
}

proptest! {
    /// The rule of the source: in id order, without holes, and never vouched for too early.
    #[test]
    fn whatever_becomes_of_socket_and_rest_ids_are_dense_and_marks_are_true(steps in steps()) {
        let mut venue = Venue {
            sequencer: sequencer(Goal::Newest),
            now_ns: START_NS,
            next: 2,
            up: false,
            silent: false,
            asked: None,
            out: Vec::new(),
        };
        let waited = steps.iter().map(|step| if let Step::Wait(wait) = step { *wait } else { 0 });
        let in_time = waited.sum::<i64>() < 150;
        let mut seen = 0;
        for step in steps {
            venue.take(step);
            for event in &venue.out[seen..] {
                if let (Event::Mark(MarkKind::Live { next_id, .. }), false) = (event, venue.silent) {
                    // All that happened until now was emitted or is lost.
                    prop_assert!(*next_id == Some(venue.next) , "{next_id:?} of {}", venue.next);
                }
            }
            seen = venue.out.len();
        }
        // In the end the venue is well for a while.
        venue.take(Step::Connect);
        for _ in 0..40 {
            venue.take(Step::Wait(10));
            venue.take(Step::Answer(Rest::Whole));
            venue.take(Step::Live(1));
        }
        let found = ids(&venue.out);
        let first = start_of(&venue.out[..=venue.out.iter().position(|event| {
            matches!(event, Event::Mark(MarkKind::Start(_)))
        }).unwrap()]).0;
        let expected: Vec<_> = (first..venue.next).collect();
        prop_assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), expected);
        let lost = found.iter().any(|(_, lost)| *lost);
        prop_assert!(!(lost && in_time), "nothing has to be lost");
        prop_assert_eq!(venue.sequencer.state(), Some(FeedState::Up));
    }
}
