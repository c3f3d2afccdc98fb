//! Bytes in and out of partitions.
//!
//! Knows Kafka and nothing else: neither what a record says nor where it is kept. A record's
//! partition is a function of its key, records of one partition keep their order, and none is
//! lost: a delivery that fails stops the producer, an offset that is gone stops the consumer.
//!
//! ```text
//! Producer ──▶ broker (embedded: LocalBroker) ──▶ Consumer
//!     └────────────── Pacer ◀─────────────────────────┘
//! ```

/// The topics of a pipeline: made, told from others of the same name, dropped.
pub mod admin;
/// The one place that reads batches through librdkafka's C interface.
mod batch;
/// Records out of partitions.
pub mod consumer;
/// Where the log of partitions ends.
pub mod ends;
/// Why bytes did not get in or out.
pub mod error;
/// The one place that asks for a member's generation through librdkafka's C interface.
mod generation;
/// Partitions that a consumer group shares out.
pub mod group;
/// The one place that asks for a topic's id through librdkafka's C interface.
mod identity;
/// The embedded broker of a local run.
pub mod local;
/// A part of a topic, read once.
pub(crate) mod log;
/// Records beside the ticks: dead letters, alerts.
pub mod outbox;
/// Keeps what was sent and not yet read below a limit.
pub mod pacer;
/// Where each series goes on, in a compacted topic.
pub mod positions;
/// Records into partitions.
pub mod producer;
/// How far the ids of a series are on the topic. Pure.
pub mod reach;
/// How a cluster is reached: its brokers, and who we are to them.
pub mod security;
/// A look at a topic that claims nothing.
pub mod watcher;

#[cfg(test)]
mod tests;

pub use admin::{Admin, AdminError, partitions_of, topics_of};
pub use batch::{BATCH_RECORDS_MAX, Batch, Fetched};
pub use consumer::{Consumer, ConsumerSettings};
pub use ends::LogEnds;
pub use error::TopicError;
pub use group::{GroupConsumer, GroupState, LogBounds, Membership};
pub use identity::TopicDescription;
pub use local::LocalBroker;
pub use outbox::{Letter, Outbox};
pub use pacer::Pacer;
pub use positions::{IngestState, PositionError, PositionWriter, StoredPosition};
pub use producer::{Acknowledged, InFlight, Producer, ProducerSettings};
pub use reach::{Reach, Receipt};
pub use security::{Connection, Credentials, SecurityError};
pub use watcher::{WatchFrom, Watcher};
