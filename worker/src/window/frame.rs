//! The windows of one interval of one series that may still change.

use std::collections::VecDeque;

use market::decimal::Decimal;
use market::interval::Interval;
use serde::{Deserialize, Serialize};

use super::bar::Bar;
use super::indicators::{Closes, Indicators};

/// Up to so many windows, a frame has no room for more than it holds.
const WINDOWS_FEW: usize = 4;

/// What readers were last shown of a closed window, apart from its bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) complete: bool,
    /// The price of a window without ticks, where it is known.
    pub(super) flat_price: Option<Decimal>,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) open_ms: i64,
    pub(super) close_ms: i64,
    /// `None` without ticks.
    pub(super) bar: Option<Bar>,
    /// `None` while it is open.
    pub(super) shown: Option<Shown>,
    pub(super) revision: u32,
    pub(super) indicators: Indicators,
    /// Whether a gap that is no longer kept touches it.
    pub(super) damaged: bool,
    /// Whether its bar changed after it was shown.
    pub(super) stale: bool,
    /// Event times of ticks without ids, by which repeats are known.
    pub(super) event_times: Vec<i64>,
    /// Which alerts were raised in it, as bits.
    pub(super) alerts: u8,
}

impl Window {
    pub(super) const fn new(open_ms: i64, close_ms: i64) -> Self {
        Self {
            open_ms,
            close_ms,
            bar: None,
            shown: None,
            revision: 0,
            indicators: Indicators { sma_20: None, sma_50: None, ema_20: None, trend: None },
            damaged: false,
            stale: false,
            event_times: Vec::new(),
            alerts: 0,
        }
    }

    pub(super) const fn closed(&self) -> bool {
        self.shown.is_some()
    }

    /// The bar with another one added, or `None` where a sum would pass its bound.
    pub(super) fn with(&self, bar: &Bar) -> Option<Bar> {
        match &self.bar {
            Some(own) => own.and(bar),
            None => Some(*bar),
        }
    }
}

/// The windows of one interval, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    pub(super) interval: Interval,
    pub(super) windows: VecDeque<Window>,
    pub(super) closes: Closes,
    /// Number of the last publication in this channel.
    pub(super) seq: u64,
}

impl Frame {
    pub(super) fn new(interval: Interval) -> Self {
        Self { interval, windows: VecDeque::new(), closes: Closes::default(), seq: 0 }
    }

    /// The index of the window that holds `time_ms`.
    pub(super) fn find(&self, time_ms: i64) -> Option<usize> {
        // Nearly always the newest one.
        self.windows
            .iter()
            .rposition(|window| window.open_ms <= time_ms)
            .filter(|at| time_ms < self.windows[*at].close_ms)
    }

    /// The index of the window that holds `time_ms`, made if there is none, and whether it was.
    pub(super) fn find_or_make(&mut self, time_ms: i64) -> (usize, bool) {
        if let Some(at) = self.find(time_ms) {
            return (at, false);
        }
        let open_ms = self.interval.open_time_ms(time_ms);
        let at = self.windows.partition_point(|window| window.open_ms < open_ms);
        // Most frames of most series have one window: room for four at once, as a first push makes,
        // would be three quarters of what a thousand series take.
        if self.windows.len() == self.windows.capacity() && self.windows.len() < WINDOWS_FEW {
            self.windows.reserve_exact(1);
        }
        self.windows.insert(at, Window::new(open_ms, self.interval.close_time_ms(open_ms)));
        (at, true)
    }

    /// The index of the first window that is open; all before it are closed.
    pub(super) fn first_open(&self) -> usize {
        self.windows.partition_point(Window::closed)
    }

    /// Close time of the first window that is open.
    pub(super) fn next_close_ms(&self) -> Option<i64> {
        self.windows.get(self.first_open()).map(|window| window.close_ms)
    }
}
