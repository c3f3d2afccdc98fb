//! `worker migrate`, `worker retain` and `worker drop`.

use clap::Args;
use runtime::clock;
use worker::migrate::{Retention, drop_all, prepare, retain};
use worker::publish::redis::drop_keys;
use worker::settings::RoleUrls;
use worker::topic::{Admin, topics_of};

use super::Settings;
use crate::failure::Failure;

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
        let servers = self.settings.servers.servers(&pipeline)?;
        Ok(prepare(&pipeline, &servers, &RoleUrls::of_environment(), now_ms()).await?)
    }
}

impl Retain {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let servers = self.settings.servers.servers(&pipeline)?;
        let target = servers.postgres(&pipeline, &servers.database_url);
        let kept = Retention::from(&pipeline.spec.storage.retention);
        let retained = retain(&target, kept, now_ms()).await?;
        tracing::info!(?retained, "what was past its retention is dropped");
        Ok(())
    }
}

impl Drop {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let pipeline = self.settings.pipeline()?;
        let servers = self.settings.servers.servers(&pipeline)?;
        let target = servers.postgres(&pipeline, &servers.database_url);
        let dropped = drop_all(&target).await?;
        tracing::info!(schema = target.schema, dropped, "the tables are gone");
        if let Some(redis) = servers.redis(&pipeline)? {
            let keys = drop_keys(&redis).await?;
            tracing::info!(keys, "the keys are gone");
        }
        let kafka = pipeline.spec.kafka.clone().unwrap_or_default();
        if kafka.topic.manage() && kafka.strimzi.is_none() {
            let admin = Admin::connect(&servers.kafka).await?;
            admin.delete_topics(&topics_of(&pipeline)).await?;
            tracing::info!("the topics are gone");
        }
        Ok(())
    }
}

fn now_ms() -> i64 {
    clock::now_ns().div_euclid(1_000_000)
}
