//! What all connections of a venue share.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    VenueClock, VenueKind, VenueOptions,
    checks::Checks,
    clock::{nanos, span},
    faults::Faults,
    generate::Maker,
    script::Script,
    tape::{CoinUpdate, Tape, TapeTrade},
};

const SECOND_NS: i64 = 1_000_000_000;
/// How long the numbers of a coin stay odd: a copy of CoinGecko's is renewed every minute.
const ODD_SECONDS: i64 = 120;
/// Prices and sizes that are written oddly.
const ODD: [(&str, &str); 5] =
    [("1e-8", "1"), ("0.00000001", "1.5"), ("1E+2", "0.1"), ("7", "2"), ("100.5", "0")];

/// A venue, behind all its connections.
pub(super) struct Venue {
    pub(super) kind: VenueKind,
    /// Without any skew.
    pub(super) clock: VenueClock,
    pub(super) seed: u64,
    pub(super) key: Option<String>,
    pub(super) faults: Faults,
    pub(super) checks: Checks,
    market: Mutex<Market>,
    /// What sockets were told, by instrument and id.
    misstamped: Mutex<BTreeMap<(String, u64), i64>>,
    /// Told whenever a script is played.
    changed: watch::Sender<()>,
}

/// What happens, and until when it has happened.
pub(super) struct Market {
    pub(super) tape: Tape,
    /// What has happened by then is known to everybody; it never goes back.
    pub(super) now_ns: i64,
    /// Ids that are on no socket, by instrument.
    skipped: BTreeMap<String, Vec<Range<u64>>>,
}

impl Venue {
    pub(super) fn new(options: VenueOptions) -> Self {
        let VenueOptions { venue, clock, tape, schedule: _, seed, key } = options;
        let market = Market { tape, now_ns: i64::MIN, skipped: BTreeMap::new() };
        Self {
            kind: venue,
            clock,
            seed,
            checks: Checks::new(venue, clock, key.is_some()),
            key,
            faults: Faults::default(),
            market: Mutex::new(market),
            misstamped: Mutex::default(),
            changed: watch::channel(()).0,
        }
    }

    /// The market as it is now.
    pub(super) fn market(&self) -> MutexGuard<'_, Market> {
        let now_ns = self.stamp_ns();
        let mut market = self.market.lock().unwrap_or_else(PoisonError::into_inner);
        market.now_ns = market.now_ns.max(now_ns);
        market
    }

    /// What time the venue says it is.
    pub(super) fn stamp_ns(&self) -> i64 {
        let now_ns = self.clock.now_ns();
        now_ns.saturating_add(self.faults.skew_ns(now_ns))
    }

    /// How long it is until the venue says this time.
    pub(super) fn until(&self, stamp_ns: i64) -> Duration {
        span(stamp_ns.saturating_sub(self.stamp_ns()))
    }

    /// Whether this script is under way.
    pub(super) fn plays(&self, script: Script) -> bool {
        self.faults.has(script, self.clock.now_ns())
    }

    /// Begins with a script.
    pub(super) fn play(&self, script: Script) {
        let now_ns = self.clock.now_ns();
        let mut market = self.market();
        let instrument = market.instrument(self.faults.count());
        market.meet(script, &instrument, self.seed);
        self.faults.play(script, instrument, now_ns);
        drop(market);
        self.changed.send_replace(());
    }

    /// What is told when a script is played.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn note_misstamp(&self, instrument: &str, id: u64, stamp_ns: i64) {
        let mut all = self.misstamped.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((instrument.to_owned(), id), stamp_ns);
    }

    pub(super) fn misstamped(&self) -> Vec<(String, u64, i64)> {
        let all = self.misstamped.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|((instrument, id), stamp)| (instrument.clone(), *id, *stamp)).collect()
    }
}

impl Market {
    /// Trades that have happened, ascending.
    pub(super) fn happened(&self, instrument: &str) -> &[TapeTrade] {
        self.tape.happened(instrument, self.now_ns)
    }

    /// Whether this trade is on no socket.
    pub(super) fn is_skipped(&self, instrument: &str, id: u64) -> bool {
        let ranges = self.skipped.get(instrument);
        ranges.is_some_and(|ranges| ranges.iter().any(|range| range.contains(&id)))
    }

    /// One of all instruments, the next for each number.
    fn instrument(&self, number: usize) -> String {
        let count = self.tape.instruments().count();
        let index = number.checked_rem(count).unwrap_or(0);
        self.tape.instruments().nth(index).unwrap_or_default().to_owned()
    }

    /// What a script does to the future.
    fn meet(&mut self, script: Script, instrument: &str, seed: u64) {
        let until_ns = self.now_ns.saturating_add(nanos(script.lasts()));
        let all: Vec<String> = self.tape.trades.keys().cloned().collect();
        match script {
            Script::Maintenance => {
                for name in &all {
                    self.tape.remove(name, self.now_ns, until_ns);
                }
            }
            Script::Delist => self.tape.remove(instrument, self.now_ns, until_ns),
            Script::OddNumbers => {
                for name in &all {
                    let odd = self.odd_trades(name, seed);
                    self.tape.insert(name, odd);
                }
                self.add_odd_updates();
            }
            Script::Burst(count) if self.tape.trades.contains_key(instrument) => {
                let burst = Maker::new(seed, instrument).burst(count, self.now_ns);
                self.tape.insert(instrument, burst);
            }
            _ => {
                for name in all {
                    self.skip(name, script.skipped(), until_ns);
                }
            }
        }
    }

    /// Leaves the next so many trades of those that happen by then out of sockets.
    fn skip(&mut self, instrument: String, count: u64, until_ns: i64) {
        let Some(trades) = self.tape.trades.get(&instrument) else { return };
        let from = self.happened(&instrument).len();
        let Some(first_id) = trades.get(from).map(|trade| trade.id) else { return };
        let to = trades.partition_point(|trade| trade.event_ns <= until_ns);
        let count = count.min(u64::try_from(to - from).unwrap_or(0));
        if count > 0 {
            self.skipped.entry(instrument).or_default().push(first_id..first_id + count);
        }
    }

    fn odd_trades(&self, instrument: &str, seed: u64) -> Vec<TapeTrade> {
        let count = u32::try_from(ODD.len()).unwrap_or(u32::MAX);
        let mut trades = Maker::new(seed, instrument).burst(count, self.now_ns);
        for (trade, (price, size)) in trades.iter_mut().zip(ODD) {
            (trade.price, trade.size) = (price.to_owned(), size.to_owned());
        }
        trades
    }

    /// Each coin has odd numbers from the next second on, each others.
    fn add_odd_updates(&mut self) {
        let from = self.now_ns / SECOND_NS + 1;
        for (updates, (price, volume)) in self.tape.updates.values_mut().zip(ODD.iter().cycle()) {
            let odd = |last_updated_at| CoinUpdate {
                last_updated_at,
                usd: (*price).to_owned(),
                usd_market_cap: "1E+2".to_owned(),
                usd_24h_vol: (*volume).to_owned(),
                usd_24h_change: "-1e-8".to_owned(),
            };
            let at = updates.partition_point(|update| update.last_updated_at <= from);
            updates.insert(at, odd(from));
            for update in &mut updates[at + 1..] {
                if update.last_updated_at < from + ODD_SECONDS {
                    *update = odd(update.last_updated_at);
                }
            }
        }
    }
}
