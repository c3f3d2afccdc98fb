use std::sync::{Arc, OnceLock};
use std::time::Duration;

use market::topic::partition_of;
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use crate::topic::{Pacer, TopicError};

/// How long librdkafka gathers records of one partition into a batch, in milliseconds.
const LINGER_MS: &str = "1";
/// Most records that wait in librdkafka.
const QUEUE_RECORDS_MAX: &str = "100000";
/// Most bytes that wait in librdkafka, in KiB.
const QUEUE_KBYTES_MAX: &str = "32768";
/// How long librdkafka tries to deliver a record, in milliseconds.
const DELIVERY_MS_MAX: &str = "30000";
/// How many records are sent between two looks at delivery reports.
const RECORDS_PER_REPORT: u32 = 256;
/// How long to wait when librdkafka's own queue is full, or for acknowledgements, before the next
/// look.
const WAIT_SLICE: Duration = Duration::from_millis(1);
/// How often to look before giving up: as long as librdkafka itself tries, and a little more.
const WAIT_SLICES_MAX: u32 = 35_000;

/// How to reach a topic as a producer.
#[derive(Debug, Clone)]
pub struct ProducerSettings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// How many partitions it has; never changes.
    pub partitions: i32,
    /// More settings of librdkafka, which win over ours.
    pub extra: Vec<(String, String)>,
}

/// Sends records: idempotent, in order, acknowledged by all replicas.
///
/// A record that is not delivered finishes the producer, since later records may have been.
pub struct Producer {
    client: BaseProducer<Deliveries>,
    topic: String,
    partitions: i32,
    pacer: Option<Arc<Pacer>>,
    records_since_report: u32,
}

impl Producer {
    /// A producer of the topic; with a pacer it waits for the consumer. Connects later.
    ///
    /// # Errors
    /// [`TopicError::CreateClient`].
    pub fn open(
        settings: &ProducerSettings,
        pacer: Option<Arc<Pacer>>,
    ) -> Result<Self, TopicError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &settings.brokers)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", LINGER_MS)
            .set("queue.buffering.max.messages", QUEUE_RECORDS_MAX)
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES_MAX)
            .set("message.timeout.ms", DELIVERY_MS_MAX)
            .set("delivery.report.only.error", "true");
        for (name, value) in &settings.extra {
            config.set(name, value);
        }
        let client = config.create_with_context(Deliveries::default()).map_err(|source| {
            TopicError::CreateClient { brokers: settings.brokers.clone(), source }
        })?;
        Ok(Self {
            client,
            topic: settings.topic.clone(),
            partitions: settings.partitions,
            pacer,
            records_since_report: 0,
        })
    }

    /// Hands one record to librdkafka, waiting while its partition or the queue is full.
    ///
    /// Cancel-safe: a dropped future has not sent the record (it may have taken room for it).
    ///
    /// # Errors
    /// [`TopicError::AwaitConsumer`] may be tried again; [`TopicError::DeliverRecord`] of an
    /// earlier record and [`TopicError::SendRecord`] are final.
    pub async fn send(&mut self, key: &[u8], value: &[u8]) -> Result<(), TopicError> {
        let partition = partition_of(key, self.partitions);
        if let Some(pacer) = &self.pacer {
            pacer.reserve(partition, Pacer::record_bytes(Some(key), value)).await?;
        }
        self.records_since_report += 1;
        if self.records_since_report >= RECORDS_PER_REPORT {
            self.take_reports()?;
        }
        for _ in 0..WAIT_SLICES_MAX {
            let record = BaseRecord::to(&self.topic).partition(partition).key(key).payload(value);
            match self.client.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.take_reports()?;
                    tokio::time::sleep(WAIT_SLICE).await;
                }
                Err((source, _)) => return Err(TopicError::SendRecord { partition, source }),
            }
        }
        let source = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        Err(TopicError::SendRecord { partition, source })
    }

    /// Waits until the broker has acknowledged every record.
    ///
    /// # Errors
    /// [`TopicError::DeliverRecord`] is final; [`TopicError::FlushRecords`] may be tried again.
    pub async fn flush(&mut self) -> Result<(), TopicError> {
        // librdkafka's own flush looks every 100 ms only.
        for _ in 0..WAIT_SLICES_MAX {
            self.take_reports()?;
            if self.client.in_flight_count() == 0 {
                return Ok(());
            }
            tokio::time::sleep(WAIT_SLICE).await;
        }
        Err(TopicError::FlushRecords {
            left: self.client.in_flight_count(),
            waited_ms: (WAIT_SLICE * WAIT_SLICES_MAX).as_millis(),
        })
    }

    fn take_reports(&mut self) -> Result<(), TopicError> {
        self.records_since_report = 0;
        self.client.poll(Duration::ZERO);
        match self.client.context().failed.get() {
            Some((partition, source)) => {
                Err(TopicError::DeliverRecord { partition: *partition, source: source.clone() })
            }
            None => Ok(()),
        }
    }
}

/// The first record that was not delivered.
#[derive(Default)]
struct Deliveries {
    failed: OnceLock<(i32, KafkaError)>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, record)) = result {
            let _ = self.failed.set((record.partition(), error.clone()));
        }
    }
}
