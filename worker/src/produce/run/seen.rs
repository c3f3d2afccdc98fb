//! What is seen of a producer from outside: `/status`, `/readyz` and `/metrics` of what it keeps.

use std::sync::{Arc, Mutex, PoisonError};

use market::publication::FeedState;
use prometheus::Registry;
use runtime::clock;

use super::{Broker, Producing, ProducingStatus};
use crate::aggregate::Who;
use crate::metrics::{ProducerGauges, ProducerMetrics, SourceGauges};
use crate::produce::{SentSymbol, SourceStatus};
use crate::status::{ProducerStatus, SourceState, SymbolState};

/// A cheap handle to what is seen of a producer.
#[derive(Clone)]
pub struct ProducingSeen {
    who: Who,
    shard: String,
    status: Arc<Mutex<ProducingStatus>>,
}

impl Producing {
    /// Shows its metrics in `registry`.
    ///
    /// # Errors
    /// When the registry holds metrics of these names already.
    pub fn shown_by(mut self, registry: &Registry) -> Result<Self, prometheus::Error> {
        let status = Arc::clone(&self.status);
        let read = move || gauges(&locked(&status), clock::now_ns().div_euclid(1_000_000));
        self.metrics = Some(ProducerMetrics::register(registry, read)?);
        Ok(self)
    }

    /// What is seen of it from outside.
    #[must_use]
    pub fn seen(&self, who: Who) -> ProducingSeen {
        let shard = self.options.shard.to_string();
        ProducingSeen { who, shard, status: Arc::clone(&self.status) }
    }
}

impl ProducingSeen {
    /// What `/status` says.
    #[must_use]
    pub fn status(&self) -> ProducerStatus {
        let status = locked(&self.status);
        ProducerStatus {
            pipeline: self.who.pipeline.clone(),
            role: "producer",
            version: env!("CARGO_PKG_VERSION"),
            config_version: self.who.config_version.clone(),
            shard: self.shard.clone(),
            unready: unready(&status.broker),
            sources: status.sources.iter().map(|(name, of)| source(name.as_str(), of)).collect(),
        }
    }

    /// Why it is not ready: Kafka has to answer.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        unready(&locked(&self.status).broker)
    }
}

fn locked(status: &Mutex<ProducingStatus>) -> std::sync::MutexGuard<'_, ProducingStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unready(broker: &Broker) -> Option<String> {
    match broker {
        Broker::Unknown => Some("reaching Kafka".to_owned()),
        Broker::Up => None,
        Broker::Down(reason) => Some(reason.clone()),
    }
}

fn source(name: &str, status: &SourceStatus) -> SourceState {
    SourceState {
        name: name.to_owned(),
        drained: status.drained,
        error: status.error.clone(),
        done: status.progress.map(|progress| progress.done),
        total: status.progress.map(|progress| progress.total),
        in_flight: status.flight.records,
        symbols: status.symbols.iter().map(symbol).collect(),
    }
}

fn symbol(sent: &SentSymbol) -> SymbolState {
    SymbolState {
        symbol: sent.symbol.as_str().to_owned(),
        instrument: sent.instrument.clone(),
        state: sent.state.map_or("starting", FeedState::as_str),
        last_event_ns: sent.last_event_ns,
    }
}

fn gauges(status: &ProducingStatus, now_ms: i64) -> ProducerGauges {
    let sources = status.sources.iter().map(|(name, of)| SourceGauges {
        source: name.as_str().to_owned(),
        in_flight: of.flight.records,
        queue_bytes: of.flight.queue_bytes,
        failed: of.error.is_some(),
        event_delay_ms: of
            .symbols
            .iter()
            .filter_map(|sent| {
                let delay_ms = now_ms - sent.last_event_ns?.div_euclid(1_000_000);
                Some((sent.symbol.as_str().to_owned(), delay_ms))
            })
            .collect(),
        look: of.look.clone(),
    });
    ProducerGauges { broker_up: status.broker == Broker::Up, sources: sources.collect() }
}
