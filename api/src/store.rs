//! What is read from where the worker writes. All SQL of this crate is below here.

use market::alert::Alert;
use market::candle::Candle;
use market::interval::Interval;
use market::publication::Feed;
use market::symbol::Series;
use serde::Serialize;

use crate::reader::AlertEntry;

/// Why something could not be read.
mod error;
/// The store of a cluster.
mod postgres;
/// Rows of either database to words.
mod row;
/// The embedded store.
mod sqlite;

pub use error::StoreError;
pub use postgres::PostgresSettings;
pub(crate) use postgres::PostgresStore;
pub(crate) use sqlite::SqliteStore;

/// The newest form of the tables that is understood here.
pub(crate) const SCHEMA_VERSION_MAX: i64 = 1;

/// What is read from; a cheap handle.
#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

/// The same question to whichever store it is.
macro_rules! ask {
    ($store:expr, $question:ident($($argument:expr),*)) => {
        match $store {
            Store::Sqlite(store) => store.$question($($argument),*).await,
            Store::Postgres(store) => store.$question($($argument),*).await,
        }
    };
}

impl Store {
    /// The tables that `worker migrate` has made for a prefix. A server that cannot be asked is
    /// no error: each question is a new chance.
    pub(crate) async fn connect(
        settings: &PostgresSettings,
        prefix: &str,
    ) -> Result<Self, StoreError> {
        let store = PostgresStore::new(settings)?;
        match store.check_owner(prefix).await {
            Err(error) if error.is_retryable() => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "store cannot be read yet");
            }
            checked => checked?,
        }
        Ok(Self::Postgres(store))
    }

    /// Refuses the tables of another pipeline or of a newer version.
    pub(crate) async fn check_owner(&self, prefix: &str) -> Result<(), StoreError> {
        match self {
            // One file is one pipeline's.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(store) => store.check_owner(prefix).await,
        }
    }

    /// What `/health` calls it.
    pub(crate) const fn service(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "store",
            Self::Postgres(_) => "postgresql",
        }
    }

    /// All series, by symbol, the primary one of each first.
    pub(crate) async fn series(&self) -> Result<Vec<StoredSeries>, StoreError> {
        ask!(self, series())
    }

    /// Which intervals a series has candles of, smallest first.
    pub(crate) async fn intervals(&self, series_id: i64) -> Result<Vec<Interval>, StoreError> {
        ask!(self, intervals(series_id))
    }

    /// At most `limit` candles whose open time lies in `times`, in the order of `walk`.
    pub(crate) async fn candles(
        &self,
        series: &StoredSeries,
        interval: Interval,
        times: OpenTimes,
        walk: Walk,
        limit: usize,
    ) -> Result<Vec<StoredCandle>, StoreError> {
        ask!(self, candles(series, interval, times, walk, limit))
    }

    /// The newest closed candle.
    pub(crate) async fn last_closed(
        &self,
        series: &StoredSeries,
        interval: Interval,
    ) -> Result<Option<StoredCandle>, StoreError> {
        ask!(self, last_closed(series, interval))
    }

    /// How far candles that are read after this call reach.
    pub(crate) async fn as_of(
        &self,
        series_id: i64,
        interval: Interval,
    ) -> Result<AsOf, StoreError> {
        ask!(self, as_of(series_id, interval))
    }

    /// The last state of every feed that has one.
    pub(crate) async fn feeds(&self) -> Result<Vec<StoredFeed>, StoreError> {
        ask!(self, feeds())
    }

    /// The newest alert of a series and the number of its publication.
    pub(crate) async fn last_alert(
        &self,
        series: &StoredSeries,
    ) -> Result<Option<(Alert, u64)>, StoreError> {
        ask!(self, last_alert(series))
    }

    /// Up to where each partition of a ticks topic is committed.
    pub(crate) async fn next_offsets(&self, topic: &str) -> Result<Vec<(i32, i64)>, StoreError> {
        ask!(self, next_offsets(topic))
    }

    /// At most `limit` alerts with prices, of primary series since a time, the newest first.
    pub(crate) async fn newest_alerts(
        &self,
        symbol: Option<&str>,
        since_ms: i64,
        limit: usize,
    ) -> Result<Vec<AlertEntry>, StoreError> {
        ask!(self, newest_alerts(symbol, since_ms, limit))
    }

    /// At most `limit` alerts that were committed after the one at `row`.
    pub(crate) async fn alerts_after(
        &self,
        row: i64,
        limit: usize,
    ) -> Result<Vec<AlertEntry>, StoreError> {
        ask!(self, alerts_after(row, limit))
    }
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
