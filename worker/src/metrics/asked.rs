//! Gauges that are measured when somebody asks for them.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// Gauges that are shown together.
pub(super) trait Gauged: Send + Sync {
    fn all(&self) -> Vec<&dyn Collector>;
}

/// Sets its gauges at each scrape.
pub(super) struct Asked<G, S> {
    pub(super) gauges: G,
    pub(super) set: S,
}

impl<G: Gauged, S: Fn(&G) + Send + Sync> Collector for Asked<G, S> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.set)(&self.gauges);
        self.gauges.all().into_iter().flat_map(Collector::collect).collect()
    }
}
