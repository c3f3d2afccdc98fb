//! `api`: REST, WebSocket and dashboard of a pipeline, from PostgreSQL and Redis.
//!
//! `main` parses, serves, and maps the end to an exit code: 0 done, 1 failed, 2 wrong settings,
//! 3 data of a newer version.

use std::process::ExitCode;

use clap::Parser;

/// Why nothing is served, and with which exit code.
mod failure;
/// What the process is told, and what it does.
mod process;

/// What is made on one thread and freed on another, as every record and commit is, stays with
/// glibc's allocator for long.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match process::Process::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
