//! All sources of one producer, on real Kafka.
//!
//! ```text
//! ingest-state ─▶ recover ─▶ source ─▶ Producer ─▶ ticks topic
//!      ▲                                  │ acknowledged
//!      └──────────── Keeper ◀─────────────┘ at most once a second, and at the end
//! ```
//!
//! Each source stands for itself: what Kafka cannot do now is tried again from the stored
//! positions, and what a source cannot do ends that source only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use market::pipeline::Pipeline;
use market::symbol::SourceName;
use runtime::exit;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ProduceError, Shard, SourceStatus};
use crate::metrics::ProducerMetrics;
use crate::source::disorder::DisorderOptions;
use crate::source::{Shared, SourceClock, SourceError};
use crate::topic::{AdminError, Connection, PositionError, TopicError};

/// One source: opened where it goes on, run, opened again.
mod attempt;
/// What is shown while it runs.
mod flown;
/// Whether Kafka answers.
mod probe;
/// What is seen of a producer from outside.
mod seen;

use attempt::Task;
pub use probe::Broker;
pub use seen::ProducingSeen;

/// How long to wait before what Kafka could not do is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Why a producer ends.
#[derive(Debug, thiserror::Error)]
pub enum ProducingError {
    /// The topics, or how they are reached.
    #[error(transparent)]
    UseTopics(#[from] AdminError),
    /// What is kept of an earlier producer.
    #[error(transparent)]
    ReadPositions(#[from] PositionError),
    /// Opening a source.
    #[error(transparent)]
    OpenSource(#[from] SourceError),
    /// A source, further on.
    #[error("source \"{name}\" stopped")]
    RunSource {
        /// Which.
        name: SourceName,
        /// Why.
        #[source]
        source: ProduceError,
    },
    /// One of ours died.
    #[error("the task of a source ended without a word")]
    LoseTask,
}

impl From<TopicError> for ProducingError {
    fn from(error: TopicError) -> Self {
        Self::ReadPositions(PositionError::UseTopic(error))
    }
}

impl ProducingError {
    /// What the process ends with: 1 failed, 2 wrong settings.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::UseTopics(error) => error.exit_code(),
            Self::OpenSource(_) => exit::SETTINGS,
            Self::ReadPositions(_) | Self::RunSource { .. } | Self::LoseTask => exit::FAILED,
        }
    }
}

/// What becomes of a producer with this error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consequence {
    /// The source is opened again.
    Retry,
    /// The source is finished; others go on.
    EndSource,
    /// Nothing would be right for any source.
    EndAll,
}

impl ProducingError {
    fn consequence(&self) -> Consequence {
        match self {
            Self::UseTopics(error) if error.is_retryable() => Consequence::Retry,
            Self::ReadPositions(PositionError::UseTopic(_))
            | Self::RunSource { source: ProduceError::WriteTopic(_), .. } => Consequence::Retry,
            Self::OpenSource(_) | Self::RunSource { source: ProduceError::ReadSource(_), .. } => {
                Consequence::EndSource
            }
            Self::UseTopics(_)
            | Self::ReadPositions(
                PositionError::RefuseNewer { .. } | PositionError::ReadRecord { .. },
            )
            | Self::LoseTask => Consequence::EndAll,
        }
    }
}

/// What a producer is told.
pub struct ProducingOptions {
    /// The pipeline, with `spec.kafka`.
    pub pipeline: Pipeline,
    /// How to reach Kafka.
    pub connection: Connection,
    /// Which instruments are ours.
    pub shard: Shard,
    /// When it starts, in milliseconds since the epoch: a name with an order, nothing else.
    pub epoch: u64,
    /// The clock of the sources.
    pub clock: SourceClock,
    /// What its live sources share.
    pub shared: Shared,
    /// Whether it ends when every source is drained or has failed.
    pub until_end: bool,
    /// Disturbs the trades of every source, as a bad network would.
    pub disorder: Option<DisorderOptions>,
}

/// How a producer is doing.
#[derive(Debug, Clone, Default)]
pub struct ProducingStatus {
    /// Each source that has one of our instruments. While Kafka is waited for, its error says so.
    pub sources: BTreeMap<SourceName, SourceStatus>,
    /// Whether Kafka answered when it was last asked.
    pub broker: Broker,
}

/// A producer.
pub struct Producing {
    options: ProducingOptions,
    status: Arc<Mutex<ProducingStatus>>,
    metrics: Option<ProducerMetrics>,
}

impl Producing {
    /// A producer that does nothing yet.
    #[must_use]
    pub fn new(options: ProducingOptions) -> Self {
        Self { options, status: Arc::default(), metrics: None }
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> Arc<Mutex<ProducingStatus>> {
        Arc::clone(&self.status)
    }

    /// Waits for the topics, then sends what the sources emit, until `shutdown` is cancelled.
    /// Then, within 5 s, what was sent is acknowledged and its positions are written.
    ///
    /// Dropped, it is as if it was killed.
    ///
    /// # Errors
    /// What no waiting mends, at once; else, at the end, the first error of a source.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ProducingError> {
        let Self { options, status, metrics } = self;
        let (options, stop) = (Arc::new(options), shutdown.child_token());
        let probing = probe::start(&options, Arc::clone(&status));
        let mut tasks = JoinSet::new();
        for (index, source) in options.pipeline.spec.sources.iter().enumerate() {
            let shard = options.shard;
            let ours = |instrument: &str| shard.owns(source.name.as_str(), instrument);
            if source.symbols().iter().any(|symbol| ours(&symbol.instrument)) {
                let (options, status) = (Arc::clone(&options), Arc::clone(&status));
                let (metrics, stop) = (metrics.clone(), stop.clone());
                let task = Task { index, options, status, metrics, stop };
                tasks.spawn(run_source(task));
            }
        }
        let mut first_error = None;
        while let Some(ended) = tasks.join_next().await {
            let Err(error) = ended.unwrap_or(Err(ProducingError::LoseTask)) else { continue };
            if error.consequence() == Consequence::EndAll {
                stop.cancel();
                first_error = Some(error);
            } else {
                first_error.get_or_insert(error);
            }
        }
        if !options.until_end && !stop.is_cancelled() {
            shutdown.cancelled().await;
        }
        drop(probing);
        first_error.map_or(Ok(()), Err)
    }
}

/// Runs a source, from its positions on, until it ends or is stopped.
async fn run_source(task: Task) -> Result<(), ProducingError> {
    let mut last_text = String::new();
    loop {
        let Err(error) = task.attempt().await else { return Ok(()) };
        let text = error.to_string();
        task.update(|status| status.error = Some(text.clone()));
        report(task.name(), &error, text == last_text);
        if error.consequence() != Consequence::Retry {
            return Err(error);
        }
        last_text = text;
        tokio::select! {
            () = task.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(RETRY_WAIT) => {}
        }
    }
}

fn report(source: &SourceName, error: &ProducingError, repeated: bool) {
    let chain = error as &dyn std::error::Error;
    if error.consequence() != Consequence::Retry {
        tracing::error!(%source, error = chain, "a source stopped");
    } else if repeated {
        // The same sentence every second would hide the others.
        tracing::debug!(%source, error = chain, "kafka is tried again");
    } else {
        tracing::warn!(%source, error = chain, "kafka is tried again");
    }
}

impl Task {
    fn update(&self, change: impl Fn(&mut SourceStatus)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        change(status.sources.entry(self.name().clone()).or_default());
    }
}

#[cfg(test)]
mod tests;
