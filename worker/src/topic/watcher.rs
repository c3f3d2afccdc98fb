use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::topic::batch::{Batch, BatchReader};
use crate::topic::{Connection, TopicError};

/// How long the brokers may take to say how many partitions there are.
const METADATA_WAIT: Duration = Duration::from_secs(5);
/// Most bytes that librdkafka reads ahead, in KiB.
const READ_AHEAD_KBYTES_MAX: &str = "1024";
/// An empty fetch comes back after this long: soon enough for people.
const FETCH_WAIT_MS: &str = "100";

/// Where a look at a topic begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFrom {
    /// With the oldest record that each partition still has.
    Beginning,
    /// With what is written from now on.
    End,
}

/// Reads every partition of a topic for people to see. It claims nothing, commits nothing, and
/// goes on with the oldest record there is where it was too slow.
pub struct Watcher {
    reader: BatchReader,
}

impl Watcher {
    /// Finds the topic's partitions and reads all of them.
    ///
    /// # Errors
    /// [`TopicError::CreateClient`], [`TopicError::FindTopic`], [`TopicError::AssignPartitions`].
    pub fn open(connection: &Connection, topic: &str, from: WatchFrom) -> Result<Self, TopicError> {
        let create_error =
            |source| TopicError::CreateClient { brokers: connection.brokers.clone(), source };
        let consumer: BaseConsumer = connection
            .config()
            .set("group.id", format!("{topic}-watch"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", READ_AHEAD_KBYTES_MAX)
            .set("fetch.wait.max.ms", FETCH_WAIT_MS)
            // It would write between the lines of whoever looks.
            .set_log_level(RDKafkaLogLevel::Emerg)
            .create()
            .map_err(create_error)?;
        let reader = BatchReader::new(consumer).ok_or_else(|| {
            create_error(KafkaError::ClientCreation("the consumer has no queue".into()))
        })?;
        assign(reader.consumer(), topic, from)?;
        Ok(Self { reader })
    }

    /// The records that are there; when there is none, waits for the first.
    pub fn poll(&mut self, wait: Duration) -> Batch<'_> {
        self.reader.read(wait)
    }
}

fn assign(consumer: &BaseConsumer, topic: &str, from: WatchFrom) -> Result<(), TopicError> {
    let find_error = |source| TopicError::FindTopic { topic: topic.to_owned(), source };
    let metadata = consumer.fetch_metadata(Some(topic), METADATA_WAIT).map_err(find_error)?;
    let partitions = metadata.topics().first().map_or(&[][..], |found| found.partitions());
    if partitions.is_empty() {
        return Err(find_error(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopic)));
    }
    let offset = match from {
        WatchFrom::Beginning => Offset::Beginning,
        WatchFrom::End => Offset::End,
    };
    let assign_error = |source| TopicError::AssignPartitions { topic: topic.to_owned(), source };
    let mut assignment = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        assignment.add_partition_offset(topic, partition.id(), offset).map_err(assign_error)?;
    }
    consumer.assign(&assignment).map_err(assign_error)
}
