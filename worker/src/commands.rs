use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use market::pipeline::Pipeline;
use market::rules::{self, Target};
use runtime::telemetry::{self, Format};
use runtime::traces::Traces;
use tokio::runtime::Handle;
use worker::settings::{ENVIRONMENT_HELP, ServerFlags};

use crate::failure::Failure;

/// Topic to store.
mod aggregate;
/// Source to topic.
mod produce;
/// Tables made, kept in bounds, dropped.
mod schema;

/// The data plane of a pipeline on Kafka, PostgreSQL and Redis.
#[derive(Debug, Parser)]
#[command(name = "worker", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = ENVIRONMENT_HELP)]
pub(crate) struct Worker {
    /// How logs are written to standard error; RUST_LOG chooses which
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// What every command is told.
#[derive(Debug, Args)]
#[command(after_help = ENVIRONMENT_HELP)]
pub(crate) struct Settings {
    /// The pipeline file
    #[arg(env = "CRYPTO_PIPELINE_SPEC")]
    file: PathBuf,
    #[command(flatten)]
    pub(crate) servers: ServerFlags,
    /// The version of these settings, which /status shows; the operator sets it
    #[arg(long, env = "CONFIG_VERSION")]
    config_version: Option<String>,
}

impl Settings {
    /// Reads the pipeline file; every problem is told with its path.
    pub(crate) fn pipeline(&self) -> Result<Pipeline, Failure> {
        let shown = self.file.display();
        let text = std::fs::read_to_string(&self.file).map_err(|error| {
            Failure::settings(vec![format!("cannot read \"{shown}\": {error}")])
        })?;
        rules::read(&text, Target::Local).map_err(|problems| {
            let sentences = problems.iter().map(|problem| format!("{shown}: {problem}"));
            Failure::settings(sentences.collect())
        })
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send what the sources of the pipeline emit to its ticks topic
    Produce(produce::Produce),
    /// Fold the ticks topic into candles, as one member of the pipeline's group
    Aggregate(aggregate::Aggregate),
    /// Make or update the pipeline's tables, and its topics where the spec lets us manage them
    Migrate(schema::Migrate),
    /// Drop what is past its retention
    Retain(schema::Retain),
    /// Remove the pipeline's tables, keys and managed topics, and nothing else
    Drop(schema::Drop),
}

/// Which levels are logged where RUST_LOG does not say.
const LOG_FILTER: &str = "info";

/// A status as `/status` answers it.
fn shown(status: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(status).unwrap_or_default()
}

impl Worker {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let format = match self.log_format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        };
        let runtime = tokio::runtime::Runtime::new()?;
        let traces = self.command.traces(runtime.handle())?;
        telemetry::init(format, LOG_FILTER, std::io::stderr, traces.as_ref())?;
        let ended = runtime.block_on(async {
            match self.command {
                Command::Produce(command) => command.run().await,
                Command::Aggregate(command) => command.run().await,
                Command::Migrate(command) => command.run().await,
                Command::Retain(command) => command.run().await,
                Command::Drop(command) => command.run().await,
            }
        });
        if let Some(traces) = traces {
            traces.stop();
        }
        // A blocking question to a broker that is away may take longer than we have.
        runtime.shutdown_background();
        ended
    }
}

impl Command {
    /// Traces to the collector that the spec names, of commands that have any.
    fn traces(&self, handle: &Handle) -> Result<Option<Traces>, Failure> {
        let (service, settings) = match self {
            Self::Produce(command) => ("crypto-pipeline-producer", command.settings()),
            Self::Aggregate(command) => ("crypto-pipeline-aggregator", command.settings()),
            Self::Migrate(_) | Self::Retain(_) | Self::Drop(_) => return Ok(None),
        };
        let Some(endpoint) = settings.pipeline()?.spec.observability.otlp.endpoint else {
            return Ok(None);
        };
        let traces = Traces::start(&endpoint, service, settings.servers.name(), handle);
        Ok(Some(traces.map_err(|error| Failure::settings(vec![error.to_string()]))?))
    }
}
