//! The page of metrics, written from the list in the code.

use prometheus::Registry;

use super::aggregating::Shown;
use super::making::{Description, Making};
use super::{Metrics, ProducerMetrics, SERIES_SHOWN_MAX};

/// What an aggregator and a producer make.
pub(super) fn described() -> Result<[Vec<Description>; 3], prometheus::Error> {
    let (registry, other, every) = (Registry::new(), Registry::new(), Registry::new());
    let mut aggregator = Making::new(&registry);
    Metrics::make(&mut aggregator)?;
    Shown::make(&mut aggregator)?;
    let mut producer = Making::new(&other);
    ProducerMetrics::make(&mut producer)?;
    let mut both = Making::new(&every);
    super::spans::make(&mut both)?;
    Ok([aggregator.made, producer.made, both.made])
}

/// Every metric that a worker shows, as Markdown: `docs/metrics.md`.
///
/// # Errors
/// When two metrics have the same name.
pub fn page() -> Result<String, prometheus::Error> {
    let [aggregator, producer, both] = described()?;
    Ok(format!(
        "# Metrics\n\n\
         Made from `worker/src/metrics/texts.rs` by a test; do not edit.\n\
         Every worker serves them at `/metrics` on its admin port, 9090.\n\
         Labels have few values: a partition, a source, a reason; a series only for the first \
         {SERIES_SHOWN_MAX} of a process.\n\n\
         ## `worker aggregate`, and `crypto-pipeline run`\n\n{}\n\
         ## `worker produce`\n\n{}\n\
         ## Every process\n\n{}\n{PROCESS}",
        table(&aggregator),
        table(&producer),
        table(&both),
    ))
}

/// What the collector of the `prometheus` crate shows.
const PROCESS: &str = "\
    From the `prometheus` crate: `process_cpu_seconds_total`, `process_resident_memory_bytes`, \
    `process_virtual_memory_bytes`, `process_open_fds`, `process_max_fds`, `process_threads` \
    and `process_start_time_seconds`.\n";

fn table(descriptions: &[Description]) -> String {
    let rows: String = descriptions.iter().map(Description::row).collect();
    format!(
        "| Name | Type | Labels | Unit | Meaning | When it is high |\n\
         |---|---|---|---|---|---|\n{rows}"
    )
}
