//! The store of a cluster: one schema of a PostgreSQL database, read while workers write it.

use std::time::Duration;

use market::alert::Alert;
use market::interval::Interval;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, query};
use tokio::time::timeout;

use super::row::{as_of, reading, stored_alert, stored_candle, stored_feed, stored_series, word};
use super::{AsOf, OpenTimes, StoreError, StoredCandle, StoredFeed, StoredSeries, Walk};

/// What was committed, in the order of the commits.
mod log;
/// A URL to a pool: limits, owner, version.
mod open;

pub use open::PostgresSettings;

/// How long an answer is waited for: longer than the server works on one.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);

/// Open times that a range is cut to: years 1 to 9999, within what PostgreSQL can count.
const TIME_MS_MIN: i64 = -62_135_596_800_000;
const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// The columns of a candle, and what is asked of the table.
macro_rules! candles {
    ($rest:literal) => {
        concat!(
            "SELECT (extract(epoch FROM open_time) * 1000)::int8 AS open_time_ms, \
             (extract(epoch FROM close_time) * 1000)::int8 AS close_time_ms, \
             open::text, high::text, low::text, close::text, volume::text, quote_volume::text, \
             taker_buy_volume::text, taker_buy_quote_volume::text, vwap::text, trade_count, \
             first_id, last_id, first_event_ns, last_event_ns, closed, complete, revision, \
             samples, sma_20, sma_50, ema_20, trend, seq \
             FROM candle WHERE series_id = $1 AND interval = $2 ",
            $rest
        )
    };
}

/// The columns of an alert.
macro_rules! alert_columns {
    () => {
        "alert_id, alert_type, rule, price_change_percent, open_price::text, close_price::text, \
         (extract(epoch FROM window_start) * 1000)::int8 AS window_start_ms, \
         (extract(epoch FROM window_end) * 1000)::int8 AS window_end_ms, \
         event_time_ns, severity, z_score, seq"
    };
}
use alert_columns;

const CANDLES_FORWARD: &str = candles!(
    "AND open_time >= timestamptz 'epoch' + $3 * interval '1 millisecond' \
     AND open_time < timestamptz 'epoch' + $4 * interval '1 millisecond' \
     ORDER BY open_time LIMIT $5"
);
const CANDLES_BACKWARD: &str = candles!(
    "AND open_time >= timestamptz 'epoch' + $3 * interval '1 millisecond' \
     AND open_time < timestamptz 'epoch' + $4 * interval '1 millisecond' \
     ORDER BY open_time DESC LIMIT $5"
);
const LAST_CLOSED: &str = candles!("AND closed ORDER BY open_time DESC LIMIT 1");
// Names in the order of their bytes, as SQLite has them, whatever the database's language.
// Every symbol has a series for quotes of other producers; few have any.
const SERIES: &str = "SELECT * FROM series WHERE source <> 'reference' \
     OR EXISTS (SELECT 1 FROM candle WHERE candle.series_id = series.series_id) ORDER BY symbol COLLATE \"C\", primary_source DESC, source COLLATE \"C\"";
const INTERVALS: &str = "SELECT name AS interval FROM unnest($2::text[]) AS name WHERE EXISTS \
     (SELECT 1 FROM candle WHERE series_id = $1 AND candle.interval = name)";
// As of the embedded store: the newest thousand hold the highest number, or a lower one is true.
const AS_OF: &str = "SELECT (SELECT max(seq) FROM (SELECT seq FROM candle \
     WHERE series_id = $1 AND interval = $2 ORDER BY open_time DESC LIMIT 1000) AS newest) AS seq, \
     (SELECT watermark_ns FROM feed WHERE series_id = $1) AS watermark_ns";
const FEEDS: &str = "SELECT symbol, source, state, reason, watermark_ns, seq \
     FROM feed JOIN series USING (series_id) ORDER BY symbol COLLATE \"C\"";
const LAST_ALERT: &str = concat!(
    "SELECT ",
    alert_columns!(),
    " FROM alert WHERE series_id = $1 ORDER BY event_time DESC, event_time_ns DESC LIMIT 1"
);

/// A read-only pool; a cheap handle. A server that is away is looked for again by each question.
#[derive(Clone)]
pub(crate) struct PostgresStore {
    pool: PgPool,
    schema: String,
}

impl PostgresStore {
    /// All series, by symbol, the primary one of each first.
    pub(crate) async fn series(&self) -> Result<Vec<StoredSeries>, StoreError> {
        let rows = self.rows("series", query(SERIES)).await?;
        rows.iter().map(stored_series).collect()
    }

    /// Which intervals a series has candles of, smallest first.
    pub(crate) async fn intervals(&self, series_id: i64) -> Result<Vec<Interval>, StoreError> {
        let names: Vec<&str> = Interval::ALL.iter().map(|interval| interval.as_str()).collect();
        let rows = self.rows("intervals", query(INTERVALS).bind(series_id).bind(names)).await?;
        let stored: Result<Vec<Option<Interval>>, StoreError> =
            rows.iter().map(|row| word(row, "interval")).collect();
        let mut stored: Vec<Interval> = stored?.into_iter().flatten().collect();
        stored.sort_unstable();
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
        let bound = |time: Option<i64>, open: i64| {
            time.map_or(open, |time| time.clamp(TIME_MS_MIN, TIME_MS_MAX))
        };
        let sql = match walk {
            Walk::Forward => CANDLES_FORWARD,
            Walk::Backward => CANDLES_BACKWARD,
        };
        let asked = query(sql)
            .bind(series.id)
            .bind(interval.as_str())
            .bind(bound(times.from_ms, TIME_MS_MIN))
            .bind(bound(times.to_ms, TIME_MS_MAX))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.rows("candles", asked).await?;
        rows.iter().map(|row| stored_candle(row, &series.series, interval)).collect()
    }

    /// The newest closed candle.
    pub(crate) async fn last_closed(
        &self,
        series: &StoredSeries,
        interval: Interval,
    ) -> Result<Option<StoredCandle>, StoreError> {
        let asked = query(LAST_CLOSED).bind(series.id).bind(interval.as_str());
        let rows = self.rows("the last candle", asked).await?;
        rows.first().map(|row| stored_candle(row, &series.series, interval)).transpose()
    }

    /// How far candles that are read after this call reach.
    pub(crate) async fn as_of(
        &self,
        series_id: i64,
        interval: Interval,
    ) -> Result<AsOf, StoreError> {
        let asked = query(AS_OF).bind(series_id).bind(interval.as_str());
        as_of(&self.row("positions", asked).await?)
    }

    /// The last state of every feed that has one.
    pub(crate) async fn feeds(&self) -> Result<Vec<StoredFeed>, StoreError> {
        let rows = self.rows("feeds", query(FEEDS)).await?;
        rows.iter().map(stored_feed).collect()
    }

    /// The newest alert of a series and the number of its publication.
    pub(crate) async fn last_alert(
        &self,
        series: &StoredSeries,
    ) -> Result<Option<(Alert, u64)>, StoreError> {
        let rows = self.rows("alerts", query(LAST_ALERT).bind(series.id)).await?;
        rows.first().map(|row| stored_alert(row, &series.series)).transpose()
    }

    async fn row(
        &self,
        what: &'static str,
        asked: Query<'_, Postgres, PgArguments>,
    ) -> Result<PgRow, StoreError> {
        let mut rows = self.rows(what, asked).await?;
        rows.pop().ok_or_else(|| reading(what)(sqlx::Error::RowNotFound))
    }

    /// The rows of one question. A connection that does not answer in time is not used again.
    async fn rows(
        &self,
        what: &'static str,
        asked: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(reading(what))?;
        match timeout(ANSWER_WAIT_MAX, asked.fetch_all(&mut *connection)).await {
            Ok(rows) => rows.map_err(reading(what)),
            Err(_) => {
                connection.close_on_drop();
                Err(StoreError::AwaitAnswer { what, waited: ANSWER_WAIT_MAX })
            }
        }
    }
}
