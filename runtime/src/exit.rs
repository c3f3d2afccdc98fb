//! What a process ends with, and its last sentence.

use std::error::Error;

/// Something failed that may work later or elsewhere.
pub const FAILED: u8 = 1;
/// The settings are wrong.
pub const SETTINGS: u8 = 2;
/// The data was written by a newer version.
pub const NEWER_DATA: u8 = 3;

/// An error and all that caused it, in one sentence.
#[must_use]
pub fn sentence(error: &dyn Error) -> String {
    let (mut sentence, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}
