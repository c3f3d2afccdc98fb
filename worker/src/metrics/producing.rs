use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, IntCounterVec, Registry};

use super::asked::{Asked, Gauged};
use super::live::{LiveMetrics, LiveShown};
use super::making::Making;
use super::{SERIES_SHOWN_MAX, texts};
use crate::source::Look;

/// Counters of one producer; a cheap handle.
#[derive(Debug, Clone)]
pub struct ProducerMetrics {
    /// Records that were handed to the Kafka client, by `source` and `kind`.
    pub sent: IntCounterVec,
    /// Records that the brokers have, by `source`.
    pub acknowledged: IntCounterVec,
    /// Of live sources.
    pub live: LiveMetrics,
}

/// What is measured of a source when somebody asks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SourceGauges {
    pub(crate) source: String,
    pub(crate) in_flight: u64,
    pub(crate) queue_bytes: u64,
    pub(crate) failed: bool,
    /// Each symbol, and how long ago its newest trade happened.
    pub(crate) event_delay_ms: Vec<(String, i64)>,
    /// What is seen of a live source.
    pub(crate) look: Option<Look>,
}

/// What is measured of a producer when somebody asks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProducerGauges {
    pub(crate) broker_up: bool,
    pub(crate) sources: Vec<SourceGauges>,
}

impl ProducerMetrics {
    /// Counters and gauges in `registry`; `read` is asked at each scrape.
    pub(crate) fn register(
        registry: &Registry,
        read: impl Fn() -> ProducerGauges + Send + Sync + 'static,
    ) -> Result<Self, prometheus::Error> {
        let mut made = Making::new(registry);
        let (counters, shown) = Self::make(&mut made)?;
        made.show_all(Asked { gauges: shown, set: move |shown: &Shown| shown.set(&read()) })?;
        Ok(counters)
    }

    pub(super) fn make(made: &mut Making<'_>) -> Result<(Self, Shown), prometheus::Error> {
        let counters = Self {
            sent: made.counters(texts::RECORDS_SENT, &["source", "kind"])?,
            acknowledged: made.counters(texts::RECORDS_ACKNOWLEDGED, &["source"])?,
            live: LiveMetrics::make(made)?,
        };
        let shown = Shown {
            broker_up: made.gauge(texts::BROKER_UP)?,
            sources_failed: made.gauge(texts::SOURCES_FAILED)?,
            in_flight: made.gauges(texts::RECORDS_IN_FLIGHT, &["source"])?,
            queue: made.gauges(texts::PRODUCER_QUEUE_BYTES, &["source"])?,
            event_delay: made.gauges(texts::SOURCE_EVENT_DELAY_SECONDS, &["symbol", "source"])?,
            live: LiveShown::make(made)?,
        };
        Ok((counters, shown))
    }
}

/// The gauges themselves.
pub(super) struct Shown {
    broker_up: Gauge,
    sources_failed: Gauge,
    in_flight: GaugeVec,
    queue: GaugeVec,
    event_delay: GaugeVec,
    live: LiveShown,
}

impl Shown {
    fn set(&self, gauges: &ProducerGauges) {
        for vector in [&self.in_flight, &self.queue, &self.event_delay] {
            vector.reset();
        }
        self.broker_up.set(if gauges.broker_up { 1.0 } else { 0.0 });
        let failed = gauges.sources.iter().filter(|source| source.failed).count();
        self.sources_failed.set(super::number(failed));
        let live = gauges.sources.iter();
        self.live.set(live.filter_map(|of| Some((of.source.as_str(), of.look.as_ref()?))));
        let mut left = SERIES_SHOWN_MAX;
        for source in &gauges.sources {
            let name = source.source.as_str();
            self.in_flight.with_label_values(&[name]).set(super::number(source.in_flight));
            self.queue.with_label_values(&[name]).set(super::number(source.queue_bytes));
            for (symbol, delay_ms) in source.event_delay_ms.iter().take(left) {
                let seconds = super::seconds(*delay_ms);
                self.event_delay.with_label_values(&[symbol, name]).set(seconds);
            }
            left = left.saturating_sub(source.event_delay_ms.len());
        }
    }
}

impl Gauged for Shown {
    fn all(&self) -> Vec<&dyn Collector> {
        let mut all: Vec<&dyn Collector> = vec![
            &self.broker_up,
            &self.sources_failed,
            &self.in_flight,
            &self.queue,
            &self.event_delay,
        ];
        all.extend(self.live.all());
        all
    }
}
