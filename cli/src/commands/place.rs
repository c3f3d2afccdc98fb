//! Where stored data is.

use std::path::{Path, PathBuf};

use worker::store::FILE_NAME;

use crate::failure::Failure;

/// The SQLite file of a data directory that must exist.
pub(crate) fn database(data_dir: &Path) -> Result<PathBuf, Failure> {
    let shown = data_dir.display();
    if !data_dir.is_dir() {
        return Err(Failure::settings(format!(
            "data directory \"{shown}\" does not exist; `crypto-pipeline run` makes it, or name \
             another with --data-dir"
        )));
    }
    let database = data_dir.join(FILE_NAME);
    if !database.is_file() {
        return Err(Failure::settings(format!(
            "\"{shown}\" is no data directory of a pipeline: it has no {FILE_NAME}; name the one \
             that was given to `crypto-pipeline run`"
        )));
    }
    Ok(database)
}

/// A store that has no answer, as a failure.
pub(crate) fn unread(error: api::ReadError) -> Failure {
    match error {
        api::ReadError::FindSeries(sentence) => Failure::settings(sentence),
        api::ReadError::RefuseNewerSchema { .. } => Failure::Failed(error.into(), 3),
        api::ReadError::ReadStore(error) => error.into(),
    }
}
