use market::symbol::SourceName;

use crate::aggregate::AggregateError;
use crate::checkpoint::CheckpointError;
use crate::produce::ProduceError;
use crate::source::SourceError;
use crate::store::StoreError;
use crate::topic::TopicError;

/// Why a local run cannot start, or ends early.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The data directory.
    #[error(transparent)]
    UseStore(#[from] StoreError),
    /// The embedded broker.
    #[error(transparent)]
    UseTopic(#[from] TopicError),
    /// A stored state.
    #[error(transparent)]
    ReadCheckpoint(#[from] CheckpointError),
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
    /// Folding.
    #[error(transparent)]
    Aggregate(#[from] AggregateError),
    /// A metric of that name exists.
    #[error("cannot register metrics")]
    RegisterMetrics(#[from] prometheus::Error),
    /// The operating system gave no thread, or one of ours died.
    #[error("the folding thread ended without a word")]
    LoseThread,
}
