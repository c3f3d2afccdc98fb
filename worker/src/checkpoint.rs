//! What a partition must remember of a series, as versioned bytes.
//!
//! Version N reads N and N − 1. A newer version is refused: its data would be misread.
//! Version 2 has a set of ids more, at its end.

use crate::window::SeriesWindows;

/// The version that this build writes.
pub const VERSION: u32 = 2;
/// The oldest version that this build reads.
pub const VERSION_OLDEST: u32 = 1;

/// Why stored bytes cannot be gone on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Written by a newer build.
    #[error(
        "state version {version} is newer than {VERSION}, the newest that this version reads; \
         run the version that wrote it, or a later one"
    )]
    ReadNewer {
        /// The stored version.
        version: u32,
    },
    /// Written by a build that is too old.
    #[error(
        "state version {version} is older than {VERSION_OLDEST}, the oldest that this version \
         reads; run the versions between first"
    )]
    ReadOlder {
        /// The stored version.
        version: u32,
    },
    /// Not the bytes of a state.
    #[error("the stored state of a series is damaged")]
    ReadBytes,
}

/// The version and bytes of a state.
pub(crate) fn encode(windows: &SeriesWindows) -> (u32, Vec<u8>) {
    let bytes = postcard::to_stdvec(windows).expect("every field of a state has a postcard form");
    (VERSION, bytes)
}

/// What a version 1 lacks: a set of ids, empty.
const NO_IDS: u8 = 0;

/// The state of such bytes.
pub(crate) fn decode(version: u32, bytes: &[u8]) -> Result<SeriesWindows, CheckpointError> {
    if version > VERSION {
        return Err(CheckpointError::ReadNewer { version });
    }
    if version < VERSION_OLDEST {
        return Err(CheckpointError::ReadOlder { version });
    }
    let longer;
    let bytes = if version == 1 {
        longer = [bytes, &[NO_IDS]].concat();
        &longer
    } else {
        bytes
    };
    match postcard::take_from_bytes::<SeriesWindows>(bytes) {
        Ok((windows, [])) if windows.is_whole() => Ok(windows),
        Ok(_) | Err(_) => Err(CheckpointError::ReadBytes),
    }
}
