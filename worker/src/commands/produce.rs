//! `worker produce`.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use runtime::admin::{self, Admin};
use runtime::{clock, listen, shutdown};
use tokio_util::sync::CancellationToken;
use worker::aggregate::Who;
use worker::metrics::show_spans;
use worker::produce::{Producing, ProducingOptions, ProducingSeen, Shard};
use worker::settings;
use worker::source::{Faster, SourceClock};

use super::{Settings, shown};
use crate::failure::Failure;

/// How often the runtime says that it is alive, and whether it is ready.
const TURN_EVERY: Duration = Duration::from_millis(500);

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
    /// The clock of sources, for tests with a venue that has the same one
    #[arg(long, env = "SOURCE_CLOCK", hide = true)]
    source_clock: Option<Faster>,
}

impl Produce {
    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let connection = self.settings.servers.kafka(&pipeline)?;
        let listener = listen::bind(&self.admin_listen, "--admin-listen").await?;
        tracing::info!(address = %listener.local_addr()?, "the admin port is open");
        let stop = shutdown::on_signals()?;
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        show_spans(&registry)?;
        let config_version = self.settings.config_version.clone();
        let who = Who { pipeline: pipeline.name.clone(), config_version, ..Who::default() };
        let epoch = u64::try_from(clock::now_ns().div_euclid(1_000_000)).unwrap_or(0);
        let producing = Producing::new(ProducingOptions {
            pipeline,
            connection,
            shard: self.shard,
            epoch,
            clock: match self.source_clock {
                Some(faster) => SourceClock::faster(Arc::new(clock::now_ns), faster),
                None => SourceClock::wall_clock(Arc::new(clock::now_ns)),
            },
            shared: settings::live_sources(),
            until_end: self.until_end,
            disorder: None,
        });
        let producing = producing.shown_by(&registry)?;
        let (seen, read) = (producing.seen(who.clone()), producing.seen(who));
        let admin = Admin::new(clock::monotonic(), registry, move || shown(&read.status()));
        let closed = CancellationToken::new();
        let serving = tokio::spawn(admin::serve(listener, admin.clone(), closed.clone()));
        let turning = tokio::spawn(turn(admin, seen, closed.clone()));
        let ended = producing.run(stop).await;
        closed.cancel();
        serving.await?;
        turning.await?;
        Ok(ended?)
    }
}

/// The runtime that drives the sources is alive.
async fn turn(admin: Admin, seen: ProducingSeen, closed: CancellationToken) {
    while !closed.is_cancelled() {
        admin.turned(clock::monotonic());
        admin.set_unready_because(seen.unready());
        tokio::select! {
            () = closed.cancelled() => {}
            () = tokio::time::sleep(TURN_EVERY) => {}
        }
    }
}
