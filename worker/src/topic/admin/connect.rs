use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use tokio::sync::oneshot;

use super::AdminError;

/// How long the brokers may take to say who they are.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long to wait for an answer before looking for a refusal.
const CONNECT_SLICE: Duration = Duration::from_millis(100);

/// Asks until there is an answer, or a refusal: librdkafka itself would try for ever.
pub(super) fn cluster_id(
    client: &BaseProducer<Refusals>,
    brokers: String,
) -> Result<String, AdminError> {
    let slices = CONNECT_WAIT_MAX.as_millis() / CONNECT_SLICE.as_millis();
    for _ in 0..slices {
        if let Some(id) = client.client().fetch_cluster_id(CONNECT_SLICE) {
            return Ok(id);
        }
        client.poll(Duration::ZERO);
        match client.context().first() {
            Some(Refusal::Identity) => return Err(AdminError::ProveIdentity { brokers }),
            Some(Refusal::Encryption) => return Err(AdminError::EncryptConnection { brokers }),
            None => {}
        }
    }
    Err(AdminError::ReachBrokers { brokers })
}

/// librdkafka's requests block. The thread is of its own: a process that ends waits for those of
/// the runtime.
pub(crate) async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        // Nobody waits any more when the receiver is gone.
        let _ = tell.send(ask());
    });
    told.await.expect("the thread answers, or has panicked")
}

#[derive(Debug, Clone, Copy)]
enum Refusal {
    Identity,
    Encryption,
}

/// Keeps the first refusal of a connection.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Option<Refusal>>);

impl Refusals {
    fn first(&self) -> Option<Refusal> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Refusals {
    fn error(&self, error: KafkaError, _reason: &str) {
        let refusal = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                Refusal::Identity
            }
            Some(RDKafkaErrorCode::SSL) => Refusal::Encryption,
            Some(_) | None => return,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(refusal);
    }
}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
