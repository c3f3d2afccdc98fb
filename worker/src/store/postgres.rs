//! The store of a cluster: one schema of a PostgreSQL database, with any number of writers.
//!
//! A writer has one connection. It is dropped with any error and made again by the next call, so
//! that a call never works on a connection whose state is not known.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use market::symbol::Series;
use sqlx::{Connection as _, PgConnection};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::store::{Owner, StoreError};

/// Candles read back.
mod candles;
/// Who has a partition, and from where it goes on.
mod claim;
/// One statement behind the fence.
mod commit;
/// Why not, and what to do about it.
mod error;
/// Statements leave at once.
mod nodelay;
/// A URL to a connection: time limits, owner, version.
mod open;
/// Partitions by time: made ahead, and dropped when they are past.
pub(crate) mod partitions;
/// The schema: made, handed to its roles, dropped.
pub(crate) mod schema;
/// Series and what they had in mind.
mod series;
/// The text of that statement.
mod statement;
/// What is committed and not published.
mod unpublished;

#[cfg(test)]
mod tests;

pub use claim::{NEVER_FOLDED, PartitionClaim};
pub use error::PostgresError;
pub use market::pipeline::schema_name;
pub use unpublished::{PAGE_ROWS, Unpublished};

/// The version of the tables' meaning. Migrations that an older worker can live with do not raise
/// it.
pub const SCHEMA_VERSION: i64 = 1;

/// How long a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement of a writer may take.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a statement of a writer waits for a row, such as for the commit of another owner.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer is waited for: what a server that is there has answered until then.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(12);

/// Where a pipeline's tables are, and whose they are.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database?sslmode=…`.
    pub url: String,
    /// The certificates that the server's one must lead to, in PEM; for `sslmode=verify-ca` and
    /// `verify-full`. Without it those of the system.
    pub root_ca_file: Option<PathBuf>,
    /// The schema; see [`schema_name`].
    pub schema: String,
    /// Who we are in `pg_stat_activity` and in `partition.owner`.
    pub application_name: String,
    /// Whose data it is.
    pub owner: Owner,
    /// The Kubernetes namespace of the pipeline; empty elsewhere.
    pub namespace: String,
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("application_name", &self.application_name)
            .field("owner", &self.owner)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// A writer.
///
/// Futures of its methods may be dropped: the connection is dropped with them, and whether a
/// dropped [`PostgresStore::commit`] is stored, [`PostgresStore::was_applied`] tells.
pub struct PostgresStore {
    options: PostgresOptions,
    /// Host, port and database, for errors.
    server: String,
    /// `None` after an error and while a call is under way.
    connection: Option<PgConnection>,
    series: HashMap<Series, Registered>,
    claims: HashMap<i32, Claimed>,
    /// The texts of commits, by what they have rows of.
    statements: HashMap<statement::Parts, Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Registered {
    id: i64,
    partition: i32,
}

struct Claimed {
    topic: String,
}

impl PostgresStore {
    /// Connects to the tables of a pipeline.
    ///
    /// # Errors
    /// [`PostgresError`]; [`PostgresError::MigrateFirst`] while the tables are not there or older
    /// than this version needs, which may be tried again.
    pub async fn connect(options: PostgresOptions) -> Result<Self, StoreError> {
        let server = open::server(&options)?;
        let connection = open::connect_writer(&options).await?;
        Ok(Self {
            options,
            server,
            connection: Some(connection),
            series: HashMap::new(),
            claims: HashMap::new(),
            statements: HashMap::new(),
        })
    }

    /// Says farewell to the server. What was committed is stored in any case.
    pub async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            // A server that does not answer notices by itself.
            let _ = timeout(ANSWER_TIMEOUT, connection.close()).await;
        }
    }

    /// Keeps a value under a name, unless the name has one, and returns the one that is kept.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub async fn remember_once(&mut self, name: &str, value: &str) -> Result<String, StoreError> {
        const SQL: &str = "INSERT INTO remembered AS r (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = r.value RETURNING value";
        let mut connection = self.lend().await?;
        let query = sqlx::query_scalar(SQL).bind(name).bind(value);
        let kept = timeout(ANSWER_TIMEOUT, query.fetch_one(&mut connection)).await;
        self.give_back(connection, kept)
    }

    /// The value that is kept under a name.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub async fn recall(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT value FROM remembered WHERE name = $1";
        let mut connection = self.lend().await?;
        let query = sqlx::query_scalar(SQL).bind(name);
        let value = timeout(ANSWER_TIMEOUT, query.fetch_optional(&mut connection)).await;
        self.give_back(connection, value)
    }

    /// The connection, a new one where there is none. It is lost unless it is given back.
    async fn lend(&mut self) -> Result<PgConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Ok(open::connect_writer(&self.options).await?),
        }
    }

    /// Keeps the connection for the next call, if the answer to this one came and was good.
    fn give_back<T>(
        &mut self,
        connection: PgConnection,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, StoreError> {
        match answer {
            Ok(Ok(value)) => {
                self.connection = Some(connection);
                Ok(value)
            }
            Ok(Err(source)) => Err(self.refused(source)),
            Err(_) => {
                let (server, waited) = (self.server.clone(), ANSWER_TIMEOUT);
                Err(PostgresError::AwaitAnswer { server, waited }.into())
            }
        }
    }

    fn refused(&self, source: sqlx::Error) -> StoreError {
        PostgresError::UseDatabase { server: self.server.clone(), source }.into()
    }

    fn registered(&self, series: &Series) -> Result<Registered, StoreError> {
        let registered = self.series.get(series).copied();
        registered.ok_or_else(|| StoreError::FindSeries { series: series.clone() })
    }
}
