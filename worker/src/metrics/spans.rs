use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Registry};
use runtime::traces::{SpanCounts, counts};

use super::making::Making;
use super::texts;

/// Shows what became of the spans of this process.
///
/// # Errors
/// When the registry holds a metric of this name already.
pub fn show_spans(registry: &Registry) -> Result<(), prometheus::Error> {
    let mut made = Making::new(registry);
    let spans = make(&mut made)?;
    made.show_all(Asked(spans))
}

pub(super) fn make(made: &mut Making<'_>) -> Result<GaugeVec, prometheus::Error> {
    made.gauges(texts::SPANS, &["outcome"])
}

struct Asked(GaugeVec);

impl Collector for Asked {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let SpanCounts { exported, dropped } = counts();
        self.0.with_label_values(&["exported"]).set(super::number(exported));
        self.0.with_label_values(&["dropped"]).set(super::number(dropped));
        self.0.collect()
    }
}
