use std::path::PathBuf;

use market::symbol::Series;
use runtime::exit;

use crate::store::postgres::PostgresError;

/// Why something is not stored or not read, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Of PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// Another process claimed partitions that this one had.
    #[error("another process claimed partitions {partitions:?}; this one stops")]
    LoseClaim {
        /// Which.
        partitions: Vec<i32>,
    },
    /// The directory cannot be made or written.
    #[error(
        "cannot write to data directory \"{}\"; check its permissions or choose another",
        path.display()
    )]
    OpenDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error(
        "data directory \"{}\" is in use by {holder}; stop that one or choose another directory",
        path.display()
    )]
    LockDirectory {
        /// The directory.
        path: PathBuf,
        /// `process 1234`, or `another process`.
        holder: String,
    },
    /// It holds the data of another pipeline.
    #[error(
        "\"{}\" holds the data of pipeline \"{found}\", not of \"{wanted}\"; choose another data \
         directory",
        path.display()
    )]
    RefuseOwner {
        /// The file.
        path: PathBuf,
        /// Name and prefix of its owner.
        found: String,
        /// Name and prefix of ours.
        wanted: String,
    },
    /// A SQLite database of something else.
    #[error(
        "\"{}\" is a database, but not that of a pipeline; choose another data directory",
        path.display()
    )]
    RefuseDatabase {
        /// The file.
        path: PathBuf,
    },
    /// A newer version wrote it.
    #[error(
        "\"{}\" was written by a newer version (schema {found}, this version reads up to {newest}); \
         use that version or another data directory",
        path.display()
    )]
    RefuseNewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// Ours.
        newest: i64,
    },
    /// A newer version wrote the state of a series.
    #[error(
        "the state of series \"{series}\" in \"{}\" was written by a newer version (state {found}, \
         this version reads up to {newest}); use that version or another data directory",
        path.display()
    )]
    RefuseNewerState {
        /// The file.
        path: PathBuf,
        /// Whose state.
        series: Series,
        /// Its version.
        found: u32,
        /// Ours.
        newest: u32,
    },
    /// The file is damaged.
    #[error(
        "\"{}\" is damaged ({detail}); restore a copy of the directory, or move it away to begin \
         anew: nothing was changed",
        path.display()
    )]
    ReadDatabase {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The disk is full. Nothing of what was to be written is stored; the same call may be made
    /// again.
    #[error(
        "the disk that holds \"{}\" is full; free some space: what is stored is safe",
        path.display()
    )]
    FillDisk {
        /// The file.
        path: PathBuf,
    },
    /// The database refused otherwise.
    #[error("cannot use database \"{}\"", path.display())]
    UseDatabase {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A series is not what it was.
    #[error(
        "series \"{series}\" was {found} and would become {wanted}; give the source another name \
         or begin with empty data"
    )]
    ChangeSeries {
        /// Which.
        series: Series,
        /// `trade of binance BTCUSDT`.
        found: String,
        /// The same of the spec.
        wanted: String,
    },
    /// A row of a series that was not registered.
    #[error("series \"{series}\" is not registered")]
    FindSeries {
        /// Which.
        series: Series,
    },
    /// A row of a partition that the commit does not advance, or that was not claimed.
    #[error("partition {partition} is not claimed by this commit")]
    FindClaim {
        /// Which.
        partition: i32,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anything lost.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Postgres(error) => error.is_retryable(),
            Self::FillDisk { .. } => true,
            Self::UseDatabase { source, .. } => {
                matches!(primary_code(source), Some(SQLITE_BUSY | SQLITE_IOERR))
            }
            Self::OpenDirectory { .. }
            | Self::LockDirectory { .. }
            | Self::RefuseOwner { .. }
            | Self::RefuseDatabase { .. }
            | Self::RefuseNewerSchema { .. }
            | Self::RefuseNewerState { .. }
            | Self::ReadDatabase { .. }
            | Self::ChangeSeries { .. }
            | Self::FindSeries { .. }
            | Self::FindClaim { .. }
            | Self::LoseClaim { .. } => false,
        }
    }

    /// What the process ends with: 1 failed, 2 wrong settings, 3 newer data.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Postgres(error) => error.exit_code(),
            Self::LockDirectory { .. }
            | Self::ReadDatabase { .. }
            | Self::FillDisk { .. }
            | Self::UseDatabase { .. }
            | Self::FindSeries { .. }
            | Self::FindClaim { .. }
            | Self::LoseClaim { .. } => exit::FAILED,
            Self::OpenDirectory { .. }
            | Self::RefuseOwner { .. }
            | Self::RefuseDatabase { .. }
            | Self::ChangeSeries { .. } => exit::SETTINGS,
            Self::RefuseNewerSchema { .. } | Self::RefuseNewerState { .. } => exit::NEWER_DATA,
        }
    }

    /// What SQLite says about the file at `path`.
    pub(super) fn of(path: &std::path::Path, source: sqlx::Error) -> Self {
        let path = path.to_path_buf();
        match primary_code(&source) {
            Some(SQLITE_FULL) => Self::FillDisk { path },
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => {
                Self::ReadDatabase { path, detail: detail(&source) }
            }
            Some(SQLITE_CANTOPEN | SQLITE_READONLY | SQLITE_PERM) => {
                Self::OpenDirectory { path, source: std::io::Error::other(source) }
            }
            Some(_) | None => Self::UseDatabase { path, source },
        }
    }
}

const SQLITE_PERM: i32 = 3;
const SQLITE_BUSY: i32 = 5;
const SQLITE_READONLY: i32 = 8;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_NOTADB: i32 = 26;
/// A primary result code is the low byte of an extended one.
const PRIMARY_CODE_MASK: i32 = 0xff;

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & PRIMARY_CODE_MASK)
}

fn detail(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().into())
}
