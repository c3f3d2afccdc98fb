//! Sources that go on where their series are.

use std::sync::{Arc, Mutex, PoisonError};

use market::pipeline::PipelineSpec;
use market::symbol::{Series, SourceName};
use runtime::clock;
use tokio_util::sync::CancellationToken;

use super::{LocalError, LocalStatus, SourceStatus};
use crate::produce::{Identity, produce_told};
use crate::source::open::{OpenContext, first_origin_ns, open};
use crate::source::{Positions, Shared, Source, SourceClock};
use crate::spec::allowed_lateness_ns;
use crate::store::SqliteStore;
use crate::topic::Producer;
use crate::window::Engine;

pub(super) async fn run_source(
    name: SourceName,
    mut source: Box<dyn Source>,
    mut producer: Producer,
    identity: Identity,
    status: Arc<Mutex<LocalStatus>>,
    stop: CancellationToken,
) -> Result<(), LocalError> {
    let update = |change: &dyn Fn(&mut SourceStatus)| {
        let mut status = status.lock().unwrap_or_else(PoisonError::into_inner);
        change(status.sources.entry(name.clone()).or_default());
    };
    let produced =
        produce_told(source.as_mut(), &mut producer, &identity, &stop, update, (|_: &_| {}, None));
    produced.await.map_err(|source| LocalError::RunSource { name: name.clone(), source })
}

/// Opens every source of the spec where its series go on.
pub(super) async fn open_sources(
    spec: &PipelineSpec,
    engine: &Engine,
    store: &mut SqliteStore,
    shared: &Shared,
) -> Result<Vec<(SourceName, Box<dyn Source>)>, LocalError> {
    let mut sources = Vec::with_capacity(spec.sources.len());
    let clock = SourceClock::wall_clock(Arc::new(clock::now_ns));
    for source in &spec.sources {
        let mut origin_ns = 0;
        if let Some(first_ns) = first_origin_ns(source, clock.now()()) {
            let name = format!("simulated/{}/origin_ns", source.name);
            let kept = store.remember_once(&name, &first_ns.to_string()).await?;
            origin_ns = kept.parse().unwrap_or(first_ns);
        }
        let mut positions = Positions::new();
        for symbol in source.symbols() {
            let series = Series { symbol: symbol.symbol.clone(), source: source.name.clone() };
            if let Some(position) = engine.position(&series) {
                positions.insert(series, position);
            }
        }
        let allowed_lateness_ns = allowed_lateness_ns(spec);
        let context = OpenContext {
            positions: &positions,
            clock: &clock,
            origin_ns,
            allowed_lateness_ns,
            has: &|_| true,
            shared,
            producers: 1,
        };
        sources.push((source.name.clone(), open(source, &context)?));
    }
    Ok(sources)
}
