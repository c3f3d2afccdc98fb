use sqlx::Row as _;

use super::{Registered, SqliteStore};
use crate::store::row::{made_of, state_of};
use crate::store::{SeriesInfo, SeriesState, StoreError};

impl SqliteStore {
    /// Stores the series of the spec and returns their ids, in the same order.
    ///
    /// # Errors
    /// [`StoreError::ChangeSeries`] where one is not what it was.
    pub async fn register_series(&mut self, all: &[SeriesInfo]) -> Result<Vec<i64>, StoreError> {
        self.begin().await?;
        let registered = self.register_all(all).await;
        let ids = self.end(registered).await?;
        for (info, id) in all.iter().zip(&ids) {
            let registered = Registered { id: *id, partition: info.partition };
            self.series.insert(info.series.clone(), registered);
        }
        Ok(ids)
    }

    async fn register_all(&mut self, all: &[SeriesInfo]) -> Result<Vec<i64>, StoreError> {
        const SQL: &str = "INSERT INTO series \
             (symbol, source, kind, venue, instrument, primary_source) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (symbol, source) DO UPDATE SET primary_source = excluded.primary_source \
             RETURNING series_id, kind || ' of ' || venue || ' ' || instrument";
        // A source that left the spec is nobody's primary one any more.
        self.execute("UPDATE series SET primary_source = 0").await?;
        let mut ids = Vec::with_capacity(all.len());
        for info in all {
            let query = sqlx::query(SQL)
                .bind(info.series.symbol.as_str())
                .bind(info.series.source.as_str())
                .bind(info.kind.as_str())
                .bind(&info.venue)
                .bind(&info.instrument)
                .bind(info.primary);
            let row = query.fetch_one(&mut self.connection).await;
            let stored = row.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
            let (id, found): (i64, String) =
                stored.map_err(|error| StoreError::of(&self.path, error))?;
            let wanted = made_of(info);
            if found != wanted {
                let series = info.series.clone();
                return Err(StoreError::ChangeSeries { series, found, wanted });
            }
            ids.push(id);
        }
        Ok(ids)
    }

    /// The states of all series, in the order of their ids. `newest` is the newest version that
    /// the caller reads.
    ///
    /// # Errors
    /// [`StoreError::RefuseNewerState`].
    pub async fn load_states(&mut self, newest: u32) -> Result<Vec<SeriesState>, StoreError> {
        const SQL: &str = "SELECT symbol, source, version, state \
             FROM series_state JOIN series USING (series_id) ORDER BY series_id";
        let rows = sqlx::query(SQL).fetch_all(&mut self.connection).await;
        let rows = rows.map_err(|error| StoreError::of(&self.path, error))?;
        let mut states = Vec::with_capacity(rows.len());
        for row in &rows {
            let state = state_of(row).map_err(|error| self.damaged(error.to_string()))?;
            if state.version > newest {
                let (path, found) = (self.path.clone(), state.version);
                let series = state.series;
                return Err(StoreError::RefuseNewerState { path, series, found, newest });
            }
            states.push(state);
        }
        Ok(states)
    }
}
