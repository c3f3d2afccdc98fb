//! Whether a tick is folded.
//!
//! A tick is judged in a fixed order: id space, duplicate, conflict, hole, future, late, range;
//! then it is folded, and only then does the watermark move and close windows.

use market::decimal::{Decimal, Notional};
use market::symbol::SeriesKind;
use market::tick::{MarkKind, Quote, Reason, Record, Tick, Trade};

use super::bar::{Key, Print};
use super::series::{ID_RANGES_MAX, NANOS_PER_MILLI, SeriesWindows};
use super::{Context, Outcome};

/// 2009-01-03: before it there was nothing to trade.
const EARLIEST_NS: i64 = 1_230_940_800_000_000_000;
/// How far one record may be ahead of its series.
const AHEAD_NS_MAX: i64 = 366 * 86_400_000_000_000;
/// How far a foreign record, whose producer has no guard of ours, may be ahead of its log-append
/// time.
const FOREIGN_AHEAD_MS_MAX: i64 = 60_000;

impl SeriesWindows {
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
            self.lose_untimed(trade.trade_id, context);
            self.reconcile(context);
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
        let print = match print_of(trade, context.at.offset) {
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
    fn judge_id(&mut self, trade: &Trade<'_>, context: &mut Context<'_>) -> Option<Outcome> {
        let Some(id) = trade.trade_id else {
            return self.judge_event_time(trade.event_time_ns, context);
        };
        if self.next_id != Some(id) && self.folded.contains(id) {
            return Some(Outcome::Duplicate);
        }
        if let Some((first, last)) = trade.executions
            && self.executions.intersects(first, last)
        {
            self.lose_trade(Some(id), trade.event_time_ns, "conflict", context);
            self.reconcile(context);
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
        let ahead_ms = quote.event_time_ns.div_euclid(NANOS_PER_MILLI) - context.at.timestamp_ms;
        if quote.foreign && ahead_ms > FOREIGN_AHEAD_MS_MAX {
            let detail = "its event time is over a minute later than the topic received it";
            return Outcome::dead(Reason::Future, detail);
        }
        if let Some(outcome) = self.judge_event_time(quote.event_time_ns, context) {
            return outcome;
        }
        if context.is_late(self.watermark_ns, quote.event_time_ns) {
            let detail = "its minute closed longer ago than allowedLateness";
            return Outcome::dead(Reason::Late, detail);
        }
        let key = Key { event_ns: quote.event_time_ns, order: order_of(context.at.offset) };
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
