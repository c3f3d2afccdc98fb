use std::path::PathBuf;
use std::time::Duration;

use runtime::{certificate, exit};

/// Of PostgreSQL: not who we say we are, or with no right to connect.
const CLASS_AUTHORIZATION: &str = "28";
/// Of PostgreSQL: there is no such database.
const UNKNOWN_DATABASE: &str = "3D000";

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
    /// The server is there, and nothing but other settings would help.
    #[error(
        "the store does not let us in, or cannot be trusted; check DATABASE_URL and \
         DATABASE_CA_FILE"
    )]
    EnterStore {
        /// Why.
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
    /// Something could not be read.
    pub(super) fn reading(what: &'static str, source: sqlx::Error) -> Self {
        let code = source.as_database_error().and_then(|error| error.code());
        let refused = code
            .is_some_and(|code| code.starts_with(CLASS_AUTHORIZATION) || code == UNKNOWN_DATABASE);
        let settings = matches!(source, sqlx::Error::Tls(_) | sqlx::Error::Configuration(_));
        if refused || settings || certificate::is_refused(&source) {
            return Self::EnterStore { source };
        }
        Self::ReadStore { what, source }
    }

    /// What the process ends with: 1 failed, 2 wrong settings, 3 newer data.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::OpenStore { .. }
            | Self::ReadStore { .. }
            | Self::AwaitAnswer { .. }
            | Self::DecodeColumn { .. } => exit::FAILED,
            Self::EnterStore { .. } | Self::ReadUrl { .. } | Self::RefuseOwner { .. } => {
                exit::SETTINGS
            }
            Self::RefuseNewerSchema { .. } => exit::NEWER_DATA,
        }
    }

    /// Whether the same question may be answered later.
    pub(crate) const fn is_retryable(&self) -> bool {
        match self {
            Self::ReadStore { .. } | Self::AwaitAnswer { .. } => true,
            Self::OpenStore { .. }
            | Self::EnterStore { .. }
            | Self::ReadUrl { .. }
            | Self::RefuseOwner { .. }
            | Self::RefuseNewerSchema { .. }
            | Self::DecodeColumn { .. } => false,
        }
    }
}
