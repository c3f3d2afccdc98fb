//! The windows of one series: all trades in all intervals, and what readers were shown of each.

use std::collections::BTreeMap;

use market::candle::Candle;
use market::decimal::{Decimal, Notional};
use market::interval::{Interval, MINUTE_MS};
use market::symbol::{SourceName, Symbol};

use super::averages::{Closes, History};
use super::record::{SeriesName, Trade};
use super::sums::Sums;

pub(super) const NANOS_PER_MILLI: i64 = 1_000_000;

#[derive(Debug, Default)]
struct Window {
    sums: Option<Sums>,
    shown: Option<Candle>,
}

/// The windows of one interval by open time.
#[derive(Debug)]
struct Frame {
    interval: Interval,
    windows: BTreeMap<i64, Window>,
    closes: Closes,
}

/// What of the ids decides whether a window is complete.
pub(super) trait Known {
    /// Whether every trade of `[open_ns, close_ns)` is known.
    fn covers(&self, open_ns: i64, close_ns: i64) -> bool;
    /// Whether coverage, holes aside, has begun.
    fn began_by(&self, open_ns: i64) -> bool;
    /// Whether a trade after this one and before that time may be missing.
    fn may_miss_after(&self, id: u64, before_ns: i64) -> bool;
}

pub(super) struct Windows {
    name: (Symbol, SourceName),
    frames: Vec<Frame>,
    /// All windows that close at or before it are closed.
    closed_to_ms: Option<i64>,
    has_closed: bool,
    /// Windows that close at or before it change no more.
    frozen_to_ms: i64,
    pub(super) history: History,
}

pub(super) fn minute_of(ns: i64) -> i64 {
    ns.div_euclid(NANOS_PER_MILLI).div_euclid(MINUTE_MS) * MINUTE_MS
}

/// When the minute of a time closes, in nanoseconds.
pub(super) fn minute_close_ns(ns: i64) -> i64 {
    (minute_of(ns) + MINUTE_MS).saturating_mul(NANOS_PER_MILLI)
}

impl Windows {
    pub(super) fn new((symbol, source): &SeriesName) -> Self {
        let frames = Interval::ALL.map(|interval| Frame {
            interval,
            windows: BTreeMap::new(),
            closes: Closes::default(),
        });
        let symbol = Symbol::new(symbol).expect("the names are those of a spec");
        let source = SourceName::new(source).expect("the names are those of a spec");
        Self {
            name: (symbol, source),
            frames: frames.into(),
            closed_to_ms: None,
            has_closed: false,
            frozen_to_ms: i64::MIN,
            history: History::default(),
        }
    }

    /// Windows before this time are as good as closed, until one is.
    pub(super) fn begin(&mut self, at_ns: i64) {
        let closed_to_ms = self.closed_to_ms.get_or_insert(minute_of(at_ns));
        if !self.has_closed {
            *closed_to_ms = minute_of(at_ns).min(*closed_to_ms);
        }
    }

    /// Adds a trade to its window of each interval.
    pub(super) fn add(&mut self, trade: &Trade, notional: i128) {
        let at_ms = trade.event_ns.div_euclid(NANOS_PER_MILLI);
        self.begin(trade.event_ns);
        for frame in &mut self.frames {
            let newest = frame.windows.iter_mut().next_back();
            let fits =
                |open_ms: i64| (open_ms..frame.interval.close_time_ms(open_ms)).contains(&at_ms);
            let window = match newest {
                Some((open_ms, window)) if fits(*open_ms) => window,
                _ => frame.windows.entry(frame.interval.open_time_ms(at_ms)).or_default(),
            };
            Sums::add(&mut window.sums, trade, notional);
        }
    }

    /// The sums of the minute of this time.
    pub(super) fn minute(&self, ns: i64) -> Option<&Sums> {
        self.frames[0].windows.get(&minute_of(ns))?.sums.as_ref()
    }

    /// Closes what the watermark has reached, oldest first and minutes before larger windows.
    /// Returns whether that was anything.
    pub(super) fn close(&mut self, watermark_ns: i64, known: &impl Known) -> bool {
        let Some(closed_to_ms) = self.closed_to_ms else { return false };
        let reached_ms = minute_of(watermark_ns);
        for close_ms in (closed_to_ms + MINUTE_MS..=reached_ms).step_by(60_000) {
            for at in 0..self.frames.len() {
                let interval = self.frames[at].interval;
                let open_ms = interval.open_time_ms(close_ms - 1);
                if interval.close_time_ms(open_ms) == close_ms {
                    self.close_window(at, open_ms, known);
                }
            }
            self.closed_to_ms = Some(close_ms);
            self.has_closed = true;
        }
        reached_ms > closed_to_ms
    }

    /// Windows that close at or before this time change no more.
    pub(super) fn freeze(&mut self, to_ms: i64) {
        self.frozen_to_ms = self.frozen_to_ms.max(to_ms);
    }

    fn close_window(&mut self, at: usize, open_ms: i64, known: &impl Known) {
        let Some(mut candle) = self.candle(at, open_ms, known) else { return };
        let close = candle.close.map(Decimal::units);
        let indicators = self.frames[at].closes.next(close);
        (candle.sma_20, candle.sma_50, candle.ema_20, candle.trend) = indicators;
        if at == 0 {
            let volume = candle.volume.map_or(0, Decimal::units);
            self.history.close(close, volume);
        }
        self.frames[at].windows.entry(open_ms).or_default().shown = Some(candle);
    }

    /// Looks again at all closed windows that something at or after this time may have changed.
    pub(super) fn revise(&mut self, from_ns: i64, known: &impl Known) {
        let Some(closed_to_ms) = self.closed_to_ms else { return };
        let from_ms = from_ns.div_euclid(NANOS_PER_MILLI);
        if from_ms >= closed_to_ms {
            return;
        }
        for at in 0..self.frames.len() {
            let interval = self.frames[at].interval;
            let first_ms = interval.open_time_ms(from_ms.max(0));
            let opens: Vec<i64> =
                self.frames[at].windows.range(first_ms..).map(|(open_ms, _)| *open_ms).collect();
            for open_ms in opens {
                let close_ms = interval.close_time_ms(open_ms);
                if self.frozen_to_ms < close_ms && close_ms <= closed_to_ms {
                    self.revise_window(at, open_ms, known);
                }
            }
        }
    }

    fn revise_window(&mut self, at: usize, open_ms: i64, known: &impl Known) {
        let Some(mut candle) = self.candle(at, open_ms, known) else { return };
        let window = self.frames[at].windows.entry(open_ms).or_default();
        if let Some(shown) = &window.shown {
            let Candle { revision, sma_20, sma_50, ema_20, trend, .. } = shown.clone();
            candle = Candle { revision, sma_20, sma_50, ema_20, trend, ..candle };
            if candle == *shown {
                return;
            }
            candle.revision += 1;
        }
        window.shown = Some(candle);
    }

    /// Shows the open windows that have trades as they stand.
    pub(super) fn snapshot(&mut self, known: &impl Known) {
        let closed_to_ms = self.closed_to_ms.unwrap_or(i64::MAX);
        for at in 0..self.frames.len() {
            let interval = self.frames[at].interval;
            let Some((&open_ms, _)) = self.frames[at].windows.iter().next_back() else { continue };
            if interval.close_time_ms(open_ms) > closed_to_ms
                && let Some(candle) = self.candle(at, open_ms, known)
            {
                let open = Candle { closed: false, complete: false, ..candle };
                self.frames[at].windows.entry(open_ms).or_default().shown = Some(open);
            }
        }
    }

    /// A window as a closed candle that was never shown; `None` where there is none to show.
    fn candle(&self, at: usize, open_ms: i64, known: &impl Known) -> Option<Candle> {
        let Frame { interval, windows, .. } = &self.frames[at];
        let close_ms = interval.close_time_ms(open_ms);
        let (open_ns, close_ns) = (open_ms * NANOS_PER_MILLI, close_ms * NANOS_PER_MILLI);
        let sums = windows.get(&open_ms).and_then(|window| window.sums.as_ref());
        if sums.is_none() && !known.began_by(open_ns) {
            return None;
        }
        let flat = || self.flat_price(open_ms, close_ns, known);
        let prices = match sums {
            Some(sums) => Some([sums.first.2, sums.high, sums.low, sums.last.2]),
            None => flat().map(|price| [price; 4]),
        };
        let price = |which: usize| prices.and_then(|prices| Decimal::from_units(prices[which]));
        let amount = |of: fn(&Sums) -> i128| Decimal::from_units(sums.map_or(0, of));
        let notional = |of: fn(&Sums) -> i128| Notional::from_units(sums.map_or(0, of));
        Some(Candle {
            symbol: self.name.0.clone(),
            source: self.name.1.clone(),
            interval: *interval,
            open_time_ms: open_ms,
            close_time_ms: close_ms,
            open: price(0),
            high: price(1),
            low: price(2),
            close: price(3),
            volume: amount(|sums| sums.volume),
            quote_volume: notional(|sums| sums.notional),
            taker_buy_volume: amount(|sums| sums.bought),
            taker_buy_quote_volume: notional(|sums| sums.bought_notional),
            vwap: sums.and_then(|sums| Decimal::from_units(sums.vwap())),
            trade_count: Some(sums.map_or(0, |sums| sums.executions)),
            first_id: sums.map(|sums| sums.lowest_id),
            last_id: sums.map(|sums| sums.highest_id),
            first_event_ns: sums.map(|sums| sums.first.0),
            last_event_ns: sums.map(|sums| sums.last.0),
            closed: true,
            complete: prices.is_some() && known.covers(open_ns, close_ns),
            revision: 0,
            samples: None,
            sma_20: None,
            sma_50: None,
            ema_20: None,
            trend: None,
        })
    }

    /// The price of the last trade before a window without trades, if none is missing between.
    fn flat_price(&self, open_ms: i64, close_ns: i64, known: &impl Known) -> Option<i128> {
        let minutes = self.frames[0].windows.range(..open_ms).rev();
        let (_, id, price) = minutes.filter_map(|(_, minute)| minute.sums.as_ref()).next()?.last;
        (!known.may_miss_after(id, close_ns)).then_some(price)
    }

    pub(super) fn candles(&self) -> impl Iterator<Item = &Candle> {
        self.frames.iter().flat_map(|frame| frame.windows.values()).filter_map(|w| w.shown.as_ref())
    }
}
