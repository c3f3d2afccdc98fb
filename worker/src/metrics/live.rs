//! What is counted and measured of live sources.

use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounterVec};

use super::making::Making;
use super::{SERIES_SHOWN_MAX, texts};
use crate::source::{Look, SymbolLook};

/// Counters of live sources, by `symbol` and `source` or by `source`; a cheap handle.
#[derive(Debug, Clone)]
pub struct LiveMetrics {
    ticks: IntCounterVec,
    duplicates: IntCounterVec,
    gaps: IntCounterVec,
    repaired: IntCounterVec,
    lost: IntCounterVec,
    reconnects: IntCounterVec,
    unreadable: IntCounterVec,
}

impl LiveMetrics {
    pub(super) fn make(made: &mut Making<'_>) -> Result<Self, prometheus::Error> {
        const SERIES: [&str; 2] = ["symbol", "source"];
        Ok(Self {
            ticks: made.counters(texts::LIVE_TICKS, &SERIES)?,
            duplicates: made.counters(texts::LIVE_DUPLICATES, &SERIES)?,
            gaps: made.counters(texts::LIVE_GAPS, &SERIES)?,
            repaired: made.counters(texts::LIVE_IDS_REPAIRED, &SERIES)?,
            lost: made.counters(texts::LIVE_IDS_LOST, &SERIES)?,
            reconnects: made.counters(texts::LIVE_RECONNECTS, &["source"])?,
            unreadable: made.counters(texts::LIVE_FRAMES_UNREADABLE, &["source"])?,
        })
    }

    /// Counts what was seen since `counted`.
    pub(crate) fn count(&self, source: &str, counted: &Look, seen: &Look) {
        let grown = |counters: &IntCounterVec, labels: &[&str], before: u64, now: u64| {
            counters.with_label_values(labels).inc_by(now.saturating_sub(before));
        };
        let of_source = [source];
        grown(&self.reconnects, &of_source, counted.reconnects, seen.reconnects);
        grown(&self.unreadable, &of_source, counted.frames_unreadable, seen.frames_unreadable);
        for (index, now) in seen.symbols.iter().enumerate().take(SERIES_SHOWN_MAX) {
            let labels = [now.symbol.as_str(), source];
            let field = |read: fn(&SymbolLook) -> u64| {
                (counted.symbols.get(index).map_or(0, read), read(now))
            };
            for (counters, (before, now)) in [
                (&self.ticks, field(|symbol| symbol.ticks)),
                (&self.duplicates, field(|symbol| symbol.duplicates)),
                (&self.gaps, field(|symbol| symbol.gaps)),
                (&self.repaired, field(|symbol| symbol.repaired)),
                (&self.lost, field(|symbol| symbol.lost)),
            ] {
                grown(counters, &labels, before, now);
            }
        }
    }
}

/// Gauges of live sources.
pub(super) struct LiveShown {
    up: GaugeVec,
    queued: GaugeVec,
    rest_left: GaugeVec,
    skew: GaugeVec,
}

impl LiveShown {
    pub(super) fn make(made: &mut Making<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            up: made.gauges(texts::LIVE_UP, &["symbol", "source"])?,
            queued: made.gauges(texts::LIVE_QUEUED_FRAMES, &["source"])?,
            rest_left: made.gauges(texts::LIVE_REST_BUDGET, &["source"])?,
            skew: made.gauges(texts::LIVE_CLOCK_SKEW_SECONDS, &["source"])?,
        })
    }

    /// Shows these sources, and no others.
    pub(super) fn set<'a>(&self, sources: impl Iterator<Item = (&'a str, &'a Look)>) {
        for vector in [&self.up, &self.queued, &self.rest_left, &self.skew] {
            vector.reset();
        }
        let mut left = SERIES_SHOWN_MAX;
        for (source, look) in sources {
            let of_source = [source];
            self.queued.with_label_values(&of_source).set(super::number(look.queued));
            self.rest_left.with_label_values(&of_source).set(look.rest_left);
            if let Some(skew_ns) = look.skew_ns {
                let seconds = super::seconds(skew_ns.div_euclid(1_000_000));
                self.skew.with_label_values(&of_source).set(seconds);
            }
            for symbol in look.symbols.iter().take(left) {
                let up = symbol.state == Some(market::publication::FeedState::Up);
                let labels = [symbol.symbol.as_str(), source];
                self.up.with_label_values(&labels).set(if up { 1.0 } else { 0.0 });
            }
            left = left.saturating_sub(look.symbols.len());
        }
    }

    pub(super) fn all(&self) -> Vec<&dyn Collector> {
        vec![&self.up, &self.queued, &self.rest_left, &self.skew]
    }
}
