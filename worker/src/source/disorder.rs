//! Delays, duplicates and late trades, applied after a source, to trades only.
//!
//! The order in which the trades of a series leave is a function of the seed and of the trades
//! alone: a restart from any earlier position gives the remaining trades in the same order. It
//! rests on three rules:
//! - a trade on time leaves when it is read;
//! - a delayed one, or a copy, leaves just after the first trade of its series is read whose event
//!   time has reached its release;
//! - a late one leaves just after the first trade of its series has left whose event time has
//!   reached its release, so that it is late for every reader.
//!
//! Marks keep their place among the trades on time; `end` comes after all trades of its series.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use market::tick::MarkKind;

use super::dice::{Share, below, word};
use super::{
    BATCH_RECORDS_MAX, Emission, Event, Flow, Listing, Look, Progress, Source, SourceError,
    SourceTrade,
};

/// Most trades held back in all. When full, the one of the same series that would leave first
/// leaves at once.
const HELD_MAX: usize = 262_144;

const TAG_DELAY: u64 = 1;
const TAG_COPY: u64 = 2;
const TAG_LATE: u64 = 3;
const TAG_SPAN: u64 = 4;

/// How much disorder. Shares are of all trades, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DisorderOptions {
    /// Which disorder.
    pub seed: u64,
    /// Share of the trades that are delayed.
    pub delayed_share: f64,
    /// The longest delay, in time of the tape; also of a copy.
    pub delay_max_ns: i64,
    /// Share of the trades that are sent a second time.
    pub duplicate_share: f64,
    /// Share of the trades that come too late to be folded.
    pub late_share: f64,
    /// How late: more than a minute and the allowed lateness together.
    pub late_by_ns: i64,
}

/// A source whose trades are disordered.
pub struct Disorder {
    inner: Box<dyn Source>,
    options: DisorderOptions,
    delayed: Share,
    copied: Share,
    late: Share,
    lanes: Vec<Lane>,
    held: usize,
    read: Vec<Emission>,
    ready: VecDeque<Emission>,
    failed: Option<SourceError>,
    drained: bool,
}

/// The trades of one series that are held back.
struct Lane {
    key: u64,
    delayed: BinaryHeap<Reverse<Held>>,
    late: BinaryHeap<Reverse<Held>>,
    /// The latest event time of a trade that has left.
    left_ns: i64,
}

struct Held {
    release_ns: i64,
    trade_id: Option<u64>,
    copy: bool,
    trade: SourceTrade,
}

impl Held {
    fn key(&self) -> (i64, Option<u64>, bool, i64) {
        (self.release_ns, self.trade_id, self.copy, self.trade.event_time_ns)
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Held {}

impl fmt::Debug for Disorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Disorder").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Disorder {
    /// Disorders the trades of a source.
    #[must_use]
    pub fn new(inner: Box<dyn Source>, options: DisorderOptions) -> Self {
        let lane = |listing: &Listing| Lane {
            key: word(&listing.series.to_string()),
            delayed: BinaryHeap::new(),
            late: BinaryHeap::new(),
            left_ns: i64::MIN,
        };
        Self {
            lanes: inner.listings().iter().map(lane).collect(),
            inner,
            options,
            delayed: Share::new(options.delayed_share),
            copied: Share::new(options.duplicate_share),
            late: Share::new(options.late_share),
            held: 0,
            read: Vec::with_capacity(BATCH_RECORDS_MAX),
            ready: VecDeque::new(),
            failed: None,
            drained: false,
        }
    }

    fn take(&mut self, Emission { listing, event }: Emission) {
        match event {
            Event::Trade(trade) if trade.future || trade.event_time_ns <= 0 => {
                self.ready.push_back(Emission { listing, event: Event::Trade(trade) });
            }
            Event::Trade(trade) => self.take_trade(listing, trade),
            // Only trades have an order that others rest on.
            Event::Quote(_) => self.ready.push_back(Emission { listing, event }),
            Event::Mark(kind) => {
                if kind == MarkKind::End {
                    self.flush(listing);
                }
                self.ready.push_back(Emission { listing, event: Event::Mark(kind) });
            }
        }
    }

    fn take_trade(&mut self, listing: usize, trade: SourceTrade) {
        let Some(lane) = self.lanes.get_mut(listing) else { return };
        let read_ns = trade.event_time_ns;
        let trade_id = trade.trade_id;
        let time = read_ns.unsigned_abs();
        let words = |tag| [self.options.seed, tag, lane.key, trade_id.unwrap_or(0), time];
        let span = |tag| {
            let most = u64::try_from(self.options.delay_max_ns).unwrap_or(0);
            let span = below(most, &[&words(TAG_SPAN)[..], &[tag]].concat());
            i64::try_from(span).unwrap_or(0).saturating_add(1)
        };
        let late = self.late.holds(&words(TAG_LATE));
        let delayed = self.delayed.holds(&words(TAG_DELAY));
        let copied = self.copied.holds(&words(TAG_COPY));
        let release_ns = match (late, delayed) {
            (true, _) => read_ns.saturating_add(self.options.late_by_ns),
            (false, true) => read_ns.saturating_add(span(TAG_DELAY)),
            (false, false) => read_ns,
        };
        if copied {
            let release_ns = release_ns.saturating_add(span(TAG_COPY));
            let copy = Held { release_ns, trade_id, copy: true, trade: trade.clone() };
            if late { &mut lane.late } else { &mut lane.delayed }.push(Reverse(copy));
            self.held += 1;
        }
        if late || delayed {
            let held = Held { release_ns, trade_id, copy: false, trade };
            if late { &mut lane.late } else { &mut lane.delayed }.push(Reverse(held));
            self.held += 1;
        } else {
            self.leave(listing, trade);
        }
        self.release(listing, read_ns);
        if self.held > HELD_MAX {
            self.release_first(listing);
        }
    }

    /// Lets go what is due once the tape has reached `read_ns`.
    fn release(&mut self, listing: usize, read_ns: i64) {
        loop {
            let Some(lane) = self.lanes.get_mut(listing) else { return };
            if lane.delayed.peek().is_none_or(|Reverse(held)| held.release_ns > read_ns) {
                return;
            }
            let Some(Reverse(held)) = lane.delayed.pop() else { return };
            self.held -= 1;
            self.leave(listing, held.trade);
        }
    }

    fn release_first(&mut self, listing: usize) {
        let Some(lane) = self.lanes.get_mut(listing) else { return };
        let first = lane.delayed.pop().or_else(|| lane.late.pop());
        if let Some(Reverse(held)) = first {
            self.held -= 1;
            self.leave(listing, held.trade);
        }
    }

    /// A trade leaves, and after it the late ones that it makes late.
    fn leave(&mut self, listing: usize, trade: SourceTrade) {
        let Some(lane) = self.lanes.get_mut(listing) else { return };
        lane.left_ns = lane.left_ns.max(trade.event_time_ns);
        self.ready.push_back(Emission { listing, event: Event::Trade(trade) });
        while lane.late.peek().is_some_and(|Reverse(held)| held.release_ns <= lane.left_ns) {
            let Some(Reverse(held)) = lane.late.pop() else { return };
            self.held -= 1;
            self.ready.push_back(Emission { listing, event: Event::Trade(held.trade) });
        }
    }

    /// Lets go everything of a series, in the order of release.
    fn flush(&mut self, listing: usize) {
        self.release(listing, i64::MAX);
        let Some(lane) = self.lanes.get_mut(listing) else { return };
        while let Some(Reverse(held)) = lane.late.pop() {
            self.held -= 1;
            self.ready.push_back(Emission { listing, event: Event::Trade(held.trade) });
        }
    }

    async fn advance(&mut self, batch: &mut Vec<Emission>) -> Result<Flow, SourceError> {
        while self.ready.is_empty() {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.drained {
                return Ok(Flow::Drained);
            }
            let flow = self.inner.next(&mut self.read).await;
            for emission in std::mem::take(&mut self.read) {
                self.take(emission);
            }
            match flow {
                Ok(Flow::More) => {}
                Ok(Flow::Drained) => self.drained = true,
                Err(error) => {
                    self.drained = true;
                    self.failed = Some(error);
                    (0..self.lanes.len()).for_each(|listing| self.flush(listing));
                }
            }
        }
        let count = self.ready.len().min(BATCH_RECORDS_MAX);
        batch.extend(self.ready.drain(..count));
        Ok(Flow::More)
    }
}

impl Source for Disorder {
    fn listings(&self) -> &[Listing] {
        self.inner.listings()
    }

    fn next<'a>(
        &'a mut self,
        batch: &'a mut Vec<Emission>,
    ) -> BoxFuture<'a, Result<Flow, SourceError>> {
        Box::pin(self.advance(batch))
    }

    fn look(&self) -> Option<Arc<Mutex<Look>>> {
        self.inner.look()
    }

    fn progress(&self) -> Option<Progress> {
        self.inner.progress()
    }
}

#[cfg(test)]
mod tests;
