use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use market::topic::partition_of;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use runtime::traces::TRACEPARENT;

use crate::topic::reach::Receipts;
use crate::topic::security::Names;
use crate::topic::{Pacer, Reach, Receipt, TopicError};

/// What became of the records that were sent.
mod deliveries;

pub use deliveries::{Acknowledged, InFlight};
use deliveries::{Deliveries, poll};

/// How long librdkafka gathers records of one partition into a batch, in milliseconds.
const LINGER_MS: &str = "1";
/// Most records that wait in librdkafka.
const QUEUE_RECORDS_MAX: &str = "100000";
/// Most bytes that wait in librdkafka, in KiB.
const QUEUE_KBYTES_MAX: &str = "32768";
/// How long librdkafka tries to deliver a record, in milliseconds.
const DELIVERY_MS_MAX: &str = "30000";
/// Never gives up: while Kafka is away the queue is full, and whoever sends waits.
const DELIVERY_MS_UNLIMITED: &str = "0";
/// How long librdkafka waits at most before it looks for a broker again, in milliseconds.
const RECONNECT_MS_MAX: &str = "1000";
/// How often librdkafka says how full its queue is.
const STATISTICS_INTERVAL_MS: &str = "1000";
/// How many records are sent between two looks at delivery reports.
const RECORDS_PER_REPORT: u32 = 256;
/// How long to wait when librdkafka's own queue is full, or for acknowledgements, before the next
/// look.
const WAIT_SLICE: Duration = Duration::from_millis(1);
/// How often to look before giving up: as long as librdkafka itself tries, and a little more.
const WAIT_SLICES_MAX: u32 = 35_000;

/// How to reach a topic as a producer.
///
/// Its `Debug` shows no value of a setting.
#[derive(Clone)]
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

impl fmt::Debug for ProducerSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProducerSettings")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("extra", &Names(&self.extra))
            .finish_non_exhaustive()
    }
}

/// Sends records: idempotent, in order, acknowledged by all replicas.
///
/// A record that is not delivered finishes the producer, since later records may have been.
pub struct Producer {
    client: Arc<BaseProducer<Deliveries>>,
    topic: String,
    partitions: i32,
    pacer: Option<Arc<Pacer>>,
    records_since_report: u32,
    /// How often to look for room before giving up; `None` for ever.
    wait_slices_max: Option<u32>,
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
        config.set("message.timeout.ms", DELIVERY_MS_MAX);
        Self::create(config, settings, pacer, Deliveries::default())
    }

    /// A producer that waits for Kafka as long as it takes, and keeps how far each lane's ids are
    /// on the topic. Connects later.
    ///
    /// # Errors
    /// [`TopicError::CreateClient`].
    pub fn tracked(settings: &ProducerSettings, lanes: Vec<Reach>) -> Result<Self, TopicError> {
        let mut config = ClientConfig::new();
        config
            .set("message.timeout.ms", DELIVERY_MS_UNLIMITED)
            .set("reconnect.backoff.max.ms", RECONNECT_MS_MAX)
            .set("statistics.interval.ms", STATISTICS_INTERVAL_MS);
        let deliveries = Deliveries::of(Receipts::new(lanes));
        let producer = Self::create(config, settings, None, deliveries)?;
        Ok(Self { wait_slices_max: None, ..producer })
    }

    fn create(
        mut config: ClientConfig,
        settings: &ProducerSettings,
        pacer: Option<Arc<Pacer>>,
        deliveries: Deliveries,
    ) -> Result<Self, TopicError> {
        let only_errors = if deliveries.receipts.is_none() { "true" } else { "false" };
        config
            .set("bootstrap.servers", &settings.brokers)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", LINGER_MS)
            .set("queue.buffering.max.messages", QUEUE_RECORDS_MAX)
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES_MAX)
            .set("delivery.report.only.error", only_errors);
        for (name, value) in &settings.extra {
            config.set(name, value);
        }
        let client = config.create_with_context(deliveries).map_err(|source| {
            TopicError::CreateClient { brokers: settings.brokers.clone(), source }
        })?;
        Ok(Self {
            client: Arc::new(client),
            topic: settings.topic.clone(),
            partitions: settings.partitions,
            pacer,
            records_since_report: 0,
            wait_slices_max: Some(WAIT_SLICES_MAX),
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
        self.hand_over(key, Some(value), None, None).await
    }

    /// As [`Self::send`], with a header that carries the record's trace on, and counts the receipt
    /// for its lane when the record is acknowledged, where this producer was [`Self::tracked`].
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_for(
        &mut self,
        key: &[u8],
        value: &[u8],
        receipt: Option<(usize, Receipt)>,
        traceparent: Option<&str>,
    ) -> Result<(), TopicError> {
        self.hand_over(key, Some(value), receipt, traceparent).await
    }

    /// Sends a record without a value: in a compacted topic the key is forgotten.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn forget(&mut self, key: &[u8]) -> Result<(), TopicError> {
        self.hand_over(key, None, None, None).await
    }

    async fn hand_over(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        receipt: Option<(usize, Receipt)>,
        traceparent: Option<&str>,
    ) -> Result<(), TopicError> {
        let partition = partition_of(key, self.partitions);
        if let Some(pacer) = &self.pacer {
            let bytes = Pacer::record_bytes(Some(key), value.unwrap_or_default());
            pacer.reserve(partition, bytes).await?;
        }
        self.records_since_report += 1;
        if self.records_since_report >= RECORDS_PER_REPORT {
            self.take_reports()?;
        }
        let mut waited_slices = 0;
        loop {
            let refused = match self.try_send(partition, (key, value), receipt, traceparent) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            if refused != full || self.wait_slices_max.is_some_and(|most| waited_slices >= most) {
                return Err(TopicError::SendRecord { partition, source: refused });
            }
            waited_slices += 1;
            self.take_reports()?;
            tokio::time::sleep(WAIT_SLICE).await;
        }
    }

    fn try_send(
        &self,
        partition: i32,
        (key, value): (&[u8], Option<&[u8]>),
        receipt: Option<(usize, Receipt)>,
        traceparent: Option<&str>,
    ) -> Result<(), KafkaError> {
        let deliveries = self.client.context();
        let number = receipt.map_or(0, |(lane, receipt)| deliveries.keep(lane, receipt));
        let record = BaseRecord::with_opaque_to(&self.topic, number).partition(partition).key(key);
        let record = match value {
            Some(value) => record.payload(value),
            None => record,
        };
        let record = match traceparent {
            Some(value) => {
                let header = Header { key: TRACEPARENT, value: Some(value) };
                record.headers(OwnedHeaders::new_with_capacity(1).insert(header))
            }
            None => record,
        };
        self.client.send(record).map_err(|(refused, _)| {
            deliveries.forget(number);
            refused
        })
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

    /// What tells how far the lanes of a [`Self::tracked`] producer are, while it sends.
    #[must_use]
    pub fn acknowledged(&self) -> Acknowledged {
        Acknowledged { client: Arc::clone(&self.client) }
    }

    fn take_reports(&mut self) -> Result<(), TopicError> {
        self.records_since_report = 0;
        poll(&self.client);
        match self.client.context().failed.get() {
            Some((partition, source)) => {
                Err(TopicError::DeliverRecord { partition: *partition, source: source.clone() })
            }
            None => Ok(()),
        }
    }
}
