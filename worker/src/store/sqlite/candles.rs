use std::sync::LazyLock;

use market::candle::{Candle, Trend};
use market::interval::Interval;
use market::symbol::Series;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::SqliteStore;
use crate::store::row::{CANDLE_GUARD, bits, candle_of, text};
use crate::store::{CandleRow, StoreError};

/// How many candles one statement writes; the rest go one by one.
const ROWS_PER_STATEMENT: usize = 32;

/// The columns of [`Candle`] behind symbol, source and interval, in its order.
const CANDLE_COLUMNS: &str = "open_time_ms, close_time_ms, open, high, low, close, volume, \
     quote_volume, taker_buy_volume, taker_buy_quote_volume, vwap, trade_count, first_id, last_id, \
     first_event_ns, last_event_ns, closed, complete, revision, samples, sma_20, sma_50, ema_20, \
     trend";
const KEY_COLUMNS: [&str; 3] = ["series_id", "interval", "open_time_ms"];

static UPSERT_MANY: LazyLock<String> = LazyLock::new(|| upsert(ROWS_PER_STATEMENT));
static UPSERT_ONE: LazyLock<String> = LazyLock::new(|| upsert(1));
static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {CANDLE_COLUMNS} FROM candle WHERE series_id = ? AND interval = ? \
         AND open_time_ms >= ? AND open_time_ms < ? ORDER BY open_time_ms"
    )
});

fn upsert(rows: usize) -> String {
    let all = format!("series_id, interval, {CANDLE_COLUMNS}, source_gen, last_offset, seq");
    let columns: Vec<&str> = all.split(", ").collect();
    let values = format!("({})", vec!["?"; columns.len()].join(", "));
    let updates: Vec<String> = columns
        .iter()
        .filter(|column| !KEY_COLUMNS.contains(column))
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!(
        "INSERT INTO candle ({all}) VALUES {} ON CONFLICT ({}) DO UPDATE SET {} WHERE {CANDLE_GUARD}",
        vec![values; rows].join(", "),
        KEY_COLUMNS.join(", "),
        updates.join(", "),
    )
}

/// A candle with what the store adds to it.
pub(super) struct StoredCandle<'a> {
    pub(super) series_id: i64,
    pub(super) source_gen: i64,
    pub(super) row: &'a CandleRow,
}

impl SqliteStore {
    /// When the last stored candle of the series and interval closed.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], or of the file.
    pub async fn last_close_ms(
        &mut self,
        series: &Series,
        interval: Interval,
    ) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT close_time_ms FROM candle WHERE series_id = ? AND interval = ? \
             AND closed = 1 ORDER BY open_time_ms DESC LIMIT 1";
        let query = sqlx::query_scalar(SQL).bind(self.registered(series)?.id);
        let found = query.bind(interval.as_str()).fetch_optional(&mut self.connection).await;
        found.map_err(|error| StoreError::of(&self.path, error))
    }

    /// When the first stored 1m candle of the series opens.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], or of the file.
    pub async fn first_minute_ms(&mut self, series: &Series) -> Result<Option<i64>, StoreError> {
        const SQL: &str =
            "SELECT min(open_time_ms) FROM candle WHERE series_id = ? AND interval = '1m'";
        let query = sqlx::query_scalar(SQL).bind(self.registered(series)?.id);
        let first = query.fetch_one(&mut self.connection).await;
        first.map_err(|error| StoreError::of(&self.path, error))
    }

    /// The stored candles that open in `[from_ms, to_ms)`, in order.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], or of the file.
    pub async fn candles(
        &mut self,
        series: &Series,
        interval: Interval,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Candle>, StoreError> {
        let query = sqlx::query(SELECT.as_str()).bind(self.registered(series)?.id);
        let query = query.bind(interval.as_str()).bind(from_ms).bind(to_ms);
        let rows = query.fetch_all(&mut self.connection).await;
        let rows = rows.map_err(|error| StoreError::of(&self.path, error))?;
        let candles = rows.iter().map(|row| candle_of(series, interval, row));
        candles.collect::<Result<_, _>>().map_err(|error| self.damaged(error.to_string()))
    }

    /// Writes candles within the transaction that is open.
    pub(super) async fn write_candles(
        &mut self,
        candles: &[StoredCandle<'_>],
    ) -> Result<(), StoreError> {
        let mut chunks = candles.chunks_exact(ROWS_PER_STATEMENT);
        for chunk in &mut chunks {
            let query = chunk.iter().fold(sqlx::query(UPSERT_MANY.as_str()), bind);
            self.run(query).await?;
        }
        for candle in chunks.remainder() {
            self.run(bind(sqlx::query(UPSERT_ONE.as_str()), candle)).await?;
        }
        Ok(())
    }
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(query: Statement<'q>, stored: &StoredCandle<'_>) -> Statement<'q> {
    let candle = &stored.row.candle;
    query
        .bind(stored.series_id)
        .bind(candle.interval.as_str())
        .bind(candle.open_time_ms)
        .bind(candle.close_time_ms)
        .bind(text(candle.open))
        .bind(text(candle.high))
        .bind(text(candle.low))
        .bind(text(candle.close))
        .bind(text(candle.volume))
        .bind(text(candle.quote_volume))
        .bind(text(candle.taker_buy_volume))
        .bind(text(candle.taker_buy_quote_volume))
        .bind(text(candle.vwap))
        .bind(bits(candle.trade_count))
        .bind(bits(candle.first_id))
        .bind(bits(candle.last_id))
        .bind(candle.first_event_ns)
        .bind(candle.last_event_ns)
        .bind(candle.closed)
        .bind(candle.complete)
        .bind(i64::from(candle.revision))
        .bind(bits(candle.samples))
        .bind(candle.sma_20)
        .bind(candle.sma_50)
        .bind(candle.ema_20)
        .bind(candle.trend.map(Trend::as_str))
        .bind(stored.source_gen)
        .bind(stored.row.last_offset)
        .bind(stored.row.seq.cast_signed())
}
