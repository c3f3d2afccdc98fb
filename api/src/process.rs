use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use api::{ApiState, PostgresSettings, RedisSettings, ServerSettings};
use clap::{Parser, ValueEnum};
use market::pipeline::Pipeline;
use market::rules::{self, Target};
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use runtime::admin::{self, Admin};
use runtime::telemetry::{self, Format};
use runtime::{clock, listen, shutdown};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

const DATABASE_URL: &str = "DATABASE_URL";
const REDIS_URL: &str = "REDIS_URL";
/// How often the runtime says that it turns.
const TURN_EVERY: Duration = Duration::from_secs(1);

const ENVIRONMENT_HELP: &str = "\
Environment, for what no argument may show:
  DATABASE_URL  PostgreSQL, as a role that may read:
                postgres://user:password@host:port/database?sslmode=verify-full
  REDIS_URL     Redis: redis://user:password@host:port/database, rediss:// with TLS
  RUST_LOG      which logs are written, such as info or warn,api=debug

Exit code: 0 done, 1 failed, 2 wrong settings, 3 data of a newer version.";

/// REST, WebSocket and dashboard of a pipeline, from PostgreSQL and Redis. It writes nothing.
///
/// Tables that are not there yet, and servers that are away, are waited for: it is not ready until
/// the tables can be read.
#[derive(Debug, Parser)]
#[command(name = "api", version, max_term_width = 100, after_help = ENVIRONMENT_HELP)]
pub(crate) struct Process {
    /// The pipeline file
    #[arg(env = "CRYPTO_PIPELINE_SPEC")]
    file: PathBuf,
    /// Where the dashboard, REST and WebSocket listen
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8000")]
    listen: String,
    /// Where /livez, /readyz, /metrics and /status listen
    #[arg(long, env = "ADMIN_LISTEN", default_value = "0.0.0.0:9090")]
    admin_listen: String,
    /// The certificates that PostgreSQL's one must lead to, in PEM [default: the system's]
    #[arg(long, env = "DATABASE_CA_FILE", value_name = "FILE")]
    database_ca_file: Option<PathBuf>,
    /// The certificates that Redis' one must lead to, in PEM [default: the system's]
    #[arg(long, env = "REDIS_CA_FILE", value_name = "FILE")]
    redis_ca_file: Option<PathBuf>,
    /// Who this process is to PostgreSQL
    #[arg(long, env = "POD_NAME", default_value = "api-0")]
    name: String,
    /// How logs are written to standard error
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

impl Process {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let format = match self.log_format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        };
        telemetry::init(format, "info", std::io::stderr, None)?;
        tokio::runtime::Runtime::new()?.block_on(self.serve())
    }

    async fn serve(self) -> Result<(), Failure> {
        let pipeline = self.pipeline()?;
        let settings = self.settings(&pipeline)?;
        let prefix = settings.redis.prefix.clone();
        let listener = listen::bind(&self.listen, "--listen").await?;
        let admin_listener = listen::bind(&self.admin_listen, "--admin-listen").await?;
        let urls = [listener.local_addr()?, admin_listener.local_addr()?];
        let stop = shutdown::on_signals()?;
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let status = json!({"pipeline": pipeline.name, "phase": "serving"});
        let admin = Admin::new(clock::monotonic(), registry, move || status.clone());
        admin.set_unready("the tables cannot be read yet");
        let closed = CancellationToken::new();
        let admin_serving =
            tokio::spawn(admin::serve(admin_listener, admin.clone(), closed.clone()));
        let turning = tokio::spawn(turn(admin.clone(), closed.clone()));

        let state = ApiState::connect(settings).await?;
        tracing::info!(url = %urls[0], admin = %urls[1], "serving");
        let mut serving = tokio::spawn(api::serve(listener, state.clone(), stop.clone()));
        let tables = tokio::select! {
            tables = state.await_tables(&prefix) => tables,
            () = stop.cancelled() => Ok(()),
        };
        if tables.is_ok() {
            admin.set_ready();
            tracing::info!("the tables can be read");
        } else {
            stop.cancel();
        }
        let served = (&mut serving).await?;
        closed.cancel();
        admin_serving.await?;
        turning.await?;
        tables?;
        Ok(served?)
    }

    /// Reads the pipeline file; every problem is told with its path.
    fn pipeline(&self) -> Result<Pipeline, Failure> {
        let shown = self.file.display();
        let text = std::fs::read_to_string(&self.file).map_err(|error| {
            Failure::settings(vec![format!("cannot read \"{shown}\": {error}")])
        })?;
        rules::read(&text, Target::Local).map_err(|problems| {
            let sentences = problems.iter().map(|problem| format!("{shown}: {problem}"));
            Failure::settings(sentences.collect())
        })
    }

    fn settings(&self, pipeline: &Pipeline) -> Result<ServerSettings, Failure> {
        if let Some(path) = self.database_ca_file.as_ref().filter(|path| File::open(path).is_err())
        {
            let shown = path.display();
            return Err(Failure::settings(vec![format!(
                "cannot read DATABASE_CA_FILE \"{shown}\"; set it to a file of certificates in PEM"
            )]));
        }
        Ok(ServerSettings {
            postgres: PostgresSettings {
                url: secret(DATABASE_URL, "postgres://user@host:5432/database")?,
                root_ca_file: self.database_ca_file.clone(),
                schema: pipeline.schema(),
                application_name: self.name.clone(),
            },
            redis: RedisSettings {
                url: secret(REDIS_URL, "redis://host:6379")?,
                root_ca_file: self.redis_ca_file.clone(),
                prefix: pipeline.prefix(),
            },
            pipeline: pipeline.name.clone(),
            demo: pipeline.spec.is_simulated(),
            intervals: pipeline.spec.candles.intervals().to_vec(),
            now_ns: clock::now_ns,
        })
    }
}

/// A URL of the environment, which no argument may hold; empty counts as not set.
fn secret(name: &str, example: &str) -> Result<String, Failure> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| {
        Failure::settings(vec![format!("{name} is not set; write one such as {example}")])
    })
}

/// The runtime that serves is alive.
async fn turn(admin: Admin, closed: CancellationToken) {
    while !closed.is_cancelled() {
        admin.turned(clock::monotonic());
        tokio::select! {
            () = closed.cancelled() => {}
            () = tokio::time::sleep(TURN_EVERY) => {}
        }
    }
}
