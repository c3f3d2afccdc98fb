use std::path::PathBuf;
use std::time::Duration;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is missing or is no store.
    #[error("cannot open the store \"{path}\"")]
    OpenStore {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// A query failed.
    #[error("cannot read {what} from the store")]
    ReadStore {
        /// What was read.
        what: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// Not a URL of PostgreSQL.
    #[error("the PostgreSQL URL cannot be read; write postgres://user:password@host:port/database")]
    ReadUrl {
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The database is there and does not answer.
    #[error("the store was asked for {what} and did not answer within {} s", waited.as_secs())]
    AwaitAnswer {
        /// What was asked for.
        what: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The tables of another pipeline.
    #[error(
        "schema \"{schema}\" holds the data of prefix \"{found}\", not of \"{wanted}\"; name the \
         schema of this pipeline"
    )]
    RefuseOwner {
        /// Which schema.
        schema: String,
        /// Whose it is.
        found: String,
        /// Who asks.
        wanted: String,
    },
    /// A newer version wrote the tables.
    #[error(
        "schema \"{schema}\" is of version {found}, and this program reads up to {newest}; use the \
         version that wrote it or a later one"
    )]
    RefuseNewerSchema {
        /// Which schema.
        schema: String,
        /// Its version.
        found: i64,
        /// What is understood here.
        newest: i64,
    },
    /// A stored value is none of ours.
    #[error("stored {column} \"{text}\" cannot be understood")]
    DecodeColumn {
        /// The column.
        column: &'static str,
        /// What stands there.
        text: String,
    },
}

impl StoreError {
    /// Whether the same question may be answered later.
    pub(crate) const fn is_retryable(&self) -> bool {
        match self {
            Self::ReadStore { .. } | Self::AwaitAnswer { .. } => true,
            Self::OpenStore { .. }
            | Self::ReadUrl { .. }
            | Self::RefuseOwner { .. }
            | Self::RefuseNewerSchema { .. }
            | Self::DecodeColumn { .. } => false,
        }
    }
}
