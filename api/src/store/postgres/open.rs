//! A URL to a pool: limits, owner, version.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Row as _};

use super::{PostgresStore, reading};
use crate::store::{SCHEMA_VERSION_MAX, StoreError};

/// What a URL begins with: the driver itself takes any other for the same.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
const CONNECTIONS_MAX: u32 = 8;
/// How long a connection is waited for: what is away must not keep clients waiting.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(2);
const CONNECTION_IDLE_MAX: Duration = Duration::from_secs(5 * 60);
/// Connections are made anew, so that they find a database that has moved.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(30 * 60);
/// How long the server works on one question.
const STATEMENT_TIME_MAX: Duration = Duration::from_secs(4);
/// How long a question waits for a migration.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(2);

/// Where a pipeline's tables are.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database?sslmode=…`; a role that may read is enough.
    pub url: String,
    /// The certificates that the server's one must lead to, in PEM; for `sslmode=verify-ca` and
    /// `verify-full`. Without it those of the system.
    pub root_ca_file: Option<PathBuf>,
    /// The schema.
    pub schema: String,
    /// Who we are in `pg_stat_activity`.
    pub application_name: String,
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresSettings")
            .field("schema", &self.schema)
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// A pool that connects when it is first asked.
    pub(crate) fn new(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let mut options = parse(&settings.url).map_err(|source| StoreError::ReadUrl { source })?;
        options = options.application_name(&settings.application_name).disable_statement_logging();
        if let Some(file) = &settings.root_ca_file {
            options = options.ssl_root_cert(file);
        }
        let schema = settings.schema.clone();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECTION_WAIT_MAX)
            .idle_timeout(CONNECTION_IDLE_MAX)
            .max_lifetime(CONNECTION_AGE_MAX)
            .after_connect(move |connection, _| {
                let schema = schema.clone();
                Box::pin(async move { limit(connection, &schema).await })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, schema: settings.schema.clone() })
    }

    /// Refuses the tables of another pipeline or of a newer version.
    pub(crate) async fn check_owner(&self, prefix: &str) -> Result<(), StoreError> {
        const SQL: &str = "SELECT prefix, schema_version FROM owner";
        let row = self.row("the owner", sqlx::query(SQL)).await?;
        let found: String = row.try_get("prefix").map_err(reading("the owner"))?;
        let version: i64 = row.try_get("schema_version").map_err(reading("the owner"))?;
        let schema = self.schema.clone();
        if found != prefix {
            return Err(StoreError::RefuseOwner { schema, found, wanted: prefix.to_owned() });
        }
        if version > SCHEMA_VERSION_MAX {
            let (found, newest) = (version, SCHEMA_VERSION_MAX);
            return Err(StoreError::RefuseNewerSchema { schema, found, newest });
        }
        Ok(())
    }
}

fn parse(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    if SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        return url.parse();
    }
    Err(sqlx::Error::Configuration("it does not begin with postgres://".into()))
}

/// Sees the pipeline's schema alone, writes nothing, and takes its time for nothing.
async fn limit(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    const SQL: &str = "SELECT set_config('search_path', quote_ident($1), false), \
         set_config('default_transaction_read_only', 'on', false), \
         set_config('statement_timeout', $2, false), set_config('lock_timeout', $3, false), \
         set_config('jit', 'off', false)";
    sqlx::query(SQL)
        .bind(schema)
        .bind(STATEMENT_TIME_MAX.as_millis().to_string())
        .bind(LOCK_WAIT_MAX.as_millis().to_string())
        .execute(connection)
        .await?;
    Ok(())
}
