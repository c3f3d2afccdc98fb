//! A whole pipeline on embedded parts, in one process.
//!
//! ```text
//! sources ──▶ librdkafka's mock cluster ──▶ engine ──▶ SQLite ──▶ in-process feed
//! ```
//!
//! The broker dies with the process. What a source goes on from is what is folded, committed in
//! the same transaction as the candles: a killed run sends again from there, and loses nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use market::pipeline::Pipeline;
use market::symbol::{Series, SourceName};
use market::topic::TopicNames;
use prometheus::Registry;
use runtime::clock;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::aggregate::{AggregateError, Aggregator, Asking, Committer, OnTurn, Seen, Stop, Who};
use crate::backfill::backfill;
use crate::checkpoint;
use crate::metrics::Metrics;
pub use crate::produce::SourceStatus;
use crate::produce::{Identity, ProduceError};
use crate::publish::LocalFeed;
use crate::source::Shared;
use crate::source::disorder::{Disorder, DisorderOptions};
use crate::spec::{engine_of, partitions_of, reached_ms, series_of};
use crate::store::{Owner, SqliteStore};
use crate::topic::{Consumer, LocalBroker, LogEnds, Producer};
use crate::window::{Engine, LogPosition};

/// Why not.
mod error;
/// Sources that go on where their series are.
mod sources;

pub use error::LocalError;
use sources::{open_sources, run_source};

const NANOS_PER_MILLI: i64 = 1_000_000;
/// States carry over to a new broker, before its first record.
const RESTARTED: LogPosition = LogPosition { partition: 0, offset: -1, timestamp_ms: 0 };

/// What a local run is told.
pub struct LocalOptions {
    /// The pipeline, valid for a local run.
    pub pipeline: Pipeline,
    /// Where its data is kept.
    pub data_dir: PathBuf,
    /// Ends when every source is drained and everything is committed.
    pub until_end: bool,
    /// Where metrics are shown.
    pub registry: Registry,
    /// Told on every turn of the folding loop.
    pub on_turn: Box<dyn Fn(Instant) + Send>,
    /// What its live sources share.
    pub shared: Shared,
    /// Disturbs the trades of every source, as a bad network would.
    pub disorder: Option<DisorderOptions>,
}

/// How a run is doing.
#[derive(Debug, Clone, Default)]
pub struct LocalStatus {
    /// Each source.
    pub sources: BTreeMap<SourceName, SourceStatus>,
    /// The watermark of each series, in nanoseconds since the epoch.
    pub watermarks: Vec<(Series, Option<i64>)>,
}

/// A pipeline that runs.
pub struct LocalRun {
    /// What it publishes.
    pub feed: LocalFeed,
    /// What it counts.
    pub metrics: Metrics,
    /// Where the embedded broker listens, and the name of its topic.
    pub broker: (String, String),
    /// How its aggregator is doing.
    pub seen: Seen,
    status: Arc<Mutex<LocalStatus>>,
    stop: Stop,
    sources: JoinSet<Result<(), LocalError>>,
    folded: oneshot::Receiver<Result<(), AggregateError>>,
    until_end: bool,
    // Outlives its clients.
    cluster: LocalBroker,
}

impl LocalRun {
    /// Starts every part.
    ///
    /// # Errors
    /// [`LocalError`]; nothing is left running then.
    pub async fn start(options: LocalOptions) -> Result<Self, LocalError> {
        let LocalOptions { pipeline, data_dir, until_end, registry, on_turn, .. } = options;
        let owner = Owner { prefix: pipeline.prefix(), name: pipeline.name.clone() };
        let mut store = SqliteStore::open(&data_dir, owner).await?;
        let partitions = partitions_of(&pipeline.spec);
        let series = series_of(&pipeline.spec, partitions);
        store.register_series(&series).await?;
        let mut engine = engine_of(&pipeline.spec, &series);
        for state in store.load_states(checkpoint::VERSION).await? {
            engine.restore(&state, RESTARTED)?;
        }
        let sources = open_sources(&pipeline.spec, &engine, &mut store, &options.shared).await?;

        let topic = TopicNames::new(&pipeline.prefix()).ticks;
        let cluster = LocalBroker::start(&topic, partitions)?;
        let pacer = Arc::new(cluster.pacer());
        let all: Vec<i32> = (0..partitions).collect();
        let mut claims = store.claim(&topic, &all, cluster.source_id()).await?;
        let reached = reached_ms(&series, &engine);
        backfill(&mut store, &mut claims, &reached, pipeline.spec.candles.intervals()).await?;
        let offsets: Vec<_> =
            claims.iter().map(|claim| (claim.partition, claim.next_offset)).collect();
        let consumer =
            Consumer::open(&cluster.consumer_settings(), &offsets, Some(Arc::clone(&pacer)))?;
        let who = Who { pipeline: pipeline.name.clone(), ..Who::default() };
        let seen = Seen::register(who, &registry)?;
        let metrics = seen.metrics.clone();
        let ends = LogEnds::open(&cluster.consumer_settings())?;
        let feed = LocalFeed::new();
        let status = Arc::new(Mutex::new(LocalStatus::default()));
        let stop = Stop {
            now: CancellationToken::new(),
            when_drained: CancellationToken::new(),
            pacer: Arc::clone(&pacer),
        };

        let epoch = next_epoch(&engine);
        let aggregator = Aggregator {
            consumer,
            engine,
            committer: Committer { store, feed: feed.clone(), metrics: metrics.clone() },
            raw_ticks: pipeline.spec.storage.raw_ticks(),
            asking: Asking::start(ends, seen.clone()),
            seen: seen.clone(),
            on_turn: keep_status(Arc::clone(&status), on_turn),
        };
        let folded = spawn_aggregator(aggregator, claims, stop.clone())?;
        let identity = Identity { producer_id: format!("{}-producer-0", pipeline.name), epoch };
        let mut tasks = JoinSet::new();
        for (name, source) in sources {
            let source = match &options.disorder {
                Some(disorder) => Box::new(Disorder::new(source, *disorder)),
                None => source,
            };
            let producer = Producer::open(&cluster.producer_settings(), Some(Arc::clone(&pacer)))?;
            let (status, stop) = (Arc::clone(&status), stop.now.clone());
            tasks.spawn(run_source(name, source, producer, identity.clone(), status, stop));
        }
        let broker = (cluster.producer_settings().brokers, topic);
        Ok(Self {
            feed,
            metrics,
            broker,
            seen,
            status,
            stop,
            sources: tasks,
            folded,
            until_end,
            cluster,
        })
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> Arc<Mutex<LocalStatus>> {
        Arc::clone(&self.status)
    }

    /// Runs until `shutdown` is cancelled or, where that was asked for, every source is drained
    /// and committed. Then everything that is folded is committed and the parts end.
    ///
    /// # Errors
    /// The first error of any part; what was committed stays.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), LocalError> {
        let mut first_error = None;
        let mut ended = None;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                folded = &mut self.folded => {
                    ended = Some(folded.map_err(|_| LocalError::LoseThread)?);
                    break;
                }
                Some(done) = self.sources.join_next() => {
                    if let Err(error) = done.unwrap_or(Err(LocalError::LoseThread)) {
                        tracing::error!(error = &error as &dyn std::error::Error, "a source stopped");
                        let broken = !matches!(
                            &error,
                            LocalError::RunSource { source: ProduceError::ReadSource(_), .. }
                        );
                        first_error.get_or_insert(error);
                        // What was not delivered is never read: nothing would end the wait for it.
                        if broken {
                            break;
                        }
                    }
                    if self.sources.is_empty() && self.until_end {
                        self.stop.when_drained.cancel();
                    }
                }
            }
        }
        self.stop.now.cancel();
        while self.sources.join_next().await.is_some() {}
        let ended = match ended {
            Some(ended) => ended,
            None => (&mut self.folded).await.map_err(|_| LocalError::LoseThread)?,
        };
        drop(self.cluster);
        ended?;
        first_error.map_or(Ok(()), Err)
    }
}

/// Names a producer that begins now. A clock that was set back must not make it an old one.
fn next_epoch(engine: &Engine) -> u64 {
    let now_ms = u64::try_from(clock::now_ns().div_euclid(NANOS_PER_MILLI)).unwrap_or(0);
    now_ms.max(engine.epoch().saturating_add(1))
}

fn keep_status(status: Arc<Mutex<LocalStatus>>, on_turn: Box<dyn Fn(Instant) + Send>) -> OnTurn {
    Box::new(move |engine, now| {
        on_turn(now);
        let watermarks = engine.watermarks().map(|(series, ns)| (series.clone(), ns)).collect();
        status.lock().unwrap_or_else(PoisonError::into_inner).watermarks = watermarks;
    })
}

fn spawn_aggregator(
    aggregator: Aggregator,
    claims: Vec<crate::store::Claim>,
    stop: Stop,
) -> Result<oneshot::Receiver<Result<(), AggregateError>>, LocalError> {
    let (tell, told) = oneshot::channel();
    let handle = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("aggregate".into())
        .spawn(move || {
            // The receiver is gone only when the whole run is.
            let _ = tell.send(aggregator.run(claims, &stop, &handle));
        })
        .map_err(|_| LocalError::LoseThread)?;
    Ok(told)
}
