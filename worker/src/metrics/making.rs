//! A metric is made, registered and described in one place; its page is made from that.

use std::fmt::Write as _;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry,
};

/// What every name begins with.
const PREFIX: &str = "crypto_pipeline_";

/// What a metric says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    /// The name without [`PREFIX`]: noun, unit, `total` for what only grows.
    pub(crate) name: &'static str,
    /// What is counted or measured.
    pub(crate) unit: &'static str,
    /// What it means.
    pub(crate) meaning: &'static str,
    /// What to do when it is high.
    pub(crate) high: &'static str,
}

/// A metric as its page describes it.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) text: Text,
    pub(crate) kind: &'static str,
    pub(crate) labels: Vec<&'static str>,
}

impl Description {
    pub(crate) fn name(&self) -> String {
        format!("{PREFIX}{}", self.text.name)
    }

    /// One row of a table.
    pub(crate) fn row(&self) -> String {
        let Text { unit, meaning, high, .. } = self.text;
        let labels = match self.labels.as_slice() {
            [] => "–".to_owned(),
            labels => labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" "),
        };
        let mut row = String::new();
        // Writing to a string succeeds.
        let _ = writeln!(
            row,
            "| `{}` | {} | {labels} | {unit} | {meaning} | {high} |",
            self.name(),
            self.kind
        );
        row
    }
}

/// Makes metrics that a registry shows, and keeps what they mean.
pub(crate) struct Making<'registry> {
    registry: &'registry Registry,
    pub(crate) made: Vec<Description>,
}

impl<'registry> Making<'registry> {
    pub(crate) const fn new(registry: &'registry Registry) -> Self {
        Self { registry, made: Vec::new() }
    }

    pub(crate) fn counter(&mut self, text: Text) -> Result<IntCounter, prometheus::Error> {
        let counter = IntCounter::with_opts(self.describe(text, "counter", &[]))?;
        self.show(counter)
    }

    pub(crate) fn counters(
        &mut self,
        text: Text,
        labels: &[&'static str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(self.describe(text, "counter", labels), labels)?;
        self.show(counters)
    }

    pub(crate) fn histogram(
        &mut self,
        text: Text,
        buckets: &[f64],
    ) -> Result<Histogram, prometheus::Error> {
        let opts = HistogramOpts::from(self.describe(text, "histogram", &[]));
        let histogram = Histogram::with_opts(opts.buckets(buckets.to_vec()))?;
        self.show(histogram)
    }

    /// A gauge that a collector sets when it is asked: it is not registered.
    pub(crate) fn gauge(&mut self, text: Text) -> Result<Gauge, prometheus::Error> {
        Gauge::with_opts(self.describe(text, "gauge", &[]))
    }

    /// Gauges that a collector sets when it is asked: they are not registered.
    pub(crate) fn gauges(
        &mut self,
        text: Text,
        labels: &[&'static str],
    ) -> Result<GaugeVec, prometheus::Error> {
        GaugeVec::new(self.describe(text, "gauge", labels), labels)
    }

    /// Registers what sets and shows metrics that were made here.
    pub(crate) fn show_all(
        &self,
        collector: impl Collector + 'static,
    ) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(collector))
    }

    fn show<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, prometheus::Error> {
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn describe(&mut self, text: Text, kind: &'static str, labels: &[&'static str]) -> Opts {
        let description = Description { text, kind, labels: labels.to_vec() };
        let opts = Opts::new(description.name(), text.meaning);
        self.made.push(description);
        opts
    }
}
