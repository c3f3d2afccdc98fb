use std::collections::HashMap;

use market::symbol::Series;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::{ANSWER_TIMEOUT, PostgresError, PostgresStore, Registered};
use crate::store::row::{made_of, state_of};
use crate::store::{SeriesInfo, SeriesState, StoreError};

impl PostgresStore {
    /// Stores the series of the spec and returns their ids, in the same order. Several workers may
    /// do so at once.
    ///
    /// # Errors
    /// [`StoreError::ChangeSeries`] where one is not what it was, or [`PostgresError`].
    pub async fn register_series(&mut self, all: &[SeriesInfo]) -> Result<Vec<i64>, StoreError> {
        let mut connection = self.lend().await?;
        let stored = timeout(ANSWER_TIMEOUT, register(&mut connection, all)).await;
        let ids = self.give_back(connection, stored)??;
        for (info, id) in all.iter().zip(&ids) {
            let registered = Registered { id: *id, partition: info.partition };
            self.series.insert(info.series.clone(), registered);
        }
        Ok(ids)
    }

    /// The states of these series, in the order of their ids. `newest` is the newest version that
    /// the caller reads.
    ///
    /// # Errors
    /// [`PostgresError::RefuseNewerState`], [`StoreError::FindSeries`], or of the server.
    pub async fn load_states(
        &mut self,
        series: &[Series],
        newest: u32,
    ) -> Result<Vec<SeriesState>, StoreError> {
        const SQL: &str = "SELECT symbol, source, version::int8, state \
             FROM series_state JOIN series USING (series_id) \
             WHERE series_id = ANY ($1) ORDER BY series_id";
        let ids = series.iter().map(|series| Ok(self.registered(series)?.id));
        let ids = ids.collect::<Result<Vec<i64>, StoreError>>()?;
        let mut connection = self.lend().await?;
        let query = sqlx::query(SQL).bind(ids);
        let rows = timeout(ANSWER_TIMEOUT, query.fetch_all(&mut connection)).await;
        let rows: Vec<PgRow> = self.give_back(connection, rows)?;
        let mut states = Vec::with_capacity(rows.len());
        for row in &rows {
            let state = state_of(row).map_err(|error| self.refused(error))?;
            if state.version > newest {
                let (schema, found) = (self.options.schema.clone(), state.version);
                let series = state.series;
                return Err(
                    PostgresError::RefuseNewerState { schema, series, found, newest }.into()
                );
            }
            states.push(state);
        }
        Ok(states)
    }
}

async fn register(
    connection: &mut PgConnection,
    all: &[SeriesInfo],
) -> Result<Result<Vec<i64>, StoreError>, sqlx::Error> {
    // One at a time, and readers go on.
    const ONE_AT_A_TIME: &str = "LOCK TABLE series IN SHARE ROW EXCLUSIVE MODE";
    const ADD: &str = "INSERT INTO series (symbol, source, kind, venue, instrument, primary_source) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], \
         $6::bool[]) ON CONFLICT (symbol, source) DO NOTHING";
    // A source that left the spec is nobody's primary one any more.
    const CHOOSE: &str = "UPDATE series SET primary_source = NOT primary_source \
         WHERE primary_source <> ((symbol, source) IN \
         (SELECT * FROM unnest($1::text[], $2::text[])))";
    const FIND: &str = "SELECT series_id, symbol, source, \
         kind || ' of ' || venue || ' ' || instrument FROM series";
    let column = |of: fn(&SeriesInfo) -> &str| all.iter().map(of).collect::<Vec<&str>>();
    let primary = all.iter().filter(|info| info.primary).map(|info| &info.series);
    let (symbols, sources): (Vec<&str>, Vec<&str>) =
        primary.map(|series| (series.symbol.as_str(), series.source.as_str())).unzip();
    let mut transaction = connection.begin().await?;
    sqlx::query(ONE_AT_A_TIME).execute(&mut *transaction).await?;
    sqlx::query(ADD)
        .bind(column(|info| info.series.symbol.as_str()))
        .bind(column(|info| info.series.source.as_str()))
        .bind(column(|info| info.kind.as_str()))
        .bind(column(|info| &info.venue))
        .bind(column(|info| &info.instrument))
        .bind(all.iter().map(|info| info.primary).collect::<Vec<bool>>())
        .execute(&mut *transaction)
        .await?;
    sqlx::query(CHOOSE).bind(symbols).bind(sources).execute(&mut *transaction).await?;
    let rows = sqlx::query(FIND).fetch_all(&mut *transaction).await?;
    let mut stored = HashMap::with_capacity(rows.len());
    for row in &rows {
        let (symbol, source): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
        let (id, made_of): (i64, &str) = (row.try_get(0)?, row.try_get(3)?);
        stored.insert((symbol, source), (id, made_of));
    }
    let ids: Result<Vec<i64>, StoreError> = all.iter().map(|info| id_of(info, &stored)).collect();
    if ids.is_ok() {
        transaction.commit().await?;
    }
    Ok(ids)
}

/// The id of a series that is what it was.
fn id_of(
    info: &SeriesInfo,
    stored: &HashMap<(&str, &str), (i64, &str)>,
) -> Result<i64, StoreError> {
    let key = (info.series.symbol.as_str(), info.series.source.as_str());
    let series = info.series.clone();
    let wanted = made_of(info);
    match stored.get(&key) {
        Some((id, found)) if *found == wanted => Ok(*id),
        Some((_, found)) => {
            let found = (*found).to_owned();
            Err(StoreError::ChangeSeries { series, found, wanted })
        }
        None => Err(StoreError::FindSeries { series }),
    }
}
