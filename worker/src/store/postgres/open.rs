use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::{
    CONNECT_TIMEOUT, LOCK_TIMEOUT, PostgresError, PostgresOptions, SCHEMA_VERSION,
    STATEMENT_TIMEOUT, nodelay, schema,
};

/// What a URL begins with: the driver itself takes any other for the same.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// The longest name in PostgreSQL, in bytes.
const NAME_LENGTH_MAX: usize = 63;

/// Host, port and database.
pub(super) fn server(options: &PostgresOptions) -> Result<String, PostgresError> {
    let url = parse(&options.url)?;
    let database = url.get_database().unwrap_or_else(|| url.get_username());
    Ok(format!("{}:{}/{database}", url.get_host(), url.get_port()))
}

/// The role that a URL names.
pub(super) fn role(url: &str) -> Result<String, PostgresError> {
    Ok(parse(url)?.get_username().into())
}

fn parse(url: &str) -> Result<PgConnectOptions, PostgresError> {
    let parsed = match SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        true => url.parse(),
        false => Err(sqlx::Error::Configuration("it does not begin with postgres://".into())),
    };
    parsed.map_err(|source| PostgresError::ReadUrl { source })
}

/// A connection for commits: of our owner and version, with the limits of a writer.
pub(super) async fn connect_writer(
    options: &PostgresOptions,
) -> Result<PgConnection, PostgresError> {
    let limits = Limits { statement: STATEMENT_TIMEOUT, lock: LOCK_TIMEOUT };
    let mut connection = connect(options, limits).await?;
    let checked = async {
        schema::check(&mut connection, options).await?;
        let migrated = schema::migrated(&mut connection).await;
        if migrated.map_err(|source| schema::used(options, source))? < schema::newest_migration() {
            return Err(PostgresError::MigrateFirst { schema: options.schema.clone() });
        }
        Ok(())
    };
    match timeout(CONNECT_TIMEOUT, checked).await {
        Ok(checked) => checked.map(|()| connection),
        Err(_) => {
            Err(PostgresError::AwaitAnswer { server: server(options)?, waited: CONNECT_TIMEOUT })
        }
    }
}

/// What the server ends by itself.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) statement: Duration,
    /// Waits for locks, and transactions that do nothing.
    pub(super) lock: Duration,
}

/// A connection that sees the pipeline's schema alone.
pub(super) async fn connect(
    options: &PostgresOptions,
    limits: Limits,
) -> Result<PgConnection, PostgresError> {
    check_schema(&options.schema)?;
    let server = server(options)?;
    let mut url = parse(&options.url)?.application_name(&options.application_name);
    if let Some(file) = &options.root_ca_file {
        url = url.ssl_root_cert(file);
    }
    let url = url.disable_statement_logging();
    let connecting = async {
        let mut connection = url.connect().await?;
        nodelay::send_at_once(url.get_port());
        limit(&mut connection, options, limits).await?;
        Ok(connection)
    };
    match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connection) => connection.map_err(|source| PostgresError::connecting(server, source)),
        Err(_) => Err(PostgresError::AwaitAnswer { server, waited: CONNECT_TIMEOUT }),
    }
}

/// Commits are one statement with many arrays: planning it anew costs more than running it, and
/// compiling it far more.
async fn limit(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    limits: Limits,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "SELECT set_config('search_path', quote_ident($1), false), \
         set_config('statement_timeout', $2, false), set_config('lock_timeout', $3, false), \
         set_config('idle_in_transaction_session_timeout', $3, false), \
         set_config('plan_cache_mode', 'force_generic_plan', false), \
         set_config('jit', 'off', false)";
    sqlx::query(SQL)
        .bind(&options.schema)
        .bind(limits.statement.as_millis().to_string())
        .bind(limits.lock.as_millis().to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// What the owner row says.
pub(super) struct Found {
    prefix: String,
    namespace: String,
    name: String,
    schema_version: i64,
}

pub(super) async fn read_owner(connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
    const SQL: &str = "SELECT prefix, namespace, name, schema_version FROM owner";
    let row = sqlx::query(SQL).fetch_one(connection).await?;
    Ok(Found {
        prefix: row.try_get(0)?,
        namespace: row.try_get(1)?,
        name: row.try_get(2)?,
        schema_version: row.try_get(3)?,
    })
}

/// Refuses the data of another pipeline, or of a newer version.
pub(super) fn check_owner(options: &PostgresOptions, found: &Found) -> Result<(), PostgresError> {
    let schema = options.schema.clone();
    let wanted = describe(&options.owner.prefix, &options.namespace, &options.owner.name);
    let owner = describe(&found.prefix, &found.namespace, &found.name);
    if owner != wanted {
        return Err(PostgresError::RefuseOwner { schema, found: owner, wanted });
    }
    if found.schema_version > SCHEMA_VERSION {
        let (found, newest) = (found.schema_version, SCHEMA_VERSION);
        return Err(PostgresError::RefuseNewerSchema { schema, found, newest });
    }
    Ok(())
}

/// None of the parts has a space or a slash, so that different owners are different texts.
fn describe(prefix: &str, namespace: &str, name: &str) -> String {
    let separator = if namespace.is_empty() { "" } else { "/" };
    format!("{namespace}{separator}{name} (prefix {prefix})")
}

fn check_schema(schema: &str) -> Result<(), PostgresError> {
    let begins = schema.starts_with(|first: char| first.is_ascii_lowercase());
    let well_formed = schema.len() <= NAME_LENGTH_MAX
        && schema
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let taken = schema.starts_with("pg_") || ["public", "information_schema"].contains(&schema);
    if begins && well_formed && !taken {
        return Ok(());
    }
    Err(PostgresError::NameSchema { schema: schema.into() })
}
