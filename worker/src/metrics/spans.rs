use prometheus::core::Collector;
use prometheus::{GaugeVec, Registry};
use runtime::traces::{SpanCounts, counts};

use super::asked::{Asked, Gauged};
use super::making::Making;
use super::texts;

/// Shows what became of the spans of this process.
///
/// # Errors
/// When the registry holds a metric of this name already.
pub fn show_spans(registry: &Registry) -> Result<(), prometheus::Error> {
    let mut made = Making::new(registry);
    let spans = make(&mut made)?;
    made.show_all(Asked { gauges: spans, set })
}

pub(super) fn make(made: &mut Making<'_>) -> Result<GaugeVec, prometheus::Error> {
    made.gauges(texts::SPANS, &["outcome"])
}

impl Gauged for GaugeVec {
    fn all(&self) -> Vec<&dyn Collector> {
        vec![self]
    }
}

fn set(spans: &GaugeVec) {
    let SpanCounts { exported, dropped } = counts();
    spans.with_label_values(&["exported"]).set(super::number(exported));
    spans.with_label_values(&["dropped"]).set(super::number(dropped));
}
