use std::time::Duration;

use market::symbol::Series;
use runtime::{certificate, exit};
use sqlx::migrate::MigrateError;

/// Why PostgreSQL does not store or give something, and what to do about it. No text of it, nor of
/// its sources, holds a password.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Not a URL of PostgreSQL.
    #[error("the PostgreSQL URL cannot be read; write postgres://user:password@host:port/database")]
    ReadUrl {
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A schema that is not ours to have.
    #[error(
        "\"{schema}\" cannot be a pipeline's schema; use 1 to 63 of a-z, 0-9 and _, beginning with \
         a letter, and neither public nor pg_…"
    )]
    NameSchema {
        /// What was given.
        schema: String,
    },
    /// No connection.
    #[error("cannot connect to PostgreSQL \"{server}\"")]
    Connect {
        /// Host, port and database.
        server: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server is there, and nothing but other settings would help.
    #[error(
        "PostgreSQL \"{server}\" does not let us in, or cannot be trusted; check the URL and \
         DATABASE_CA_FILE"
    )]
    Enter {
        /// Host, port and database.
        server: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A connection or an answer did not come in time.
    #[error("PostgreSQL \"{server}\" did not answer within {} s", waited.as_secs())]
    AwaitAnswer {
        /// Host, port and database.
        server: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The database refused.
    #[error("cannot use PostgreSQL \"{server}\"")]
    UseDatabase {
        /// Host, port and database.
        server: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The random token of a claim could not be made.
    #[error("the operating system gives no random numbers")]
    MakeToken,
    /// Our tables are not there, or older than this version needs.
    #[error("schema \"{schema}\" is not migrated yet; run `worker migrate`")]
    MigrateFirst {
        /// Which.
        schema: String,
    },
    /// A migration failed; what came before it stays.
    #[error("cannot migrate schema \"{schema}\"")]
    Migrate {
        /// Which.
        schema: String,
        /// Why.
        #[source]
        source: MigrateError,
    },
    /// It holds the data of another pipeline.
    #[error(
        "schema \"{schema}\" holds the data of pipeline \"{found}\", not of \"{wanted}\"; choose \
         another prefix or schema"
    )]
    RefuseOwner {
        /// Which.
        schema: String,
        /// Its owner.
        found: String,
        /// Ours.
        wanted: String,
    },
    /// A schema of something else.
    #[error(
        "schema \"{schema}\" holds tables, but not those of a pipeline; choose another prefix or \
         schema"
    )]
    RefuseSchema {
        /// Which.
        schema: String,
    },
    /// A newer version wrote it.
    #[error(
        "schema \"{schema}\" was written by a newer version (schema {found}, this version reads up \
         to {newest}); use that version"
    )]
    RefuseNewerSchema {
        /// Which.
        schema: String,
        /// Its version.
        found: i64,
        /// Ours.
        newest: i64,
    },
    /// A newer version wrote the state of a series.
    #[error(
        "the state of series \"{series}\" in schema \"{schema}\" was written by a newer version \
         (state {found}, this version reads up to {newest}); use that version"
    )]
    RefuseNewerState {
        /// Which schema.
        schema: String,
        /// Whose state.
        series: Series,
        /// Its version.
        found: u32,
        /// Ours.
        newest: u32,
    },
    /// A role that is named in a URL.
    #[error("role \"{role}\" does not exist; make it, as `worker migrate` makes no roles")]
    FindRole {
        /// Which.
        role: String,
    },
    /// Something that is not ours uses the schema.
    #[error(
        "schema \"{schema}\" is kept, nothing was dropped: something that is not the pipeline's is \
         in it or uses its tables; drop that first"
    )]
    KeepSchema {
        /// Which.
        schema: String,
        /// What PostgreSQL says.
        #[source]
        source: sqlx::Error,
    },
}

impl PostgresError {
    /// No connection to a server came about.
    pub(super) fn connecting(server: String, source: sqlx::Error) -> Self {
        let code = code_of(&source).unwrap_or_default();
        let refused = code.starts_with(CLASS_AUTHORIZATION) || code == UNKNOWN_DATABASE;
        let settings = matches!(source, sqlx::Error::Tls(_) | sqlx::Error::Configuration(_));
        if refused || settings || certificate::is_refused(&source) {
            return Self::Enter { server, source };
        }
        Self::Connect { server, source }
    }

    /// Whether the same call may succeed later without anything lost.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::AwaitAnswer { .. } | Self::MigrateFirst { .. } => true,
            Self::Connect { source, .. } | Self::UseDatabase { source, .. } => passes(source),
            Self::Migrate { source, .. } => match source {
                MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
                    passes(source)
                }
                _ => false,
            },
            Self::ReadUrl { .. }
            | Self::Enter { .. }
            | Self::NameSchema { .. }
            | Self::MakeToken
            | Self::RefuseOwner { .. }
            | Self::RefuseSchema { .. }
            | Self::RefuseNewerSchema { .. }
            | Self::RefuseNewerState { .. }
            | Self::FindRole { .. }
            | Self::KeepSchema { .. } => false,
        }
    }

    /// What the process ends with: 1 failed, 2 wrong settings, 3 newer data.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Connect { .. }
            | Self::AwaitAnswer { .. }
            | Self::UseDatabase { .. }
            | Self::MakeToken
            | Self::MigrateFirst { .. }
            | Self::Migrate { .. }
            | Self::KeepSchema { .. } => exit::FAILED,
            Self::ReadUrl { .. }
            | Self::Enter { .. }
            | Self::NameSchema { .. }
            | Self::RefuseOwner { .. }
            | Self::RefuseSchema { .. }
            | Self::FindRole { .. } => exit::SETTINGS,
            Self::RefuseNewerSchema { .. } | Self::RefuseNewerState { .. } => exit::NEWER_DATA,
        }
    }
}

/// A table or view is not there.
pub(super) const UNDEFINED_TABLE: &str = "42P01";
/// A row does not fit: of a default partition, it has its place in the new one.
pub(super) const CHECK_VIOLATION: &str = "23514";
/// A table, here a partition that another one made at the same moment, is there.
pub(super) const DUPLICATE_TABLE: &str = "42P07";
/// Not who we say we are, or with no right to connect.
const CLASS_AUTHORIZATION: &str = "28";
/// There is no such database.
const UNKNOWN_DATABASE: &str = "3D000";
/// Something else needs what was to be dropped.
pub(super) const DEPENDENT_OBJECTS: &str = "2BP01";
const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";
const LOCK_NOT_AVAILABLE: &str = "55P03";
const READ_ONLY_TRANSACTION: &str = "25006";
const IDLE_IN_TRANSACTION: &str = "25P03";
const ADMIN_SHUTDOWN: &str = "57P01";
const CRASH_SHUTDOWN: &str = "57P02";
const CANNOT_CONNECT_NOW: &str = "57P03";
const QUERY_CANCELED: &str = "57014";
const IO_ERROR: &str = "58030";
/// Connection exceptions, and want of resources: a full disk, too many connections.
const CLASSES_THAT_PASS: [&str; 2] = ["08", "53"];

const CODES_THAT_PASS: [&str; 10] = [
    SERIALIZATION_FAILURE,
    DEADLOCK_DETECTED,
    LOCK_NOT_AVAILABLE,
    READ_ONLY_TRANSACTION,
    IDLE_IN_TRANSACTION,
    ADMIN_SHUTDOWN,
    CRASH_SHUTDOWN,
    CANNOT_CONNECT_NOW,
    QUERY_CANCELED,
    IO_ERROR,
];

/// Whether what PostgreSQL or the network says may be otherwise in a moment.
fn passes(error: &sqlx::Error) -> bool {
    match code_of(error) {
        Some(code) => {
            CODES_THAT_PASS.contains(&code.as_str())
                || CLASSES_THAT_PASS.iter().any(|class| code.starts_with(class))
        }
        // A connection that was cut in the middle of an answer.
        None => matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)),
    }
}

/// The SQLSTATE of an error of the server.
pub(super) fn code_of(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
