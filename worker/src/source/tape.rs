//! Series merged by event time, vouched for by marks.
//!
//! Each series is an iterator of [`Item`]s in id order. [`Merge`] puts them in the order of the
//! tape and adds what can only be said with the whole tape in view: `live` marks of series that
//! are quiet while others go on, an hourly `start`, and `end`. It reads no clock: a mark is due
//! at its own time of the tape.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use market::tick::{MarkKind, Start};

use super::{Emission, Event, Listing, SourceError};

pub(super) const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MINUTE: i64 = 60 * NANOS_PER_SECOND;
const NANOS_PER_HOUR: i64 = 60 * NANOS_PER_MINUTE;

/// A series whose next trade follows a boundary so soon needs no mark there: the trade says it.
const PATIENCE_NS: i64 = NANOS_PER_SECOND;

/// The next thing that a series says.
#[derive(Debug)]
pub(super) struct Item {
    /// Its place on the tape. Never goes back within a series.
    pub at_ns: i64,
    /// The time resolution of the venue here.
    pub unit_ns: i64,
    /// Whether nothing is missing between what came before and this, so that a mark may say so.
    pub joins: bool,
    /// What it says. After an error comes nothing.
    pub event: Result<Event, SourceError>,
}

/// One series.
pub(super) type Items = Box<dyn Iterator<Item = Item> + Send>;

/// A record and its place on the tape.
#[derive(Debug)]
pub(super) struct Timed {
    pub at_ns: i64,
    pub emission: Result<Emission, SourceError>,
}

/// Where marks may be placed between records.
#[derive(Debug, Clone, Copy)]
pub(super) enum Boundaries {
    /// At the last minute before each record: a tape that is sent as fast as possible.
    Last,
    /// At every minute: a tape that is sent at a pace.
    Minutes,
    /// At every minute before this time, at every second from it on.
    SecondsFrom(i64),
}

/// One series on the tape.
struct Track {
    items: Items,
    head: Option<Item>,
    /// The id that the next trade should have; `None` before the first `start`.
    next_id: Option<u64>,
    /// Every trade before this time was sent, and a record says so.
    said_ns: i64,
    /// Every trade at or after this time has an id of at least `next_id`.
    from_ns: i64,
    /// The hour of the last `start`.
    start_hour: i64,
}

/// All series of a source, in the order of the tape.
pub(super) struct Merge {
    listings: Vec<Listing>,
    tracks: Vec<Track>,
    order: BinaryHeap<Reverse<(i64, usize)>>,
    boundaries: Boundaries,
    boundary_ns: Option<i64>,
    ready: VecDeque<Timed>,
    finished: bool,
}

impl Merge {
    /// Merges one iterator per listing, in the same order.
    pub(super) fn new(listings: Vec<Listing>, series: Vec<Items>, boundaries: Boundaries) -> Self {
        let mut tracks = Vec::with_capacity(series.len());
        let mut order = BinaryHeap::with_capacity(series.len());
        for (listing, mut items) in series.into_iter().enumerate() {
            let head = items.next();
            if let Some(item) = &head {
                order.push(Reverse((item.at_ns, listing)));
            }
            tracks.push(Track {
                items,
                head,
                next_id: None,
                said_ns: i64::MIN,
                from_ns: i64::MIN,
                start_hour: i64::MIN,
            });
        }
        let ready = VecDeque::new();
        Self { listings, tracks, order, boundaries, boundary_ns: None, ready, finished: false }
    }

    /// The next boundary at or before `at_ns`, if one is due.
    fn due_boundary(&self, at_ns: i64) -> Option<i64> {
        let last_minute = floor(at_ns, NANOS_PER_MINUTE);
        let Some(passed) = self.boundary_ns else {
            return Some(last_minute);
        };
        let next_minute = floor(passed, NANOS_PER_MINUTE).saturating_add(NANOS_PER_MINUTE);
        let next = match self.boundaries {
            Boundaries::Last => last_minute.max(next_minute),
            Boundaries::Minutes => next_minute,
            Boundaries::SecondsFrom(from_ns) => {
                let next_second = passed.saturating_add(NANOS_PER_SECOND);
                if next_second >= from_ns { next_second } else { next_minute }
            }
        };
        (next <= at_ns).then_some(next)
    }

    /// Vouches for every series that is whole up to `at_ns` and has not said so.
    fn vouch(&mut self, at_ns: i64) {
        for (listing, track) in self.tracks.iter_mut().enumerate() {
            let Some(head) = track.head.as_ref().filter(|head| head.joins) else {
                continue;
            };
            let Some(next_id) = track.next_id else { continue };
            let soon = head.at_ns <= at_ns.saturating_add(PATIENCE_NS);
            let hour = floor(at_ns, NANOS_PER_HOUR);
            if hour > track.start_hour {
                track.start_hour = hour;
                let start = start(&self.listings[listing], track.from_ns, next_id);
                self.ready.push_back(mark(at_ns, listing, MarkKind::Start(start)));
            }
            if track.said_ns < at_ns && !soon {
                track.said_ns = at_ns;
                track.from_ns = track.from_ns.max(at_ns);
                let live = MarkKind::Live { complete_to_ns: at_ns, next_id: Some(next_id) };
                self.ready.push_back(mark(at_ns, listing, live));
            }
        }
    }

    /// Takes the first record of the tape.
    fn take(&mut self, listing: usize) -> Option<Timed> {
        let track = self.tracks.get_mut(listing)?;
        let item = track.head.take()?;
        let event = match item.event {
            Ok(event) => event,
            Err(error) => {
                self.finished = true;
                return Some(Timed { at_ns: item.at_ns, emission: Err(error) });
            }
        };
        track.follow(item.at_ns, item.unit_ns, &event);
        track.head = track.items.next();
        if let Some(head) = &track.head {
            self.order.push(Reverse((head.at_ns, listing)));
        }
        Some(Timed { at_ns: item.at_ns, emission: Ok(Emission { listing, event }) })
    }

    fn finish(&mut self) {
        self.finished = true;
        let at_ns = self.tracks.iter().map(|track| track.said_ns).max().unwrap_or(i64::MIN);
        let ends = (0..self.tracks.len()).map(|listing| mark(at_ns, listing, MarkKind::End));
        self.ready.extend(ends);
    }
}

impl Iterator for Merge {
    type Item = Timed;

    fn next(&mut self) -> Option<Timed> {
        loop {
            if let Some(timed) = self.ready.pop_front() {
                return Some(timed);
            }
            if self.finished {
                return None;
            }
            let Some(Reverse((at_ns, listing))) = self.order.peek().copied() else {
                self.finish();
                continue;
            };
            if let Some(boundary_ns) = self.due_boundary(at_ns) {
                self.boundary_ns = Some(boundary_ns);
                self.vouch(boundary_ns);
                continue;
            }
            self.order.pop();
            return self.take(listing);
        }
    }
}

impl Track {
    /// Remembers what a record said.
    fn follow(&mut self, at_ns: i64, unit_ns: i64, event: &Event) {
        match event {
            Event::Trade(trade) => {
                self.next_id = trade.trade_id.map(|id| id.saturating_add(1)).or(self.next_id);
                if !trade.future {
                    self.said_ns = self.said_ns.max(trade.event_time_ns);
                    let after = trade.event_time_ns.saturating_add(unit_ns);
                    self.from_ns = self.from_ns.max(after);
                }
            }
            Event::Mark(MarkKind::Start(start)) => {
                self.next_id = start.next_id;
                self.from_ns = start.from_ns;
                self.start_hour = floor(at_ns, NANOS_PER_HOUR);
            }
            Event::Mark(MarkKind::Live { complete_to_ns, .. }) => {
                self.said_ns = self.said_ns.max(*complete_to_ns);
                self.from_ns = self.from_ns.max(*complete_to_ns);
            }
            Event::Mark(MarkKind::Void { to_id, .. }) => {
                self.next_id = Some(to_id.saturating_add(1));
            }
            Event::Quote(_)
            | Event::Mark(MarkKind::Lost { .. } | MarkKind::State { .. } | MarkKind::End) => {}
        }
    }
}

/// A `start` of this listing.
pub(super) fn start(listing: &Listing, from_ns: i64, next_id: u64) -> Start<'static> {
    Start {
        from_ns,
        next_id: Some(next_id),
        ids: listing.ids,
        space: listing.space.clone().into(),
        venue: listing.venue.clone().into(),
        instrument: listing.instrument.clone().into(),
        base: listing.base.clone().into(),
        quote: listing.quote.clone().into(),
        usd_basis: listing.usd_basis,
    }
}

fn mark(at_ns: i64, listing: usize, kind: MarkKind<'static>) -> Timed {
    Timed { at_ns, emission: Ok(Emission { listing, event: Event::Mark(kind) }) }
}

fn floor(at_ns: i64, step_ns: i64) -> i64 {
    at_ns.saturating_sub(at_ns.rem_euclid(step_ns))
}

#[cfg(test)]
mod tests;
