//! `worker aggregate`.

use clap::Args;
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use runtime::admin::{self, Admin};
use runtime::{clock, listen, shutdown};
use tokio_util::sync::CancellationToken;
use worker::aggregate::{Seen, Who};
use worker::cluster::Aggregating;
use worker::metrics::show_spans;

use super::{Settings, shown};
use crate::failure::Failure;

/// Fold the ticks topic into candles, as one member of the pipeline's group.
#[derive(Debug, Args)]
pub(crate) struct Aggregate {
    #[command(flatten)]
    settings: Settings,
    /// Where /livez, /readyz, /metrics and /status listen
    #[arg(long, env = "ADMIN_LISTEN", default_value = "0.0.0.0:9090")]
    admin_listen: String,
}

impl Aggregate {
    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let servers = self.settings.servers.servers(&pipeline)?;
        let listener = listen::bind(&self.admin_listen, "--admin-listen").await?;
        tracing::info!(address = %listener.local_addr()?, "the admin port is open");
        let stop = shutdown::on_signals()?;
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        show_spans(&registry)?;
        let who = Who {
            pipeline: pipeline.name.clone(),
            worker: servers.worker.clone(),
            config_version: self.settings.config_version.clone(),
        };
        let seen = Seen::register(who, &registry)?;
        let read = seen.clone();
        let admin = Admin::new(clock::monotonic(), registry, move || {
            shown(&read.status(clock::monotonic(), clock::now_ns()))
        });
        let closed = CancellationToken::new();
        let serving = tokio::spawn(admin::serve(listener, admin.clone(), closed.clone()));

        let asked = seen.clone();
        let on_turn = Box::new(move |now| {
            admin.turned(now);
            admin.set_unready_because(asked.unready());
        });
        let started = Aggregating::start(&pipeline, &servers, seen, on_turn, &stop).await?;
        if let Some(aggregating) = started {
            aggregating.run(stop).await?;
        }
        closed.cancel();
        serving.await?;
        Ok(())
    }
}
