//! What one record meets: where it stands, and where its effects go.

use std::collections::{BTreeMap, BTreeSet};

use market::alert::{Alert, AlertRule, AlertType, Severity};
use market::coverage::Gap;
use market::interval::Interval;
use market::symbol::Series;

use super::frame::Window;
use super::{LogPosition, SeriesWindows, Settings, Stats};
use crate::store::{AlertRow, CandleRow, GapRow};

/// Effects that no commit has taken yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) candles: BTreeMap<(usize, Interval, i64), CandleRow>,
    pub(super) alerts: Vec<(usize, AlertRow)>,
    pub(super) gaps: Vec<(usize, GapRow)>,
    /// Series whose feed has a new state.
    pub(super) feeds: BTreeSet<usize>,
}

/// What one record meets: where it stands, and where its effects go.
pub(super) struct Context<'a> {
    pub(super) settings: &'a Settings,
    pub(super) series: &'a Series,
    pub(super) index: usize,
    pub(super) at: LogPosition,
    pub(super) reconcile_from_ns: Option<i64>,
    /// Whether windows are left that the watermark has reached.
    pub(super) closing: bool,
    pub(super) pending: &'a mut Pending,
    pub(super) stats: &'a mut Stats,
}

impl Context<'_> {
    /// Whether the minute of this time closed longer ago than the allowed lateness.
    pub(super) fn is_late(&self, watermark_ns: i64, event_ns: i64) -> bool {
        const MINUTE_NS: i64 = 60_000_000_000;
        let close_ns = event_ns.div_euclid(MINUTE_NS).saturating_add(1).saturating_mul(MINUTE_NS);
        watermark_ns > close_ns.saturating_add(self.settings.allowed_lateness_ns)
    }

    /// Closed windows from this time on may have changed.
    pub(super) fn reconcile_from(&mut self, from_ns: i64) {
        self.reconcile_from_ns =
            Some(self.reconcile_from_ns.map_or(from_ns, |other| other.min(from_ns)));
    }

    pub(super) fn take_reconcile_from(&mut self) -> Option<i64> {
        self.reconcile_from_ns.take()
    }

    pub(super) fn show(&mut self, windows: &SeriesWindows, frame: usize, at: usize) {
        let frame_windows = &windows.frames[frame];
        self.row(windows, frame, &frame_windows.windows[at]);
    }

    pub(super) fn show_open(&mut self, windows: &SeriesWindows, frame: usize, window: &Window) {
        self.row(windows, frame, window);
    }

    pub(super) fn row(&mut self, windows: &SeriesWindows, frame: usize, window: &Window) {
        let interval = windows.frames[frame].interval;
        if self.settings.shows(interval) {
            let candle = windows.candle(self.series, frame, window);
            let row = CandleRow { candle, last_offset: self.at.offset, seq: 0 };
            self.pending.candles.insert((self.index, interval, window.open_ms), row);
        }
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        self.pending.gaps.push((self.index, GapRow { series: self.series.clone(), gap }));
    }

    pub(super) fn alert(
        &mut self,
        alert_type: AlertType,
        (rule, direction): (AlertRule, &str),
        (open_ms, close_ms): (i64, i64),
        event_ns: i64,
        fill: impl FnOnce(Alert) -> Alert,
    ) {
        let time = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
        let alert = fill(Alert {
            alert_id: format!("{}:{}:{direction}:1m:{open_ms}", self.series, rule.as_str()),
            symbol: self.series.symbol.clone(),
            source: self.series.source.clone(),
            alert_type,
            rule,
            price_change_percent: 0.0,
            open_price: None,
            close_price: None,
            window_start: time(open_ms),
            window_end: time(close_ms),
            timestamp: jiff::Timestamp::from_nanosecond(i128::from(event_ns)).unwrap_or_default(),
            severity: Severity::Low,
            z_score: None,
        });
        let row = AlertRow { alert, partition: self.at.partition, offset: self.at.offset, seq: 0 };
        self.pending.alerts.push((self.index, row));
    }
}
