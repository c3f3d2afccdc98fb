use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use crate::topic::batch::{Batch, BatchReader, Fetched};
use crate::topic::security::Names;
use crate::topic::{Pacer, TopicError};

/// Most bytes that librdkafka reads ahead, in KiB.
const READ_AHEAD_KBYTES_MAX: &str = "8192";

/// Most compressed bytes of a partition that one fetch asks for; by itself librdkafka asks for
/// 1 MiB, which twelve partitions of a backlog unpack to 60 MB.
const FETCH_PARTITION_BYTES_MAX: &str = "131072";

/// Most compressed bytes of one fetch, of all partitions.
const FETCH_BYTES_MAX: &str = "2097152";

/// How long librdkafka waits, in milliseconds, before it reads on after it had read ahead that
/// much; by itself it waits a second.
const READ_AHEAD_BACKOFF_MS: &str = "5";

/// How often librdkafka asks, in milliseconds, how many partitions there are: by itself after five
/// minutes, and a topic that grew by other hands is refused.
const METADATA_EVERY_MS: &str = "30000";

/// How to reach a topic as a consumer.
///
/// Its `Debug` shows no value of a setting.
#[derive(Clone)]
pub struct ConsumerSettings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The consumer group. A [`Consumer`] never joins it.
    pub group: String,
    /// More settings of librdkafka, which win over ours.
    pub extra: Vec<(String, String)>,
}

impl fmt::Debug for ConsumerSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConsumerSettings")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("extra", &Names(&self.extra))
            .finish_non_exhaustive()
    }
}

/// Reads claimed partitions from claimed offsets. Owned by one thread.
pub struct Consumer {
    reader: BatchReader,
    pacer: Option<Arc<Pacer>>,
    read: Vec<(i32, usize)>,
}

impl Consumer {
    /// A consumer of the partitions, each from its next offset. Connects later.
    ///
    /// # Errors
    /// [`TopicError::CreateClient`], [`TopicError::AssignPartitions`].
    pub fn open(
        settings: &ConsumerSettings,
        next_offsets: &[(i32, i64)],
        pacer: Option<Arc<Pacer>>,
    ) -> Result<Self, TopicError> {
        let create_error =
            |source| TopicError::CreateClient { brokers: settings.brokers.clone(), source };
        let mut config = ClientConfig::new();
        configure(&mut config, settings);
        let consumer: BaseConsumer = config.create().map_err(create_error)?;
        let reader = BatchReader::new(consumer).ok_or_else(|| {
            create_error(KafkaError::ClientCreation("the consumer has no queue".into()))
        })?;
        assign(reader.consumer(), &settings.topic, next_offsets).map_err(|source| {
            TopicError::AssignPartitions { topic: settings.topic.clone(), source }
        })?;
        Ok(Self { reader, pacer, read: Vec::new() })
    }

    /// The records that are there, at most [`crate::topic::BATCH_RECORDS_MAX`]; when there is
    /// none, waits for the first.
    pub fn poll(&mut self, wait: Duration) -> Batch<'_> {
        let batch = self.reader.read(wait);
        if let Some(pacer) = &self.pacer {
            self.read.clear();
            for record in batch.records().flatten() {
                count(&mut self.read, &record);
            }
            for (partition, bytes) in &self.read {
                pacer.release(*partition, *bytes);
            }
        }
        batch
    }
}

/// What every consumer of ours is told.
pub(super) fn configure(config: &mut ClientConfig, settings: &ConsumerSettings) {
    config
        .set("bootstrap.servers", &settings.brokers)
        .set("group.id", &settings.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("fetch.message.max.bytes", FETCH_PARTITION_BYTES_MAX)
        .set("fetch.max.bytes", FETCH_BYTES_MAX)
        .set("topic.metadata.refresh.interval.ms", METADATA_EVERY_MS)
        .set("queued.max.messages.kbytes", READ_AHEAD_KBYTES_MAX)
        .set("fetch.queue.backoff.ms", READ_AHEAD_BACKOFF_MS);
    for (name, value) in &settings.extra {
        config.set(name, value);
    }
}

fn assign(
    consumer: &BaseConsumer,
    topic: &str,
    next_offsets: &[(i32, i64)],
) -> Result<(), KafkaError> {
    let mut assignment = TopicPartitionList::with_capacity(next_offsets.len());
    for (partition, next_offset) in next_offsets {
        assignment.add_partition_offset(topic, *partition, Offset::Offset(*next_offset))?;
    }
    consumer.assign(&assignment)
}

/// Adds to the partition's sum. Records of one partition come in runs.
fn count(read: &mut Vec<(i32, usize)>, record: &Fetched<'_>) {
    let bytes = Pacer::record_bytes(record.key, record.value);
    match read.last_mut() {
        Some((partition, sum)) if *partition == record.partition => *sum += bytes,
        Some(_) | None => read.push((record.partition, bytes)),
    }
}
