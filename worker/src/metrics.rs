//! What the data plane counts, as Prometheus metrics.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::window::Stats;

/// Counters of one aggregator; a cheap handle.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Ticks and marks that were folded.
    pub folded: IntCounter,
    /// Ticks that had been folded before.
    pub duplicates: IntCounter,
    /// Dead letters, by `reason`.
    pub dead_letters: IntCounterVec,
    /// Closed candles that a record changed.
    pub revisions: IntCounter,
    /// Holes in ids that no source had explained when they were seen.
    pub unexplained_gaps: IntCounter,
    /// Trades that came after a mark that vouched for their time.
    pub vouch_broken: IntCounter,
    /// Candles written.
    pub candles: IntCounter,
    /// Seconds that a commit took.
    pub commit_seconds: Histogram,
    /// How long ago the last folded record was appended, in milliseconds.
    pub record_delay_ms: IntGauge,
}

impl Metrics {
    /// Adds what the engine counted between two looks.
    pub fn count(&self, before: Stats, now: Stats) {
        self.revisions.inc_by(now.revisions - before.revisions);
        self.unexplained_gaps.inc_by(now.unexplained_gaps - before.unexplained_gaps);
        self.vouch_broken.inc_by(now.vouch_broken - before.vouch_broken);
    }

    /// Metrics that `registry` shows.
    ///
    /// # Errors
    /// When the registry holds metrics of these names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let name = "crypto_pipeline_dead_letters_total";
        let help = "Records that could not be folded, by reason";
        let dead_letters = IntCounterVec::new(Opts::new(name, help), &["reason"])?;
        registry.register(Box::new(dead_letters.clone()))?;
        let name = "crypto_pipeline_commit_seconds";
        let commit_seconds =
            Histogram::with_opts(HistogramOpts::new(name, "Seconds that a commit took"))?;
        registry.register(Box::new(commit_seconds.clone()))?;
        let name = "crypto_pipeline_record_delay_milliseconds";
        let record_delay_ms =
            IntGauge::new(name, "How long ago the last folded record was appended")?;
        registry.register(Box::new(record_delay_ms.clone()))?;
        Ok(Self {
            folded: counter("crypto_pipeline_records_folded_total", "Records folded")?,
            duplicates: counter("crypto_pipeline_duplicates_total", "Ticks folded before")?,
            dead_letters,
            revisions: counter("crypto_pipeline_revisions_total", "Closed candles changed")?,
            unexplained_gaps: counter(
                "crypto_pipeline_unexplained_gaps_total",
                "Holes in ids that no source had explained",
            )?,
            vouch_broken: counter(
                "crypto_pipeline_vouch_broken_total",
                "Trades older than a mark that vouched for their time",
            )?,
            candles: counter("crypto_pipeline_candles_written_total", "Candles written")?,
            commit_seconds,
            record_delay_ms,
        })
    }
}
