//! The commands, in the order of `--help`.

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// A pipeline file, as every command that takes one reads it.
mod file;
/// The whole pipeline in one process.
mod run;
/// What the terminal shows while a pipeline runs.
mod screen;

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
}

impl Cli {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Run(command) => command.run(),
        }
    }
}
