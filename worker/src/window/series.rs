//! One series: its ids, its coverage, its watermark and its windows.

use market::coverage::Coverage;
use market::decimal::{Decimal, Notional};
use market::interval::{Interval, MINUTE_MS};
use market::publication::FeedState;
use market::symbol::SeriesKind;
use serde::{Deserialize, Serialize};

use super::Context;
use super::alerts::{Gate, History};
use super::bar::{Bar, Print};
use super::frame::{Frame, Window};
use super::ranges::IdRanges;

pub(super) const NANOS_PER_MILLI: i64 = 1_000_000;
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

impl Carry {
    /// The last trade of a minute.
    pub(super) fn of(minute: &Window) -> Option<Self> {
        minute.bar.map(|bar| Self { id: bar.last.order, price: bar.close })
    }
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
    /// Ids beyond the expected one whose trades came with a time that cannot be: lost, at a time
    /// that their neighbours will tell.
    pub(super) untimed: IdRanges,
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
            untimed: IdRanges::default(),
        }
    }

    /// Whether there is a frame for each interval, in order.
    pub(crate) fn is_whole(&self) -> bool {
        self.frames.iter().map(|frame| frame.interval).eq(Interval::ALL)
    }

    /// Adds a tick to its minute, and to every larger window that has absorbed that minute.
    /// Changes nothing and returns false where a sum would pass its bound.
    pub(super) fn fold(&mut self, print: &Print, context: &mut Context<'_>) -> bool {
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
        context.reconcile_from(time_ms.saturating_mul(NANOS_PER_MILLI));
        true
    }

    /// The minute that holds this time, made if need be.
    pub(super) fn minute(&mut self, time_ms: i64) -> (usize, bool) {
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
