use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::error::{DEPENDENT_OBJECTS, UNDEFINED_TABLE, code_of};
use super::open::{self, Limits};
use super::{LOCK_TIMEOUT, PostgresError, PostgresOptions, SCHEMA_VERSION};

/// How long one statement of a migration, or of retention, may take.
pub(crate) const OWNER_STATEMENT_TIMEOUT: Duration = Duration::from_secs(600);

/// How long one waits for another that migrates, retains or drops the same schema.
pub(crate) const OWNER_LOCK_TIMEOUT: Duration = Duration::from_secs(60);

static MIGRATOR: Migrator = Migrator { locking: false, ..sqlx::migrate!("../migrations") };

/// The views and tables of a pipeline in an order in which they can be dropped.
const VIEWS: &str = "v_price_stats_24h, v_latest_prices, processing_metadata, price_alerts, \
     price_aggregates_1m, raw_price_data, cryptocurrencies";
const TABLES: [&str; 11] = [
    "remembered",
    "feed",
    "gap",
    "alert",
    "tick",
    "candle",
    "partition",
    "series_state",
    "series",
    "owner",
    "_sqlx_migrations",
];

/// The number of the newest migration of this version.
pub(crate) fn newest_migration() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The number of the newest migration that was applied.
pub(super) async fn migrated(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    const SQL: &str = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success";
    sqlx::query_scalar(SQL).fetch_one(connection).await
}

/// A connection of the owner of a schema, which nobody else migrates or drops meanwhile. Other
/// schemas of the database have locks of their own.
pub(crate) async fn connect_owner(
    options: &PostgresOptions,
) -> Result<PgConnection, PostgresError> {
    const LOCK: &str = "SELECT pg_advisory_lock(hashtextextended('crypto-pipeline ' || $1, 0))";
    // Commits queue behind a table lock that is waited for, so that those waits are short.
    const THEN: &str = "SELECT set_config('lock_timeout', $1, false)";
    let limits = Limits { statement: OWNER_STATEMENT_TIMEOUT, lock: OWNER_LOCK_TIMEOUT };
    let mut connection = open::connect(options, limits).await?;
    let locked = sqlx::query(LOCK).bind(&options.schema).execute(&mut connection).await;
    locked.map_err(|source| used(options, source))?;
    let table_lock = sqlx::query(THEN).bind(LOCK_TIMEOUT.as_millis().to_string());
    table_lock.execute(&mut connection).await.map_err(|source| used(options, source))?;
    Ok(connection)
}

/// Makes the schema or brings it up to date. What is there already is left as it is.
pub(crate) async fn migrate(
    connection: &mut PgConnection,
    options: &PostgresOptions,
) -> Result<(), PostgresError> {
    const SCHEMA: &str = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
    const ADD_OWNER: &str = "INSERT INTO owner (id, prefix, namespace, name, schema_version) \
         VALUES (1, $1, $2, $3, $4) ON CONFLICT (id) DO UPDATE \
         SET schema_version = excluded.schema_version \
         WHERE owner.schema_version < excluded.schema_version";
    let failed = |source| used(options, source);
    let schema = &options.schema;
    let exists = sqlx::query_scalar(SCHEMA).bind(schema).fetch_one(&mut *connection).await;
    if exists.map_err(failed)? {
        check_contents(connection, options).await?;
    } else {
        let sql = format!("CREATE SCHEMA {}", quoted(schema));
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await.map_err(failed)?;
    }
    MIGRATOR.run_direct(None, &mut *connection, false).await.map_err(|source| match source {
        MigrateError::VersionMissing(found) => PostgresError::RefuseNewerSchema {
            schema: schema.clone(),
            found,
            newest: newest_migration(),
        },
        source => PostgresError::Migrate { schema: schema.clone(), source },
    })?;
    let query = sqlx::query(ADD_OWNER).bind(&options.owner.prefix).bind(&options.namespace);
    let query = query.bind(&options.owner.name).bind(SCHEMA_VERSION);
    query.execute(&mut *connection).await.map_err(failed)?;
    // A run that stopped before its owner row may be taken over by another pipeline.
    let found = open::read_owner(connection).await.map_err(failed)?;
    open::check_owner(options, &found)
}

/// Refuses a schema that another pipeline, a newer version or something else has.
async fn check_contents(
    connection: &mut PgConnection,
    options: &PostgresOptions,
) -> Result<(), PostgresError> {
    const OTHERS: &str = "SELECT EXISTS (SELECT FROM pg_class \
         WHERE relnamespace = quote_ident($1)::regnamespace AND relkind IN ('r', 'p', 'v', 'm'))";
    const OURS: &str = "SELECT to_regclass('owner') IS NOT NULL \
         AND to_regclass('_sqlx_migrations') IS NOT NULL AND to_regclass('series') IS NOT NULL";
    const BEGUN: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL \
         AND (SELECT count(*) FROM pg_class WHERE relnamespace = quote_ident($1)::regnamespace \
         AND relkind IN ('r', 'p', 'v', 'm')) = 1";
    let failed = |source| used(options, source);
    let schema = &options.schema;
    let others = sqlx::query_scalar(OTHERS).bind(schema).fetch_one(&mut *connection).await;
    let others: bool = others.map_err(failed)?;
    let ours: bool = sqlx::query_scalar(OURS).fetch_one(&mut *connection).await.map_err(failed)?;
    let begun = sqlx::query_scalar(BEGUN).bind(schema).fetch_one(&mut *connection).await;
    let begun: bool = begun.map_err(failed)?;
    if !others || begun {
        return Ok(());
    }
    if !ours {
        return Err(PostgresError::RefuseSchema { schema: schema.clone() });
    }
    match open::read_owner(connection).await {
        Ok(found) => open::check_owner(options, &found),
        // A first migration that was cut short.
        Err(sqlx::Error::RowNotFound) => Ok(()),
        Err(source) => Err(used(options, source)),
    }
}

/// Refuses a schema that is not ours, or not there.
pub(crate) async fn check(
    connection: &mut PgConnection,
    options: &PostgresOptions,
) -> Result<(), PostgresError> {
    match open::read_owner(connection).await {
        Ok(found) => open::check_owner(options, &found),
        Err(error) if code_of(&error).as_deref() == Some(UNDEFINED_TABLE) => {
            Err(PostgresError::MigrateFirst { schema: options.schema.clone() })
        }
        Err(source) => Err(used(options, source)),
    }
}

/// Which tables a role may use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Reads and commits.
    Write,
    /// Reads.
    Read,
}

/// Lets the role of a URL use the schema, if it is not the one that owns it.
pub(crate) async fn grant(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    url: &str,
    access: Access,
) -> Result<(), PostgresError> {
    const FIND: &str = "SELECT rolname = current_user FROM pg_roles WHERE rolname = $1";
    let failed = |source| used(options, source);
    let role = open::role(url)?;
    let found = sqlx::query_scalar(FIND).bind(&role).fetch_optional(&mut *connection).await;
    match found.map_err(failed)? {
        None => return Err(PostgresError::FindRole { role }),
        Some(true) => return Ok(()),
        Some(false) => {}
    }
    let (schema, role) = (quoted(&options.schema), quoted(&role));
    let mut grants = vec![
        format!("GRANT USAGE ON SCHEMA {schema} TO {role}"),
        format!("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"),
    ];
    if let Access::Write = access {
        let tables = "series, series_state, partition, candle, tick, alert, gap, feed, remembered";
        grants.push(format!("GRANT INSERT, UPDATE ON {tables} TO {role}"));
    }
    for sql in grants {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(())
}

/// Drops the schema of our owner, and nothing else. Returns whether there was one.
pub(crate) async fn drop_all(
    connection: &mut PgConnection,
    options: &PostgresOptions,
) -> Result<bool, PostgresError> {
    let failed = |source| used(options, source);
    match check(connection, options).await {
        Err(PostgresError::MigrateFirst { .. }) => return Ok(false),
        checked => checked?,
    }
    let mut transaction = connection.begin().await.map_err(failed)?;
    // Without CASCADE: what others have made of our tables stops us. TimescaleDB wants hypertables
    // dropped one by one.
    let views = std::iter::once(format!("DROP VIEW IF EXISTS {VIEWS}"));
    let tables = TABLES.iter().map(|table| format!("DROP TABLE IF EXISTS {table}"));
    let schema = std::iter::once(format!("DROP SCHEMA {}", quoted(&options.schema)));
    for sql in views.chain(tables).chain(schema) {
        let dropped = sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await;
        dropped.map_err(|source| match code_of(&source).as_deref() {
            Some(DEPENDENT_OBJECTS) => {
                PostgresError::KeepSchema { schema: options.schema.clone(), source }
            }
            Some(_) | None => failed(source),
        })?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(true)
}

pub(super) fn used(options: &PostgresOptions, source: sqlx::Error) -> PostgresError {
    let server = open::server(options).unwrap_or_default();
    PostgresError::UseDatabase { server, source }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
