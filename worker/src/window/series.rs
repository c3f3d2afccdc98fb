//! One series: its ids, its coverage, its watermark and its windows.
//!
//! A tick is judged in a fixed order: id space, duplicate, conflict, hole, future, late, range;
//! then it is folded, and only then does the watermark move and close windows.

use market::coverage::Coverage;
use market::decimal::{Decimal, Notional};
use market::interval::{Interval, MINUTE_MS};
use market::publication::FeedState;
use market::symbol::SeriesKind;
use market::tick::{MarkKind, Quote, Reason, Record, Tick, Trade};
use serde::{Deserialize, Serialize};

use super::alerts::{Gate, History};
use super::bar::{Bar, Key, Print};
use super::frame::Frame;
use super::ranges::IdRanges;
use super::{Context, Outcome};

pub(super) const NANOS_PER_MILLI: i64 = 1_000_000;
/// 2009-01-03: before it there was nothing to trade.
const EARLIEST_NS: i64 = 1_230_940_800_000_000_000;
/// How far one record may be ahead of its series.
const AHEAD_NS_MAX: i64 = 366 * 86_400_000_000_000;
/// Holes that a series keeps before the oldest one counts as lost.
pub(super) const HOLES_MAX: usize = 4_096;
/// Ranges of folded ids that a series keeps: one or two in practice.
pub(super) const ID_RANGES_MAX: usize = 8_192;

/// The last trade of the minutes that are no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Carry {
    pub(super) id: u64,
    pub(super) price: Decimal,
}

/// What the engine remembers of one series. This is what a checkpoint holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SeriesWindows {
    pub(super) kind: SeriesKind,
    /// `venue:instrument:space:`, fixed by the first record.
    pub(super) space: Option<String>,
    pub(super) epoch: u64,
    pub(super) watermark_ns: i64,
    /// Up to where a `live` mark said that every trade was sent.
    pub(super) complete_to_ns: i64,
    /// Event time of the trade with the highest id.
    pub(super) last_event_ns: i64,
    /// The id that is expected next; `None` before the first one, and without ids.
    pub(super) next_id: Option<u64>,
    pub(super) folded: IdRanges,
    /// Ids of the executions in aggregates.
    pub(super) executions: IdRanges,
    pub(super) coverage: Coverage,
    /// The highest id of any gap that is no longer kept.
    pub(super) forgotten_to_id: u64,
    pub(super) carry: Option<Carry>,
    /// Gaps in minutes that close at or before this time were told.
    pub(super) gaps_told_ms: i64,
    /// The minute for which a stale feed was told.
    pub(super) stale_told_ms: i64,
    /// Close time of the next minute to close.
    pub(super) next_close_ms: Option<i64>,
    /// One for each interval, smallest first.
    pub(super) frames: Vec<Frame>,
    pub(super) history: History,
    /// The feed's state, and why.
    pub(super) feed: Option<(FeedState, String)>,
    pub(super) alert_seq: u64,
    pub(super) feed_seq: u64,
    /// Bounds within which the open minute raises nothing; made anew when it or its open changes.
    #[serde(skip)]
    pub(super) gate: Option<(i64, Decimal, Gate)>,
    /// Largest sums of any open window without the open minute.
    pub(super) absorbed: (Decimal, Notional),
}

impl SeriesWindows {
    pub(super) fn new(kind: SeriesKind) -> Self {
        Self {
            kind,
            space: None,
            epoch: 0,
            watermark_ns: i64::MIN,
            complete_to_ns: i64::MIN,
            last_event_ns: i64::MIN,
            next_id: None,
            folded: IdRanges::default(),
            executions: IdRanges::default(),
            coverage: Coverage::default(),
            forgotten_to_id: 0,
            carry: None,
            gaps_told_ms: i64::MIN,
            stale_told_ms: i64::MIN,
            next_close_ms: None,
            frames: Interval::ALL.into_iter().map(Frame::new).collect(),
            history: History::default(),
            feed: None,
            alert_seq: 0,
            feed_seq: 0,
            gate: None,
            absorbed: (Decimal::ZERO, Notional::ZERO),
        }
    }

    /// Whether there is a frame for each interval, in order.
    pub(crate) fn is_whole(&self) -> bool {
        self.frames.iter().map(|frame| frame.interval).eq(Interval::ALL)
    }

    /// Refuses times that no record can have: one record must not close windows without end.
    pub(super) fn judge_time(&self, record: &Record<'_>) -> Option<Outcome> {
        let time_ns = match record {
            Record::Tick(Tick::Trade(trade)) => trade.event_time_ns,
            Record::Tick(Tick::Quote(quote)) => quote.event_time_ns,
            Record::Mark(mark) => match &mark.kind {
                MarkKind::Start(start) => start.from_ns,
                MarkKind::Live { complete_to_ns, .. } => *complete_to_ns,
                MarkKind::Lost { from_ns, .. } => *from_ns,
                MarkKind::Void { .. } | MarkKind::State { .. } | MarkKind::End => return None,
            },
        };
        if time_ns < EARLIEST_NS {
            return Some(Outcome::dead(Reason::EventTime, "its time is before 2009"));
        }
        let reached_ns =
            self.coverage.from_ns.map_or(self.watermark_ns, |ns| ns.max(self.watermark_ns));
        let ahead = reached_ns > i64::MIN && time_ns.saturating_sub(reached_ns) > AHEAD_NS_MAX;
        ahead.then(|| Outcome::dead(Reason::Future, "its time is over a year ahead of its series"))
    }

    pub(super) fn trade(&mut self, trade: &Trade<'_>, context: &mut Context<'_>) -> Outcome {
        if self.kind != SeriesKind::Trade {
            return Outcome::dead(Reason::Schema, "this series is made of quotes, not of trades");
        }
        if !self.in_space(&trade.message_id) {
            return Outcome::dead(Reason::Space, "another id space than the series began with");
        }
        if trade.trade_id.is_none() && self.next_id.is_some() {
            return Outcome::dead(
                Reason::Schema,
                "no trade_id in a series that numbers its trades",
            );
        }
        if let Some(outcome) = self.judge_id(trade, context) {
            return outcome;
        }
        if trade.future {
            // Its time is no time, so that it bounds no hole: the next record opens one for its id.
            return Outcome::dead(Reason::Future, "event time is ahead of the source's clock");
        }
        if context.is_late(self.watermark_ns, trade.event_time_ns) {
            self.lose_trade(trade.trade_id, trade.event_time_ns, "late", context);
            self.reconcile(context);
            self.forget_gaps(context);
            return Outcome::dead(
                Reason::Late,
                "its minute closed longer ago than allowedLateness",
            );
        }
        let print = match print_of(trade, context.offset) {
            Ok(print) => print,
            Err(detail) => {
                self.lose_trade(trade.trade_id, trade.event_time_ns, "range", context);
                self.reconcile(context);
                return Outcome::dead(Reason::Range, detail);
            }
        };
        if !self.fold(&print, context) {
            self.lose_trade(trade.trade_id, trade.event_time_ns, "range", context);
            self.reconcile(context);
            return Outcome::dead(Reason::Range, "a sum of its window would pass its bound");
        }
        if let Some((first, last)) = trade.executions {
            self.executions.insert(first, last);
            self.executions.bound(ID_RANGES_MAX);
        }
        if trade.event_time_ns < self.complete_to_ns {
            context.stats.vouch_broken += 1;
        }
        if let Some(id) = trade.trade_id {
            self.take_id(id, trade.event_time_ns, context);
        }
        self.reconcile(context);
        self.advance(trade.event_time_ns, context);
        Outcome::Folded
    }

    /// Decides duplicates and conflicts.
    fn judge_id(&mut self, trade: &Trade<'_>, context: &Context<'_>) -> Option<Outcome> {
        let Some(id) = trade.trade_id else {
            return self.judge_event_time(trade.event_time_ns, context);
        };
        if self.next_id != Some(id) && self.folded.contains(id) {
            return Some(Outcome::Duplicate);
        }
        if let Some((first, last)) = trade.executions
            && self.executions.intersects(first, last)
        {
            let detail = "its executions are partly those of another aggregate";
            return Some(Outcome::dead(Reason::Conflict, detail));
        }
        None
    }

    /// Without ids, a repeat is known by its event time within windows that can still change.
    fn judge_event_time(&mut self, event_ns: i64, context: &Context<'_>) -> Option<Outcome> {
        if context.is_late(self.watermark_ns, event_ns) {
            return None;
        }
        let (at, _) = self.minute(event_ns.div_euclid(NANOS_PER_MILLI));
        let window = &mut self.frames[0].windows[at];
        match window.event_times.binary_search(&event_ns) {
            Ok(_) => Some(Outcome::Duplicate),
            Err(place) => {
                window.event_times.insert(place, event_ns);
                None
            }
        }
    }

    pub(super) fn quote(&mut self, quote: &Quote<'_>, context: &mut Context<'_>) -> Outcome {
        if self.kind != SeriesKind::Quote {
            return Outcome::dead(Reason::Schema, "this series is made of trades, not of quotes");
        }
        if let Some(outcome) = self.judge_event_time(quote.event_time_ns, context) {
            return outcome;
        }
        if context.is_late(self.watermark_ns, quote.event_time_ns) {
            let detail = "its minute closed longer ago than allowedLateness";
            return Outcome::dead(Reason::Late, detail);
        }
        let key = Key { event_ns: quote.event_time_ns, order: order_of(context.offset) };
        self.fold(
            &Print {
                key,
                id: None,
                price: quote.price.value,
                size: Decimal::ZERO,
                notional: Notional::ZERO,
                taker_buys: false,
                count: 1,
            },
            context,
        );
        self.reconcile(context);
        let bound = if quote.foreign { context.settings.max_out_of_orderness_ns } else { 0 };
        self.advance(quote.event_time_ns.saturating_sub(bound), context);
        Outcome::Folded
    }

    /// Adds a tick to its minute, and to every larger window that has absorbed that minute.
    /// Changes nothing and returns false where a sum would pass its bound.
    fn fold(&mut self, print: &Print, context: &mut Context<'_>) -> bool {
        let time_ms = print.key.event_ns.div_euclid(NANOS_PER_MILLI);
        let (at, _) = self.minute(time_ms);
        let window = &mut self.frames[0].windows[at];
        let close_ms = window.close_ms;
        if close_ms.saturating_mul(NANOS_PER_MILLI) <= self.watermark_ns {
            return self.fold_late(at, print, context);
        }
        let fits = match &mut window.bar {
            Some(bar) => bar.add(print, self.absorbed),
            None => {
                let bar = Bar::of(print);
                let fits = bar.fits_beside(self.absorbed);
                window.bar = fits.then_some(bar);
                fits
            }
        };
        if !fits {
            return false;
        }
        if self.next_close_ms.is_none_or(|next| close_ms < next) {
            self.next_close_ms = Some(close_ms);
        }
        self.raise_alerts(at, print, context);
        true
    }

    /// Adds a tick to a minute that has closed, and to the larger windows around it.
    fn fold_late(&mut self, at: usize, print: &Print, context: &mut Context<'_>) -> bool {
        let tick = Bar::of(print);
        let time_ms = self.frames[0].windows[at].open_ms;
        // All windows take it or none does, and none is made for nothing.
        let fits = |frame: &Frame| {
            frame.find(time_ms).is_none_or(|at| frame.windows[at].with(&tick).is_some())
        };
        if !self.frames.iter().all(fits) {
            return false;
        }
        for frame in &mut self.frames {
            let (window_at, _) = frame.find_or_make(time_ms);
            let window = &mut frame.windows[window_at];
            window.bar = window.with(&tick);
            window.stale = true;
        }
        self.measure_absorbed();
        context.reconcile_from(i64::MIN);
        true
    }

    /// The minute that holds this time, made if need be.
    fn minute(&mut self, time_ms: i64) -> (usize, bool) {
        let frame = &mut self.frames[0];
        if let Some(last) = frame.windows.back()
            && last.open_ms <= time_ms
            && time_ms < last.open_ms + MINUTE_MS
        {
            return (frame.windows.len() - 1, false);
        }
        frame.find_or_make(time_ms)
    }

    /// The largest sums of the windows that the open minute will be added to.
    pub(super) fn measure_absorbed(&mut self) {
        self.absorbed = self.frames[1..]
            .iter()
            .filter_map(|frame| frame.windows.back()?.bar)
            .fold((Decimal::ZERO, Notional::ZERO), |(volume, notional), bar| {
                (volume.max(bar.volume), notional.max(bar.quote_volume))
            });
    }
}

/// A trade as windows see it, or why its numbers cannot be folded.
fn print_of(trade: &Trade<'_>, offset: i64) -> Result<Print, &'static str> {
    let notional = trade
        .price
        .value
        .notional(trade.size.value)
        .map_err(|_| "price times size cannot be held in 18 decimals below 10^20")?;
    Ok(Print {
        key: Key {
            event_ns: trade.event_time_ns,
            order: trade.trade_id.unwrap_or_else(|| order_of(offset)),
        },
        id: trade.trade_id,
        price: trade.price.value,
        size: trade.size.value,
        notional,
        taker_buys: trade.side == Some(market::tick::Side::Buy),
        count: trade.execution_count(),
    })
}

/// Where there are no ids, the offset orders ticks of one instant.
fn order_of(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}
