use std::hash::{BuildHasher, RandomState};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::topic::{ConsumerSettings, Pacer, ProducerSettings, TopicError};

/// What librdkafka's mock cluster keeps of each partition: beyond it, the oldest records are
/// dropped without a word. Not settable.
pub const PARTITION_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Most bytes of one partition that are sent and not read: well below [`PARTITION_BYTES_MAX`].
pub const IN_FLIGHT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A long fetch of the mock cluster is not woken by a new record.
const FETCH_WAIT_MS: &str = "5";

/// The embedded broker of a local run: librdkafka's mock cluster, on the loopback interface only.
///
/// It lives in memory and dies with the process; each one is a new source with its own id.
pub struct LocalBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    topic: String,
    partitions: i32,
    source_id: String,
}

impl LocalBroker {
    /// Starts a broker that has this one topic.
    ///
    /// # Errors
    /// [`TopicError::StartBroker`], [`TopicError::CreateTopic`].
    pub fn start(topic: &str, partitions: i32) -> Result<Self, TopicError> {
        let cluster = MockCluster::new(1).map_err(TopicError::StartBroker)?;
        cluster.create_topic(topic, partitions, 1).map_err(|source| TopicError::CreateTopic {
            topic: topic.into(),
            partitions,
            source,
        })?;
        // The keys of a RandomState come from the operating system.
        let source_id = format!("local-{:016x}", RandomState::new().hash_one(std::process::id()));
        Ok(Self { cluster, topic: topic.into(), partitions, source_id })
    }

    /// The id of this broker, different at each start.
    #[must_use]
    pub fn source_id(&self) -> &str {
        &self.source_id
    }

    /// How many partitions the topic has.
    #[must_use]
    pub const fn partitions(&self) -> i32 {
        self.partitions
    }

    /// A pacer that keeps the producer from outrunning what the broker keeps.
    #[must_use]
    pub fn pacer(&self) -> Pacer {
        Pacer::new(self.partitions, IN_FLIGHT_BYTES_MAX)
    }

    /// How a producer reaches the topic.
    #[must_use]
    pub fn producer_settings(&self) -> ProducerSettings {
        ProducerSettings {
            brokers: self.cluster.bootstrap_servers(),
            topic: self.topic.clone(),
            partitions: self.partitions,
            extra: Vec::new(),
        }
    }

    /// How a consumer reaches the topic.
    #[must_use]
    pub fn consumer_settings(&self) -> ConsumerSettings {
        ConsumerSettings {
            brokers: self.cluster.bootstrap_servers(),
            topic: self.topic.clone(),
            group: format!("{}-local", self.topic),
            extra: vec![("fetch.wait.max.ms".into(), FETCH_WAIT_MS.into())],
        }
    }
}
