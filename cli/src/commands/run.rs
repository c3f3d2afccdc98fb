//! `crypto-pipeline run`: the whole pipeline in one process, on embedded parts or real servers.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError};

use clap::Args;
use market::pipeline::{self, Pipeline};
use market::rules::Target;
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use runtime::admin::Admin;
use runtime::traces::Traces;
use runtime::{clock, shutdown, telemetry};
use serde_json::json;
use tokio::runtime::Handle;
use worker::local::{LocalOptions, LocalRun, LocalStatus};
use worker::produce::Shard;
use worker::settings::{self, ENVIRONMENT_HELP, ServerFlags};
use worker::store::FILE_NAME;

use super::file;
use super::screen::Screen;
use crate::failure::Failure;

/// On real servers.
mod connected;
/// What runs when no file is named.
mod majors;
/// Where a run is looked at.
mod ports;

use ports::Ports;

/// Run a pipeline in this process, with a dashboard.
///
/// Without FILE the majors of live venues run, as far as these answer, else a demo market of
/// made-up trades. Everything is kept in the data directory: a second start goes on where the
/// first stopped. With --connect the real Kafka, PostgreSQL and
/// Redis of FILE and the environment are used instead, and the tables and topics are made there;
/// any number of such runs share the work.
#[derive(Debug, Args)]
#[command(after_help = ENVIRONMENT_HELP)]
pub(crate) struct Run {
    /// The pipeline file; without it, live venues if they answer, else the demo market
    file: Option<PathBuf>,
    /// Play the demo market, and ask no venue
    #[arg(long, conflicts_with = "file")]
    demo: bool,
    /// Where candles and state are kept; one directory per pipeline
    #[arg(long, env = "CRYPTO_PIPELINE_DATA_DIR", default_value = "data")]
    data_dir: PathBuf,
    /// Where the dashboard, REST and WebSocket listen
    #[arg(long, env = "CRYPTO_PIPELINE_LISTEN", default_value = "127.0.0.1:8000")]
    listen: String,
    /// Where /livez, /readyz, /metrics and /status listen
    #[arg(long, env = "CRYPTO_PIPELINE_ADMIN_LISTEN", default_value = "127.0.0.1:9090")]
    admin_listen: String,
    /// End when every source is drained and every record is folded and committed
    #[arg(long)]
    until_end: bool,
    /// Use the real Kafka, PostgreSQL and Redis that FILE and the environment name
    #[arg(long, requires = "file")]
    connect: bool,
    /// Which share of the instruments this process reads, as i/n with i from 0
    #[arg(long, env = "SHARD", default_value = "0/1", help_heading = "With --connect")]
    shard: Shard,
    #[command(flatten, next_help_heading = "With --connect")]
    servers: ServerFlags,
}

/// What `/status` shows of a pipeline once it runs.
struct Running {
    status: Box<dyn Fn() -> LocalStatus + Send + Sync>,
    /// Where the broker listens, and the name of its topic.
    broker: (String, String),
}

type Shown = Arc<OnceLock<Running>>;

impl Run {
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let screen = Screen::new();
        let writer = screen.clone();
        let runtime = tokio::runtime::Runtime::new()?;
        let pipeline = match &self.file {
            Some(path) => file::load(path, Target::Local)?,
            None if self.demo => pipeline::demo(),
            None => match runtime.block_on(majors::answering(&screen)) {
                Some(majors) => {
                    // Each pipeline has a directory of its own.
                    self.data_dir.push(&majors.name);
                    majors
                }
                None => pipeline::demo(),
            },
        };
        let demo = self.file.is_none() && pipeline.spec.is_simulated();
        let traces = self.traces(&pipeline, runtime.handle())?;
        let format = telemetry::Format::Text;
        telemetry::init(format, "warn", move || writer.writer(), traces.as_ref())?;
        let ended = runtime.block_on(async {
            match self.connect {
                true => self.serve_connected(pipeline, &screen).await,
                false => self.serve(pipeline, demo, &screen).await,
            }
        });
        if let Some(traces) = traces {
            traces.stop();
        }
        // A blocking question to a broker that is away may take longer than we have.
        runtime.shutdown_background();
        screen.clear();
        ended
    }

    /// Traces to the collector that the spec names. Embedded parts have none: nothing leaves the
    /// process that could carry them on.
    fn traces(&self, pipeline: &Pipeline, handle: &Handle) -> Result<Option<Traces>, Failure> {
        let endpoint = pipeline.spec.observability.otlp.endpoint.as_ref();
        let Some(endpoint) = endpoint.filter(|_| self.connect) else { return Ok(None) };
        let traces = Traces::start(endpoint, "crypto-pipeline", self.servers.name(), handle);
        Ok(Some(traces.map_err(|error| Failure::settings(error.to_string()))?))
    }

    async fn serve(self, pipeline: Pipeline, demo: bool, screen: &Screen) -> Result<(), Failure> {
        let ports = Ports::open(&self.listen, &self.admin_listen).await?;
        let stop = shutdown::on_signals()?;
        let registry = registry()?;
        let shown = Shown::default();
        let admin = admin(&registry, &pipeline, Arc::clone(&shown));
        let turned = admin.clone();
        let (name, intervals) = (pipeline.name.clone(), pipeline.spec.candles.intervals().to_vec());
        let run = LocalRun::start(LocalOptions {
            pipeline,
            data_dir: self.data_dir.clone(),
            until_end: self.until_end,
            registry,
            on_turn: Box::new(move |now| turned.turned(now)),
            shared: settings::live_sources(),
            disorder: None,
        })
        .await?;
        let kept = run.status();
        let status = move || kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Set once: this is the only place.
        let _ = shown.set(Running { status: Box::new(status.clone()), broker: run.broker.clone() });
        let settings = api::Settings {
            database: self.data_dir.join(FILE_NAME),
            pipeline: name.clone(),
            demo,
            intervals,
            now_ns: clock::now_ns,
        };
        let state = api::ApiState::open(settings, run.feed.watch()).await?;
        admin.set_ready();
        self.greet(screen, &name, demo, &ports);

        let metrics = run.metrics.clone();
        let (work_stop, drawn) = (stop.clone(), metrics.clone());
        let work = async {
            tokio::select! {
                ended = run.run(work_stop) => Ok(ended?),
                () = screen.keep_drawn(status, &drawn, clock::monotonic) => Ok(()),
            }
        };
        ports.serve_while(state, admin, stop, work).await?;
        screen.say(&format!(
            "stopped: {} records folded, {} candles written; the next start goes on from here",
            metrics.folded.get(),
            metrics.candles.get()
        ));
        Ok(())
    }

    fn greet(&self, screen: &Screen, name: &str, demo: bool, ports: &Ports) {
        if demo {
            screen.say("demo market: simulated trades, not real prices (name a FILE for others)");
        }
        screen.say(&format!(
            "pipeline \"{name}\" on embedded parts: Kafka, database and cache in this process"
        ));
        ports.greet(screen);
        screen.say(&format!("data       {}", self.data_dir.display()));
        screen.say("Ctrl-C stops it");
    }
}

/// Metrics, with those of the process.
fn registry() -> Result<Registry, Failure> {
    let registry = Registry::new();
    registry.register(Box::new(ProcessCollector::for_self()))?;
    Ok(registry)
}

fn admin(registry: &Registry, pipeline: &Pipeline, shown: Shown) -> Admin {
    let name = pipeline.name.clone();
    Admin::new(clock::monotonic(), registry.clone(), move || match shown.get() {
        Some(Running { status, broker: (brokers, topic) }) => {
            status_json(&name, brokers, topic, &status())
        }
        None => json!({"pipeline": name, "phase": "starting"}),
    })
}

fn status_json(name: &str, brokers: &str, topic: &str, status: &LocalStatus) -> serde_json::Value {
    let sources: Vec<_> = status
        .sources
        .iter()
        .map(|(name, source)| {
            let (done, total) = source
                .progress
                .map_or((None, None), |progress| (Some(progress.done), Some(progress.total)));
            json!({"name": name.as_str(), "drained": source.drained, "error": source.error,
                   "done": done, "total": total})
        })
        .collect();
    let series: Vec<_> = status
        .watermarks
        .iter()
        .map(|(series, ns)| json!({"symbol": series.symbol, "source": series.source, "watermark_ns": ns}))
        .collect();
    json!({"pipeline": name, "phase": "running", "brokers": brokers, "topic": topic,
           "sources": sources, "series": series})
}
