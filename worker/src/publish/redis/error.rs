use redis::RedisError;

/// Why something is not published. Holds no password: of the URL only host and port are said.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The URL is none of Redis.
    #[error(
        "the URL of Redis cannot be read; write redis://[user:password@]host:port[/database], or \
         rediss:// with TLS"
    )]
    ReadUrl,
    /// The server does not answer, or refuses us.
    #[error("Redis at \"{address}\" cannot be reached; see that it runs and that it lets us in")]
    Connect {
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
