//! Where the servers of a pipeline are: addresses from its file and from flags, secrets from the
//! environment, for every binary that runs workers.

use std::fs::File;
use std::path::PathBuf;

use clap::Args;
use market::pipeline::Pipeline;
use runtime::exit;

use crate::cluster::Servers;
use crate::source::Shared;
use crate::topic::security::{PASSWORD_VARIABLE, USERNAME_VARIABLE};
use crate::topic::{Connection, Credentials, SecurityError};

const DATABASE_URL: &str = "DATABASE_URL";
const DATABASE_WRITER_URL: &str = "DATABASE_WRITER_URL";
const DATABASE_READER_URL: &str = "DATABASE_READER_URL";
const REDIS_URL: &str = "REDIS_URL";
const COINGECKO_API_KEY: &str = "COINGECKO_API_KEY";

/// What `--help` says of the environment.
pub const ENVIRONMENT_HELP: &str = "\
Environment, for what no argument may show:
  DATABASE_URL         PostgreSQL: postgres://user:password@host:port/database?sslmode=verify-full
  DATABASE_WRITER_URL  the same for the role of the aggregators, where it is not the owner's;
  DATABASE_READER_URL  and of the api: both are granted what they need, and have to exist
  REDIS_URL            Redis: redis://user:password@host:port/database, rediss:// with TLS
  KAFKA_SASL_USERNAME  who we are to the brokers, where the file has spec.kafka.sasl
  KAFKA_SASL_PASSWORD  and the proof of it
  COINGECKO_API_KEY    the key of the plan that a coinGecko source names: demo or pro
  RUST_LOG             which logs are written, such as info or warn,worker=debug";

/// Why the settings do not say where the servers are.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No brokers.
    #[error("no Kafka: set spec.kafka.bootstrapServers in the file, or KAFKA_BOOTSTRAP_SERVERS")]
    FindBrokers,
    /// How Kafka is reached.
    #[error(transparent)]
    SecureKafka(#[from] SecurityError),
    /// No database.
    #[error("no database: set {DATABASE_URL}, such as postgres://user@host:5432/database")]
    FindDatabase,
    /// The certificates of an authority.
    #[error("cannot read DATABASE_CA_FILE \"{}\"; set it to a file of certificates in PEM", path.display())]
    ReadCertificates {
        /// The file.
        path: PathBuf,
    },
    /// No Redis, where one is needed.
    #[error("no Redis: set {REDIS_URL}, such as redis://host:6379")]
    FindRedis,
}

impl SettingsError {
    /// What the process ends with: 2, wrong settings.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        exit::SETTINGS
    }
}

/// What the live sources of this process share, with the keys that the environment has.
#[must_use]
pub fn live_sources() -> Shared {
    Shared::with_keys(std::env::var(COINGECKO_API_KEY).ok())
}

/// Where the servers of a pipeline are.
#[derive(Debug, Clone, Args)]
pub struct Addresses {
    /// Kafka brokers as host:port, separated by commas [default: those of the file]
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "SERVERS")]
    pub brokers: Option<String>,
    /// The certificates that those of the brokers must lead to, in PEM [default: the system's]
    #[arg(long, env = "KAFKA_CA_FILE", value_name = "FILE")]
    pub kafka_ca_file: Option<PathBuf>,
    /// The certificates that PostgreSQL's one must lead to, in PEM [default: the system's]
    #[arg(long, env = "DATABASE_CA_FILE", value_name = "FILE")]
    pub database_ca_file: Option<PathBuf>,
    /// The certificates that Redis' one must lead to, in PEM [default: the system's]
    #[arg(long, env = "REDIS_CA_FILE", value_name = "FILE")]
    pub redis_ca_file: Option<PathBuf>,
}

/// Where the servers of a pipeline are, and who asks.
#[derive(Debug, Clone, Args)]
pub struct ServerFlags {
    #[command(flatten)]
    addresses: Addresses,
    /// Who this process is in logs, claims and dead letters
    #[arg(long, env = "POD_NAME", default_value = "worker-0")]
    name: String,
    /// The Kubernetes namespace of the pipeline [default: that of the file, or none]
    #[arg(long, env = "POD_NAMESPACE")]
    namespace: Option<String>,
}

impl Addresses {
    /// How a pipeline's Kafka is reached.
    ///
    /// # Errors
    /// [`SettingsError::FindBrokers`], [`SettingsError::SecureKafka`].
    pub fn kafka(&self, pipeline: &Pipeline) -> Result<Connection, SettingsError> {
        let kafka = pipeline.spec.kafka.clone().unwrap_or_default();
        let given = self.brokers.clone().filter(|brokers| !brokers.is_empty());
        let brokers =
            given.or(kafka.bootstrap_servers.clone()).ok_or(SettingsError::FindBrokers)?;
        let credentials = Credentials {
            username: secret(USERNAME_VARIABLE),
            password: secret(PASSWORD_VARIABLE),
            ca_file: self.kafka_ca_file.clone(),
        };
        Ok(Connection::new(brokers, &kafka, &credentials)?)
    }

    /// PostgreSQL's URL.
    ///
    /// # Errors
    /// [`SettingsError::FindDatabase`]; [`SettingsError::ReadCertificates`] for the authority.
    pub fn database_url(&self) -> Result<String, SettingsError> {
        if let Some(path) = self.database_ca_file.as_ref().filter(|path| File::open(path).is_err())
        {
            return Err(SettingsError::ReadCertificates { path: path.clone() });
        }
        secret(DATABASE_URL).ok_or(SettingsError::FindDatabase)
    }
}

impl ServerFlags {
    /// How a pipeline's Kafka is reached.
    ///
    /// # Errors
    /// As [`Addresses::kafka`].
    pub fn kafka(&self, pipeline: &Pipeline) -> Result<Connection, SettingsError> {
        self.addresses.kafka(pipeline)
    }

    /// Who this process is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The servers of a pipeline; Redis may be left out.
    ///
    /// # Errors
    /// [`SettingsError`]: the first thing that is missing.
    pub fn servers(&self, pipeline: &Pipeline) -> Result<Servers, SettingsError> {
        let namespace = self.namespace.clone().or_else(|| pipeline.namespace.clone());
        Ok(Servers {
            kafka: self.kafka(pipeline)?,
            database_url: self.addresses.database_url()?,
            database_ca_file: self.addresses.database_ca_file.clone(),
            redis_url: secret(REDIS_URL),
            redis_ca_file: self.addresses.redis_ca_file.clone(),
            worker: self.name.clone(),
            namespace: namespace.unwrap_or_default(),
        })
    }
}

/// The URLs of the roles beside the owner of the tables, where there are such.
#[derive(Clone, Default)]
pub struct RoleUrls {
    /// The aggregators' one: `DATABASE_WRITER_URL`.
    pub writer: Option<String>,
    /// The serving side's one: `DATABASE_READER_URL`.
    pub reader: Option<String>,
}

impl RoleUrls {
    /// What the environment says.
    #[must_use]
    pub fn of_environment() -> Self {
        Self { writer: secret(DATABASE_WRITER_URL), reader: secret(DATABASE_READER_URL) }
    }
}

/// A value of the environment that no argument may hold; empty counts as not set.
fn secret(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
