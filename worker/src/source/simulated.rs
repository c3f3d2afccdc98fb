//! A made-up market: seeded, endless or finite, the same on every machine.
//!
//! Every listing has a [`Tape`] of its own: tick `n` has id [`FIRST_ID`]` + n` and is a function
//! of the seed, the listing and `n` alone, computed from integers in constant time. The tapes are
//! merged by event time. What lies before now is made at once, the rest at its own time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use market::tick::{MarkKind, Side};

use super::dice::{below, roll, word};
use super::replay::{Meter, Now, Pace, Replay};
use super::tape::{Boundaries, Item, Items, Merge, start};
use super::{Event, Listing, Position, Positions, SourceTrade};

/// What is known of a coin.
mod coin;
/// When a tick happens.
mod schedule;

use coin::Coin;
use schedule::{Chunk, NANOS_PER_MILLI, Schedule};

/// The venue of everything that is made up.
pub const VENUE: &str = "simulated";
/// The id of tick 0 of every listing.
pub const FIRST_ID: u64 = 1_000_000;

const TAG_PRICE: u64 = 1;
const TAG_SIDE: u64 = 2;
const TAG_SIZE: u64 = 3;

/// Waves that a price is made of: a period in milliseconds, and how far the wave carries the
/// price at most, in millionths.
const WAVES: [(u64, i64); 8] = [
    (86_400_000, 30_000),
    (21_600_000, 12_000),
    (5_400_000, 6_000),
    (1_200_000, 2_500),
    (300_000, 1_200),
    (60_000, 500),
    (15_000, 200),
    (4_000, 80),
];
const MILLIONTHS: i64 = 1_000_000;
/// A wave's heights are whole thousandths of its reach.
const HEIGHTS: u64 = 1_000;
const LOTS: u64 = 200;

/// What to make up.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedOptions {
    /// Which market.
    pub seed: u64,
    /// Ticks per second of all listings together, on average.
    pub ticks_per_second: u32,
    /// When the tape begins: see [`origin_ns`]. Chosen once and kept.
    pub origin_ns: i64,
    /// After how many ticks of all listings together it ends; `None` for never.
    pub ticks: Option<u64>,
    /// What is traded.
    pub listings: Vec<Listing>,
}

/// When a tape begins: at the spec's `startTime`, else `prefill_ns` before its first start.
#[must_use]
pub fn origin_ns(start_time_ns: Option<i64>, first_start_ns: i64, prefill_ns: i64) -> i64 {
    let origin_ns = start_time_ns.unwrap_or_else(|| first_start_ns.saturating_sub(prefill_ns));
    origin_ns.saturating_sub(origin_ns.rem_euclid(NANOS_PER_MILLI))
}

/// The tape of one listing. It has no state.
#[derive(Debug, Clone)]
pub struct Tape {
    origin_ns: i64,
    /// Tells this listing from all others.
    key: u64,
    /// Tells this coin from all others: two venues of one seed follow the same price.
    coin_key: u64,
    coin: Coin,
    schedule: Schedule,
    /// How many ticks there are.
    ticks: Option<u64>,
}

impl Tape {
    /// Tick `n`.
    #[must_use]
    pub fn tick(&self, n: u64) -> SourceTrade {
        self.tick_in(n, &self.schedule.chunk_of(n))
    }

    /// How many ticks there are; `None` for endlessly many.
    #[must_use]
    pub const fn ticks(&self) -> Option<u64> {
        self.ticks
    }

    fn tick_in(&self, n: u64, chunk: &Chunk) -> SourceTrade {
        let leader = self.schedule.leader(n);
        let since_ns = self.schedule.since_origin_ns(leader, chunk);
        // One taker order, one side; each further execution is one price step deeper.
        let buys = roll(&[self.key, TAG_SIDE, leader]) & 1 == 0;
        let depth = i64::try_from(n - leader).unwrap_or(0) + 1;
        let step = if buys { depth } else { -depth };
        let price = self.middle(since_ns).saturating_add(step).max(1);
        let lots = (1 + below(LOTS, &[self.key, TAG_SIZE, n]))
            * match roll(&[self.key, TAG_SIZE, TAG_SIZE, n]) % 1_024 {
                0..700 => 1,
                700..950 => 5,
                950..1_010 => 25,
                _ => 125,
            };
        SourceTrade {
            trade_id: Some(FIRST_ID.saturating_add(n)),
            executions: None,
            price: decimal(price.unsigned_abs(), self.coin.price_decimals),
            size: decimal(lots, self.coin.size_decimals),
            side: Some(if buys { Side::Buy } else { Side::Sell }),
            event_time_ns: self.origin_ns.saturating_add(since_ns),
            receive_time_ns: None,
            recovered: false,
            future: false,
        }
    }

    /// The price between bid and ask, in units of the coin's last decimal: the base price carried
    /// by all waves, each of which runs straight from one seeded height to the next.
    fn middle(&self, since_ns: i64) -> i64 {
        let at_ms = u64::try_from(since_ns / NANOS_PER_MILLI).unwrap_or(0);
        let mut carried = 0;
        for (wave, (period_ms, reach)) in (0_u64..).zip(WAVES) {
            let (index, into) = (at_ms / period_ms, at_ms % period_ms);
            let height = |index: u64| {
                let height = below(2 * HEIGHTS + 1, &[self.coin_key, TAG_PRICE, wave, index]);
                i128::from(height) - i128::from(HEIGHTS)
            };
            let left = height(index) * i128::from(period_ms - into);
            let right = height(index + 1) * i128::from(into);
            let whole = i128::from(period_ms) * i128::from(HEIGHTS);
            let part = i128::from(reach) * (left + right) / whole;
            carried += i64::try_from(part).unwrap_or(0);
        }
        self.coin.price_units + self.coin.price_units * carried / MILLIONTHS
    }
}

/// The tapes of all listings, in their order.
#[must_use]
pub fn tapes(options: &SimulatedOptions) -> Vec<Tape> {
    let coins: Vec<_> = options
        .listings
        .iter()
        .map(|listing| Coin::of(&listing.base, roll(&[options.seed, word(&listing.base)])))
        .collect();
    let weights: u64 = coins.iter().map(|coin| coin.weight).sum();
    let mut weight_before = 0;
    let mut tapes = Vec::with_capacity(coins.len());
    for (listing, coin) in options.listings.iter().zip(coins) {
        let share = |ticks: u64, weight: u64| {
            let part = u128::from(ticks) * u128::from(weight) / u128::from(weights.max(1));
            u64::try_from(part).unwrap_or(u64::MAX)
        };
        let weight = weight_before + coin.weight;
        let ticks = options.ticks.map(|ticks| share(ticks, weight) - share(ticks, weight_before));
        weight_before = weight;
        let name = format!("{}:{}:{}", listing.series, listing.venue, listing.instrument);
        let key = roll(&[options.seed, word(&name)]);
        let per_second = u64::from(options.ticks_per_second.max(1));
        tapes.push(Tape {
            origin_ns: origin_ns(Some(options.origin_ns), 0, 0),
            key,
            coin_key: roll(&[options.seed, word(&listing.base)]),
            schedule: Schedule::new(key, share(per_second * schedule::CHUNK_SECONDS, coin.weight)),
            coin,
            ticks,
        });
    }
    tapes
}

/// Starts the market from the positions on: what lies before now comes at once.
#[must_use]
pub fn open(options: &SimulatedOptions, positions: &Positions, now: Now) -> Replay {
    open_part(options, |_| true, positions, now)
}

/// The same market, of which only some listings are read: others have no part in their trades.
#[must_use]
pub fn open_part(
    options: &SimulatedOptions,
    has: impl Fn(&Listing) -> bool,
    positions: &Positions,
    now: Now,
) -> Replay {
    let done = Arc::new(AtomicU64::new(0));
    let tapes = options.listings.iter().zip(tapes(options));
    let (listings, tapes): (Vec<_>, Vec<_>) = tapes.filter(|(listing, _)| has(listing)).unzip();
    let listings: Vec<_> = listings.into_iter().cloned().collect();
    let total = options.ticks.and_then(|_| tapes.iter().map(Tape::ticks).sum());
    let series = listings.iter().zip(tapes).map(|(listing, tape)| -> Items {
        let position = positions.get(&listing.series).copied();
        let next = position.map_or(0, |Position { next_id, .. }| next_id.saturating_sub(FIRST_ID));
        done.fetch_add(next, Ordering::Relaxed);
        Box::new(Series {
            listing: listing.clone(),
            chunk: tape.schedule.chunk_of(next),
            tape,
            next,
            started: false,
            done: Arc::clone(&done),
        })
    });
    let series = series.collect();
    let boundaries = Boundaries::SecondsFrom(now());
    let merge = Merge::new(listings.clone(), series, boundaries);
    let meter = Meter { done, total };
    Replay::computed(listings, merge, Pace::Wall, now, meter)
}

/// One listing from a tick on.
struct Series {
    listing: Listing,
    tape: Tape,
    next: u64,
    /// That of the next tick.
    chunk: Chunk,
    started: bool,
    done: Arc<AtomicU64>,
}

impl Series {
    fn start(&self) -> Item {
        let from_ns = match self.next.checked_sub(1) {
            None => self.tape.origin_ns,
            Some(last) => self.tape.tick(last).event_time_ns.saturating_add(NANOS_PER_MILLI),
        };
        let start = start(&self.listing, from_ns, FIRST_ID.saturating_add(self.next));
        item(from_ns, false, Event::Mark(MarkKind::Start(start)))
    }
}

impl Iterator for Series {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if !self.started {
            self.started = true;
            return Some(self.start());
        }
        if self.tape.ticks.is_some_and(|ticks| self.next >= ticks) {
            return None;
        }
        if !self.tape.schedule.holds(&self.chunk, self.next) {
            self.chunk = self.tape.schedule.chunk_of(self.next);
        }
        let trade = self.tape.tick_in(self.next, &self.chunk);
        self.next = self.next.checked_add(1)?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Some(item(trade.event_time_ns, true, Event::Trade(trade)))
    }
}

fn item(at_ns: i64, joins: bool, event: Event) -> Item {
    Item { at_ns, unit_ns: NANOS_PER_MILLI, joins, event: Ok(event) }
}

/// So many units of the last of `decimals` decimals, as a venue writes it.
fn decimal(units: u64, decimals: u32) -> Box<str> {
    let one = 10_u64.pow(decimals);
    let width = usize::try_from(decimals).unwrap_or(0);
    if width == 0 {
        return units.to_string().into();
    }
    format!("{}.{:0width$}", units / one, units % one).into()
}

#[cfg(test)]
mod tests;
