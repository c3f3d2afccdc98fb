use market::interval::Interval;
use market::symbol::Series;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use tokio::time::timeout;

use super::candles::candle_columns;
use super::{ANSWER_TIMEOUT, PostgresStore};
use crate::store::row::{alert_row_of, candle_row_of, feed_row_of};
use crate::store::{AlertRow, CandleRow, FeedRow, StoreError};

/// A page ends with the commit in which it passes so many candles.
pub const PAGE_ROWS: i64 = 1_000;

/// Whole commits, in order, that are stored and may not be published.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unpublished {
    /// Candles as they stand, in the order of their commits and then of their `seq`.
    pub candles: Vec<CandleRow>,
    /// Alerts.
    pub alerts: Vec<AlertRow>,
    /// Feed states as they stand.
    pub feeds: Vec<FeedRow>,
    /// The last commit of this page, for [`PostgresStore::set_published`] and the next page.
    pub through_seq: i64,
    /// Whether there are later ones.
    pub more: bool,
}

impl PostgresStore {
    /// What a partition has committed after the commit `after_seq`, one page of it.
    ///
    /// # Errors
    /// [`StoreError::FindClaim`], or [`super::PostgresError`].
    pub async fn unpublished(
        &mut self,
        partition: i32,
        after_seq: i64,
    ) -> Result<Unpublished, StoreError> {
        let topic = self.topic_of(partition)?;
        let mut connection = self.lend().await?;
        let page = read_page(&mut connection, &topic, partition, after_seq);
        let page = timeout(ANSWER_TIMEOUT, page).await;
        self.give_back(connection, page)
    }

    /// The last `count` closed candles of a series and interval, oldest first, with the `seq` of
    /// their last publication.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], or [`super::PostgresError`].
    pub async fn recent(
        &mut self,
        series: &Series,
        interval: Interval,
        count: u32,
    ) -> Result<Vec<CandleRow>, StoreError> {
        const SQL: &str = concat!(
            "SELECT ",
            candle_columns!(),
            ", symbol, source, interval, last_offset, seq FROM candle JOIN series USING (series_id) \
             WHERE series_id = $1 AND interval = $2 AND closed ORDER BY open_time DESC LIMIT $3"
        );
        let query = sqlx::query(SQL).bind(self.registered(series)?.id);
        let query = query.bind(interval.as_str()).bind(i64::from(count));
        let mut connection = self.lend().await?;
        let rows = timeout(ANSWER_TIMEOUT, query.fetch_all(&mut connection)).await;
        let rows: Vec<PgRow> = self.give_back(connection, rows)?;
        let candles = rows.iter().rev().map(candle_row_of);
        candles.collect::<Result<_, _>>().map_err(|error| self.refused(error))
    }

    /// Keeps that everything up to the commit `commit_seq` is published. False when the claim is
    /// lost.
    ///
    /// # Errors
    /// [`StoreError::FindClaim`], or [`super::PostgresError`].
    pub async fn set_published(
        &mut self,
        partition: i32,
        token: i64,
        commit_seq: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE partition SET published_seq = greatest(published_seq, $4) \
             WHERE topic = $1 AND partition = $2 AND token = $3";
        let query = sqlx::query(SQL).bind(self.topic_of(partition)?).bind(partition);
        let query = query.bind(token).bind(commit_seq);
        let mut connection = self.lend().await?;
        let done = timeout(ANSWER_TIMEOUT, query.execute(&mut connection)).await;
        Ok(self.give_back(connection, done)?.rows_affected() == 1)
    }
}

async fn read_page(
    connection: &mut PgConnection,
    topic: &str,
    partition: i32,
    after_seq: i64,
) -> Result<Unpublished, sqlx::Error> {
    const LAST: &str = "SELECT commit_seq FROM partition WHERE topic = $1 AND partition = $2";
    const END: &str = "SELECT commit_seq FROM candle \
         WHERE topic_partition = $1 AND commit_seq > $2 ORDER BY commit_seq OFFSET $3 LIMIT 1";
    const CANDLES: &str = concat!(
        "SELECT ",
        candle_columns!(),
        ", symbol, source, interval, last_offset, seq FROM candle JOIN series USING (series_id) \
         WHERE topic_partition = $1 AND commit_seq > $2 AND commit_seq <= $3 \
         ORDER BY commit_seq, series_id, interval, seq"
    );
    const ALERTS: &str = "SELECT alert_id, symbol, source, alert_type, rule, price_change_percent, \
         open_price::text, close_price::text, (extract(epoch FROM window_start) * 1000)::int8, \
         event_time_ns, (extract(epoch FROM window_end) * 1000)::int8, severity, z_score, \
         topic_partition::int8, topic_offset, seq FROM alert JOIN series USING (series_id) \
         WHERE topic_partition = $1 AND commit_seq > $2 AND commit_seq <= $3 \
         ORDER BY commit_seq, series_id, seq";
    const FEEDS: &str = "SELECT symbol, source, state, reason, watermark_ns, seq \
         FROM feed JOIN series USING (series_id) \
         WHERE topic_partition = $1 AND commit_seq > $2 AND commit_seq <= $3 \
         ORDER BY commit_seq, series_id";
    let last: Option<i64> = sqlx::query_scalar(LAST)
        .bind(topic)
        .bind(partition)
        .fetch_optional(&mut *connection)
        .await?;
    let last = last.unwrap_or(after_seq);
    let end: Option<i64> = sqlx::query_scalar(END)
        .bind(partition)
        .bind(after_seq)
        .bind(PAGE_ROWS)
        .fetch_optional(&mut *connection)
        .await?;
    let through_seq = end.unwrap_or(last).min(last);
    let rows = async |sql: &'static str, connection: &mut PgConnection| {
        let query = sqlx::query(sql).bind(partition).bind(after_seq).bind(through_seq);
        query.fetch_all(connection).await
    };
    let candles = rows(CANDLES, connection).await?;
    let alerts = rows(ALERTS, connection).await?;
    let feeds = rows(FEEDS, connection).await?;
    Ok(Unpublished {
        candles: candles.iter().map(candle_row_of).collect::<Result<_, _>>()?,
        alerts: alerts.iter().map(alert_row_of).collect::<Result<_, _>>()?,
        feeds: feeds.iter().map(feed_row_of).collect::<Result<_, _>>()?,
        through_seq,
        more: through_seq < last,
    })
}
