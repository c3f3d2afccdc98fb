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
#[command(name = "crypto-pipeline", version, max_term_width = 100)]
#[command(
    after_help = "Begin with `crypto-pipeline run`: live venues, or a demo market, on http://127.0.0.1:8000."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Each is described where it is defined.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Candles(candles::Candles),
    Prove(prove::Prove),
    Validate(validate::Validate),
    Status(status::Status),
    Tail(tail::Tail),
    Alerts(alerts::Alerts),
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
