use std::time::Duration;

use futures::future::join_all;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::topic::{ProducerSettings, TopicError};

/// How long librdkafka tries to deliver a letter, in milliseconds.
const DELIVERY_MS_MAX: &str = "10000";
/// How long a letter waits for room in librdkafka's queue.
const ROOM_WAIT: Duration = Duration::from_secs(5);

/// A record beside the ticks: a dead letter, an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The partition is a function of it, as of a tick's.
    pub key: Option<Vec<u8>>,
    /// The bytes.
    pub value: Vec<u8>,
    /// Names and values, in order.
    pub headers: Vec<(&'static str, String)>,
}

/// Sends letters to one topic, at least once each, and waits until all are acknowledged.
pub struct Outbox {
    producer: FutureProducer,
    topic: String,
}

impl Outbox {
    /// An outbox for the topic of the settings. Connects later.
    ///
    /// # Errors
    /// [`TopicError::CreateClient`].
    pub fn open(settings: &ProducerSettings) -> Result<Self, TopicError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &settings.brokers)
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", DELIVERY_MS_MAX);
        for (name, value) in &settings.extra {
            config.set(name, value);
        }
        let producer = config.create().map_err(|source| TopicError::CreateClient {
            brokers: settings.brokers.clone(),
            source,
        })?;
        Ok(Self { producer, topic: settings.topic.clone() })
    }

    /// Sends all and waits for the broker's word on each. May be called again with the same.
    ///
    /// # Errors
    /// [`TopicError::SendLetter`]; some may have been taken.
    pub async fn send(&self, letters: &[Letter]) -> Result<(), TopicError> {
        let deliveries = letters.iter().map(|letter| {
            let headers = letter.headers.iter().fold(
                OwnedHeaders::new_with_capacity(letter.headers.len()),
                |headers, (key, value)| headers.insert(Header { key, value: Some(value) }),
            );
            let mut record: FutureRecord<'_, [u8], [u8]> =
                FutureRecord::to(&self.topic).payload(letter.value.as_slice()).headers(headers);
            record.key = letter.key.as_deref();
            self.producer.send(record, ROOM_WAIT)
        });
        let failed = join_all(deliveries).await.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |(source, _)| Err(self.error(source)))
    }

    fn error(&self, source: KafkaError) -> TopicError {
        TopicError::SendLetter { topic: self.topic.clone(), source }
    }
}
