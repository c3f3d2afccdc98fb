//! A pipeline's tables in PostgreSQL: made, kept in bounds, dropped. Wiring of `worker migrate`,
//! `worker retain` and `worker drop`.

use std::time::Duration;

use market::pipeline::Pipeline;

use crate::cluster::{ClusterError, Servers};
use crate::settings::RoleUrls;
use crate::store::StoreError;
use crate::store::postgres::partitions::{self, MINUTES, TICKS};
use crate::store::postgres::{PostgresOptions, schema};
use crate::topic::{Admin, topics_of};

const DAY: Duration = Duration::from_secs(86_400);

/// How long rows are kept, by the time of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Raw ticks.
    pub ticks: Duration,
    /// 1m candles; larger ones are kept.
    pub candles_1m: Duration,
    /// Alerts.
    pub alerts: Duration,
}

impl From<&market::pipeline::Retention> for Retention {
    fn from(spec: &market::pipeline::Retention) -> Self {
        let millis = |duration: market::pipeline::Duration| {
            Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
        };
        Self {
            ticks: millis(spec.ticks()),
            candles_1m: millis(spec.candles_1m()),
            alerts: millis(spec.alerts()),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { ticks: DAY * 7, candles_1m: DAY * 90, alerts: DAY * 365 }
    }
}

/// What to migrate, and who is to use it.
#[derive(Clone)]
pub struct MigrateOptions {
    /// Where; its URL is that of the role that owns the tables.
    pub target: PostgresOptions,
    /// The URL of the aggregators, where it is another one.
    pub writer_url: Option<String>,
    /// The URL of the api, where it is another one.
    pub reader_url: Option<String>,
    /// How far back partitions are made.
    pub retention: Retention,
}

/// What a run of [`retain`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retained {
    /// Partitions or chunks that were dropped.
    pub partitions_dropped: u32,
    /// Partitions that were made ahead.
    pub partitions_made: u32,
    /// Rows that were deleted one by one.
    pub rows_deleted: u64,
}

/// Makes what a pipeline needs on its servers: the tables with their grants, and the topics where
/// nobody else manages them. It may run any number of times, and twice at once.
///
/// # Errors
/// [`ClusterError::UseStore`], [`ClusterError::UseTopics`]; what was made stays.
pub async fn prepare(
    pipeline: &Pipeline,
    servers: &Servers,
    roles: &RoleUrls,
    now_ms: i64,
) -> Result<(), ClusterError> {
    let options = MigrateOptions {
        target: servers.postgres(pipeline, &servers.database_url),
        writer_url: roles.writer.clone(),
        reader_url: roles.reader.clone(),
        retention: Retention::from(&pipeline.spec.storage.retention),
    };
    migrate(&options, now_ms).await?;
    tracing::info!(schema = options.target.schema, "the tables are there");
    let kafka = pipeline.spec.kafka.clone().unwrap_or_default();
    // Strimzi's topics are objects of Kubernetes.
    if kafka.topic.manage() && kafka.strimzi.is_none() {
        let names = topics_of(pipeline);
        Admin::connect(&servers.kafka).await?.create_topics(&names, &kafka.topic).await?;
        tracing::info!(topic = names.ticks, "the topics are there");
    }
    Ok(())
}

/// Makes the tables or brings them up to date, and lets the writer and the reader use them. It may
/// run any number of times, and twice at once. Roles have to be there; TimescaleDB is used where
/// the database has the extension.
///
/// # Errors
/// [`crate::store::postgres::PostgresError`]: a schema of another owner or of something else (exit
/// code 2), of a newer version (3), a role that is not there.
pub async fn migrate(options: &MigrateOptions, now_ms: i64) -> Result<(), StoreError> {
    let target = &options.target;
    let mut connection = schema::connect_owner(target).await?;
    schema::migrate(&mut connection, target).await?;
    make_partitions(&mut connection, target, options.retention, now_ms).await?;
    if let Some(url) = &options.writer_url {
        schema::grant(&mut connection, target, url, schema::Access::Write).await?;
    }
    if let Some(url) = &options.reader_url {
        schema::grant(&mut connection, target, url, schema::Access::Read).await?;
    }
    Ok(())
}

/// Drops what is past its retention at `now_ms`, and makes partitions for the time to come.
/// Partitions are dropped when all of them is past.
///
/// # Errors
/// [`crate::store::postgres::PostgresError`]; what was dropped stays so.
pub async fn retain(
    target: &PostgresOptions,
    retention: Retention,
    now_ms: i64,
) -> Result<Retained, StoreError> {
    let mut connection = schema::connect_owner(target).await?;
    schema::check(&mut connection, target).await?;
    let mut retained = Retained::default();
    for (timed, kept) in [(MINUTES, retention.candles_1m), (TICKS, retention.ticks)] {
        let cutoff_ms = before(now_ms, kept);
        retained.partitions_dropped +=
            partitions::drop_past(&mut connection, target, timed, cutoff_ms).await?;
        retained.rows_deleted +=
            partitions::delete_past(&mut connection, target, timed, cutoff_ms).await?;
    }
    let cutoff_ms = before(now_ms, retention.alerts);
    retained.rows_deleted += partitions::delete_alerts(&mut connection, target, cutoff_ms).await?;
    retained.partitions_made = make_partitions(&mut connection, target, retention, now_ms).await?;
    Ok(retained)
}

/// Drops the schema of this pipeline, and nothing else. Returns whether there was one.
///
/// # Errors
/// [`crate::store::postgres::PostgresError`]: a schema of another owner, or one that something
/// else uses. Nothing is dropped then.
pub async fn drop_all(target: &PostgresOptions) -> Result<bool, StoreError> {
    let mut connection = schema::connect_owner(target).await?;
    Ok(schema::drop_all(&mut connection, target).await?)
}

async fn make_partitions(
    connection: &mut sqlx::PgConnection,
    target: &PostgresOptions,
    retention: Retention,
    now_ms: i64,
) -> Result<u32, StoreError> {
    let mut made = 0;
    for (timed, kept) in [(MINUTES, retention.candles_1m), (TICKS, retention.ticks)] {
        let oldest_ms = before(now_ms, kept);
        made += partitions::make(connection, target, timed, oldest_ms, now_ms).await?;
    }
    Ok(made)
}

fn before(now_ms: i64, kept: Duration) -> i64 {
    now_ms.saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
}
