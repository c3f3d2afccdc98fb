//! `crypto-pipeline validate`: every problem of a pipeline file at once.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use market::rules;

use super::file;
use super::output::Output;
use crate::failure::Failure;

/// Check a pipeline file without running it.
///
/// Every problem is told with its path and what to write instead.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crypto-pipeline validate majors.yaml
  crypto-pipeline validate majors.yaml --target cluster

Exit code: 0 valid, 2 not.")]
pub(crate) struct Validate {
    /// The pipeline file
    file: PathBuf,
    /// Where it is to run; a cluster needs more: kafka, postgres, redis
    #[arg(long, value_enum, default_value_t = Target::Local)]
    target: Target,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Target {
    /// `crypto-pipeline run`, on embedded parts
    Local,
    /// Kubernetes
    Cluster,
}

impl Validate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (target, place) = match self.target {
            Target::Local => (rules::Target::Local, "a local run"),
            Target::Cluster => (rules::Target::Cluster, "a cluster"),
        };
        let pipeline = file::load(&self.file, target)?;
        let sources = pipeline.spec.sources.len();
        let series: usize = pipeline.spec.sources.iter().map(|source| source.symbols().len()).sum();
        let mut output = Output::new();
        writeln!(
            output,
            "{}: valid for {place}, {sources} source{}, {series} series",
            self.file.display(),
            if sources == 1 { "" } else { "s" },
        )?;
        output.flush()?;
        Ok(())
    }
}
