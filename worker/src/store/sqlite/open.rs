use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _, Row as _, SqliteConnection};

use super::SCHEMA_VERSION;
use crate::store::{Owner, StoreError};

/// The database in a data directory.
pub const FILE_NAME: &str = "pipeline.db";
const LOCK_NAME: &str = "pipeline.lock";
const SCHEMA: &str = include_str!("../schema.sql");
const TICKS: &str = include_str!("../tick.sql");

/// How long to wait for a reader that holds up a checkpoint or a schema lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// What the write-ahead log is cut back to when it grew, in bytes.
const WAL_BYTES_KEPT: &str = "16777216";

/// Keeps other processes out of a data directory, and says who has it.
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Makes the directory and takes it. Ends with the process, however that ends.
    pub(super) fn take(data_dir: &Path) -> Result<Self, StoreError> {
        let open_error =
            |source| StoreError::OpenDirectory { path: data_dir.to_path_buf(), source };
        std::fs::create_dir_all(data_dir).map_err(open_error)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(data_dir.join(LOCK_NAME)).map_err(open_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(StoreError::LockDirectory { path: data_dir.to_path_buf(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(open_error(source)),
        }
        // Who holds it is a courtesy: a full disk must not keep us from opening.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.read_to_string(&mut text).is_ok();
    match text.trim().parse::<u32>() {
        Ok(pid) if read => format!("process {pid}"),
        Ok(_) | Err(_) => "another process".into(),
    }
}

/// Opens the database of `owner`, or makes it where there is none.
pub(super) async fn connect(path: &Path, owner: &Owner) -> Result<SqliteConnection, StoreError> {
    let mut connection =
        options(path).connect().await.map_err(|error| StoreError::of(path, error))?;
    let found = read_owner(&mut connection).await.map_err(|error| StoreError::of(path, error))?;
    match found {
        Found::Nothing => {
            keep_log(&mut connection).await.map_err(|error| StoreError::of(path, error))?;
            create(&mut connection, owner).await.map_err(|error| StoreError::of(path, error))?;
        }
        Found::Another => return Err(StoreError::RefuseDatabase { path: path.to_path_buf() }),
        Found::Pipeline { schema_version, .. } if schema_version > SCHEMA_VERSION => {
            let (path, found) = (path.to_path_buf(), schema_version);
            return Err(StoreError::RefuseNewerSchema { path, found, newest: SCHEMA_VERSION });
        }
        Found::Pipeline { owner: found, .. } if found != *owner => {
            return Err(StoreError::RefuseOwner {
                path: path.to_path_buf(),
                found: describe(&found),
                wanted: describe(owner),
            });
        }
        Found::Pipeline { .. } => {
            keep_log(&mut connection).await.map_err(|error| StoreError::of(path, error))?;
        }
    }
    check_length(&mut connection, path).await?;
    let ticks = connection.execute(sqlx::raw_sql(TICKS)).await;
    ticks.map_err(|error| StoreError::of(path, error))?;
    Ok(connection)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // What was committed survives a loss of power too, for one fsync per commit: 0.15 ms with
        // `examples/commit_cost.rs`, beside 0.1 ms for the smallest commit itself.
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", WAL_BYTES_KEPT)
        .disable_statement_logging()
}

enum Found {
    Nothing,
    Another,
    Pipeline { owner: Owner, schema_version: i64 },
}

async fn read_owner(connection: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    const TABLES: &str = "SELECT count(*), coalesce(sum(name = 'owner'), 0) FROM sqlite_schema \
         WHERE type = 'table'";
    let row = sqlx::query(TABLES).fetch_one(&mut *connection).await?;
    let (tables, owners): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if tables == 0 {
        return Ok(Found::Nothing);
    }
    if owners == 0 {
        return Ok(Found::Another);
    }
    const OWNER: &str = "SELECT prefix, name, schema_version FROM owner";
    let Some(row) = sqlx::query(OWNER).fetch_optional(&mut *connection).await? else {
        return Ok(Found::Another);
    };
    let owner = Owner { prefix: row.try_get(0)?, name: row.try_get(1)? };
    Ok(Found::Pipeline { owner, schema_version: row.try_get(2)? })
}

/// Readers and the writer do not wait for each other with a write-ahead log.
async fn keep_log(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    connection.execute("PRAGMA journal_mode = WAL").await?;
    Ok(())
}

async fn create(connection: &mut SqliteConnection, owner: &Owner) -> Result<(), sqlx::Error> {
    connection.execute("BEGIN IMMEDIATE").await?;
    connection.execute(sqlx::raw_sql(SCHEMA)).await?;
    sqlx::query("INSERT INTO owner (id, prefix, name, schema_version) VALUES (1, ?, ?, ?)")
        .bind(&owner.prefix)
        .bind(&owner.name)
        .bind(SCHEMA_VERSION)
        .execute(&mut *connection)
        .await?;
    connection.execute("COMMIT").await?;
    Ok(())
}

/// Refuses a file that lacks pages, which SQLite would notice only when it needs them.
async fn check_length(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let wanted = wanted_length(connection).await.map_err(|error| StoreError::of(path, error))?;
    let metadata = std::fs::metadata(path)
        .map_err(|source| StoreError::OpenDirectory { path: path.to_path_buf(), source })?;
    match wanted {
        Some(wanted) if metadata.len() < wanted => Err(StoreError::ReadDatabase {
            path: path.to_path_buf(),
            detail: format!("{} of {wanted} bytes are there", metadata.len()),
        }),
        Some(_) | None => Ok(()),
    }
}

/// The length of the whole file; `None` while a reader keeps the log from being folded into it.
async fn wanted_length(connection: &mut SqliteConnection) -> Result<Option<u64>, sqlx::Error> {
    let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection);
    let blocked: i64 = checkpoint.await?.try_get(0)?;
    let pages = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *connection);
    let pages: i64 = pages.await?;
    let page_bytes = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut *connection);
    let page_bytes: i64 = page_bytes.await?;
    Ok(if blocked == 0 { u64::try_from(pages * page_bytes).ok() } else { None })
}

fn describe(owner: &Owner) -> String {
    if owner.prefix == owner.name {
        owner.name.clone()
    } else {
        format!("{} (prefix {})", owner.name, owner.prefix)
    }
}
