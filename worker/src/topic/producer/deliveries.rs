use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use serde::Deserialize;

use crate::topic::reach::Receipts;
use crate::topic::{Reach, Receipt};

/// How far the lanes of a [`Producer::tracked`] are.
#[derive(Clone)]
pub struct Acknowledged {
    pub(super) client: Arc<BaseProducer<Deliveries>>,
}

/// What is on its way to the brokers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Records that they have acknowledged.
    pub acknowledged: u64,
    /// Records that they have not.
    pub records: u64,
    /// Bytes that wait in librdkafka, as it says once a second.
    pub queue_bytes: u64,
}

/// The part of librdkafka's statistics that is read.
#[derive(Deserialize)]
struct Statistics {
    msg_size: u64,
}

impl Acknowledged {
    /// What is on its way.
    #[must_use]
    pub fn in_flight(&self) -> InFlight {
        poll(&self.client);
        let deliveries = self.client.context();
        InFlight {
            acknowledged: deliveries.acknowledged.load(Ordering::Relaxed),
            records: u64::try_from(self.client.in_flight_count()).unwrap_or(0),
            queue_bytes: deliveries.queue_bytes.load(Ordering::Relaxed),
        }
    }

    /// Each lane, in their order, as far as the broker has acknowledged its records.
    #[must_use]
    pub fn lanes(&self) -> Vec<Reach> {
        poll(&self.client);
        let receipts = self.client.context().receipts.as_ref();
        receipts.map_or_else(Vec::new, |receipts| {
            receipts.lock().unwrap_or_else(PoisonError::into_inner).lanes().to_vec()
        })
    }
}

/// Takes the reports that are there: each call of librdkafka's takes those of one request.
pub(super) fn poll(client: &BaseProducer<Deliveries>) {
    loop {
        let before = client.in_flight_count();
        client.poll(Duration::ZERO);
        if client.in_flight_count() >= before {
            return;
        }
    }
}

/// What became of the records.
#[derive(Default)]
pub(super) struct Deliveries {
    /// The first that was not delivered.
    pub(super) failed: OnceLock<(i32, KafkaError)>,
    pub(super) receipts: Option<Mutex<Receipts>>,
    acknowledged: AtomicU64,
    queue_bytes: AtomicU64,
}

impl Deliveries {
    pub(super) fn of(receipts: Receipts) -> Self {
        Self { receipts: Some(Mutex::new(receipts)), ..Self::default() }
    }

    /// The number that travels with a record; 0 for one that nobody counts.
    pub(super) fn keep(&self, lane: usize, receipt: Receipt) -> usize {
        let Some(receipts) = &self.receipts else { return 0 };
        receipts.lock().unwrap_or_else(PoisonError::into_inner).keep(lane, receipt)
    }

    pub(super) fn forget(&self, number: usize) {
        if let Some(receipts) = &self.receipts {
            receipts.lock().unwrap_or_else(PoisonError::into_inner).forget(number);
        }
    }
}

impl ClientContext for Deliveries {
    fn stats_raw(&self, statistics: &[u8]) {
        match serde_json::from_slice(statistics) {
            Ok(Statistics { msg_size }) => self.queue_bytes.store(msg_size, Ordering::Relaxed),
            Err(error) => tracing::debug!(error = %error, "statistics cannot be read"),
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match (result, &self.receipts) {
            (Err((error, record)), _) => {
                let _ = self.failed.set((record.partition(), error.clone()));
            }
            (Ok(record), Some(receipts)) => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
                let mut receipts = receipts.lock().unwrap_or_else(PoisonError::into_inner);
                receipts.acknowledge(number, record.offset());
            }
            (Ok(_), None) => {}
        }
    }
}
