//! `worker aggregate`.

use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use runtime::admin::{self, Admin};
use runtime::{clock, listen, shutdown};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use worker::cluster::Aggregating;
use worker::window::Engine;

use crate::failure::Failure;
use crate::settings::Settings;

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
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let servers = self.settings.servers(&pipeline)?;
        let listener = listen::bind(&self.admin_listen, "--admin-listen").await?;
        let stop = shutdown::on_signals()?;
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let status = Arc::new(Mutex::new(json!({"pipeline": pipeline.name, "series": []})));
        let shown = Arc::clone(&status);
        let read = move || shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let admin = Admin::new(clock::monotonic(), registry.clone(), read);
        let closed = CancellationToken::new();
        let serving = tokio::spawn(admin::serve(listener, admin.clone(), closed.clone()));

        let (turned, name) = (admin.clone(), pipeline.name.clone());
        let mut told = clock::monotonic();
        let on_turn = Box::new(move |engine: &Engine, now: std::time::Instant| {
            turned.turned(now);
            if now.duration_since(told).as_secs() >= 1 {
                told = now;
                let seen = status_of(&name, engine);
                *status.lock().unwrap_or_else(PoisonError::into_inner) = seen;
            }
        });
        let started = Aggregating::start(&pipeline, &servers, &registry, on_turn, &stop).await?;
        if let Some(aggregating) = started {
            admin.set_ready();
            aggregating.run(stop).await?;
        }
        closed.cancel();
        serving.await?;
        Ok(())
    }
}

fn status_of(name: &str, engine: &Engine) -> Value {
    let series = engine.watermarks().filter_map(|(series, ns)| {
        let watermark_ns = ns?;
        Some(
            json!({"symbol": series.symbol, "source": series.source, "watermark_ns": watermark_ns}),
        )
    });
    json!({"pipeline": name, "series": series.collect::<Vec<_>>()})
}
