//! Which trades a socket is due, and what happens to them on the way.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    VenueKind,
    clock::span,
    dice::{below, nanos_below, word},
    script::Script,
    state::Venue,
    tape::TapeTrade,
};

const HOUR_NS: i64 = 3_600_000_000_000;
/// By how much a trade is late at most when trades are out of order.
const LATE_NS: i64 = 500_000_000;
/// One of so many trades is stamped wrongly while any is.
const MISSTAMP_EVERY: u64 = 8;

/// The time that a frame tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Nanoseconds since the epoch, written as the venue does.
    Time(i64),
    /// Nanoseconds since the epoch, written as microseconds where milliseconds belong.
    Micros(i64),
}

/// A trade on its way to a socket.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) instrument: String,
    pub(super) trade: TapeTrade,
    pub(super) stamp: Stamp,
}

/// The subscriptions of a socket.
pub(super) struct Feed {
    venue: Arc<Venue>,
    /// Index of the next trade, by instrument.
    next: BTreeMap<String, usize>,
    /// Trades that are late, and until when.
    held: Vec<(i64, Delivery)>,
}

impl Feed {
    pub(super) fn new(venue: Arc<Venue>) -> Self {
        Self { venue, next: BTreeMap::new(), held: Vec::new() }
    }

    /// Whether the venue has this instrument.
    pub(super) fn knows(&self, instrument: &str) -> bool {
        self.venue.market().tape.trades.contains_key(instrument)
    }

    /// Sends trades from now on, and the last so many before. Nothing changes for an instrument
    /// that is subscribed already.
    pub(super) fn subscribe(&mut self, instrument: &str, repeated: usize) {
        let next = self.venue.market().happened(instrument).len().saturating_sub(repeated);
        self.next.entry(instrument.to_owned()).or_insert(next);
    }

    pub(super) fn unsubscribe(&mut self, instrument: &str) {
        self.next.remove(instrument);
        self.held.retain(|held| held.1.instrument != instrument);
    }

    pub(super) fn instruments(&self) -> impl Iterator<Item = &str> {
        self.next.keys().map(String::as_str)
    }

    /// The newest so many trades, ascending.
    pub(super) fn newest(&self, instrument: &str, count: usize) -> Vec<TapeTrade> {
        let market = self.venue.market();
        let happened = market.happened(instrument);
        happened[happened.len().saturating_sub(count)..].to_vec()
    }

    /// The trades to be sent now.
    pub(super) fn due(&mut self) -> Vec<Delivery> {
        let mut fresh = self.fresh();
        if self.venue.plays(Script::Misstamp) {
            for delivery in &mut fresh {
                self.misstamp(delivery);
            }
        }
        let now_ns = self.venue.clock.now_ns();
        if self.venue.plays(Script::Reorder) {
            for delivery in fresh.drain(..) {
                let words = [self.venue.seed, delivery.trade.id, word(&delivery.instrument)];
                self.held.push((now_ns + nanos_below(LATE_NS, &words), delivery));
            }
            self.held.sort_by_key(|held| held.0);
        }
        let late = self.held.partition_point(|held| held.0 <= now_ns);
        let mut due: Vec<Delivery> = self.held.drain(..late).map(|held| held.1).collect();
        due.append(&mut fresh);
        due
    }

    /// How long until there is something to be sent, on the venue's clock.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let next_ns = {
            let market = self.venue.market();
            self.next.iter().filter_map(|(name, next)| market.tape.time_of(name, *next)).min()
        };
        let held = self.held.first().map(|held| span(held.0 - self.venue.clock.now_ns()));
        next_ns.map(|time_ns| self.venue.until(time_ns)).into_iter().chain(held).min()
    }

    /// What has happened since the last time, in order of time.
    fn fresh(&mut self) -> Vec<Delivery> {
        let mut fresh = Vec::new();
        let market = self.venue.market();
        for (instrument, next) in &mut self.next {
            let happened = market.happened(instrument);
            let sent = happened[(*next).min(happened.len())..]
                .iter()
                .filter(|trade| !market.is_skipped(instrument, trade.id));
            fresh.extend(sent.map(|trade| Delivery {
                instrument: instrument.clone(),
                trade: trade.clone(),
                stamp: Stamp::Time(trade.event_ns),
            }));
            *next = happened.len().max(*next);
        }
        fresh.sort_by_key(|delivery| delivery.trade.event_ns);
        fresh
    }

    /// Perhaps stamps it wrongly, the same way on every socket.
    fn misstamp(&self, delivery: &mut Delivery) {
        let (id, event_ns) = (delivery.trade.id, delivery.trade.event_ns);
        let words = [self.venue.seed, id, word(&delivery.instrument), 1];
        let ways = if self.venue.kind == VenueKind::Binance { 4 } else { 3 };
        if below(MISSTAMP_EVERY, &words) == 0 {
            let (stamp, stamp_ns) = match below(ways, &[words[0], id]) {
                0 => (Stamp::Time(event_ns + HOUR_NS), event_ns + HOUR_NS),
                1 => (Stamp::Time(event_ns - 24 * HOUR_NS), event_ns - 24 * HOUR_NS),
                2 => (Stamp::Time(0), 0),
                _ => (Stamp::Micros(event_ns), event_ns),
            };
            delivery.stamp = stamp;
            self.venue.note_misstamp(&delivery.instrument, id, stamp_ns);
        }
    }
}

impl Delivery {
    /// The time that is told, in nanoseconds; of microseconds the true one.
    pub(super) const fn stamp_ns(&self) -> i64 {
        match self.stamp {
            Stamp::Time(time_ns) | Stamp::Micros(time_ns) => time_ns,
        }
    }
}
