//! A pipeline file, read strictly: every problem is told with its path.

use std::path::Path;

use market::pipeline::Pipeline;
use market::rules::{Target, read};

use crate::failure::Failure;

/// Reads a pipeline file and checks it for this target.
pub(crate) fn load(path: &Path, target: Target) -> Result<Pipeline, Failure> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::settings(format!("cannot read \"{shown}\": {error}")))?;
    read(&text, target).map_err(|problems| Failure::problems(&shown, &problems))
}
