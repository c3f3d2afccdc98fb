//! `crypto-pipeline completions`: what a shell needs to complete our commands.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::output::Output;
use crate::failure::Failure;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(crypto-pipeline completions bash)
  crypto-pipeline completions zsh > ~/.zfunc/_crypto-pipeline
  crypto-pipeline completions fish > ~/.config/fish/completions/crypto-pipeline.fish")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut command = Cli::command();
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        let mut output = Output::new();
        output.write_all(&script)?;
        output.flush()?;
        Ok(())
    }
}
