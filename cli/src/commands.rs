//! The commands, in the order of `--help`.

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// What was raised.
mod alerts;
/// Stored candles.
mod candles;
/// Completion scripts for shells.
mod completions;
/// Our candles against the exchange's own.
mod prove;
/// The whole pipeline in one process.
mod run;
/// How a running pipeline is doing.
mod status;
/// What flows through the ticks topic.
mod tail;
/// A pipeline file, checked.
mod validate;

/// A pipeline file, as every command that takes one reads it.
mod file;
/// Asking servers.
mod http;
/// Standard output.
mod output;
/// Where stored data is.
mod place;
/// What the terminal shows while a pipeline runs.
mod screen;
/// Times as people write and read them.
mod time;

/// Exact OHLCV candles from live or recorded trades.
#[derive(Debug, Parser)]
#[command(name = "crypto-pipeline", version, about, max_term_width = 100)]
#[command(after_help = "Begin with `crypto-pipeline run`: a demo market on http://127.0.0.1:8000.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a pipeline in this process, with a dashboard
    Run(run::Run),
    /// Show stored candles as a table, CSV or JSON
    Candles(candles::Candles),
    /// Prove our candles against the exchange's own, on any day
    Prove(prove::Prove),
    /// Check a pipeline file without running it
    Validate(validate::Validate),
    /// Show how a running pipeline is doing
    Status(status::Status),
    /// Follow the records of a running pipeline
    Tail(tail::Tail),
    /// Show alerts, the newest last
    Alerts(alerts::Alerts),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

impl Cli {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Run(command) => command.run(),
            Command::Candles(command) => command.run(),
            Command::Prove(command) => command.run(),
            Command::Validate(command) => command.run(),
            Command::Status(command) => command.run(),
            Command::Tail(command) => command.run(),
            Command::Alerts(command) => command.run(),
            Command::Completions(command) => command.run(),
        }
    }
}
