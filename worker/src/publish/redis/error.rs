use std::io;
use std::path::PathBuf;

use redis::RedisError;
use runtime::{certificate, exit};

/// Why something is not published. Holds no password: of the URL only host and port are said.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The URL is none of Redis.
    #[error(
        "the URL of Redis cannot be read; write redis://[user:password@]host:port[/database], or \
         rediss:// with TLS"
    )]
    ReadUrl,
    /// The certificates cannot be read.
    #[error("certificates \"{path}\" cannot be read; name a PEM file", path = path.display())]
    ReadCertificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server does not answer, or refuses us.
    #[error("Redis at \"{address}\" cannot be reached; see that it runs and that it lets us in")]
    Connect {
        /// Host and port.
        address: String,
        /// Why.
        source: RedisError,
    },
    /// The server is there, and nothing but other settings would help.
    #[error(
        "Redis at \"{address}\" does not let us in, or cannot be trusted; check REDIS_URL and \
         REDIS_CA_FILE"
    )]
    Enter {
        /// Host and port.
        address: String,
        /// Why.
        source: RedisError,
    },
    /// A command failed, or was not answered in time.
    #[error("Redis at \"{address}\" did not do what it was asked")]
    Call {
        /// Host and port.
        address: String,
        /// Why.
        source: RedisError,
    },
    /// Another pipeline has this prefix.
    #[error(
        "the keys that begin with \"{prefix}:\" belong to the pipeline \"{found}\", not to \
         \"{wanted}\"; give one of the two another spec.prefix, or another database"
    )]
    RefuseOwner {
        /// The prefix.
        prefix: String,
        /// Who has it.
        found: String,
        /// Who asks.
        wanted: String,
    },
    /// The server has no memory of this prefix, which was claimed before.
    #[error("Redis has forgotten the keys that begin with \"{prefix}:\"; they are written again")]
    FindOwner {
        /// The prefix.
        prefix: String,
    },
    /// A batch is too large.
    #[error("{count} publications are more than a batch holds; send at most {limit}")]
    BoundBatch {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A publication is no JSON.
    #[error("a publication of \"{channel}\" cannot be written as JSON")]
    EncodePublication {
        /// Its channel.
        channel: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl PublishError {
    /// No connection to a server came about.
    pub(super) fn connecting(address: String, source: RedisError) -> Self {
        let refused = source.kind() == redis::ErrorKind::AuthenticationFailed;
        if refused || certificate::is_refused(&source) {
            return Self::Enter { address, source };
        }
        Self::Connect { address, source }
    }

    /// What the process ends with: 1 failed, 2 wrong settings.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::ReadUrl
            | Self::ReadCertificates { .. }
            | Self::Enter { .. }
            | Self::RefuseOwner { .. } => exit::SETTINGS,
            Self::Connect { .. }
            | Self::Call { .. }
            | Self::FindOwner { .. }
            | Self::BoundBatch { .. }
            | Self::EncodePublication { .. } => exit::FAILED,
        }
    }
}
