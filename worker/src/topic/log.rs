use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::topic::batch::{BatchReader, Fetched};
use crate::topic::{Connection, TopicError};

/// How long the brokers may take to say where a partition begins and ends.
const OFFSETS_WAIT_MAX: Duration = Duration::from_secs(5);
/// How often to look for the leader of a partition.
const LOOKS_MAX: u32 = 50;
/// The wait before another look.
const LOOK_WAIT: Duration = Duration::from_millis(100);
/// How long one read waits, and how many in a row may bring nothing.
const READ_SLICE: Duration = Duration::from_millis(100);
const EMPTY_READS_MAX: u32 = 150;

/// Reads partitions of a topic, each from an offset (or from where its log begins, if that is
/// later) to where it ends at the time of the call; without an offset it only looks where that is.
/// Returns these ends. Blocks.
///
/// # Errors
/// [`TopicError`]; `each` may have seen a part then.
pub(crate) fn read_to_end(
    connection: &Connection,
    topic: &str,
    from: &[(i32, Option<i64>)],
    mut each: impl FnMut(&Fetched<'_>),
) -> Result<Vec<(i32, i64)>, TopicError> {
    let create_error =
        |source| TopicError::CreateClient { brokers: connection.brokers.clone(), source };
    let mut config = connection.config();
    config
        .set("group.id", format!("{topic}-read"))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error");
    let consumer: BaseConsumer = config.create().map_err(create_error)?;
    let find_error = |source| TopicError::FindTopic { topic: topic.to_owned(), source };
    let mut assignment = TopicPartitionList::with_capacity(from.len());
    let (mut ends, mut unread) = (Vec::with_capacity(from.len()), Vec::new());
    for (partition, offset) in from {
        let (low, high) = bounds(&consumer, topic, *partition).map_err(find_error)?;
        ends.push((*partition, high));
        let Some(offset) = *offset else { continue };
        // A log that is shorter than it was has lost what was read of it.
        let first = if offset > high { low } else { low.max(offset) };
        if first < high {
            let added = assignment.add_partition_offset(topic, *partition, Offset::Offset(first));
            added.map_err(find_error)?;
            unread.push((*partition, high));
        }
    }
    consumer
        .assign(&assignment)
        .map_err(|source| TopicError::AssignPartitions { topic: topic.to_owned(), source })?;
    let mut reader = BatchReader::new(consumer).ok_or_else(|| {
        create_error(KafkaError::ClientCreation("the consumer has no queue".into()))
    })?;
    let mut empty_reads = 0;
    while !unread.is_empty() {
        let batch = reader.read(READ_SLICE);
        empty_reads = if batch.is_empty() { empty_reads + 1 } else { 0 };
        if empty_reads > EMPTY_READS_MAX {
            let source = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
            return Err(find_error(source));
        }
        for record in batch.records() {
            let (partition, next_offset) = match record {
                Ok(record) => {
                    let end = ends.iter().find(|(partition, _)| *partition == record.partition);
                    if end.is_some_and(|(_, high)| record.offset < *high) {
                        each(&record);
                    }
                    (record.partition, record.offset.saturating_add(1))
                }
                Err(TopicError::ReachEnd { partition, offset }) => (partition, offset),
                // librdkafka goes on by itself.
                Err(error) if error.is_retryable() => continue,
                Err(error) => return Err(error),
            };
            unread.retain(|(unread, high)| *unread != partition || next_offset < *high);
        }
    }
    Ok(ends)
}

/// Where a partition begins and ends. A new topic, and one whose leader is gone, is asked again;
/// so is one that a broker does not know, which may have started just before.
fn bounds(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<(i64, i64), KafkaError> {
    for _ in 1..LOOKS_MAX {
        match consumer.fetch_watermarks(topic, partition, OFFSETS_WAIT_MAX) {
            Err(KafkaError::MetadataFetch(
                RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicOrPartition,
            )) => std::thread::sleep(LOOK_WAIT),
            answer => return answer,
        }
    }
    consumer.fetch_watermarks(topic, partition, OFFSETS_WAIT_MAX)
}
