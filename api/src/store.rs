//! What is read from where the worker writes. All SQL of this crate is below here.

use std::path::PathBuf;

use market::candle::Candle;
use market::publication::Feed;
use market::symbol::Series;
use serde::Serialize;

/// The embedded store.
mod sqlite;

pub(crate) use sqlite::Store;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is missing or is no store.
    #[error("cannot open the store \"{path}\"")]
    OpenStore {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// A query failed.
    #[error("cannot read {what} from the store")]
    ReadStore {
        /// What was read.
        what: &'static str,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// A stored value is none of ours.
    #[error("stored {column} \"{text}\" cannot be understood")]
    DecodeColumn {
        /// The column.
        column: &'static str,
        /// What stands there.
        text: String,
    },
}

/// What a series is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Trade,
    Quote,
}

/// One series as the store knows it.
#[derive(Debug, Clone)]
pub(crate) struct StoredSeries {
    pub(crate) id: i64,
    pub(crate) series: Series,
    pub(crate) kind: Kind,
    pub(crate) venue: String,
    pub(crate) instrument: String,
    pub(crate) primary: bool,
}

/// A candle with the number of its last publication.
#[derive(Debug, Clone)]
pub(crate) struct StoredCandle {
    pub(crate) candle: Candle,
    pub(crate) seq: u64,
}

/// A feed with the number of its last publication.
#[derive(Debug, Clone)]
pub(crate) struct StoredFeed {
    pub(crate) feed: Feed,
    pub(crate) seq: u64,
}

/// Open times `[from_ms, to_ms)`; an absent bound is open.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OpenTimes {
    pub(crate) from_ms: Option<i64>,
    pub(crate) to_ms: Option<i64>,
}

/// Which end of a range comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Walk {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// How far an answer reaches: everything up to here is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct AsOf {
    /// The newest publication of the channel that the answer is sure to hold.
    pub(crate) seq: u64,
    /// Where the series' own time stood, in milliseconds since the epoch.
    pub(crate) watermark_ms: Option<i64>,
}
