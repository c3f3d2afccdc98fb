use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::topic::{ConsumerSettings, TopicError};

/// How long the brokers may take to say where partitions end.
const ENDS_WAIT_MAX: Duration = Duration::from_secs(2);

/// Asks the brokers where the log of partitions ends, on a connection of its own: beside one that
/// fetches, an answer would wait until there are records.
pub struct LogEnds {
    client: BaseConsumer,
    topic: String,
}

impl LogEnds {
    /// Connects later.
    ///
    /// # Errors
    /// [`TopicError::CreateClient`].
    pub fn open(settings: &ConsumerSettings) -> Result<Self, TopicError> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &settings.brokers);
        for (name, value) in &settings.extra {
            config.set(name, value);
        }
        let client = config.create().map_err(|source| TopicError::CreateClient {
            brokers: settings.brokers.clone(),
            source,
        })?;
        Ok(Self { client, topic: settings.topic.clone() })
    }

    /// The offset that the next record of each of these partitions will have; those that cannot
    /// be told now are left out. Blocks.
    ///
    /// # Errors
    /// [`TopicError::FindTopic`], which may be tried again.
    pub fn ask(&self, partitions: &[i32]) -> Result<Vec<(i32, i64)>, TopicError> {
        let asked = || -> Result<TopicPartitionList, KafkaError> {
            let mut list = TopicPartitionList::with_capacity(partitions.len());
            for partition in partitions {
                // In the place of a time, the end stands for itself.
                list.add_partition_offset(&self.topic, *partition, Offset::End)?;
            }
            self.client.offsets_for_times(list, ENDS_WAIT_MAX)
        };
        let told = asked()
            .map_err(|source| TopicError::FindTopic { topic: self.topic.clone(), source })?;
        let ends = told.elements().into_iter().filter_map(|element| match element.offset() {
            Offset::Offset(end) if element.error().is_ok() => Some((element.partition(), end)),
            _ => None,
        });
        Ok(ends.collect())
    }
}
