//! What was committed, in the order of the commits.

use super::{SqliteStore, StoreError};
use crate::reader::AlertEntry;
use crate::store::row::{alert_entry, reading, whole};

const ALERTS_AFTER: &str = "SELECT alert.rowid AS row, alert.*, symbol, source \
     FROM alert JOIN series USING (series_id) WHERE alert.rowid > ? ORDER BY alert.rowid LIMIT ?";

const NEWEST_ALERTS: &str = "SELECT alert.rowid AS row, alert.*, symbol, source \
     FROM alert JOIN series USING (series_id) \
     WHERE primary_source AND open_price IS NOT NULL AND close_price IS NOT NULL \
     AND (?1 IS NULL OR symbol = ?1) AND event_time_ns >= ?2 \
     ORDER BY event_time_ns DESC, alert.rowid DESC LIMIT ?3";
const NANOS_PER_MILLI: i64 = 1_000_000;

impl SqliteStore {
    /// The version of the tables.
    pub(crate) async fn schema_version(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT schema_version FROM owner")
            .fetch_one(&self.pool)
            .await
            .map_err(reading("the owner"))?;
        whole(&row, "schema_version")
    }

    /// At most `limit` alerts that were committed after the one at `row`.
    pub(crate) async fn alerts_after(
        &self,
        row: i64,
        limit: usize,
    ) -> Result<Vec<AlertEntry>, StoreError> {
        let rows = sqlx::query(ALERTS_AFTER)
            .bind(row)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(reading("alerts"))?;
        rows.iter().map(alert_entry).collect()
    }

    /// Up to where each partition of a ticks topic is committed.
    pub(crate) async fn next_offsets(&self, topic: &str) -> Result<Vec<(i32, i64)>, StoreError> {
        let rows = sqlx::query_as("SELECT partition, next_offset FROM partition WHERE topic = ?")
            .bind(topic)
            .fetch_all(&self.pool);
        rows.await.map_err(reading("offsets"))
    }

    /// At most `limit` alerts with prices, of primary series since a time, the newest first.
    pub(crate) async fn newest_alerts(
        &self,
        symbol: Option<&str>,
        since_ms: i64,
        limit: usize,
    ) -> Result<Vec<AlertEntry>, StoreError> {
        let rows = sqlx::query(NEWEST_ALERTS)
            .bind(symbol)
            .bind(since_ms.saturating_mul(NANOS_PER_MILLI))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(reading("alerts"))?;
        rows.iter().map(alert_entry).collect()
    }
}
