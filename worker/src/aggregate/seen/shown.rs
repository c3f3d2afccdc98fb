//! Numbers to what is shown. Pure: the time is an argument.

use std::time::Instant;

use super::{PartitionLook, View, Who};
use crate::metrics::{Gauges, PartitionGauges, SERIES_SHOWN_MAX, SeriesGauges};
use crate::status::{AggregatorStatus, PartitionStatus, PausedStatus, SeriesStatus};
use crate::window::SeriesLook;

/// What reading waits for when what is folded is as much as may wait.
const STORE: &str = "the store has not taken the commit under way";
/// What a partition waits for.
const CLAIM: &str = "it is not claimed yet";

impl View {
    /// Once everything that was given is claimed, it counts as settled for good.
    pub(super) fn settle(&mut self) {
        self.settled |= self.joined && self.partitions.values().all(Option::is_some);
    }

    pub(super) fn unready(&self) -> Option<String> {
        if self.settled {
            return None;
        }
        let waiting: Vec<_> = self.waiting().collect();
        Some(match (&self.waiting_for, waiting.as_slice()) {
            (Some(what), _) => what.clone(),
            (None, []) => "joining the group".to_owned(),
            (None, waiting) => format!("claiming partitions {waiting:?}"),
        })
    }

    fn waiting(&self) -> impl Iterator<Item = i32> {
        let waiting = self.partitions.iter().filter(|(_, look)| look.is_none());
        waiting.map(|(partition, _)| *partition)
    }

    fn lag_records(&self, partition: i32, look: &PartitionLook) -> Option<i64> {
        let end = self.ends.get(&partition)?;
        // What Kafka said may be older than what was read since.
        Some((end - look.next_offset).max(0))
    }

    fn record_delay_ms(&self, partition: i32, look: &PartitionLook, now_ms: i64) -> Option<i64> {
        match self.lag_records(partition, look) {
            Some(0) => Some(0),
            Some(_) | None => look.appended_ms.map(|appended_ms| (now_ms - appended_ms).max(0)),
        }
    }

    fn record_delay_ms_max(&self, now_ms: i64) -> i64 {
        let delays = self.claimed().filter_map(|(at, look)| self.record_delay_ms(at, look, now_ms));
        delays.max().unwrap_or(0)
    }

    fn claimed(&self) -> impl Iterator<Item = (i32, &PartitionLook)> {
        self.partitions.iter().filter_map(|(partition, look)| Some((*partition, look.as_ref()?)))
    }

    fn series_of(&self, partition: i32) -> impl Iterator<Item = &SeriesLook> {
        self.series.iter().filter(move |look| look.partition == partition)
    }

    /// Series of partitions that are ours, in the order of the spec.
    fn ours(&self) -> impl Iterator<Item = &SeriesLook> {
        let is_ours =
            |look: &&SeriesLook| matches!(self.partitions.get(&look.partition), Some(Some(_)));
        self.series.iter().filter(is_ours)
    }

    pub(super) fn status(&self, who: &Who, now: Instant, now_ms: i64) -> AggregatorStatus {
        let for_ms = |since: Instant| millis(now, since);
        let lags = self.claimed().filter_map(|(partition, look)| self.lag_records(partition, look));
        AggregatorStatus {
            pipeline: who.pipeline.clone(),
            role: "aggregator",
            version: env!("CARGO_PKG_VERSION"),
            config_version: who.config_version.clone(),
            worker: who.worker.clone(),
            phase: self.phase,
            unready: self.unready(),
            group: self.group.clone(),
            lag_records: lags.sum(),
            record_delay_ms: self.record_delay_ms_max(now_ms),
            paused: self
                .paused
                .map(|since| PausedStatus { reason: STORE.to_owned(), for_ms: for_ms(since) }),
            commit_under_way_ms: self.committing.map(for_ms),
            publish: self.publish,
            partitions: self
                .partitions
                .iter()
                .map(|(partition, look)| self.partition(*partition, look.as_ref(), now, now_ms))
                .collect(),
            series_count: self.ours().count(),
            windows_open: self.ours().map(|look| look.windows_open).sum(),
            series: self.ours().take(SERIES_SHOWN_MAX).map(series).collect(),
        }
    }

    fn partition(
        &self,
        partition: i32,
        look: Option<&PartitionLook>,
        now: Instant,
        now_ms: i64,
    ) -> PartitionStatus {
        let watermarks = || self.series_of(partition).filter_map(|look| look.watermark_ns);
        let paused = match look {
            None => Some(CLAIM),
            Some(_) if self.paused.is_some() => Some(STORE),
            Some(_) => None,
        };
        PartitionStatus {
            partition,
            claimed: look.is_some(),
            claim: look.map(|look| look.claim),
            commit_seq: look.map(|look| look.commit_seq),
            published_seq: look.map(|look| look.published_seq),
            next_offset: look.map(|look| look.next_offset),
            end_offset: self.ends.get(&partition).copied(),
            lag_records: look.and_then(|look| self.lag_records(partition, look)),
            record_delay_ms: look.and_then(|look| self.record_delay_ms(partition, look, now_ms)),
            watermark_min_ns: look.and_then(|_| watermarks().min()),
            watermark_max_ns: look.and_then(|_| watermarks().max()),
            commit_age_ms: look.and_then(|look| look.committed).map(|at| millis(now, at)),
            uncommitted: look.is_some_and(|look| look.dirty_since.is_some()),
            paused: paused.map(ToOwned::to_owned),
            series_count: self.series_of(partition).count(),
        }
    }

    pub(super) fn gauges(&self, now: Instant, now_ms: i64) -> Gauges {
        let seconds = |since: Option<Instant>| {
            since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64())
        };
        let partitions = self.claimed().map(|(partition, look)| PartitionGauges {
            partition,
            lag_records: self.lag_records(partition, look),
            record_delay_ms: self.record_delay_ms(partition, look, now_ms),
            checkpoint_age_seconds: seconds(look.dirty_since),
        });
        let series = self.ours().take(SERIES_SHOWN_MAX).map(|look| SeriesGauges {
            symbol: look.series.symbol.as_str().to_owned(),
            source: look.series.source.as_str().to_owned(),
            watermark_delay_ms: look.watermark_ns.map(|ns| now_ms - ns.div_euclid(1_000_000)),
            coverage_ms: look.coverage_ns.div_euclid(1_000_000),
            gaps: look.gaps,
        });
        let owned = self.ours().count();
        Gauges {
            partitions: partitions.collect(),
            partitions_waiting: self.waiting().count(),
            lag_ms: self.record_delay_ms_max(now_ms),
            series: series.collect(),
            series_owned: owned,
            series_unshown: owned.saturating_sub(SERIES_SHOWN_MAX),
            windows_open: self.ours().map(|look| look.windows_open).sum(),
            publish_backlog: self.publish.map_or(0, |publish| publish.backlog),
            publish_up: self.publish.is_none_or(|publish| publish.up),
            paused_seconds: self.paused.map(|since| seconds(Some(since))),
            commit_under_way_seconds: seconds(self.committing),
            loop_age_seconds: seconds(self.turned),
        }
    }
}

fn series(look: &SeriesLook) -> SeriesStatus {
    SeriesStatus {
        symbol: look.series.symbol.as_str().to_owned(),
        source: look.series.source.as_str().to_owned(),
        partition: look.partition,
        watermark_ns: look.watermark_ns,
        coverage_ms: look.coverage_ns.div_euclid(1_000_000),
        gaps: look.gaps,
        feed: look.feed.map(market::publication::FeedState::as_str),
    }
}

fn millis(now: Instant, since: Instant) -> u64 {
    let elapsed = now.saturating_duration_since(since);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
