//! `worker migrate`, `worker retain` and `worker drop`.

use std::time::Duration;

use clap::Args;
use market::pipeline::Pipeline;
use runtime::clock;
use worker::migrate::{MigrateOptions, Retention, drop_all, migrate, retain};
use worker::publish::redis::{RedisSettings, drop_keys};
use worker::topic::{Admin, topics_of};

use crate::failure::Failure;
use crate::settings::Settings;

/// Make or update the pipeline's tables, and its topics where the spec lets us manage them.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    settings: Settings,
}

/// Drop what is past its retention.
#[derive(Debug, Args)]
pub(crate) struct Retain {
    #[command(flatten)]
    settings: Settings,
}

/// Remove the pipeline's tables, keys and managed topics, and nothing else.
#[derive(Debug, Args)]
pub(crate) struct Drop {
    #[command(flatten)]
    settings: Settings,
}

impl Migrate {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let servers = self.settings.servers(&pipeline)?;
        let options = MigrateOptions {
            target: servers.postgres(&pipeline, &servers.database_url),
            writer_url: None,
            reader_url: None,
            retention: retention(&pipeline),
        };
        migrate(&options, now_ms()).await?;
        tracing::info!(schema = options.target.schema, "the tables are there");
        if let Some(kafka) = pipeline.spec.kafka.as_ref().filter(|kafka| kafka.topic.manage()) {
            let admin = Admin::connect(&servers.kafka).await?;
            let names = topics_of(&pipeline);
            admin.create_topics(&names, &kafka.topic).await?;
            tracing::info!(topic = names.ticks, "the topics are there");
        }
        Ok(())
    }
}

impl Retain {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let servers = self.settings.servers(&pipeline)?;
        let target = servers.postgres(&pipeline, &servers.database_url);
        let retained = retain(&target, retention(&pipeline), now_ms()).await?;
        tracing::info!(?retained, "what was past its retention is dropped");
        Ok(())
    }
}

impl Drop {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let servers = self.settings.servers(&pipeline)?;
        let target = servers.postgres(&pipeline, &servers.database_url);
        let dropped = drop_all(&target).await?;
        tracing::info!(schema = target.schema, dropped, "the tables are gone");
        if let Some(url) = &servers.redis_url {
            let owner = format!("{}/{}", servers.namespace, pipeline.name);
            let keys = drop_keys(&RedisSettings::new(url, &pipeline.prefix(), &owner)?).await?;
            tracing::info!(keys, "the keys are gone");
        }
        if pipeline.spec.kafka.as_ref().is_some_and(|kafka| kafka.topic.manage()) {
            let admin = Admin::connect(&servers.kafka).await?;
            admin.delete_topics(&topics_of(&pipeline)).await?;
            tracing::info!("the topics are gone");
        }
        Ok(())
    }
}

fn retention(pipeline: &Pipeline) -> Retention {
    let retention = &pipeline.spec.storage.retention;
    let millis = |duration: market::pipeline::Duration| {
        Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    };
    Retention {
        ticks: millis(retention.ticks()),
        candles_1m: millis(retention.candles_1m()),
        alerts: millis(retention.alerts()),
    }
}

fn now_ms() -> i64 {
    clock::now_ns().div_euclid(1_000_000)
}
