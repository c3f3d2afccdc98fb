//! `crypto-pipeline tail`: what flows through the ticks topic of a running pipeline.

use std::io::Write;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use market::tick::decode;
use runtime::{clock, shutdown};
use tokio::runtime::Runtime;
use worker::topic::{Connection, Fetched, WatchFrom, Watcher, topics_of};

use super::alerts::check_symbols;
use super::output::{Output, note};
use super::place::Connect;
use super::status::{AdminAddress, RUNNING};
use crate::failure::Failure;

/// How one record is written.
mod line;

/// How long a look at the topic takes when it has nothing new.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// After so long without a record the pipeline is asked whether it still runs.
const QUIET_MAX: Duration = Duration::from_secs(2);

/// Follow the records of a running pipeline.
///
/// Shows trades, quotes and marks as they pass through the ticks topic, until Ctrl-C: that of the
/// pipeline behind an admin port, or on real servers that of a file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crypto-pipeline tail
  crypto-pipeline tail BTC ETH --source binance
  crypto-pipeline tail BTC --from-beginning --max 10 --format json
  crypto-pipeline tail BTC --connect majors.yaml")]
pub(crate) struct Tail {
    /// Only these symbols
    #[arg(value_name = "SYMBOL")]
    symbols: Vec<String>,
    /// Only records of this source
    #[arg(long, value_name = "S")]
    source: Option<String>,
    /// Begin with the oldest record that is kept, not with the next one
    #[arg(long)]
    from_beginning: bool,
    /// End after so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
    /// How records are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    admin: AdminAddress,
    #[command(flatten)]
    connect: Connect,
}

/// A ticks topic that is there.
struct Topic {
    pipeline: String,
    connection: Connection,
    name: String,
    symbols: Vec<String>,
    /// Whether it dies with the pipeline.
    embedded: bool,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One object a line, with the record as it was sent
    Json,
}

impl Tail {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let runtime = Runtime::new()?;
        let topic = runtime.block_on(self.find())?;
        check_symbols(&self.symbols, topic.symbols.iter().map(String::as_str))?;
        let from = if self.from_beginning { WatchFrom::Beginning } else { WatchFrom::End };
        let watcher =
            Watcher::open(&topic.connection, &topic.name, from).map_err(anyhow::Error::from)?;
        let shown = self.follow(watcher, &topic, &runtime)?;
        note(&format!("{shown} record{}", if shown == 1 { "" } else { "s" }));
        Ok(())
    }

    /// The topic of the file of `--connect`, or of the pipeline that runs.
    async fn find(&self) -> Result<Topic, Failure> {
        if let Some(pipeline) = self.connect.pipeline()? {
            let connection = self.connect.kafka(&pipeline).await?;
            let sources = pipeline.spec.sources.iter();
            let symbols = sources.flat_map(|source| source.symbols());
            return Ok(Topic {
                name: topics_of(&pipeline).ticks,
                symbols: symbols.map(|symbol| symbol.symbol.to_string()).collect(),
                pipeline: pipeline.name,
                connection,
                embedded: false,
            });
        }
        let report = self.admin.ask().await?;
        let (Some(brokers), Some(name)) = (report.brokers, report.topic) else {
            let name = report.pipeline;
            return Err(if report.phase == RUNNING {
                Failure::settings("a worker does not tell its topic; name its file with --connect")
            } else {
                anyhow!("pipeline \"{name}\" is starting; try again").into()
            });
        };
        Ok(Topic {
            pipeline: report.pipeline,
            connection: Connection { brokers, extra: Vec::new() },
            name,
            symbols: report.series.into_iter().map(|series| series.symbol).collect(),
            embedded: true,
        })
    }

    /// Shows records until Ctrl-C, `--max`, or the end of the pipeline. Returns how many.
    fn follow(
        &self,
        mut watcher: Watcher,
        topic: &Topic,
        runtime: &Runtime,
    ) -> Result<u64, Failure> {
        let stop = runtime.block_on(async { shutdown::on_signals() })?;
        let mut output = Output::new();
        let mut shown = 0;
        let mut heard = clock::monotonic();
        while !stop.is_cancelled() && !output.is_closed() {
            let batch = watcher.poll(POLL_WAIT);
            for record in batch.records() {
                match record {
                    Ok(record) => shown += u64::from(self.show(&mut output, &record)?),
                    Err(error) if error.is_retryable() => {}
                    Err(error) => return Err(anyhow::Error::from(error).into()),
                }
                if self.max.is_some_and(|max| shown >= max) {
                    output.flush()?;
                    return Ok(shown);
                }
            }
            output.flush()?;
            if !batch.is_empty() {
                heard = clock::monotonic();
            } else if clock::monotonic().duration_since(heard) >= QUIET_MAX {
                if topic.embedded && !self.still_runs(topic, runtime) {
                    note(&format!("pipeline \"{}\" has stopped", topic.pipeline));
                    break;
                }
                heard = clock::monotonic();
            }
        }
        Ok(shown)
    }

    /// Whether the pipeline that was found at the beginning is still there.
    fn still_runs(&self, topic: &Topic, runtime: &Runtime) -> bool {
        let now = runtime.block_on(self.admin.ask());
        now.is_ok_and(|now| now.brokers.as_ref() == Some(&topic.connection.brokers))
    }

    /// Writes the record if it is one that was asked for.
    fn show(&self, out: &mut impl Write, record: &Fetched<'_>) -> Result<bool, Failure> {
        let decoded = decode(record.value);
        let key = record.key.and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default();
        let (symbol, source) = match &decoded {
            Ok(decoded) => (decoded.symbol(), Some(decoded.source())),
            Err(_) => (key, None),
        };
        let wanted = (self.symbols.is_empty() || self.symbols.iter().any(|name| name == symbol))
            && self.source.as_deref().is_none_or(|name| source == Some(name));
        if !wanted {
            return Ok(false);
        }
        match self.format {
            Format::Json => line::json(out, record)?,
            Format::Text => match &decoded {
                Ok(decoded) => line::text(out, record, decoded)?,
                Err(bad) => line::bad(out, record, key, &bad.error.to_string())?,
            },
        }
        Ok(true)
    }
}
