use market::symbol::Series;
use market::tick::Side;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::candles::StoredCandle;
use super::{Claimed, Registered, SqliteStore};
use crate::store::row::{alert_type, bits, nanos, series_of, severity, text};
use crate::store::{
    AlertRow, Commit, CommitOutcome, DeadLetter, FeedRow, GapRow, PartitionProgress, RawTick,
    SeriesState, StoreError,
};

impl SqliteStore {
    /// Writes all of the commit in one transaction, or nothing of it.
    ///
    /// A partition whose row has not the token and `commit_seq` of the commit fences it.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then, unless the answer to the very last step was lost
    /// ([`SqliteStore::was_applied`] tells).
    pub async fn commit(&mut self, commit: &Commit) -> Result<CommitOutcome, StoreError> {
        self.begin().await?;
        match self.write(commit).await {
            Ok(fenced) if fenced.is_empty() => {
                self.end(Ok(())).await.map(|()| CommitOutcome::Applied)
            }
            Ok(partitions) => {
                self.rollback_left().await;
                Ok(CommitOutcome::Fenced { partitions })
            }
            Err(error) => self.end(Err(error)).await,
        }
    }

    /// Returns the fenced partitions; with any, nothing else is written.
    async fn write(&mut self, commit: &Commit) -> Result<Vec<i32>, StoreError> {
        let fenced = self.advance(&commit.partitions).await?;
        if !fenced.is_empty() {
            return Ok(fenced);
        }
        for state in &commit.states {
            self.write_state(commit, state).await?;
        }
        let mut candles = Vec::with_capacity(commit.candles.len());
        for row in &commit.candles {
            let series = series_of(&row.candle.symbol, &row.candle.source);
            let (series_id, claimed) = self.guarded(commit, &series)?;
            candles.push(StoredCandle { series_id, source_gen: claimed.source_gen, row });
        }
        self.write_candles(&candles).await?;
        for alert in &commit.alerts {
            self.write_alert(commit, alert).await?;
        }
        for gap in &commit.gaps {
            self.write_gap(commit, gap).await?;
        }
        for feed in &commit.feeds {
            self.write_feed(commit, feed).await?;
        }
        for letter in &commit.dead_letters {
            self.write_dead_letter(commit, letter).await?;
        }
        for tick in &commit.ticks {
            self.write_tick(commit, tick).await?;
        }
        Ok(fenced)
    }

    /// Compares and sets the fence rows; returns the partitions that did not match.
    async fn advance(&mut self, all: &[PartitionProgress]) -> Result<Vec<i32>, StoreError> {
        // One statement: each one is a turn of the connection's own thread.
        const SQL: &str = "UPDATE partition \
             SET next_offset = f.value ->> 3, commit_seq = commit_seq + 1 \
             FROM json_each(?) AS f WHERE partition = f.value ->> 0 \
             AND token = f.value ->> 1 AND commit_seq = f.value ->> 2 RETURNING partition";
        let rows: Vec<(i32, i64, i64, i64)> = all
            .iter()
            .map(|row| (row.partition, row.token, row.commit_seq, row.next_offset))
            .collect();
        let query = sqlx::query_scalar(SQL).bind(serde_json::json!(rows).to_string());
        let advanced = query.fetch_all(&mut self.connection).await;
        let advanced: Vec<i32> = advanced.map_err(|error| StoreError::of(&self.path, error))?;
        let partitions = all.iter().map(|row| row.partition);
        Ok(partitions.filter(|partition| !advanced.contains(partition)).collect())
    }

    async fn write_state(
        &mut self,
        commit: &Commit,
        state: &SeriesState,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO series_state (series_id, version, state, born_gen) \
             VALUES (?, ?, ?, ?) ON CONFLICT (series_id) \
             DO UPDATE SET version = excluded.version, state = excluded.state";
        let (series_id, claimed) = self.guarded(commit, &state.series)?;
        let query = sqlx::query(SQL)
            .bind(series_id)
            .bind(i64::from(state.version))
            .bind(state.bytes.as_slice())
            .bind(claimed.source_gen);
        self.run(query).await.map(|_| ())
    }

    async fn write_alert(&mut self, commit: &Commit, row: &AlertRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO alert (alert_id, series_id, alert_type, rule, \
             price_change_percent, open_price, close_price, window_start_ms, window_end_ms, \
             event_time_ns, severity, z_score, topic_partition, topic_offset, seq) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let alert = &row.alert;
        let (series_id, _) = self.guarded(commit, &series_of(&alert.symbol, &alert.source))?;
        let query = sqlx::query(SQL)
            .bind(alert.alert_id.as_str())
            .bind(series_id)
            .bind(alert_type(alert.alert_type))
            .bind(alert.rule.as_str())
            .bind(alert.price_change_percent)
            .bind(alert.open_price.map(|price| price.to_string()))
            .bind(alert.close_price.map(|price| price.to_string()))
            .bind(alert.window_start.as_millisecond())
            .bind(alert.window_end.as_millisecond())
            .bind(nanos(alert.timestamp))
            .bind(severity(alert.severity))
            .bind(alert.z_score)
            .bind(row.partition)
            .bind(row.offset)
            .bind(row.seq.cast_signed());
        self.run(query).await.map(|_| ())
    }

    async fn write_gap(&mut self, commit: &Commit, row: &GapRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO gap (series_id, from_id, to_id, from_ns, to_ns, reason) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE \
             SET from_ns = excluded.from_ns, to_ns = excluded.to_ns, reason = excluded.reason";
        let (series_id, _) = self.guarded(commit, &row.series)?;
        let query = sqlx::query(SQL)
            .bind(series_id)
            .bind(row.gap.from_id.cast_signed())
            .bind(row.gap.to_id.cast_signed())
            .bind(row.gap.from_ns)
            .bind(row.gap.to_ns)
            .bind(row.gap.reason.as_str());
        self.run(query).await.map(|_| ())
    }

    async fn write_feed(&mut self, commit: &Commit, row: &FeedRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO feed (series_id, state, reason, watermark_ns, seq) \
             VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state, \
             reason = excluded.reason, watermark_ns = excluded.watermark_ns, seq = excluded.seq";
        let (series_id, _) = self.guarded(commit, &row.feed.series)?;
        let query = sqlx::query(SQL)
            .bind(series_id)
            .bind(row.feed.state.as_str())
            .bind(row.feed.reason.as_str())
            .bind(row.feed.watermark_ns)
            .bind(row.seq.cast_signed());
        self.run(query).await.map(|_| ())
    }

    async fn write_dead_letter(
        &mut self,
        commit: &Commit,
        letter: &DeadLetter,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO dead_letter (source_gen, partition, \"offset\", topic, \
             reason, detail, timestamp_ms, worker, key, value) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let claimed = self.advanced(commit, letter.partition)?;
        let query = sqlx::query(SQL)
            .bind(claimed.source_gen)
            .bind(letter.partition)
            .bind(letter.offset)
            .bind(claimed.topic.clone())
            .bind(letter.reason)
            .bind(letter.detail.as_str())
            .bind(letter.timestamp_ms)
            .bind(self.owner.name.clone())
            .bind(letter.key.as_deref())
            .bind(letter.value.as_slice());
        self.run(query).await.map(|_| ())
    }

    async fn write_tick(&mut self, commit: &Commit, tick: &RawTick) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO tick (series_id, event_time_ns, receive_time_ns, price, \
             size, side, trade_id, first_id, last_id, message_id, recovered, volume_24h, \
             market_cap, price_change_24h, source_gen, topic_offset) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let (series_id, claimed) = self.guarded(commit, &tick.series)?;
        let query = sqlx::query(SQL)
            .bind(series_id)
            .bind(tick.event_time_ns)
            .bind(tick.receive_time_ns)
            .bind(tick.price.to_string())
            .bind(text(tick.size))
            .bind(tick.side.map(Side::as_str))
            .bind(bits(tick.trade_id))
            .bind(bits(tick.executions.map(|(first, _)| first)))
            .bind(bits(tick.executions.map(|(_, last)| last)))
            .bind(tick.message_id.as_str())
            .bind(tick.recovered)
            .bind(tick.volume_24h.as_deref())
            .bind(tick.market_cap.as_deref())
            .bind(tick.price_change_24h.as_deref())
            .bind(claimed.source_gen)
            .bind(tick.offset);
        self.run(query).await.map(|_| ())
    }

    /// The id of a registered series, and the claim of its partition, which the commit advances.
    fn guarded(&self, commit: &Commit, series: &Series) -> Result<(i64, &Claimed), StoreError> {
        let registered = self.registered(series)?;
        Ok((registered.id, self.advanced(commit, registered.partition)?))
    }

    pub(super) fn registered(&self, series: &Series) -> Result<&Registered, StoreError> {
        let registered = self.series.get(series);
        registered.ok_or_else(|| StoreError::FindSeries { series: series.clone() })
    }

    fn advanced(&self, commit: &Commit, partition: i32) -> Result<&Claimed, StoreError> {
        let advanced = commit.partitions.iter().any(|progress| progress.partition == partition);
        let claimed = self.claims.get(&partition).filter(|_| advanced);
        claimed.ok_or(StoreError::FindClaim { partition })
    }

    /// Runs a statement within the transaction that is open; returns how many rows it wrote.
    pub(super) async fn run(
        &mut self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<u64, StoreError> {
        let done = query.execute(&mut self.connection).await;
        done.map(|done| done.rows_affected()).map_err(|error| StoreError::of(&self.path, error))
    }
}
