//! `crypto-pipeline run FILE --connect`: the same process on real Kafka, PostgreSQL and Redis.
//!
//! It is a producer, a member of the group of aggregators, and a server at once. Others of the same
//! file may run beside it: the group shares the partitions, and what two producers send folds once.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use api::{ApiState, PostgresSettings, RedisSettings, ServerSettings};
use market::pipeline::Pipeline;
use runtime::{clock, shutdown};
use tokio_util::sync::CancellationToken;
use worker::aggregate::{Seen, Who};
use worker::cluster::{Aggregating, Servers, await_folded};
use worker::local::LocalStatus;
use worker::migrate::prepare;
use worker::produce::{Producing, ProducingOptions};
use worker::settings::{self, RoleUrls, SettingsError};
use worker::source::SourceClock;
use worker::topic::topics_of;

use super::ports::Ports;
use super::{Run, Running, Shown, admin, registry};
use crate::commands::screen::Screen;
use crate::failure::Failure;

const NANOS_PER_MILLI: i64 = 1_000_000;

impl Run {
    pub(super) async fn serve_connected(
        self,
        pipeline: Pipeline,
        screen: &Screen,
    ) -> Result<(), Failure> {
        let roles = RoleUrls::of_environment();
        let servers = self.servers.servers(&pipeline)?;
        let redis = servers.redis(&pipeline)?.ok_or(SettingsError::FindRedis)?;
        let ports = Ports::open(&self.listen, &self.admin_listen).await?;
        let stop = shutdown::on_signals()?;
        let now_ms = clock::now_ns().div_euclid(NANOS_PER_MILLI);
        prepare(&pipeline, &servers, &roles, now_ms).await?;

        let registry = registry()?;
        let producing = Producing::new(self.producing(&pipeline, &servers, now_ms));
        let producing = producing.shown_by(&registry)?;
        let worker = servers.worker.clone();
        let who = Who { pipeline: pipeline.name.clone(), worker, config_version: None };
        let seen = Seen::register(who, &registry)?;
        let (sources, topic) = (producing.status(), topics_of(&pipeline).ticks);
        let (asked, folding) = (seen.clone(), seen.clone());
        let status = move || {
            let watermarks = folding.watermarks();
            let sources = sources.lock().unwrap_or_else(PoisonError::into_inner).sources.clone();
            LocalStatus { sources, watermarks }
        };
        let running = Running {
            status: Box::new(status.clone()),
            broker: (servers.kafka.brokers.clone(), topic.clone()),
        };
        let shown = Shown::default();
        let admin = admin(&registry, &pipeline, Arc::clone(&shown));
        let turned = admin.clone();
        let on_turn = Box::new(move |now: Instant| {
            turned.turned(now);
            turned.set_unready_because(asked.unready());
        });
        let writer = Servers {
            database_url: roles.writer.clone().unwrap_or_else(|| servers.database_url.clone()),
            ..servers.clone()
        };
        let started = Aggregating::start(&pipeline, &writer, seen, on_turn, &stop).await?;
        let Some(aggregating) = started else { return Ok(()) };
        let state = ApiState::connect(serving(&pipeline, &servers, &roles)?).await?;
        // Set once: this is the only place.
        let _ = shown.set(running);

        screen.say(&format!("pipeline \"{}\" on real servers", pipeline.name));
        ports.greet(screen);
        screen.say(&format!("kafka      {} (topic {topic})", servers.kafka.brokers));
        screen.say(&format!("postgres   schema {}", pipeline.schema()));
        screen.say(&format!("redis      {} (keys {}:…)", redis.address(), pipeline.prefix()));
        screen.say("Ctrl-C stops it; others of the same file may run beside it");

        let metrics = aggregating.metrics.clone();
        let parts = Parts { pipeline, servers: writer, until_end: self.until_end };
        let (work_stop, drawn) = (stop.clone(), metrics.clone());
        let work = async {
            tokio::select! {
                ended = parts.work(producing, aggregating, work_stop) => ended,
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

    fn producing(&self, pipeline: &Pipeline, servers: &Servers, now_ms: i64) -> ProducingOptions {
        ProducingOptions {
            pipeline: pipeline.clone(),
            connection: servers.kafka.clone(),
            shard: self.shard,
            epoch: u64::try_from(now_ms).unwrap_or(0),
            shared: settings::live_sources(),
            clock: SourceClock::wall_clock(Arc::new(clock::now_ns)),
            until_end: self.until_end,
            disorder: None,
        }
    }
}

/// What the parts that move records are told.
struct Parts {
    pipeline: Pipeline,
    servers: Servers,
    until_end: bool,
}

impl Parts {
    /// Produces and aggregates until told to stop, or until one of the two ends: then so does the
    /// other. What ended first, and badly, is the error.
    async fn work(
        &self,
        producing: Producing,
        aggregating: Aggregating,
        stop: CancellationToken,
    ) -> Result<(), Failure> {
        let produce = async {
            let produced = producing.run(stop.clone()).await;
            let folded = match self.until_end {
                true => await_folded(&self.pipeline, &self.servers, &stop).await,
                false => Ok(()),
            };
            stop.cancel();
            produced.map_err(Failure::from).and(folded.map_err(Failure::from))
        };
        let aggregate = async {
            let aggregated = aggregating.run(stop.clone()).await;
            stop.cancel();
            aggregated.map_err(Failure::from)
        };
        let (produced, aggregated) = tokio::join!(produce, aggregate);
        aggregated.and(produced)
    }
}

/// What the serving side reads: the same servers, as the role that may only read.
fn serving(
    pipeline: &Pipeline,
    servers: &Servers,
    roles: &RoleUrls,
) -> Result<ServerSettings, SettingsError> {
    let url = servers.redis_url.clone().ok_or(SettingsError::FindRedis)?;
    Ok(ServerSettings {
        postgres: PostgresSettings {
            url: roles.reader.clone().unwrap_or_else(|| servers.database_url.clone()),
            root_ca_file: servers.database_ca_file.clone(),
            schema: pipeline.schema(),
            application_name: format!("{}-api", servers.worker),
        },
        redis: RedisSettings {
            url,
            root_ca_file: servers.redis_ca_file.clone(),
            prefix: pipeline.prefix(),
        },
        pipeline: pipeline.name.clone(),
        demo: pipeline.spec.is_simulated(),
        intervals: pipeline.spec.candles.intervals().to_vec(),
        now_ns: clock::now_ns,
    })
}
