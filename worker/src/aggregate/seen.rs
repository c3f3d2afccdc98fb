//! What is seen of an aggregator from outside: its loop writes it, `/status` and `/metrics` read
//! it whenever they are asked.
//!
//! The loop writes plain numbers a few times a second; everything that depends on the clock is
//! computed by the reader, so that a loop that hangs is seen to hang.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use market::symbol::Series;
use prometheus::Registry;
use runtime::clock;

use crate::metrics::{Metrics, show_aggregating};
use crate::status::{AggregatorStatus, GroupStatus, Phase, PublishStatus};
use crate::window::{Engine, SeriesLook};

/// Numbers to what is shown. Pure.
mod shown;

/// How often the loop writes how far its partitions are.
pub(crate) const PARTITIONS_EVERY: Duration = Duration::from_millis(100);
/// How often the loop writes how its series are.
const SERIES_EVERY: Duration = Duration::from_secs(1);

/// How one partition is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PartitionLook {
    /// How many times it was claimed.
    pub(crate) claim: i64,
    pub(crate) commit_seq: i64,
    pub(crate) published_seq: i64,
    pub(crate) next_offset: i64,
    /// Log-append time of the last folded record.
    pub(crate) appended_ms: Option<i64>,
    /// When it was last committed, or claimed.
    pub(crate) committed: Option<Instant>,
    /// Since when something folded is not committed.
    pub(crate) dirty_since: Option<Instant>,
}

/// What the loop has written last.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) phase: Phase,
    /// What is waited for before there is any work.
    pub(crate) waiting_for: Option<String>,
    /// Ours, and those that are not claimed yet.
    pub(crate) partitions: BTreeMap<i32, Option<PartitionLook>>,
    /// Where the log of each partition ends, as Kafka said last.
    pub(crate) ends: BTreeMap<i32, i64>,
    pub(crate) group: GroupStatus,
    /// Whether it has joined its group, and knows what it is given.
    pub(crate) joined: bool,
    pub(crate) series: Vec<SeriesLook>,
    /// Since when nothing is read, because what is folded could not be committed.
    pub(crate) paused: Option<Instant>,
    /// Since when the commit under way has been.
    pub(crate) committing: Option<Instant>,
    pub(crate) publish: Option<PublishStatus>,
    /// Whether all that was given was claimed once.
    pub(crate) settled: bool,
    pub(crate) turned: Option<Instant>,
}

/// Who is seen.
#[derive(Debug, Clone, Default)]
pub struct Who {
    /// The pipeline's name.
    pub pipeline: String,
    /// The worker's name.
    pub worker: String,
    /// The version of its settings, where an operator gave them.
    pub config_version: Option<String>,
}

/// A cheap handle to what is seen of one aggregator.
#[derive(Clone)]
pub struct Seen {
    who: Arc<Who>,
    view: Arc<Mutex<View>>,
    /// What it counts.
    pub metrics: Metrics,
}

impl Seen {
    /// Of an aggregator that starts, with its metrics in `registry`.
    ///
    /// # Errors
    /// When the registry holds metrics of these names already.
    pub fn register(who: Who, registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::register(registry)?;
        let seen = Self { who: Arc::new(who), view: Arc::default(), metrics };
        let view = Arc::clone(&seen.view);
        show_aggregating(registry, move || {
            let view = view.lock().unwrap_or_else(PoisonError::into_inner).clone();
            view.gauges(clock::monotonic(), now_ms())
        })?;
        Ok(seen)
    }

    /// What `/status` says at this time.
    #[must_use]
    pub fn status(&self, now: Instant, now_ns: i64) -> AggregatorStatus {
        let view = self.view().clone();
        view.status(&self.who, now, now_ns.div_euclid(1_000_000))
    }

    /// Why it is not ready: it has to have claimed once all that the group gave it, which may be
    /// nothing. A store that goes away later changes nothing about that.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        self.view().unready()
    }

    /// How far each series of its partitions is that has begun, in nanoseconds since the epoch.
    #[must_use]
    pub fn watermarks(&self) -> Vec<(Series, Option<i64>)> {
        let view = self.view();
        let begun = view.series.iter().filter(|look| look.watermark_ns.is_some());
        begun.map(|look| (look.series.clone(), look.watermark_ns)).collect()
    }

    /// Says what is waited for before there is any work. False when that was said before.
    pub(crate) fn wait_for(&self, what: &str) -> bool {
        let mut view = self.view();
        view.turned = Some(clock::monotonic());
        let is_new = view.waiting_for.as_deref() != Some(what);
        if is_new {
            view.waiting_for = Some(what.to_owned());
        }
        is_new
    }

    /// Which partitions there are to ask Kafka about.
    pub(crate) fn partitions(&self) -> Vec<i32> {
        self.view().partitions.keys().copied().collect()
    }

    /// Where their logs end.
    pub(crate) fn tell_ends(&self, ends: Vec<(i32, i64)>) {
        self.view().ends.extend(ends);
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what is seen, no oftener than is of use.
pub(crate) struct Teller {
    seen: Seen,
    told: Option<Instant>,
    series_told: Option<Instant>,
}

impl Teller {
    pub(crate) const fn new(seen: Seen) -> Self {
        Self { seen, told: None, series_told: None }
    }

    /// Lets `write` write, when it is time.
    pub(crate) fn turn(&mut self, now: Instant, engine: &Engine, write: impl FnOnce(&mut View)) {
        let due =
            |told: Option<Instant>, every| told.is_none_or(|at| now.duration_since(at) >= every);
        if !due(self.told, PARTITIONS_EVERY) {
            return;
        }
        self.told = Some(now);
        // Looked at before the lock: a reader never waits for it.
        let series = due(self.series_told, SERIES_EVERY).then(|| engine.look().collect());
        let mut view = self.seen.view();
        (view.phase, view.waiting_for, view.turned) = (Phase::Running, None, Some(now));
        write(&mut view);
        view.settle();
        if let Some(series) = series {
            view.series = series;
            self.series_told = Some(now);
        }
    }
}

fn now_ms() -> i64 {
    clock::now_ns().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests;
