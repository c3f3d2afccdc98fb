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

/// The one place that reads batches through librdkafka's C interface.
mod batch;
/// Records out of partitions.
pub mod consumer;
/// Why bytes did not get in or out.
pub mod error;
/// Partitions that a consumer group shares out.
pub mod group;
/// The embedded broker of a local run.
pub mod local;
/// Records beside the ticks: dead letters, alerts.
pub mod outbox;
/// Keeps what was sent and not yet read below a limit.
pub mod pacer;
/// Records into partitions.
pub mod producer;
/// A look at a topic that claims nothing.
pub mod watcher;

#[cfg(test)]
mod tests;

pub use batch::{BATCH_RECORDS_MAX, Batch, Fetched};
pub use consumer::{Consumer, ConsumerSettings};
pub use error::TopicError;
pub use group::{Group, GroupConsumer, LogBounds, Membership};
pub use local::LocalBroker;
pub use outbox::{Letter, Outbox};
pub use pacer::Pacer;
pub use producer::{Producer, ProducerSettings};
pub use watcher::{WatchFrom, Watcher};
