//! The pipeline file, and the servers: addresses from the file, secrets from the environment.

use std::path::{Path, PathBuf};

use clap::Args;
use market::pipeline::Pipeline;
use market::rules::{Target, check};
use worker::cluster::Servers;
use worker::topic::security::{CA_FILE_VARIABLE, PASSWORD_VARIABLE, USERNAME_VARIABLE};
use worker::topic::{Connection, Credentials};

use crate::failure::Failure;

const DATABASE_URL: &str = "DATABASE_URL";
const REDIS_URL: &str = "REDIS_URL";

/// What every command of a worker is told.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The pipeline file; addresses and passwords of PostgreSQL and Redis come from `DATABASE_URL`
    /// and `REDIS_URL`
    #[arg(env = "CRYPTO_PIPELINE_SPEC")]
    file: PathBuf,
    /// Kafka brokers as host:port, separated by commas; without it those of the file
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS")]
    brokers: Option<String>,
    /// The certificates that PostgreSQL's one must lead to, as a PEM file; without it the system's
    #[arg(long, env = "DATABASE_CA_FILE")]
    database_ca_file: Option<PathBuf>,
    /// Who this worker is in logs, claims and dead letters
    #[arg(long, env = "POD_NAME", default_value = "worker-0")]
    name: String,
    /// The Kubernetes namespace of the pipeline; empty elsewhere
    #[arg(long, env = "POD_NAMESPACE", default_value = "")]
    namespace: String,
    /// The version of these settings, which /status shows; the operator sets it
    #[arg(long, env = "CONFIG_VERSION")]
    config_version: Option<String>,
}

impl Settings {
    /// Reads the pipeline file; every problem is told with its path.
    pub(crate) fn pipeline(&self) -> Result<Pipeline, Failure> {
        let shown = self.file.display();
        let text = std::fs::read_to_string(Path::new(&self.file)).map_err(|error| {
            Failure::settings(vec![format!("cannot read \"{shown}\": {error}")])
        })?;
        let told = |problems: Vec<market::pipeline::Problem>| {
            let sentences = problems.iter().map(|problem| format!("{shown}: {problem}"));
            Failure::settings(sentences.collect())
        };
        let pipeline = Pipeline::from_yaml(&text).map_err(told)?;
        let problems = check(&pipeline, Target::Local);
        if problems.is_empty() { Ok(pipeline) } else { Err(told(problems)) }
    }

    /// How a pipeline's Kafka is reached.
    pub(crate) fn kafka(&self, pipeline: &Pipeline) -> Result<Connection, Failure> {
        let named = pipeline.spec.kafka.as_ref().and_then(|kafka| kafka.bootstrap_servers.clone());
        let brokers = self.brokers.clone().or(named).ok_or_else(|| {
            let sentence = "no Kafka: set spec.kafka.bootstrapServers in the file, or \
                            KAFKA_BOOTSTRAP_SERVERS";
            Failure::settings(vec![sentence.to_owned()])
        })?;
        let credentials = Credentials {
            username: secret(USERNAME_VARIABLE),
            password: secret(PASSWORD_VARIABLE),
            ca_file: secret(CA_FILE_VARIABLE).map(PathBuf::from),
        };
        let kafka = pipeline.spec.kafka.clone().unwrap_or_default();
        Connection::new(brokers, &kafka, &credentials)
            .map_err(|error| Failure::settings(vec![error.to_string()]))
    }

    /// The servers of a pipeline.
    pub(crate) fn servers(&self, pipeline: &Pipeline) -> Result<Servers, Failure> {
        Ok(Servers {
            kafka: self.kafka(pipeline)?,
            database_url: self.database_url()?,
            database_ca_file: self.database_ca_file.clone(),
            redis_url: secret(REDIS_URL),
            worker: self.name.clone(),
            namespace: self.namespace.clone(),
        })
    }

    /// The version of the settings, where an operator gave them.
    pub(crate) fn config_version(&self) -> Option<String> {
        self.config_version.clone()
    }

    fn database_url(&self) -> Result<String, Failure> {
        secret(DATABASE_URL).ok_or_else(|| {
            let sentence = format!(
                "no database: set {DATABASE_URL}, such as postgres://user@host:5432/database"
            );
            Failure::settings(vec![sentence])
        })
    }
}

/// A value of the environment that no argument may hold; empty counts as not set.
fn secret(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
