use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, Registry};

use super::asked::{Asked, Gauged};
use super::making::Making;
use super::{number, seconds, texts};

/// Series of which a member shows metrics and status one by one; those beyond are counted.
pub const SERIES_SHOWN_MAX: usize = 200;

/// One partition that is claimed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PartitionGauges {
    pub(crate) partition: i32,
    pub(crate) lag_records: Option<i64>,
    pub(crate) record_delay_ms: Option<i64>,
    pub(crate) checkpoint_age_seconds: f64,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeriesGauges {
    pub(crate) symbol: String,
    pub(crate) source: String,
    pub(crate) watermark_delay_ms: Option<i64>,
    pub(crate) coverage_ms: i64,
    pub(crate) gaps: usize,
}

/// What is measured when somebody asks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Gauges {
    pub(crate) partitions: Vec<PartitionGauges>,
    pub(crate) partitions_waiting: usize,
    pub(crate) lag_ms: i64,
    pub(crate) series: Vec<SeriesGauges>,
    pub(crate) series_owned: usize,
    pub(crate) series_unshown: usize,
    pub(crate) windows_open: usize,
    pub(crate) publish_backlog: usize,
    pub(crate) publish_up: bool,
    /// Since when reading waits, if it does.
    pub(crate) paused_seconds: Option<f64>,
    pub(crate) commit_under_way_seconds: f64,
    pub(crate) loop_age_seconds: f64,
}

/// Shows the gauges of an aggregator; `read` is asked at each scrape.
pub(crate) fn show_aggregating(
    registry: &Registry,
    read: impl Fn() -> Gauges + Send + Sync + 'static,
) -> Result<(), prometheus::Error> {
    let mut made = Making::new(registry);
    let shown = Shown::make(&mut made)?;
    made.show_all(Asked { gauges: shown, set: move |shown: &Shown| shown.set(&read()) })
}

/// The gauges themselves.
pub(super) struct Shown {
    lag_records: GaugeVec,
    record_delay: GaugeVec,
    checkpoint_age: GaugeVec,
    lag: Gauge,
    partitions_owned: Gauge,
    partitions_waiting: Gauge,
    series_owned: Gauge,
    series_unshown: Gauge,
    watermark_delay: GaugeVec,
    coverage: GaugeVec,
    series_gaps: GaugeVec,
    windows_open: Gauge,
    publish_backlog: Gauge,
    publish_up: Gauge,
    reading_paused: Gauge,
    paused_for: Gauge,
    commit_under_way: Gauge,
    loop_age: Gauge,
}

impl Shown {
    pub(super) fn make(made: &mut Making<'_>) -> Result<Self, prometheus::Error> {
        const PARTITION: &[&str] = &["partition"];
        const SERIES: &[&str] = &["symbol", "source"];
        Ok(Self {
            lag_records: made.gauges(texts::LAG_RECORDS, PARTITION)?,
            record_delay: made.gauges(texts::RECORD_DELAY_SECONDS, PARTITION)?,
            checkpoint_age: made.gauges(texts::CHECKPOINT_AGE_SECONDS, PARTITION)?,
            lag: made.gauge(texts::LAG_SECONDS)?,
            partitions_owned: made.gauge(texts::PARTITIONS_OWNED)?,
            partitions_waiting: made.gauge(texts::PARTITIONS_WAITING)?,
            series_owned: made.gauge(texts::SERIES_OWNED)?,
            series_unshown: made.gauge(texts::SERIES_UNSHOWN)?,
            watermark_delay: made.gauges(texts::WATERMARK_DELAY_SECONDS, SERIES)?,
            coverage: made.gauges(texts::COVERAGE_SECONDS, SERIES)?,
            series_gaps: made.gauges(texts::SERIES_GAPS, SERIES)?,
            windows_open: made.gauge(texts::WINDOWS_OPEN)?,
            publish_backlog: made.gauge(texts::PUBLISH_BACKLOG)?,
            publish_up: made.gauge(texts::PUBLISH_UP)?,
            reading_paused: made.gauge(texts::READING_PAUSED)?,
            paused_for: made.gauge(texts::READING_PAUSED_SECONDS)?,
            commit_under_way: made.gauge(texts::COMMIT_UNDER_WAY_SECONDS)?,
            loop_age: made.gauge(texts::LOOP_AGE_SECONDS)?,
        })
    }

    fn set(&self, gauges: &Gauges) {
        self.set_partitions(&gauges.partitions);
        self.set_series(&gauges.series);
        self.lag.set(seconds(gauges.lag_ms));
        self.partitions_owned.set(number(gauges.partitions.len()));
        self.partitions_waiting.set(number(gauges.partitions_waiting));
        self.series_owned.set(number(gauges.series_owned));
        self.series_unshown.set(number(gauges.series_unshown));
        self.windows_open.set(number(gauges.windows_open));
        self.publish_backlog.set(number(gauges.publish_backlog));
        self.publish_up.set(if gauges.publish_up { 1.0 } else { 0.0 });
        self.reading_paused.set(if gauges.paused_seconds.is_some() { 1.0 } else { 0.0 });
        self.paused_for.set(gauges.paused_seconds.unwrap_or(0.0));
        self.commit_under_way.set(gauges.commit_under_way_seconds);
        self.loop_age.set(gauges.loop_age_seconds);
    }

    /// Those that are given up are not shown any more.
    fn set_partitions(&self, partitions: &[PartitionGauges]) {
        for gauges in [&self.lag_records, &self.record_delay, &self.checkpoint_age] {
            gauges.reset();
        }
        for of in partitions {
            let partition = of.partition.to_string();
            let labels = &[partition.as_str()];
            if let Some(lag) = of.lag_records {
                self.lag_records.with_label_values(labels).set(number(lag));
            }
            if let Some(delay_ms) = of.record_delay_ms {
                self.record_delay.with_label_values(labels).set(seconds(delay_ms));
            }
            self.checkpoint_age.with_label_values(labels).set(of.checkpoint_age_seconds);
        }
    }

    fn set_series(&self, series: &[SeriesGauges]) {
        for gauges in [&self.watermark_delay, &self.coverage, &self.series_gaps] {
            gauges.reset();
        }
        for of in series {
            let labels = &[of.symbol.as_str(), of.source.as_str()];
            if let Some(delay_ms) = of.watermark_delay_ms {
                self.watermark_delay.with_label_values(labels).set(seconds(delay_ms));
            }
            self.coverage.with_label_values(labels).set(seconds(of.coverage_ms));
            self.series_gaps.with_label_values(labels).set(number(of.gaps));
        }
    }
}

impl Gauged for Shown {
    fn all(&self) -> Vec<&dyn Collector> {
        vec![
            &self.lag_records,
            &self.record_delay,
            &self.checkpoint_age,
            &self.lag,
            &self.partitions_owned,
            &self.partitions_waiting,
            &self.series_owned,
            &self.series_unshown,
            &self.watermark_delay,
            &self.coverage,
            &self.series_gaps,
            &self.windows_open,
            &self.publish_backlog,
            &self.publish_up,
            &self.reading_paused,
            &self.paused_for,
            &self.commit_under_way,
            &self.loop_age,
        ]
    }
}
