//! The embedded store: a SQLite file in WAL mode, read while the worker writes it.

use std::path::Path;
use std::time::Duration;

use market::alert::Alert;
use market::candle::Candle;
use market::interval::Interval;
use market::publication::Feed;
use market::symbol::{Series, SourceName, Symbol};
use serde::de::{Deserialize, IntoDeserializer, value};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};

use super::{AsOf, Kind, OpenTimes, StoreError, StoredCandle, StoredFeed, StoredSeries, Walk};

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
pub(crate) struct Store {
    pool: SqlitePool,
}

impl Store {
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
        let watermark_ns: Option<i64> = column(&row, "watermark_ns")?;
        let seq = count(&row, "seq")?.unwrap_or(0);
        Ok(AsOf { seq, watermark_ms: watermark_ns.map(|time| time.div_euclid(1_000_000)) })
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

fn reading(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::ReadStore { what, source }
}

fn stored_series(row: &SqliteRow) -> Result<StoredSeries, StoreError> {
    Ok(StoredSeries {
        id: column(row, "series_id")?,
        series: series_of(row)?,
        kind: word::<Kind>(row, "kind")?.ok_or_else(|| missing("kind"))?,
        venue: column(row, "venue")?,
        instrument: column(row, "instrument")?,
        primary: column(row, "primary_source")?,
    })
}

fn series_of(row: &SqliteRow) -> Result<Series, StoreError> {
    Ok(Series {
        symbol: word::<Symbol>(row, "symbol")?.ok_or_else(|| missing("symbol"))?,
        source: word::<SourceName>(row, "source")?.ok_or_else(|| missing("source"))?,
    })
}

fn stored_candle(
    row: &SqliteRow,
    series: &Series,
    interval: Interval,
) -> Result<StoredCandle, StoreError> {
    let candle = Candle {
        symbol: series.symbol.clone(),
        source: series.source.clone(),
        interval,
        open_time_ms: column(row, "open_time_ms")?,
        close_time_ms: column(row, "close_time_ms")?,
        open: word(row, "open")?,
        high: word(row, "high")?,
        low: word(row, "low")?,
        close: word(row, "close")?,
        volume: word(row, "volume")?,
        quote_volume: word(row, "quote_volume")?,
        taker_buy_volume: word(row, "taker_buy_volume")?,
        taker_buy_quote_volume: word(row, "taker_buy_quote_volume")?,
        vwap: word(row, "vwap")?,
        trade_count: count(row, "trade_count")?,
        first_id: count(row, "first_id")?,
        last_id: count(row, "last_id")?,
        first_event_ns: column(row, "first_event_ns")?,
        last_event_ns: column(row, "last_event_ns")?,
        closed: column(row, "closed")?,
        complete: column(row, "complete")?,
        revision: column(row, "revision")?,
        samples: count(row, "samples")?,
        sma_20: column(row, "sma_20")?,
        sma_50: column(row, "sma_50")?,
        ema_20: column(row, "ema_20")?,
        trend: word(row, "trend")?,
    };
    Ok(StoredCandle { candle, seq: count(row, "seq")?.unwrap_or(0) })
}

fn stored_feed(row: &SqliteRow) -> Result<StoredFeed, StoreError> {
    let feed = Feed {
        series: series_of(row)?,
        state: word(row, "state")?.ok_or_else(|| missing("state"))?,
        reason: column(row, "reason")?,
        watermark_ns: column(row, "watermark_ns")?,
    };
    Ok(StoredFeed { feed, seq: count(row, "seq")?.unwrap_or(0) })
}

fn stored_alert(row: &SqliteRow, series: &Series) -> Result<(Alert, u64), StoreError> {
    let alert = Alert {
        alert_id: column(row, "alert_id")?,
        symbol: series.symbol.clone(),
        source: series.source.clone(),
        alert_type: word(row, "alert_type")?.ok_or_else(|| missing("alert_type"))?,
        rule: word(row, "rule")?.ok_or_else(|| missing("rule"))?,
        price_change_percent: column(row, "price_change_percent")?,
        open_price: word(row, "open_price")?,
        close_price: word(row, "close_price")?,
        window_start: time(row, "window_start_ms", jiff::Timestamp::from_millisecond)?,
        window_end: time(row, "window_end_ms", jiff::Timestamp::from_millisecond)?,
        timestamp: time(row, "event_time_ns", |ns| jiff::Timestamp::from_nanosecond(ns.into()))?,
        severity: word(row, "severity")?.ok_or_else(|| missing("severity"))?,
        z_score: column(row, "z_score")?,
    };
    Ok((alert, count(row, "seq")?.unwrap_or(0)))
}

fn column<'row, T>(row: &'row SqliteRow, name: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'row, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(name).map_err(|source| StoreError::ReadStore { what: name, source })
}

/// A number that is never below zero.
fn count(row: &SqliteRow, name: &'static str) -> Result<Option<u64>, StoreError> {
    let number: Option<i64> = column(row, name)?;
    number
        .map(|number| {
            u64::try_from(number)
                .map_err(|_| StoreError::DecodeColumn { column: name, text: number.to_string() })
        })
        .transpose()
}

/// A text column through the type's own text form, which is what JSON shows too.
fn word<T: for<'de> Deserialize<'de>>(
    row: &SqliteRow,
    name: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = column(row, name)?;
    text.map(|text| {
        let deserializer: value::StrDeserializer<'_, value::Error> = text.into_deserializer();
        T::deserialize(deserializer)
            .map_err(|_| StoreError::DecodeColumn { column: name, text: text.to_owned() })
    })
    .transpose()
}

fn time(
    row: &SqliteRow,
    name: &'static str,
    convert: impl Fn(i64) -> Result<jiff::Timestamp, jiff::Error>,
) -> Result<jiff::Timestamp, StoreError> {
    let number: i64 = column(row, name)?;
    convert(number).map_err(|_| StoreError::DecodeColumn { column: name, text: number.to_string() })
}

fn missing(column: &'static str) -> StoreError {
    StoreError::DecodeColumn { column, text: String::new() }
}
