//! Reading a store without a server, by the rules of the routes: what `candles` and `alerts` on
//! the command line show is what REST would answer.

use std::path::{Path, PathBuf};

use market::alert::Alert;
use market::candle::Candle;
use market::interval::Interval;
use market::symbol::{Series, Symbol};
use serde::{Deserialize, Serialize};

use crate::lookup::find_series;
use crate::store::{
    OpenTimes, PostgresSettings, PostgresStore, SCHEMA_VERSION_MAX, SqliteStore, Store, StoreError,
    StoredSeries, Walk,
};

const NANOS_PER_MILLI: i64 = 1_000_000;

/// Why a store has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store cannot be read.
    #[error(transparent)]
    ReadStore(#[from] StoreError),
    /// A newer program wrote the file.
    #[error(
        "\"{path}\" is of version {found}, and this program reads up to {newest}; \
         use the version that wrote it or a later one"
    )]
    RefuseNewerSchema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// What is understood here.
        newest: i64,
    },
    /// The store has no such series or interval; the sentence says which it has.
    #[error("{0}")]
    FindSeries(String),
}

/// A store that is only read; a cheap handle.
#[derive(Clone)]
pub struct Reader {
    store: Store,
}

/// An alert, and where its tick stood on the topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertEntry {
    /// Grows with each alert that is committed.
    pub row: i64,
    /// The partition of the tick that raised it.
    pub partition: i32,
    /// The offset of the tick that raised it.
    pub offset: i64,
    /// The alert.
    #[serde(flatten)]
    pub alert: Alert,
}

impl Reader {
    /// Opens the SQLite file of a data directory; a pipeline may be writing it.
    ///
    /// # Errors
    /// [`ReadError::ReadStore`], [`ReadError::RefuseNewerSchema`].
    pub async fn open(database: &Path) -> Result<Self, ReadError> {
        let store = SqliteStore::open(database).await?;
        let found = store.schema_version().await?;
        if found > SCHEMA_VERSION_MAX {
            let (path, newest) = (database.to_owned(), SCHEMA_VERSION_MAX);
            return Err(ReadError::RefuseNewerSchema { path, found, newest });
        }
        Ok(Self { store: Store::Sqlite(store) })
    }

    /// Reads the tables that `worker migrate` has made for a prefix; workers may be writing them.
    ///
    /// # Errors
    /// [`ReadError::ReadStore`]: also another pipeline's tables, or those of a newer version.
    pub async fn connect(settings: &PostgresSettings, prefix: &str) -> Result<Self, ReadError> {
        let store = PostgresStore::new(settings)?;
        store.check_owner(prefix).await?;
        Ok(Self { store: Store::Postgres(store) })
    }

    /// Every symbol, in order.
    ///
    /// # Errors
    /// [`ReadError::ReadStore`].
    pub async fn symbols(&self) -> Result<Vec<Symbol>, ReadError> {
        let all = self.store.series().await?;
        let mut symbols: Vec<Symbol> = all.into_iter().map(|stored| stored.series.symbol).collect();
        symbols.dedup();
        Ok(symbols)
    }

    /// The candles of one series; without a source, of the symbol's primary one.
    ///
    /// # Errors
    /// [`ReadError::FindSeries`] when there is no such series, or it has none of this interval.
    pub async fn candles(
        &self,
        symbol: &str,
        source: Option<&str>,
        interval: Interval,
    ) -> Result<CandleReader, ReadError> {
        let all = self.store.series().await?;
        let series = find_series(&all, symbol, source)
            .map_err(|problem| ReadError::FindSeries(problem.detail().to_owned()))?
            .clone();
        let stored = self.store.intervals(series.id).await?;
        if !stored.contains(&interval) {
            let texts: Vec<&str> = stored.iter().map(|interval| interval.as_str()).collect();
            let has = if texts.is_empty() { "none yet".to_owned() } else { texts.join(" ") };
            let sentence = format!("{} has no {interval} candles; it has {has}", series.series);
            return Err(ReadError::FindSeries(sentence));
        }
        Ok(CandleReader { store: self.store.clone(), series, interval })
    }

    /// How far each series is, in nanoseconds: as its source has said, else to the end of its last
    /// closed minute.
    ///
    /// # Errors
    /// [`ReadError::ReadStore`].
    pub async fn watermarks(&self) -> Result<Vec<(Series, Option<i64>)>, ReadError> {
        let feeds = self.store.feeds().await?;
        let mut watermarks = Vec::new();
        for stored in self.store.series().await? {
            let feed = feeds.iter().find(|feed| feed.feed.series == stored.series);
            let watermark_ns = match feed {
                Some(feed) => Some(feed.feed.watermark_ns),
                None => {
                    let minute = self.store.last_closed(&stored, Interval::M1).await?;
                    minute.map(|minute| minute.candle.close_time_ms * NANOS_PER_MILLI)
                }
            };
            watermarks.push((stored.series, watermark_ns));
        }
        Ok(watermarks)
    }

    /// Up to where each partition of a ticks topic is committed; below zero where nothing is.
    ///
    /// # Errors
    /// [`ReadError::ReadStore`].
    pub async fn next_offsets(&self, topic: &str) -> Result<Vec<(i32, i64)>, ReadError> {
        Ok(self.store.next_offsets(topic).await?)
    }

    /// At most `limit` alerts that were committed after the one at `row`, in that order; from the
    /// first on with 0.
    ///
    /// # Errors
    /// [`ReadError::ReadStore`].
    pub async fn alerts_after(&self, row: i64, limit: usize) -> Result<Vec<AlertEntry>, ReadError> {
        Ok(self.store.alerts_after(row, limit).await?)
    }
}

/// The candles of one series and interval.
pub struct CandleReader {
    store: Store,
    series: StoredSeries,
    interval: Interval,
}

impl CandleReader {
    /// Whose candles they are.
    #[must_use]
    pub fn series(&self) -> &Series {
        &self.series.series
    }

    /// The oldest candles that open in `[from_ms, to_ms)`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// [`ReadError::ReadStore`].
    pub async fn oldest(
        &self,
        from_ms: Option<i64>,
        to_ms: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Candle>, ReadError> {
        self.read(OpenTimes { from_ms, to_ms }, Walk::Forward, limit).await
    }

    /// The newest candles that open before `to_ms`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// [`ReadError::ReadStore`].
    pub async fn newest(&self, to_ms: Option<i64>, limit: usize) -> Result<Vec<Candle>, ReadError> {
        let times = OpenTimes { from_ms: None, to_ms };
        let mut candles = self.read(times, Walk::Backward, limit).await?;
        candles.reverse();
        Ok(candles)
    }

    async fn read(
        &self,
        times: OpenTimes,
        walk: Walk,
        limit: usize,
    ) -> Result<Vec<Candle>, ReadError> {
        let rows = self.store.candles(&self.series, self.interval, times, walk, limit).await?;
        Ok(rows.into_iter().map(|row| row.candle).collect())
    }
}
