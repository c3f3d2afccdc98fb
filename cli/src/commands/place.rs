//! Where data is: a data directory, or the real servers of a pipeline.

use std::path::{Path, PathBuf};

use api::{PostgresSettings, Reader};
use clap::Args;
use market::pipeline::Pipeline;
use market::rules::Target;
use worker::settings::Addresses;
use worker::store::FILE_NAME;
use worker::topic::{Admin, AdminError, Connection, topics_of};

use super::file;
use crate::failure::Failure;

/// Who asks, to PostgreSQL.
const APPLICATION_NAME: &str = "crypto-pipeline";

/// The servers that `run FILE --connect` and workers of the same file use.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Read the real Kafka and PostgreSQL that FILE and the environment name, as `run --connect`
    /// does
    #[arg(long, value_name = "FILE")]
    connect: Option<PathBuf>,
    #[command(flatten, next_help_heading = "With --connect")]
    addresses: Addresses,
}

impl Connect {
    /// The pipeline of the file, if one was named.
    pub(crate) fn pipeline(&self) -> Result<Option<Pipeline>, Failure> {
        self.connect.as_deref().map(|path| file::load(path, Target::Local)).transpose()
    }

    /// The tables of a pipeline.
    pub(crate) async fn reader(&self, pipeline: &Pipeline) -> Result<Reader, Failure> {
        let settings = PostgresSettings {
            url: self.addresses.database_url()?,
            root_ca_file: self.addresses.database_ca_file.clone(),
            schema: pipeline.schema(),
            application_name: APPLICATION_NAME.to_owned(),
        };
        Reader::connect(&settings, &pipeline.prefix()).await.map_err(unread)
    }

    /// What is stored: on the servers of the file, where one was named, else in a directory.
    pub(crate) async fn stored(&self, data_dir: &Path) -> Result<Reader, Failure> {
        match self.pipeline()? {
            Some(pipeline) => self.reader(&pipeline).await,
            None => Reader::open(&database(data_dir)?).await.map_err(unread),
        }
    }

    /// How the brokers of a pipeline are reached; they let us in, and have its ticks topic.
    pub(crate) async fn kafka(&self, pipeline: &Pipeline) -> Result<Connection, Failure> {
        let connection = self.addresses.kafka(pipeline)?;
        let topic = topics_of(pipeline).ticks;
        let admin = Admin::connect(&connection).await?;
        match admin.describe(&topic).await? {
            Some(_) => Ok(connection),
            None => Err(AdminError::FindTopic { topic }.into()),
        }
    }
}

/// The SQLite file of a data directory that must exist.
fn database(data_dir: &Path) -> Result<PathBuf, Failure> {
    let shown = data_dir.display();
    if !data_dir.is_dir() {
        return Err(Failure::settings(format!(
            "data directory \"{shown}\" does not exist; `crypto-pipeline run` makes it, or name \
             another with --data-dir"
        )));
    }
    let database = data_dir.join(FILE_NAME);
    if !database.is_file() {
        return Err(Failure::settings(format!(
            "\"{shown}\" is no data directory of a pipeline: it has no {FILE_NAME}; name the one \
             that was given to `crypto-pipeline run`"
        )));
    }
    Ok(database)
}

/// A store that has no answer, as a failure.
pub(crate) fn unread(error: api::ReadError) -> Failure {
    match error {
        api::ReadError::FindSeries(sentence) => Failure::settings(sentence),
        api::ReadError::RefuseNewerSchema { .. } => Failure::Failed(error.into(), 3),
        api::ReadError::ReadStore(error) => error.into(),
    }
}
