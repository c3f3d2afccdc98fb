//! Workers on real servers: what `worker aggregate` is made of.
//!
//! ```text
//! Kafka group ──▶ engine ──▶ PostgreSQL ──▶ Redis, alerts topic
//! ```
//!
//! The store is the truth: how far a partition is, who owns it, and what its series had in mind.

use market::pipeline::{GroupProtocol, OnSourceLoss, Pipeline};
use runtime::exit;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::aggregate::member::{Courier, Member, OnTurn};
use crate::aggregate::{AggregateError, Asking, Seen};
use crate::metrics::Metrics;
use crate::publish::redis::{PublishError, RedisFeed, RedisSettings};
use crate::spec::{engine_of, foreign_series_of, partitions_of, series_of};
use crate::store::{Owner, PostgresOptions, StoreError};
use crate::topic::{AdminError, Connection, GroupConsumer, LogEnds, Outbox, TopicError, topics_of};

/// How far the group is.
mod progress;
/// Servers that are waited for at the start.
mod reach;

pub use progress::{await_folded, backlog, ends};

use reach::{Waiting, reach_store, reach_topic};

/// Why a worker does not start, or ends early.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// PostgreSQL.
    #[error(transparent)]
    UseStore(#[from] StoreError),
    /// Kafka.
    #[error(transparent)]
    UseTopic(#[from] TopicError),
    /// Redis.
    #[error(transparent)]
    UseRedis(#[from] PublishError),
    /// Kafka's topics.
    #[error(transparent)]
    UseTopics(#[from] AdminError),
    /// Folding.
    #[error(transparent)]
    Aggregate(#[from] AggregateError),
    /// The operating system gave no thread, or ours died.
    #[error("the folding thread ended without a word")]
    LoseThread,
}

impl ClusterError {
    /// What the process ends with: 1 failed, 2 wrong settings, 3 newer data.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::UseStore(error) | Self::Aggregate(AggregateError::WriteStore(error)) => {
                error.exit_code()
            }
            Self::Aggregate(AggregateError::ReadCheckpoint(_)) => exit::NEWER_DATA,
            Self::UseTopics(error) | Self::Aggregate(AggregateError::UseTopic(error)) => {
                error.exit_code()
            }
            Self::UseRedis(error) => error.exit_code(),
            Self::UseTopic(_) | Self::Aggregate(_) | Self::LoseThread => exit::FAILED,
        }
    }
}

/// The servers of a pipeline, and who asks.
#[derive(Clone)]
pub struct Servers {
    /// How to reach Kafka.
    pub kafka: Connection,
    /// The writer's URL.
    pub database_url: String,
    /// The certificates that PostgreSQL's one must lead to, in PEM.
    pub database_ca_file: Option<std::path::PathBuf>,
    /// Where candles are published live; without it they are only stored.
    pub redis_url: Option<String>,
    /// The certificates that Redis' one must lead to, in PEM.
    pub redis_ca_file: Option<std::path::PathBuf>,
    /// Who we are: the pod, or the process.
    pub worker: String,
    /// The Kubernetes namespace; empty elsewhere.
    pub namespace: String,
}

impl Servers {
    /// The tables of a pipeline, as the role of `url`.
    #[must_use]
    pub fn postgres(&self, pipeline: &Pipeline, url: &str) -> PostgresOptions {
        PostgresOptions {
            url: url.to_owned(),
            root_ca_file: self.database_ca_file.clone(),
            schema: pipeline.schema(),
            application_name: self.worker.clone(),
            owner: Owner { prefix: pipeline.prefix(), name: pipeline.name.clone() },
            namespace: self.namespace.clone(),
        }
    }

    /// The keys of a pipeline, where there is a Redis.
    ///
    /// # Errors
    /// [`PublishError::ReadUrl`], [`PublishError::ReadCertificates`].
    pub fn redis(&self, pipeline: &Pipeline) -> Result<Option<RedisSettings>, PublishError> {
        let Some(url) = &self.redis_url else { return Ok(None) };
        let owner = format!("{}/{}", self.namespace, pipeline.name);
        let ca_file = self.redis_ca_file.as_deref();
        RedisSettings::with_authority(url, ca_file, &pipeline.prefix(), &owner).map(Some)
    }
}

/// An aggregator that is ready to run.
pub struct Aggregating {
    /// What it counts.
    pub metrics: Metrics,
    member: Member,
}

impl Aggregating {
    /// Waits until the tables are there, registers the series and joins the group.
    ///
    /// # Errors
    /// [`ClusterError`] of what waiting does not mend; nothing is left running.
    pub async fn start(
        pipeline: &Pipeline,
        servers: &Servers,
        seen: Seen,
        on_turn: OnTurn,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, ClusterError> {
        let spec = &pipeline.spec;
        let mut waiting = Waiting { seen: &seen, on_turn, stop };
        let mut series = series_of(spec, partitions_of(spec));
        series.extend(foreign_series_of(spec, partitions_of(spec)));
        let Some(store) = reach_store(pipeline, &series, servers, &mut waiting).await? else {
            return Ok(None);
        };
        let kafka = spec.kafka.as_ref();
        let (names, metrics) = (topics_of(pipeline), seen.metrics.clone());
        let partitions = partitions_of(spec);
        let found = reach_topic(&names.ticks, partitions, servers, &mut waiting).await?;
        let Some(source_id) = found else { return Ok(None) };
        let settings = servers.kafka.consumer(&names.ticks, &pipeline.prefix());
        let protocol =
            kafka.map_or(GroupProtocol::Classic, market::pipeline::Kafka::group_protocol);
        let consumer = GroupConsumer::join(&settings, protocol)?;
        let outbox = |topic: &str| Outbox::open(&servers.kafka.producer(topic, 1));
        let courier = Courier {
            store,
            dead_letters: outbox(&names.dead_letters)?,
            alerts: outbox(&names.alerts)?,
            topic: names.ticks,
            worker: servers.worker.clone(),
            metrics: metrics.clone(),
        };
        let feed = match servers.redis(pipeline)? {
            Some(settings) => {
                let connected = waiting.unless_stopped(RedisFeed::connect(settings)).await;
                let Some(connected) = connected else { return Ok(None) };
                Some(connected?)
            }
            None => None,
        };
        let member = Member {
            source_id,
            partitions,
            consumer,
            engine: engine_of(spec, &series),
            courier,
            feed,
            series,
            intervals: spec.candles.intervals().to_vec(),
            raw_ticks: spec.storage.raw_ticks(),
            on_source_loss: kafka
                .map_or(OnSourceLoss::Fail, market::pipeline::Kafka::on_source_loss),
            asking: Asking::start(LogEnds::open(&settings)?, seen.clone()),
            seen: seen.clone(),
            traced: spec.observability.otlp.endpoint.is_some(),
            on_turn: waiting.on_turn,
        };
        Ok(Some(Self { metrics, member }))
    }

    /// Works on a thread of its own until `stop` is cancelled, then commits and leaves the group.
    ///
    /// # Errors
    /// [`ClusterError`]; what was committed stays.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ClusterError> {
        let handle = Handle::current();
        let (tell, told) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("aggregate".into())
            .spawn(move || {
                // The receiver is gone only when the whole process is.
                let _ = tell.send(self.member.run(stop, handle));
            })
            .map_err(|_| ClusterError::LoseThread)?;
        told.await.map_err(|_| ClusterError::LoseThread)?.map_err(Into::into)
    }
}
