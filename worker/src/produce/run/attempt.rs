use std::sync::{Arc, Mutex};
use std::time::Duration;

use market::pipeline::{PipelineSpec, SourceSpec};
use market::symbol::{Series, SourceName};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::flown::Flown;
use super::{ProducingError, ProducingOptions, ProducingStatus};
use crate::metrics::ProducerMetrics;
use crate::produce::recover::{Keeper, Lane, Place, recover};
use crate::produce::{Identity, Sampler, Sent, produce_told};
use crate::source::disorder::Disorder;
use crate::source::open::{OpenContext, first_origin_ns, held_ns_max, open};
use crate::source::{Position, Positions, Source, SourceError};
use crate::spec;
use crate::topic::admin::{INGEST_STATE_PARTITIONS, blocking};
use crate::topic::{
    Admin, AdminError, IngestState, PositionError, PositionWriter, Producer, partitions_of,
    topics_of,
};

/// How often positions are written.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// How often to look whether the topic is still the same.
const CHECK_EVERY: Duration = Duration::from_secs(10);
/// How long the last records may take to be acknowledged, and then their positions.
const LAST_RECORDS_MAX: Duration = Duration::from_secs(3);
const LAST_POSITIONS_MAX: Duration = Duration::from_secs(1);

/// One source of the spec.
pub(super) struct Task {
    /// Which.
    pub(super) index: usize,
    pub(super) options: Arc<ProducingOptions>,
    pub(super) status: Arc<Mutex<ProducingStatus>>,
    pub(super) metrics: Option<ProducerMetrics>,
    pub(super) stop: CancellationToken,
}

/// A source that is open where its series go on.
struct Opened {
    admin: Admin,
    keeper: Keeper,
    source: Box<dyn Source>,
    producer: Producer,
    identity: Identity,
}

impl Task {
    pub(super) fn name(&self) -> &SourceName {
        &self.spec().name
    }

    fn spec(&self) -> &SourceSpec {
        &self.options.pipeline.spec.sources[self.index]
    }

    fn pipeline_spec(&self) -> &PipelineSpec {
        &self.options.pipeline.spec
    }

    fn owns(&self, instrument: &str) -> bool {
        self.options.shard.owns(self.name().as_str(), instrument)
    }

    /// Opens the source where its series go on, and sends until it is drained or stopped.
    pub(super) async fn attempt(&self) -> Result<(), ProducingError> {
        let opened = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(()),
            opened = self.open() => opened?,
        };
        let Opened { admin, mut keeper, mut source, mut producer, identity } = opened;
        let acknowledged = producer.acknowledged();
        let place = keeper.place().clone();
        let mut flown = Flown::of(self, &acknowledged, source.as_ref());
        let produced = tokio::select! {
            biased;
            error = keep_positions(&mut keeper, &mut flown) => Err(error),
            error = watch_topic(&admin, &place) => Err(error),
            produced =
                self.produce(source.as_mut(), &mut producer, &identity) => produced,
        };
        let last = tokio::time::timeout(LAST_RECORDS_MAX, producer.flush()).await;
        if !matches!(last, Ok(Ok(()))) {
            tracing::warn!(source = %self.name(), "the last records are not acknowledged");
        }
        flown.tell();
        let last = async {
            keeper.keep(&acknowledged.lanes()).await?;
            keeper.flush().await
        };
        if !matches!(tokio::time::timeout(LAST_POSITIONS_MAX, last).await, Ok(Ok(()))) {
            tracing::warn!(source = %self.name(), "the last positions are not written");
        }
        produced
    }

    async fn produce(
        &self,
        source: &mut dyn Source,
        producer: &mut Producer,
        identity: &Identity,
    ) -> Result<(), ProducingError> {
        let update = |change: &dyn Fn(&mut _)| self.update(change);
        let name = self.name();
        let count = |sent: &Sent| {
            if let Some(metrics) = &self.metrics {
                metrics.sent.with_label_values(&[name.as_str(), "tick"]).inc_by(sent.ticks);
                metrics.sent.with_label_values(&[name.as_str(), "mark"]).inc_by(sent.marks);
            }
        };
        let sampler = Sampler::of(&self.pipeline_spec().observability.otlp, identity.epoch);
        let noted = (count, sampler);
        let produced = produce_told(source, producer, identity, &self.stop, update, noted).await;
        produced.map_err(|source| ProducingError::RunSource { name: name.clone(), source })
    }

    async fn open(&self) -> Result<Opened, ProducingError> {
        let options = &self.options;
        let topic = self.pipeline_spec().kafka.clone().unwrap_or_default().topic;
        let (names, partitions) = (topics_of(&options.pipeline), partitions_of(&topic));
        let admin = Admin::connect(&options.connection).await?;
        let ticks = admin.check(&names.ticks, partitions).await?;
        admin.check(&names.ingest_state, INGEST_STATE_PARTITIONS).await?;
        let topic_id = admin.source_id(&ticks);
        let connection = options.connection.clone();
        let place = Place { connection, names, partitions, topic_id };

        let allowed_lateness_ns = spec::allowed_lateness_ns(self.pipeline_spec());
        let series = self.series();
        let (lanes, state) = blocking({
            let place = place.clone();
            move || {
                let state = IngestState::read(&place.connection, &place.names.ingest_state)?;
                let patience_ns = held_ns_max(allowed_lateness_ns);
                let lanes = recover(&place, &state, series, patience_ns)?;
                Ok::<_, PositionError>((lanes, state))
            }
        })
        .await?;
        let highest = state.highest_epoch(self.name().as_str());
        // A clock that was set back must not make this producer an old one.
        let epoch = options.epoch.max(highest.map_or(0, |highest| highest.saturating_add(1)));
        let mut writer = PositionWriter::open(&place.connection, &place.names.ingest_state)?;
        let origin_ns = self.origin_ns(&place, &mut writer, &state).await?;

        let source = self.open_source(&lanes, origin_ns, allowed_lateness_ns)?;
        // Receipts carry the source's own index of a series.
        let listed = source
            .listings()
            .iter()
            .filter_map(|listing| lanes.iter().find(|lane| lane.series == listing.series).cloned());
        let lanes: Vec<_> = listed.collect();
        let settings = place.connection.producer(&place.names.ticks, partitions);
        let reaches = lanes.iter().map(|lane| lane.reach.clone()).collect();
        let keeper = Keeper::begin(writer, place, epoch, lanes, &state).await?;
        let producer = Producer::tracked(&settings, reaches)?;
        let shard = options.shard.index();
        let producer_id = format!("{}-producer-{shard}", options.pipeline.name);
        Ok(Opened { admin, keeper, source, producer, identity: Identity { producer_id, epoch } })
    }

    fn open_source(
        &self,
        lanes: &[Lane],
        origin_ns: i64,
        allowed_lateness_ns: i64,
    ) -> Result<Box<dyn Source>, SourceError> {
        let positions: Positions = lanes
            .iter()
            .filter_map(|lane| {
                let (next_id, event_ns) = (lane.reach.next_id()?, lane.reach.latest_ns());
                Some((lane.series.clone(), Position { next_id, event_ns }))
            })
            .collect();
        let context = OpenContext {
            positions: &positions,
            clock: &self.options.clock,
            origin_ns,
            allowed_lateness_ns,
            has: &|symbol| self.owns(&symbol.instrument),
            shared: &self.options.shared,
            producers: self.options.shard.count(),
        };
        let source = open(self.spec(), &context)?;
        Ok(match self.options.disorder {
            Some(disorder) => Box::new(Disorder::new(source, disorder)),
            None => source,
        })
    }

    /// Our series of the source, and their instruments.
    fn series(&self) -> Vec<(Series, String)> {
        let ours = self.spec().symbols().iter().filter(|symbol| self.owns(&symbol.instrument));
        let source = self.name();
        ours.map(|symbol| {
            let series = Series { symbol: symbol.symbol.clone(), source: source.clone() };
            (series, symbol.instrument.clone())
        })
        .collect()
    }

    /// When a simulated market began: as the first producer said that wrote it down.
    async fn origin_ns(
        &self,
        place: &Place,
        writer: &mut PositionWriter,
        state: &IngestState,
    ) -> Result<i64, ProducingError> {
        let name = self.name().as_str();
        let Some(first_ns) = first_origin_ns(self.spec(), self.options.clock.now()()) else {
            return Ok(0);
        };
        if let (Some(kept_ns), true) = (state.origin_ns(name), state.origin_is_kept(name)) {
            return Ok(kept_ns);
        }
        // Of several that write at once the first wins; all write it again, so that it is also
        // the last, which alone outlives compaction.
        writer.put_origin(name, state.origin_ns(name).unwrap_or(first_ns)).await?;
        writer.flush().await?;
        let (connection, topic) = (place.connection.clone(), place.names.ingest_state.clone());
        let state = blocking(move || IngestState::read(&connection, &topic)).await?;
        let kept_ns = state.origin_ns(name).unwrap_or(first_ns);
        if !state.origin_is_kept(name) {
            writer.put_origin(name, kept_ns).await?;
            writer.flush().await?;
        }
        Ok(kept_ns)
    }
}

/// Writes positions while they change; returns only with an error.
async fn keep_positions(keeper: &mut Keeper, flown: &mut Flown<'_>) -> ProducingError {
    let mut turns = tokio::time::interval(KEEP_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        flown.tell();
        if let Err(error) = keeper.keep(&flown.acknowledged.lanes()).await {
            return error.into();
        }
    }
}

/// Returns when the topic is not the one any more that the positions are of.
async fn watch_topic(admin: &Admin, place: &Place) -> ProducingError {
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        match admin.check(&place.names.ticks, place.partitions).await {
            Ok(found) if admin.source_id(&found) != place.topic_id => {
                return AdminError::FindTopic { topic: place.names.ticks.clone() }.into();
            }
            Err(error) if !error.is_retryable() => return error.into(),
            Ok(_) | Err(_) => {}
        }
    }
}
