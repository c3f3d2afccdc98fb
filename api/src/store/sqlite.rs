//! The embedded store: a SQLite file in WAL mode, read while the worker writes it.

use std::path::Path;
use std::time::Duration;

use market::alert::Alert;
use market::interval::Interval;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::row::{as_of, reading, stored_alert, stored_candle, stored_feed, stored_series};
use super::{AsOf, OpenTimes, StoreError, StoredCandle, StoredFeed, StoredSeries, Walk};

/// What was committed, in the order of the commits.
mod log;

const CONNECTIONS_MAX: u32 = 4;
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(5);
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

const CANDLES_FORWARD: &str = "SELECT * FROM candle WHERE series_id = ? AND interval = ? \
     AND open_time_ms >= ? AND open_time_ms < ? ORDER BY open_time_ms LIMIT ?";
const CANDLES_BACKWARD: &str = "SELECT * FROM candle WHERE series_id = ? AND interval = ? \
     AND open_time_ms >= ? AND open_time_ms < ? ORDER BY open_time_ms DESC LIMIT ?";
const LAST_CLOSED: &str = "SELECT * FROM candle WHERE series_id = ? AND interval = ? \
     AND closed = 1 ORDER BY open_time_ms DESC LIMIT 1";
// Revisions touch recent candles, so the newest thousand hold the highest number; where they do
// not, the answer is a lower one, which is still true.
const AS_OF: &str = "SELECT (SELECT MAX(seq) FROM (SELECT seq FROM candle \
     WHERE series_id = ?1 AND interval = ?2 ORDER BY open_time_ms DESC LIMIT 1000)) AS seq, \
     (SELECT watermark_ns FROM feed WHERE series_id = ?1) AS watermark_ns";
const LAST_ALERT: &str =
    "SELECT * FROM alert WHERE series_id = ? ORDER BY event_time_ns DESC LIMIT 1";

/// A read-only pool; a cheap handle.
#[derive(Clone)]
pub(crate) struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens the file that the worker has created.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options =
            SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(LOCK_WAIT_MAX);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECTION_WAIT_MAX)
            .connect_with(options)
            .await
            .map_err(|source| StoreError::OpenStore { path: path.to_owned(), source })?;
        Ok(Self { pool })
    }

    /// All series, by symbol, the primary one of each first.
    pub(crate) async fn series(&self) -> Result<Vec<StoredSeries>, StoreError> {
        let rows = sqlx::query("SELECT * FROM series ORDER BY symbol, primary_source DESC, source")
            .fetch_all(&self.pool)
            .await
            .map_err(reading("series"))?;
        rows.iter().map(stored_series).collect()
    }

    /// Which intervals a series has candles of, smallest first.
    pub(crate) async fn intervals(&self, series_id: i64) -> Result<Vec<Interval>, StoreError> {
        let mut stored = Vec::new();
        for interval in Interval::ALL {
            let row =
                sqlx::query("SELECT 1 FROM candle WHERE series_id = ? AND interval = ? LIMIT 1")
                    .bind(series_id)
                    .bind(interval.as_str())
                    .fetch_optional(&self.pool)
                    .await
                    .map_err(reading("intervals"))?;
            if row.is_some() {
                stored.push(interval);
            }
        }
        Ok(stored)
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
        let query = match walk {
            Walk::Forward => CANDLES_FORWARD,
            Walk::Backward => CANDLES_BACKWARD,
        };
        let rows = sqlx::query(query)
            .bind(series.id)
            .bind(interval.as_str())
            .bind(times.from_ms.unwrap_or(i64::MIN))
            .bind(times.to_ms.unwrap_or(i64::MAX))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(reading("candles"))?;
        rows.iter().map(|row| stored_candle(row, &series.series, interval)).collect()
    }

    /// The newest closed candle.
    pub(crate) async fn last_closed(
        &self,
        series: &StoredSeries,
        interval: Interval,
    ) -> Result<Option<StoredCandle>, StoreError> {
        let row = sqlx::query(LAST_CLOSED)
            .bind(series.id)
            .bind(interval.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(reading("the last candle"))?;
        row.map(|row| stored_candle(&row, &series.series, interval)).transpose()
    }

    /// How far candles that are read after this call reach.
    pub(crate) async fn as_of(
        &self,
        series_id: i64,
        interval: Interval,
    ) -> Result<AsOf, StoreError> {
        let row = sqlx::query(AS_OF)
            .bind(series_id)
            .bind(interval.as_str())
            .fetch_one(&self.pool)
            .await
            .map_err(reading("positions"))?;
        as_of(&row)
    }

    /// The last state of every feed that has one.
    pub(crate) async fn feeds(&self) -> Result<Vec<StoredFeed>, StoreError> {
        let rows = sqlx::query("SELECT * FROM feed JOIN series USING (series_id) ORDER BY symbol")
            .fetch_all(&self.pool)
            .await
            .map_err(reading("feeds"))?;
        rows.iter().map(stored_feed).collect()
    }

    /// The newest alert of a series and the number of its publication.
    pub(crate) async fn last_alert(
        &self,
        series: &StoredSeries,
    ) -> Result<Option<(Alert, u64)>, StoreError> {
        let row = sqlx::query(LAST_ALERT)
            .bind(series.id)
            .fetch_optional(&self.pool)
            .await
            .map_err(reading("alerts"))?;
        row.map(|row| stored_alert(&row, &series.series)).transpose()
    }
}
