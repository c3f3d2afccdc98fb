//! What was committed, in the order of the commits.

use super::{PostgresStore, alert_columns};
use crate::reader::AlertEntry;
use crate::store::StoreError;
use crate::store::row::alert_entry;

const ALERTS_AFTER: &str = concat!(
    "SELECT alert_number AS \"row\", topic_partition::int8, topic_offset, symbol, source, ",
    alert_columns!(),
    " FROM alert JOIN series USING (series_id) WHERE alert_number > $1 \
     ORDER BY alert_number LIMIT $2"
);

impl PostgresStore {
    /// At most `limit` alerts whose number is above `row`.
    pub(crate) async fn alerts_after(
        &self,
        row: i64,
        limit: usize,
    ) -> Result<Vec<AlertEntry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let asked = sqlx::query(ALERTS_AFTER).bind(row).bind(limit);
        let rows = self.rows("alerts", asked).await?;
        rows.iter().map(alert_entry).collect()
    }
}
