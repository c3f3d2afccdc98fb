//! `crypto-pipeline run`: the whole pipeline in one process, on embedded parts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use clap::Args;
use market::pipeline::{self, Pipeline};
use market::rules::Target;
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use runtime::admin::{self, Admin};
use runtime::{clock, listen, shutdown, telemetry};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use worker::local::{LocalOptions, LocalRun, LocalStatus};
use worker::store::FILE_NAME;

use super::file;
use super::screen::Screen;
use crate::failure::Failure;

/// Run a pipeline in this process, with a dashboard.
///
/// Without FILE a demo market of made-up trades runs. Everything is kept in the data directory:
/// a second start goes on where the first stopped.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pipeline file; without it, the demo market
    file: Option<PathBuf>,
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
    /// Use the real Kafka, PostgreSQL and Redis that FILE names (not in this version)
    #[arg(long)]
    connect: bool,
}

/// What `/status` shows of a pipeline once it runs.
struct Running {
    status: Arc<Mutex<LocalStatus>>,
    /// Where the embedded broker listens, and the name of its topic.
    broker: (String, String),
}

impl Run {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.connect {
            return Err(Failure::settings(
                "--connect: this version runs on embedded parts only; leave --connect out",
            ));
        }
        let demo = self.file.is_none();
        let pipeline = match &self.file {
            Some(path) => file::load(path, Target::Local)?,
            None => pipeline::demo(),
        };
        let screen = Screen::new();
        let writer = screen.clone();
        telemetry::init(telemetry::Format::Text, "warn", move || writer.writer())?;
        let runtime = tokio::runtime::Runtime::new()?;
        let ended = runtime.block_on(self.serve(pipeline, demo, &screen));
        screen.clear();
        ended
    }

    async fn serve(self, pipeline: Pipeline, demo: bool, screen: &Screen) -> Result<(), Failure> {
        let listener = listen::bind(&self.listen, "--listen").await?;
        let admin_listener = listen::bind(&self.admin_listen, "--admin-listen").await?;
        let urls = [listener.local_addr()?, admin_listener.local_addr()?];
        let stop = shutdown::on_signals()?;
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;

        let running = Arc::new(OnceLock::new());
        let admin = self.admin(&registry, &pipeline, Arc::clone(&running));
        let turned = admin.clone();
        let (name, intervals) = (pipeline.name.clone(), pipeline.spec.candles.intervals().to_vec());
        let run = LocalRun::start(LocalOptions {
            pipeline,
            data_dir: self.data_dir.clone(),
            until_end: self.until_end,
            registry,
            on_turn: Box::new(move |now| turned.turned(now)),
            disorder: None,
        })
        .await?;
        // Set once: this is the only place.
        let _ = running.set(Running { status: run.status(), broker: run.broker.clone() });
        let settings = api::Settings {
            database: self.data_dir.join(FILE_NAME),
            pipeline: name.clone(),
            demo,
            intervals,
            now_ns: clock::now_ns,
        };
        let state = api::ApiState::open(settings, run.feed.watch()).await?;
        admin.set_ready();
        self.greet(screen, &name, demo, urls);

        let servers_stop = CancellationToken::new();
        let (stop_serving, stop_run) = (servers_stop.clone(), stop.clone());
        let serving = tokio::spawn(async move {
            let served = api::serve(listener, state, stop_serving).await;
            // A run that nobody can look at ends, too.
            stop_run.cancel();
            served
        });
        let admin_serving = tokio::spawn(admin::serve(admin_listener, admin, servers_stop.clone()));
        let (metrics, drawn) = (run.metrics.clone(), run.status());
        let read = || drawn.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ended = tokio::select! {
            ended = run.run(stop) => ended,
            () = screen.keep_drawn(read, &metrics, clock::monotonic) => Ok(()),
        };
        servers_stop.cancel();
        let served = serving.await.map_err(anyhow::Error::from)?;
        admin_serving.await.map_err(anyhow::Error::from)?;
        ended?;
        served?;
        screen.say(&format!(
            "stopped: {} records folded, {} candles written; the next start goes on from here",
            metrics.folded.get(),
            metrics.candles.get()
        ));
        Ok(())
    }

    fn greet(&self, screen: &Screen, name: &str, demo: bool, [url, admin]: [SocketAddr; 2]) {
        if demo {
            screen.say("demo market: simulated trades, not real prices (name a FILE for others)");
        }
        screen.say(&format!(
            "pipeline \"{name}\" on embedded parts: Kafka, database and cache in this process"
        ));
        screen.say(&format!("dashboard  http://{url}"));
        screen.say(&format!("admin      http://{admin}"));
        screen.say(&format!("data       {}", self.data_dir.display()));
        screen.say("Ctrl-C stops it");
    }

    fn admin(
        &self,
        registry: &Registry,
        pipeline: &Pipeline,
        shared: Arc<OnceLock<Running>>,
    ) -> Admin {
        let name = pipeline.name.clone();
        Admin::new(clock::monotonic(), registry.clone(), move || match shared.get() {
            Some(Running { status, broker: (brokers, topic) }) => {
                let status = status.lock().unwrap_or_else(PoisonError::into_inner).clone();
                status_json(&name, brokers, topic, &status)
            }
            None => json!({"pipeline": name, "phase": "starting"}),
        })
    }
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
