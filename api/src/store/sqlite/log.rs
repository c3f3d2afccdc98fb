//! What was committed, in the order of the commits.

use super::{SqliteStore, StoreError};
use crate::reader::AlertEntry;
use crate::store::row::{alert_entry, reading, whole};

const ALERTS_AFTER: &str = "SELECT alert.rowid AS row, alert.*, symbol, source \
     FROM alert JOIN series USING (series_id) WHERE alert.rowid > ? ORDER BY alert.rowid LIMIT ?";

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
}
