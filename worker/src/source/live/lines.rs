//! The connections of a source: one that counts, and at times a spare one that takes over.

use std::collections::BTreeSet;

use super::connection::{Line, Note, Plug};
use super::sequencer::NANOS_PER_SECOND;
use crate::source::dice::below;

/// A connection is replaced before the venue cuts it, a day after it was opened.
const AGE_NS_MAX: i64 = 23 * 3_600 * NANOS_PER_SECOND;
/// The first wait before connecting again, which doubles.
const BACKOFF_NS: u64 = 1_000_000_000;
/// The longest such wait.
const BACKOFF_NS_MAX: u64 = 60_000_000_000;
/// For how long a connection without data must stand before it counts as good.
const HEALTHY_NS: i64 = 60 * NANOS_PER_SECOND;
/// How long the venue may take to confirm every subscription.
const CONFIRM_NS_MAX: i64 = 10 * NANOS_PER_SECOND;
/// How long a spare connection without data waits before it takes over.
const SPARE_NS_MAX: i64 = 10 * NANOS_PER_SECOND;
/// How long a spare connection may take to become as good as the one that counts.
const SPARE_GIVEN_UP_NS: i64 = 60 * NANOS_PER_SECOND;
/// How long the old connection stays beside the new one that has data.
const OVERLAP_NS: i64 = NANOS_PER_SECOND;

/// One connection.
struct Open {
    line: Line,
    /// When it was open.
    opened_ns: Option<i64>,
    heard_ns: Option<i64>,
    /// What was asked for, by index.
    wanted: BTreeSet<usize>,
    /// What the venue has confirmed.
    confirmed: BTreeSet<usize>,
    brought_data: bool,
}

impl Open {
    /// Why another should take its place.
    fn lacks(&self, now_ns: i64, instruments: &[(usize, &str)]) -> Option<&'static str> {
        let older = |age_ns| self.opened_ns.is_some_and(|ns| now_ns >= ns.saturating_add(age_ns));
        let any =
            |lacks: &dyn Fn(&usize) -> bool| instruments.iter().any(|(index, _)| lacks(index));
        if older(AGE_NS_MAX) {
            return Some("it is almost a day old");
        }
        if any(&|index| !self.wanted.contains(index)) {
            return Some("it lacks an instrument that is to be read");
        }
        let is_late = older(CONFIRM_NS_MAX) && any(&|index| !self.confirmed.contains(index));
        is_late.then_some("the venue has not confirmed every instrument")
    }
}

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    /// Nothing that instruments notice.
    Same,
    /// The spare connection is the one that counts.
    Replaced,
}

/// How to make a plug for these instruments.
pub(super) type Plugs = Box<dyn Fn(&[&str]) -> Plug + Send + Sync>;

/// The connections of a source.
pub(super) struct Lines {
    plugs: Plugs,
    main: Option<Open>,
    spare: Option<Open>,
    /// Whether a connection may be opened at all.
    may_connect: bool,
    connect_after_ns: i64,
    failures: u32,
    seed: u64,
    /// Why the one that counts is to be replaced.
    replace: Option<&'static str>,
    /// Connections that were lost.
    pub(super) reconnects: u64,
    /// Frames that could not be read.
    pub(super) unreadable: u64,
}

impl Lines {
    pub(super) fn new(plugs: Plugs, seed: u64) -> Self {
        Self {
            plugs,
            main: None,
            spare: None,
            may_connect: false,
            connect_after_ns: i64::MIN,
            failures: 0,
            seed,
            replace: None,
            reconnects: 0,
            unreadable: 0,
        }
    }

    /// What there is to know before connecting is known.
    pub(super) fn may_connect(&mut self) {
        self.may_connect = true;
    }

    /// Waits for what a connection brings: whether it is the spare one, and how much.
    pub(super) async fn receive(&mut self, notes: &mut Vec<Note>, most: usize) -> (bool, usize) {
        match (&mut self.main, &mut self.spare) {
            (Some(main), None) => (false, main.line.receive(notes, most).await),
            (None, Some(spare)) => (true, spare.line.receive(notes, most).await),
            (None, None) => std::future::pending().await,
            (Some(main), Some(spare)) => {
                // The one that counts first: the other repeats what it says.
                let mut others = Vec::new();
                tokio::select! {
                    biased;
                    count = main.line.receive(notes, most) => (false, count),
                    count = spare.line.receive(&mut others, most) => {
                        notes.append(&mut others);
                        (true, count)
                    }
                }
            }
        }
    }

    fn of(&mut self, spare: bool) -> Option<&mut Open> {
        if spare { self.spare.as_mut() } else { self.main.as_mut() }
    }

    /// A connection is open; what it was opened for.
    pub(super) fn opened(&mut self, spare: bool, now_ns: i64) -> BTreeSet<usize> {
        let Some(open) = self.of(spare) else { return BTreeSet::new() };
        open.opened_ns = Some(now_ns);
        open.heard_ns = Some(now_ns);
        open.wanted.clone()
    }

    pub(super) fn heard(&mut self, spare: bool, at_ns: i64) {
        if let Some(open) = self.of(spare) {
            open.heard_ns = open.heard_ns.max(Some(at_ns));
        }
    }

    /// The venue has confirmed an instrument; whether the connection that counts carries it.
    pub(super) fn subscribed(&mut self, spare: bool, index: usize) -> bool {
        let Some(open) = self.of(spare) else { return false };
        open.confirmed.insert(index);
        !spare
    }

    /// Valid data: the venue is well.
    pub(super) fn brought_data(&mut self, spare: bool) {
        self.failures = 0;
        if let Some(open) = self.of(spare) {
            open.brought_data = true;
        }
    }

    /// Whether the connection that counts carries an instrument.
    pub(super) fn carries(&self, index: usize) -> bool {
        self.main.as_ref().is_some_and(|open| open.confirmed.contains(&index))
    }

    /// When the connection that counts brought its newest frame.
    pub(super) fn heard_ns(&self) -> Option<i64> {
        self.main.as_ref()?.heard_ns
    }

    /// Frames that wait.
    pub(super) fn queued(&self) -> usize {
        [&self.main, &self.spare].into_iter().flatten().map(|open| open.line.queued()).sum()
    }

    /// The one that counts is to be replaced by a new one before it is closed.
    pub(super) fn replace(&mut self, reason: &'static str) {
        if self.main.is_some() && self.spare.is_none() {
            self.replace.get_or_insert(reason);
        }
    }

    /// A connection ended: why. Where a spare one stands, it counts from now on.
    pub(super) async fn close(&mut self, spare: bool, now_ns: i64) -> Option<String> {
        let closed = if spare { self.spare.take() } else { self.main.take() }?;
        let healthy = closed.opened_ns.is_some_and(|ns| now_ns >= ns.saturating_add(HEALTHY_NS));
        if healthy {
            self.failures = 0;
        }
        self.wait_before_connecting(now_ns);
        if !spare {
            self.reconnects += 1;
            self.main = self.spare.take();
            self.replace = None;
        }
        Some(closed.line.reason().await)
    }

    /// Full jitter: any time up to a limit that doubles.
    fn wait_before_connecting(&mut self, now_ns: i64) {
        let limit_ns = BACKOFF_NS.saturating_mul(1 << self.failures.min(10)).min(BACKOFF_NS_MAX);
        let word = u64::try_from(now_ns).unwrap_or(0);
        let wait_ns = below(limit_ns, &[self.seed, word, u64::from(self.failures)]);
        self.failures = self.failures.saturating_add(1);
        self.connect_after_ns = now_ns.saturating_add(i64::try_from(wait_ns).unwrap_or(0));
    }

    fn connect(&self, instruments: &[(usize, &str)]) -> Open {
        let names: Vec<_> = instruments.iter().map(|(_, name)| *name).collect();
        Open {
            line: Line::open((self.plugs)(&names)),
            opened_ns: None,
            heard_ns: None,
            wanted: instruments.iter().map(|(index, _)| *index).collect(),
            confirmed: BTreeSet::new(),
            brought_data: false,
        }
    }

    /// Time passes: opens, replaces and gives up connections of these instruments.
    pub(super) fn turn(&mut self, now_ns: i64, instruments: &[(usize, &str)]) -> Turned {
        let due = self.may_connect && now_ns >= self.connect_after_ns && !instruments.is_empty();
        let Some(main) = &self.main else {
            if due {
                self.main = Some(self.connect(instruments));
            }
            return Turned::Same;
        };
        if let Some(reason) = main.lacks(now_ns, instruments) {
            self.replace(reason);
        }
        if self.replace.is_some() && self.spare.is_none() && due {
            let reason = self.replace.unwrap_or_default();
            tracing::info!(reason, "a connection is replaced");
            self.spare = Some(self.connect(instruments));
            self.wait_before_connecting(now_ns);
        }
        self.take_over(now_ns, instruments)
    }

    /// Lets the spare connection count, once it is as good as the other one.
    fn take_over(&mut self, now_ns: i64, instruments: &[(usize, &str)]) -> Turned {
        let (Some(main), Some(spare)) = (&self.main, &self.spare) else { return Turned::Same };
        let Some(opened_ns) = spare.opened_ns else { return Turned::Same };
        // What is not read any more need not be there.
        let mut read = instruments.iter().map(|(index, _)| index);
        let confirmed =
            read.all(|index| spare.confirmed.contains(index) || !main.confirmed.contains(index));
        let stood_ns = now_ns.saturating_sub(opened_ns);
        let has_data = spare.brought_data && stood_ns >= OVERLAP_NS;
        if !confirmed || !(has_data || stood_ns >= SPARE_NS_MAX) {
            if stood_ns >= SPARE_GIVEN_UP_NS {
                tracing::info!("a spare connection is not confirmed; another will be tried");
                self.spare = None;
                self.wait_before_connecting(now_ns);
            }
            return Turned::Same;
        }
        self.main = self.spare.take();
        self.replace = None;
        Turned::Replaced
    }
}
