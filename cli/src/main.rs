//! `crypto-pipeline`: what a person types.
//!
//! `main` parses, runs one command, and maps its end to an exit code: 0 done, 1 failed, 2 wrong
//! settings, 3 data of a newer version.

use std::process::ExitCode;

use clap::Parser;

/// One file per command.
mod commands;
/// Why a command fails, and with which exit code.
mod failure;

/// What is made on one thread and freed on another, as every record and commit is, stays with
/// glibc's allocator for long.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let command = commands::Cli::parse();
    match command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
