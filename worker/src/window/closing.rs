//! What moves with the watermark: windows close, are revised, and are forgotten.
//!
//! A window closes when the watermark reaches its close time. The minute folds into the larger
//! windows then; a covered minute without trades is flat at the price of the last trade.

use market::coverage::Gap;
use market::decimal::Decimal;
use market::interval::MINUTE_MS;
use market::symbol::SeriesKind;

use super::Context;
use super::frame::{Shown, Window};
use super::series::{Carry, NANOS_PER_MILLI, SeriesWindows};

/// Windows of one interval that are kept because a hole in them could still be filled. Beyond it
/// the oldest stay as they were shown.
const WINDOWS_MAX: usize = 2_048;
/// Minutes that one step closes at most, so that a record far ahead of its series closes its
/// windows in many commits.
const MINUTES_PER_STEP_MAX: usize = 256;

impl SeriesWindows {
    /// Moves the watermark and closes what it reaches. It never goes back.
    pub(super) fn advance(&mut self, to_ns: i64, context: &mut Context<'_>) {
        if to_ns <= self.watermark_ns {
            return;
        }
        self.watermark_ns = to_ns;
        if self.next_close_ms.is_some_and(|next| next <= self.reached_ms()) {
            self.close_some(context);
        }
    }

    fn reached_ms(&self) -> i64 {
        self.watermark_ns.div_euclid(NANOS_PER_MILLI)
    }

    /// Whether windows are open that the watermark has reached.
    pub(super) fn is_closing(&self) -> bool {
        self.next_close_ms.is_some()
            && self.next_boundary().is_some_and(|next| next <= self.reached_ms())
    }

    /// Closes what the watermark has reached: the oldest minutes, as many as one step may. The
    /// context is told when more are left.
    pub(super) fn close_some(&mut self, context: &mut Context<'_>) {
        let reached_ms = self.reached_ms();
        let mut minutes = 0;
        while let Some(boundary_ms) = self.next_boundary().filter(|next| *next <= reached_ms) {
            if minutes == MINUTES_PER_STEP_MAX {
                context.closing = true;
                return;
            }
            minutes += 1;
            self.close_minute(boundary_ms, context);
            for frame in 1..self.frames.len() {
                self.close_due(frame, boundary_ms, context);
            }
            self.next_close_ms = Some(boundary_ms + MINUTE_MS);
            self.forget_windows(context);
        }
        if self.kind == SeriesKind::Quote || self.coverage.from_ns.is_none() {
            self.next_close_ms = self.next_boundary();
        }
        self.forget_windows(context);
        self.forget_gaps(context);
        self.measure_absorbed();
    }

    /// Where coverage is, every minute closes; elsewhere only what has ticks.
    fn next_boundary(&self) -> Option<i64> {
        if self.coverage.from_ns.is_some() && self.kind == SeriesKind::Trade {
            return self.next_close_ms;
        }
        self.frames.iter().filter_map(super::frame::Frame::next_close_ms).min()
    }

    fn close_minute(&mut self, boundary_ms: i64, context: &mut Context<'_>) {
        let open_ms = boundary_ms - MINUTE_MS;
        let at = match self.frames[0].find(open_ms) {
            Some(at) => at,
            None if self.coverage.began_by(open_ms) => self.frames[0].find_or_make(open_ms).0,
            None => return,
        };
        let window = &self.frames[0].windows[at];
        if window.closed() {
            return;
        }
        let (bar, damaged) = (window.bar, window.damaged);
        if bar.is_none() && !self.coverage.began_by(open_ms) {
            self.frames[0].windows.remove(at);
            return;
        }
        for frame in &mut self.frames[1..] {
            let (larger_at, _) = frame.find_or_make(open_ms);
            let window = &mut frame.windows[larger_at];
            window.damaged |= damaged;
            if let Some(bar) = &bar {
                // The sums were checked against their bounds when the ticks came.
                window.bar = window.with(bar).or(window.bar);
            }
        }
        self.show_closed(0, at, context);
        let window = &self.frames[0].windows[at];
        let close = self.close_price(window);
        let volume = match self.kind {
            SeriesKind::Trade => Some(bar.map_or(Decimal::ZERO, |bar| bar.volume)),
            SeriesKind::Quote => None,
        };
        self.history.close_minute(close, volume);
        self.gate = None;
    }

    /// Closes the window of a larger interval that ends here.
    fn close_due(&mut self, frame: usize, boundary_ms: i64, context: &mut Context<'_>) {
        let at = self.frames[frame].first_open();
        let due = self.frames[frame].windows.get(at);
        if let Some(window) = due.filter(|window| window.close_ms <= boundary_ms) {
            if window.bar.is_none() && !self.coverage.began_by(window.open_ms) {
                self.frames[frame].windows.remove(at);
            } else {
                self.show_closed(frame, at, context);
            }
        }
    }

    fn show_closed(&mut self, frame: usize, at: usize, context: &mut Context<'_>) {
        let last = self.last_trade_before(self.frames[frame].windows[at].open_ms);
        let shown = self.look(&self.frames[frame].windows[at], last);
        self.frames[frame].windows[at].shown = Some(shown);
        self.frames[frame].windows[at].stale = false;
        let close = self.close_price(&self.frames[frame].windows[at]);
        let indicators = self.frames[frame].closes.next(close);
        self.frames[frame].windows[at].indicators = indicators;
        context.show(self, frame, at);
    }

    fn close_price(&self, window: &Window) -> Option<Decimal> {
        window.bar.map(|bar| bar.close).or(window.shown.and_then(|shown| shown.flat_price))
    }

    /// What readers are to be shown of a window now; `last` is the last trade before it.
    fn look(&self, window: &Window, last: Option<Carry>) -> Shown {
        let flat_price = if window.bar.is_some() { None } else { self.flat_price(window, last) };
        let priced = window.bar.is_some() || flat_price.is_some();
        let covered = self.kind == SeriesKind::Trade
            && !window.damaged
            && self.coverage.began_by(window.open_ms)
            && !self.coverage.has_gap_in(window.open_ms, window.close_ms);
        Shown { complete: covered && priced, flat_price }
    }

    /// The price of a window without trades: that of the last trade before it, if no trade can be
    /// missing between the two.
    fn flat_price(&self, window: &Window, last: Option<Carry>) -> Option<Decimal> {
        let last = last?;
        let known = last.id >= self.forgotten_to_id
            && !self.coverage.has_gap_after(last.id, window.close_ms);
        known.then_some(last.price)
    }

    fn last_trade_before(&self, open_ms: i64) -> Option<Carry> {
        let minutes = self.frames[0].windows.iter().rev();
        let mut before = minutes.filter(|minute| minute.open_ms < open_ms);
        before.find_map(Carry::of).or(self.carry)
    }

    /// Shows each closed window again that the record changed: one revision each.
    pub(super) fn reconcile(&mut self, context: &mut Context<'_>) {
        let Some(from_ns) = context.take_reconcile_from() else { return };
        let minute_ns = MINUTE_MS * NANOS_PER_MILLI;
        if from_ns >= self.watermark_ns.div_euclid(minute_ns).saturating_mul(minute_ns) {
            return;
        }
        for frame in 0..self.frames.len() {
            let windows = &self.frames[frame].windows;
            let first = windows.partition_point(|window| close_ns(window) <= from_ns);
            // Both go forward: the windows of this frame, and the minutes before each.
            let (mut last, mut minute_at) = (self.carry, 0);
            for at in first..self.frames[frame].windows.len() {
                let open_ms = self.frames[frame].windows[at].open_ms;
                let minutes = self.frames[0].windows.range(minute_at..);
                for minute in minutes.take_while(|minute| minute.open_ms < open_ms) {
                    last = Carry::of(minute).or(last);
                    minute_at += 1;
                }
                self.revise(frame, at, last, context);
            }
        }
    }

    fn revise(&mut self, frame: usize, at: usize, last: Option<Carry>, context: &mut Context<'_>) {
        let window = &self.frames[frame].windows[at];
        // Open, and yet reached: a late tick made a window where none had been covered.
        let made = !window.closed();
        if made && close_ns(window) > self.watermark_ns {
            return;
        }
        let shown = self.look(window, last);
        let window = &mut self.frames[frame].windows[at];
        if !made && !window.stale && window.shown == Some(shown) {
            return;
        }
        window.shown = Some(shown);
        window.stale = false;
        window.revision += u32::from(!made);
        context.stats.revisions += u64::from(!made);
        context.show(self, frame, at);
    }

    /// Minutes that close at or before this time take no more ticks.
    pub(super) fn final_ms(&self, context: &Context<'_>) -> i64 {
        let final_ns = self.watermark_ns.saturating_sub(context.settings.allowed_lateness_ns);
        // A tick is late once the watermark is past, not at, close time + lateness.
        final_ns.saturating_sub(1).div_euclid(NANOS_PER_MILLI)
    }

    /// Forgets windows that take no more ticks and that no gap touches which could still be filled.
    fn forget_windows(&mut self, context: &Context<'_>) {
        let final_ms = self.final_ms(context);
        let fillable =
            self.coverage.gaps().iter().filter(|gap| minute_close_ms(gap.to_ns) > final_ms);
        let kept_from_ms = fillable.map(|gap| gap.from_ns.div_euclid(NANOS_PER_MILLI)).min();
        let forget_to_ms = kept_from_ms.map_or(final_ms, |kept_from_ms| kept_from_ms.min(final_ms));
        for (index, frame) in self.frames.iter_mut().enumerate() {
            while let Some(window) = frame.windows.front()
                && window.closed()
                && (window.close_ms <= forget_to_ms || frame.windows.len() > WINDOWS_MAX)
            {
                if index == 0 {
                    self.carry = Carry::of(window).or(self.carry);
                }
                frame.windows.pop_front();
            }
        }
    }

    /// Lost ids whose minutes can no longer change are counted as folded. Other holes stay known,
    /// so that a trade that comes far too late is told from a duplicate.
    pub(super) fn forget_gaps(&mut self, context: &mut Context<'_>) {
        let final_ms = self.final_ms(context);
        let told_ms = std::mem::replace(&mut self.gaps_told_ms, final_ms);
        for gap in self.coverage.gaps() {
            let close_ms = minute_close_ms(gap.to_ns);
            if !gap.lost && told_ms < close_ms && close_ms <= final_ms {
                context.gap(gap.clone());
            }
        }
        for gap in self.coverage.take(|gap| gap.lost && minute_close_ms(gap.to_ns) <= final_ms) {
            self.forget(gap, context);
        }
    }

    /// Stops keeping a gap: what it touches stays incomplete.
    pub(super) fn forget(&mut self, gap: Gap, context: &mut Context<'_>) {
        for frame in &mut self.frames {
            for window in &mut frame.windows {
                window.damaged |= gap.touches(window.open_ms, window.close_ms);
            }
        }
        self.keep_ids(gap.from_id, gap.to_id);
        self.forgotten_to_id = self.forgotten_to_id.max(gap.to_id);
        context.gap(gap);
    }

    /// Every id before the returned one is folded, void, or can no longer be folded.
    pub(super) fn position(&self, allowed_lateness_ns: i64) -> Option<u64> {
        let late_ms =
            self.watermark_ns.saturating_sub(allowed_lateness_ns).div_euclid(NANOS_PER_MILLI);
        let mut open = self.coverage.gaps().iter();
        open.find(|gap| !gap.lost && minute_close_ms(gap.to_ns) >= late_ms)
            .map(|gap| gap.from_id)
            .or(self.next_id)
    }
}

fn close_ns(window: &Window) -> i64 {
    window.close_ms.saturating_mul(NANOS_PER_MILLI)
}

/// When the minute that holds this time closes.
fn minute_close_ms(ns: i64) -> i64 {
    let minute = ns.div_euclid(NANOS_PER_MILLI).div_euclid(MINUTE_MS);
    minute.saturating_add(1).saturating_mul(MINUTE_MS)
}
