use market::candle::Candle;
use market::interval::Interval;
use market::symbol::Series;
use sqlx::postgres::PgRow;
use tokio::time::timeout;

use super::{ANSWER_TIMEOUT, PostgresStore};
use crate::store::StoreError;
use crate::store::row::candle_of;

/// The columns of [`Candle`] behind symbol, source and interval, in its order: times as numbers
/// and decimals as text.
macro_rules! candle_columns {
    () => {
        "(extract(epoch FROM open_time) * 1000)::int8, \
         (extract(epoch FROM close_time) * 1000)::int8, open::text, high::text, low::text, \
         close::text, volume::text, quote_volume::text, taker_buy_volume::text, \
         taker_buy_quote_volume::text, vwap::text, trade_count, first_id, last_id, \
         first_event_ns, last_event_ns, closed, complete, revision, samples, sma_20, sma_50, \
         ema_20, trend"
    };
}
pub(super) use candle_columns;

impl PostgresStore {
    /// When the last stored candle of the series and interval closed.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], or [`super::PostgresError`].
    pub async fn last_close_ms(
        &mut self,
        series: &Series,
        interval: Interval,
    ) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT (extract(epoch FROM close_time) * 1000)::int8 FROM candle \
             WHERE series_id = $1 AND interval = $2 AND closed ORDER BY open_time DESC LIMIT 1";
        let query = sqlx::query_scalar(SQL).bind(self.registered(series)?.id);
        let query = query.bind(interval.as_str());
        let mut connection = self.lend().await?;
        let found = timeout(ANSWER_TIMEOUT, query.fetch_optional(&mut connection)).await;
        self.give_back(connection, found)
    }

    /// When the first stored 1m candle of the series opens.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], or [`super::PostgresError`].
    pub async fn first_minute_ms(&mut self, series: &Series) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT (extract(epoch FROM min(open_time)) * 1000)::int8 FROM candle \
             WHERE series_id = $1 AND interval = '1m'";
        let query = sqlx::query_scalar(SQL).bind(self.registered(series)?.id);
        let mut connection = self.lend().await?;
        let found = timeout(ANSWER_TIMEOUT, query.fetch_one(&mut connection)).await;
        self.give_back(connection, found)
    }

    /// The stored candles that open in `[from_ms, to_ms)`, in order.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], or [`super::PostgresError`].
    pub async fn candles(
        &mut self,
        series: &Series,
        interval: Interval,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Candle>, StoreError> {
        const SQL: &str = concat!(
            "SELECT ",
            candle_columns!(),
            " FROM candle WHERE series_id = $1 AND interval = $2 \
             AND open_time >= timestamptz 'epoch' + $3 * interval '1 millisecond' \
             AND open_time < timestamptz 'epoch' + $4 * interval '1 millisecond' \
             ORDER BY open_time"
        );
        let query = sqlx::query(SQL).bind(self.registered(series)?.id).bind(interval.as_str());
        let query = query.bind(from_ms).bind(to_ms);
        let mut connection = self.lend().await?;
        let rows = timeout(ANSWER_TIMEOUT, query.fetch_all(&mut connection)).await;
        let rows: Vec<PgRow> = self.give_back(connection, rows)?;
        let candles = rows.iter().map(|row| candle_of(series, interval, row));
        candles.collect::<Result<_, _>>().map_err(|error| self.refused(error))
    }

    /// The stored closed 1m candles that open in `[from_ms, to_ms)`, in order.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], or [`super::PostgresError`].
    pub async fn closed_minutes(
        &mut self,
        series: &Series,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Candle>, StoreError> {
        let mut minutes = self.candles(series, Interval::M1, from_ms, to_ms).await?;
        minutes.retain(|candle| candle.closed);
        Ok(minutes)
    }
}
