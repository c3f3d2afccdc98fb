//! What was committed, in the order of the commits.

use super::row::{column, reading, series_of, stored_alert};
use super::{Store, StoreError};
use crate::reader::AlertEntry;

const ALERTS_AFTER: &str = "SELECT alert.rowid AS row, alert.*, symbol, source \
     FROM alert JOIN series USING (series_id) WHERE alert.rowid > ? ORDER BY alert.rowid LIMIT ?";

impl Store {
    /// The version of the tables.
    pub(crate) async fn schema_version(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT schema_version FROM owner")
            .fetch_one(&self.pool)
            .await
            .map_err(reading("the owner"))?;
        column(&row, "schema_version")
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
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let (alert, _) = stored_alert(row, &series_of(row)?)?;
            entries.push(AlertEntry {
                row: column(row, "row")?,
                partition: column(row, "topic_partition")?,
                offset: column(row, "topic_offset")?,
                alert,
            });
        }
        Ok(entries)
    }
}
