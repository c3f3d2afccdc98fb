use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};

use crate::topic::reach::Receipts;
use crate::topic::{Reach, Receipt};

/// How far the lanes of a [`Producer::tracked`] are.
#[derive(Clone)]
pub struct Acknowledged {
    pub(super) client: Arc<BaseProducer<Deliveries>>,
}

impl Acknowledged {
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
}

impl Deliveries {
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

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match (result, &self.receipts) {
            (Err((error, record)), _) => {
                let _ = self.failed.set((record.partition(), error.clone()));
            }
            (Ok(record), Some(receipts)) => {
                let mut receipts = receipts.lock().unwrap_or_else(PoisonError::into_inner);
                receipts.acknowledge(number, record.offset());
            }
            (Ok(_), None) => {}
        }
    }
}
