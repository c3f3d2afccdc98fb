//! What was committed, in the order of the commits.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Row as _, query};
use tokio::time::timeout;

use super::{PostgresStore, alert_columns};
use crate::reader::AlertEntry;
use crate::store::StoreError;
use crate::store::row::{alert_entry, reading, required_text};

/// How long commits under way are waited for: longer than a worker's one may take.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(12);
/// Between looks at the commits under way.
const COMMIT_PAUSE: Duration = Duration::from_millis(5);

const ALERTS_AFTER: &str = concat!(
    "SELECT alert_number AS \"row\", topic_partition::int8, topic_offset, symbol, source, ",
    alert_columns!(),
    " FROM alert JOIN series USING (series_id) \
     WHERE alert_number > $1 AND alert_number <= $2 ORDER BY alert_number LIMIT $3"
);
const NEWEST_ALERTS: &str = concat!(
    "SELECT alert_number AS \"row\", topic_partition::int8, topic_offset, symbol, source, ",
    alert_columns!(),
    " FROM alert JOIN series USING (series_id) \
     WHERE primary_source AND open_price IS NOT NULL AND close_price IS NOT NULL \
     AND ($1::text IS NULL OR symbol = $1) \
     AND event_time >= timestamptz 'epoch' + $2 * interval '1 millisecond' \
     ORDER BY event_time DESC, event_time_ns DESC, alert_number DESC LIMIT $3"
);
const COMMITS_UNDER_WAY: &str = "SELECT DISTINCT virtualtransaction AS writer FROM pg_locks \
     WHERE relation = 'alert'::regclass AND mode = 'RowExclusiveLock' AND granted \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

impl PostgresStore {
    /// Up to where each partition of a ticks topic is committed.
    pub(crate) async fn next_offsets(&self, topic: &str) -> Result<Vec<(i32, i64)>, StoreError> {
        let asked = query("SELECT partition, next_offset FROM partition WHERE topic = $1");
        let rows = self.rows("offsets", asked.bind(topic.to_owned())).await?;
        let pair = |row: &PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
        let pairs: Result<Vec<_>, sqlx::Error> = rows.iter().map(pair).collect();
        pairs.map_err(reading("offsets"))
    }

    /// At most `limit` alerts with prices, of primary series since a time, the newest first.
    pub(crate) async fn newest_alerts(
        &self,
        symbol: Option<&str>,
        since_ms: i64,
        limit: usize,
    ) -> Result<Vec<AlertEntry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let asked = query(NEWEST_ALERTS).bind(symbol.map(str::to_owned)).bind(since_ms).bind(limit);
        let rows = self.rows("alerts", asked).await?;
        rows.iter().map(alert_entry).collect()
    }

    /// At most `limit` alerts whose number is above `row`.
    ///
    /// Workers commit side by side, and a number is taken before it is committed: one that is left
    /// out may still come, as long as a commit is under way that could have taken it.
    pub(crate) async fn alerts_after(
        &self,
        row: i64,
        limit: usize,
    ) -> Result<Vec<AlertEntry>, StoreError> {
        let entries = self.numbered_alerts(row, i64::MAX, limit).await?;
        let Some(last) = entries.last().map(|entry| entry.row) else { return Ok(entries) };
        if usize::try_from(last.saturating_sub(row)).is_ok_and(|numbers| numbers == entries.len()) {
            return Ok(entries);
        }
        match timeout(COMMIT_WAIT_MAX, self.outwait_commits()).await {
            Ok(outwaited) => outwaited?,
            Err(_) => tracing::warn!("something other than a worker writes alerts for long"),
        }
        self.numbered_alerts(row, last, limit).await
    }

    async fn numbered_alerts(
        &self,
        row: i64,
        last: i64,
        limit: usize,
    ) -> Result<Vec<AlertEntry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let asked = query(ALERTS_AFTER).bind(row).bind(last).bind(limit);
        let rows = self.rows("alerts", asked).await?;
        rows.iter().map(alert_entry).collect()
    }

    /// Returns when every commit of alerts that is under way now has ended.
    async fn outwait_commits(&self) -> Result<(), StoreError> {
        let mut awaited = self.commits_under_way().await?;
        while !awaited.is_empty() {
            tokio::time::sleep(COMMIT_PAUSE).await;
            let left = self.commits_under_way().await?;
            awaited.retain(|writer| left.contains(writer));
        }
        Ok(())
    }

    async fn commits_under_way(&self) -> Result<Vec<String>, StoreError> {
        let rows: Vec<PgRow> = self.rows("commits under way", query(COMMITS_UNDER_WAY)).await?;
        rows.iter().map(|row| required_text(row, "writer")).collect()
    }
}
