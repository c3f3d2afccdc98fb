use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why bytes did not get in or out of a topic.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The embedded broker did not start.
    #[error("cannot start the embedded broker on the loopback interface")]
    StartBroker(#[source] KafkaError),
    /// The embedded broker has no such topic and did not make it.
    #[error("cannot create topic \"{topic}\" with {partitions} partitions")]
    CreateTopic {
        /// Its name.
        topic: String,
        /// How many partitions it was to have.
        partitions: i32,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// librdkafka refused the settings.
    #[error("cannot create a Kafka client for \"{brokers}\"; check the kafka settings")]
    CreateClient {
        /// The brokers it was to connect to.
        brokers: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// The brokers do not say how many partitions the topic has.
    #[error("cannot find topic \"{topic}\"")]
    FindTopic {
        /// The topic.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// The partitions could not be assigned.
    #[error("cannot read the claimed partitions of topic \"{topic}\"")]
    AssignPartitions {
        /// The topic.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// librdkafka did not take a record.
    #[error("cannot send a record to partition {partition}")]
    SendRecord {
        /// The partition.
        partition: i32,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// The broker did not take a record. The producer is finished: what was sent after the record
    /// must not be taken for all there is.
    #[error("the broker did not take a record of partition {partition}")]
    DeliverRecord {
        /// The partition.
        partition: i32,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// The group has no place for us, for good.
    #[error("topic \"{topic}\" cannot be read any more")]
    LoseGroup {
        /// The topic.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// The broker did not take a dead letter or an alert.
    #[error("the broker did not take a record of topic \"{topic}\"")]
    SendLetter {
        /// The topic.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// Nothing was read from a full partition for long.
    #[error("partition {partition} is full and was not read for {waited_ms} ms")]
    AwaitConsumer {
        /// The partition.
        partition: i32,
        /// How long the producer waited, in milliseconds.
        waited_ms: u128,
    },
    /// The broker did not acknowledge everything in time.
    #[error("{left} records were not acknowledged within {waited_ms} ms")]
    FlushRecords {
        /// How many.
        left: i32,
        /// How long the producer waited, in milliseconds.
        waited_ms: u128,
    },
    /// The next offset is not in the log any more, or never was.
    #[error("partition {partition} no longer has the next record: {detail}")]
    FindOffset {
        /// The partition.
        partition: i32,
        /// What librdkafka says, with the offset.
        detail: String,
    },
    /// The end of the log; only with `enable.partition.eof`.
    #[error("partition {partition} ends at offset {offset}")]
    ReachEnd {
        /// The partition.
        partition: i32,
        /// The offset that the next record will have.
        offset: i64,
    },
    /// Reading failed otherwise.
    #[error("cannot read partition {partition}: {detail}")]
    ReadPartition {
        /// The partition, below zero where the error concerns none.
        partition: i32,
        /// What librdkafka says.
        detail: String,
        /// The code.
        #[source]
        source: RDKafkaErrorCode,
    },
}

impl TopicError {
    /// Whether the same call may succeed later without anything lost.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::AwaitConsumer { .. }
            | Self::FlushRecords { .. }
            | Self::ReachEnd { .. }
            | Self::FindTopic { .. }
            | Self::SendLetter { .. } => true,
            Self::ReadPartition { source, .. } => matches!(
                source,
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::Resolve
                    | RDKafkaErrorCode::OperationTimedOut
            ),
            Self::StartBroker(_)
            | Self::CreateTopic { .. }
            | Self::CreateClient { .. }
            | Self::AssignPartitions { .. }
            | Self::LoseGroup { .. }
            | Self::SendRecord { .. }
            | Self::DeliverRecord { .. }
            | Self::FindOffset { .. } => false,
        }
    }
}
