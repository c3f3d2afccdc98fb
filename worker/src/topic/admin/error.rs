use rdkafka::error::KafkaError;
use runtime::exit;

use crate::topic::security::{PASSWORD_VARIABLE, USERNAME_VARIABLE};

/// Why the topics are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// librdkafka refused the settings.
    #[error("cannot create a Kafka client for \"{brokers}\"; check the kafka settings")]
    CreateClient {
        /// The brokers it was to connect to.
        brokers: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// Nobody answers.
    #[error("no broker at \"{brokers}\" answers; check the address and whether Kafka is running")]
    ReachBrokers {
        /// The brokers.
        brokers: String,
    },
    /// The brokers do not take us for who we say we are.
    #[error(
        "the brokers at \"{brokers}\" refused who we are; check {USERNAME_VARIABLE}, \
         {PASSWORD_VARIABLE} and spec.kafka.sasl.mechanism"
    )]
    ProveIdentity {
        /// The brokers.
        brokers: String,
    },
    /// No encrypted connection came about.
    #[error(
        "no encrypted connection to \"{brokers}\" came about; check spec.kafka.tls and the \
         authority that signed the brokers' certificates"
    )]
    EncryptConnection {
        /// The brokers.
        brokers: String,
    },
    /// The brokers did not describe a topic.
    #[error("cannot ask for topic \"{topic}\"")]
    DescribeTopic {
        /// Which.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// It is not there.
    #[error("there is no topic \"{topic}\"; create it, or run `worker migrate`")]
    FindTopic {
        /// Which.
        topic: String,
    },
    /// It is there, and cannot be used.
    #[error("topic \"{topic}\" has partitions without a leader; check the brokers")]
    AwaitLeaders {
        /// Which.
        topic: String,
    },
    /// The brokers did not say that they made it.
    #[error("cannot create topic \"{topic}\"")]
    CreateTopic {
        /// Which.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// The brokers refuse to make it.
    #[error(
        "cannot create topic \"{topic}\" with {replicas} replicas; check \
         spec.kafka.topic.replicationFactor against the number of brokers, and that we may create it"
    )]
    RefuseTopic {
        /// Which.
        topic: String,
        /// How many brokers were to hold it.
        replicas: u32,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// The brokers did not delete it.
    #[error("cannot delete topic \"{topic}\"")]
    DeleteTopic {
        /// Which.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// Keys of it would be found in other partitions than before.
    #[error(
        "topic \"{topic}\" has {found} partitions, not {expected}: the number never changes; set \
         spec.kafka.topic.partitions to {found}, or name a new topic"
    )]
    PartitionsChanged {
        /// Which.
        topic: String,
        /// How many there are.
        found: i32,
        /// How many there should be.
        expected: i32,
    },
}

impl AdminError {
    /// What the process ends with: 1 failed, 2 wrong settings.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::CreateClient { .. }
            | Self::ProveIdentity { .. }
            | Self::EncryptConnection { .. }
            | Self::RefuseTopic { .. }
            | Self::PartitionsChanged { .. } => exit::SETTINGS,
            Self::ReachBrokers { .. }
            | Self::DescribeTopic { .. }
            | Self::FindTopic { .. }
            | Self::AwaitLeaders { .. }
            | Self::CreateTopic { .. }
            | Self::DeleteTopic { .. } => exit::FAILED,
        }
    }

    /// Whether the same call may succeed later without anything changed by hand.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::ReachBrokers { .. }
            | Self::DescribeTopic { .. }
            | Self::FindTopic { .. }
            | Self::AwaitLeaders { .. } => true,
            Self::CreateClient { .. }
            | Self::ProveIdentity { .. }
            | Self::EncryptConnection { .. }
            | Self::CreateTopic { .. }
            | Self::RefuseTopic { .. }
            | Self::DeleteTopic { .. }
            | Self::PartitionsChanged { .. } => false,
        }
    }
}
