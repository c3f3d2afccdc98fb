//! `worker produce`.

use std::sync::{Arc, PoisonError};

use clap::Args;
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use runtime::admin::{self, Admin};
use runtime::{clock, listen, shutdown};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use worker::produce::{Producing, ProducingOptions, Shard};

use crate::failure::Failure;
use crate::settings::Settings;

/// Send what the sources of the pipeline emit to its ticks topic.
#[derive(Debug, Args)]
pub(crate) struct Produce {
    #[command(flatten)]
    settings: Settings,
    /// Which share of the instruments is ours, as i/n with i from 0
    #[arg(long, env = "SHARD", default_value = "0/1")]
    shard: Shard,
    /// End when every source is drained and acknowledged
    #[arg(long, env = "UNTIL_END")]
    until_end: bool,
    /// Where /livez, /readyz, /metrics and /status listen
    #[arg(long, env = "ADMIN_LISTEN", default_value = "0.0.0.0:9090")]
    admin_listen: String,
}

impl Produce {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let connection = self.settings.kafka(&pipeline)?;
        let listener = listen::bind(&self.admin_listen, "--admin-listen").await?;
        let stop = shutdown::on_signals()?;
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let name = pipeline.name.clone();
        let epoch = u64::try_from(clock::now_ns().div_euclid(1_000_000)).unwrap_or(0);
        let producing = Producing::new(ProducingOptions {
            pipeline,
            connection,
            shard: self.shard,
            epoch,
            now: Arc::new(clock::now_ns),
            until_end: self.until_end,
            disorder: None,
        });
        let status = producing.status();
        let read = move || {
            let status = status.lock().unwrap_or_else(PoisonError::into_inner);
            let sources = status.sources.iter().map(|(source, status)| {
                json!({"name": source.as_str(), "drained": status.drained, "error": status.error})
            });
            json!({"pipeline": name, "sources": sources.collect::<Vec<_>>()})
        };
        let admin = Admin::new(clock::monotonic(), registry, read);
        let closed = CancellationToken::new();
        let serving = tokio::spawn(admin::serve(listener, admin.clone(), closed.clone()));
        admin.set_ready();
        let turning = tokio::spawn(turn(admin, closed.clone()));
        let ended = producing.run(stop).await;
        closed.cancel();
        serving.await?;
        turning.await?;
        Ok(ended?)
    }
}

/// The runtime that drives the sources is alive.
async fn turn(admin: Admin, closed: CancellationToken) {
    while !closed.is_cancelled() {
        admin.turned(clock::monotonic());
        tokio::select! {
            () = closed.cancelled() => {}
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
        }
    }
}
