use std::collections::BTreeMap;
use std::sync::Arc;

use market::candle::{Candle, Trend};
use market::symbol::Series;
use market::tick::Side;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryScalar;
use sqlx::{AssertSqlSafe, Postgres};
use tokio::time::timeout;

use super::statement::{Parts, statement};
use super::{ANSWER_TIMEOUT, PostgresStore, Registered};
use crate::store::row::{alert_type, bits, nanos, series_of, severity, text};
use crate::store::{
    AlertRow, CandleRow, Commit, CommitOutcome, FeedRow, GapRow, PartitionProgress, RawTick,
    SeriesState, StoreError,
};

const NANOS_PER_MILLI: i64 = 1_000_000;

impl PostgresStore {
    /// Writes all of the commit in one statement, except what a fenced partition guards.
    ///
    /// Each partition whose row has not the token and `commit_seq` of the commit is fenced; the
    /// others are stored. Dead letters are not stored here: they go to their topic before.
    ///
    /// # Errors
    /// [`StoreError::FindSeries`], [`StoreError::FindClaim`] before anything is sent; else
    /// [`super::PostgresError`], after which [`PostgresStore::was_applied`] tells whether the
    /// commit is stored. The same commit may be sent again in any case.
    pub async fn commit(&mut self, commit: &Commit) -> Result<CommitOutcome, StoreError> {
        let Some(first) = commit.partitions.first() else { return Ok(CommitOutcome::Applied) };
        let rows = self.gather(commit)?;
        let topic = self.topic_of(first.partition)?;
        let parts = rows.parts();
        let sql = self.statements.entry(parts).or_insert_with(|| statement(parts).into());
        let mut query = sqlx::query_scalar(AssertSqlSafe(Arc::clone(sql))).bind(topic);
        query = bind_fence(query, &commit.partitions);
        if parts.states {
            query = bind_states(query, &rows.states);
        }
        if parts.candles {
            query = bind_candles(query, &rows.candles);
        }
        if parts.alerts {
            query = bind_alerts(query, &rows.alerts);
        }
        if parts.gaps {
            query = bind_gaps(query, &rows.gaps);
        }
        if parts.feeds {
            query = bind_feeds(query, &rows.feeds);
        }
        if parts.ticks {
            query = bind_ticks(query, &rows.ticks);
        }
        let mut connection = self.lend().await?;
        let applied = timeout(ANSWER_TIMEOUT, query.fetch_one(&mut connection)).await;
        let applied: Vec<i32> = self.give_back(connection, applied)?;
        let all = commit.partitions.iter().map(|progress| progress.partition);
        let mut partitions: Vec<i32> =
            all.filter(|partition| !applied.contains(partition)).collect();
        partitions.sort_unstable();
        Ok(match partitions.as_slice() {
            [] => CommitOutcome::Applied,
            [_, ..] => CommitOutcome::Fenced { partitions },
        })
    }

    /// Each row once, in the order of its key, with the id and the partition of its series.
    fn gather<'a>(&self, commit: &'a Commit) -> Result<Rows<'a>, StoreError> {
        let mut rows = Rows::default();
        let guarded = |series: &Series| self.guarded(commit, series);
        for state in &commit.states {
            let series = guarded(&state.series)?;
            rows.states.insert(series.id, (series, state));
        }
        for row in &commit.candles {
            let candle = &row.candle;
            let series = guarded(&series_of(&candle.symbol, &candle.source))?;
            let key = (series.id, candle.interval.as_str(), candle.open_time_ms);
            rows.candles.insert(key, (series, row));
        }
        for row in &commit.alerts {
            let series = guarded(&series_of(&row.alert.symbol, &row.alert.source))?;
            rows.alerts.push((series, row));
        }
        for row in &commit.gaps {
            let series = guarded(&row.series)?;
            rows.gaps.insert((series.id, row.gap.from_id, row.gap.to_id), (series, row));
        }
        for row in &commit.feeds {
            let series = guarded(&row.feed.series)?;
            let before = rows.feeds.get(&series.id).is_some_and(|(_, _, changed)| *changed);
            rows.feeds.insert(series.id, (series, row, row.changed || before));
        }
        for tick in &commit.ticks {
            rows.ticks.push((guarded(&tick.series)?, tick));
        }
        Ok(rows)
    }

    /// The id of a registered series, and its partition, which the commit advances.
    fn guarded(&self, commit: &Commit, series: &Series) -> Result<Registered, StoreError> {
        let registered = self.registered(series)?;
        let partition = registered.partition;
        let advanced = commit.partitions.iter().any(|progress| progress.partition == partition);
        if advanced { Ok(registered) } else { Err(StoreError::FindClaim { partition }) }
    }
}

type Keyed<K, R> = BTreeMap<K, (Registered, R)>;

#[derive(Default)]
struct Rows<'a> {
    states: Keyed<i64, &'a SeriesState>,
    candles: Keyed<(i64, &'static str, i64), &'a CandleRow>,
    alerts: Vec<(Registered, &'a AlertRow)>,
    gaps: Keyed<(i64, u64, u64), &'a GapRow>,
    feeds: BTreeMap<i64, (Registered, &'a FeedRow, bool)>,
    ticks: Vec<(Registered, &'a RawTick)>,
}

impl Rows<'_> {
    fn parts(&self) -> Parts {
        Parts {
            states: !self.states.is_empty(),
            candles: !self.candles.is_empty(),
            alerts: !self.alerts.is_empty(),
            gaps: !self.gaps.is_empty(),
            feeds: !self.feeds.is_empty(),
            ticks: !self.ticks.is_empty(),
        }
    }
}

type Statement<'q> = QueryScalar<'q, Postgres, Vec<i32>, PgArguments>;

fn array<R, T>(rows: impl Iterator<Item = R>, of: impl Fn(R) -> T) -> Vec<T> {
    rows.map(of).collect()
}

fn bind_fence<'q>(query: Statement<'q>, all: &[PartitionProgress]) -> Statement<'q> {
    let mut all = all.to_vec();
    all.sort_unstable_by_key(|progress| progress.partition);
    query
        .bind(array(all.iter(), |row| row.partition))
        .bind(array(all.iter(), |row| row.token))
        .bind(array(all.iter(), |row| row.commit_seq))
        .bind(array(all.iter(), |row| row.next_offset))
}

fn bind_states<'q>(query: Statement<'q>, all: &Keyed<i64, &'q SeriesState>) -> Statement<'q> {
    query
        .bind(array(all.values(), |(series, _)| series.partition))
        .bind(array(all.values(), |(series, _)| series.id))
        .bind(array(all.values(), |(_, row)| row.version.cast_signed()))
        .bind(array(all.values(), |(_, row)| row.bytes.as_slice()))
}

fn bind_candles<'q>(
    query: Statement<'q>,
    all: &Keyed<(i64, &'static str, i64), &'q CandleRow>,
) -> Statement<'q> {
    let rows = || all.values().map(|(_, row)| &row.candle);
    let query = query
        .bind(array(all.values(), |(series, _)| series.partition))
        .bind(array(all.values(), |(series, _)| series.id))
        .bind(array(rows(), |row| row.interval.as_str()))
        .bind(array(rows(), |row| row.open_time_ms))
        .bind(array(rows(), |row| row.close_time_ms));
    let query = bind_numbers(query, rows);
    query
        .bind(array(rows(), |row| bits(row.trade_count)))
        .bind(array(rows(), |row| bits(row.first_id)))
        .bind(array(rows(), |row| bits(row.last_id)))
        .bind(array(rows(), |row| row.first_event_ns))
        .bind(array(rows(), |row| row.last_event_ns))
        .bind(array(rows(), |row| row.closed))
        .bind(array(rows(), |row| row.complete))
        .bind(array(rows(), |row| i64::from(row.revision)))
        .bind(array(rows(), |row| bits(row.samples)))
        .bind(array(rows(), |row| row.sma_20))
        .bind(array(rows(), |row| row.sma_50))
        .bind(array(rows(), |row| row.ema_20))
        .bind(array(rows(), |row| row.trend.map(Trend::as_str)))
        .bind(array(all.values(), |(_, row)| row.last_offset))
        .bind(array(all.values(), |(_, row)| row.seq.cast_signed()))
}

fn bind_numbers<'q, 'a, I>(query: Statement<'q>, rows: impl Fn() -> I) -> Statement<'q>
where
    I: Iterator<Item = &'a Candle>,
{
    query
        .bind(array(rows(), |row| text(row.open)))
        .bind(array(rows(), |row| text(row.high)))
        .bind(array(rows(), |row| text(row.low)))
        .bind(array(rows(), |row| text(row.close)))
        .bind(array(rows(), |row| text(row.volume)))
        .bind(array(rows(), |row| text(row.quote_volume)))
        .bind(array(rows(), |row| text(row.taker_buy_volume)))
        .bind(array(rows(), |row| text(row.taker_buy_quote_volume)))
        .bind(array(rows(), |row| text(row.vwap)))
}

fn bind_alerts<'q>(query: Statement<'q>, all: &[(Registered, &'q AlertRow)]) -> Statement<'q> {
    let rows = || all.iter().map(|(_, row)| &row.alert);
    query
        .bind(array(all.iter(), |(series, _)| series.partition))
        .bind(array(all.iter(), |(series, _)| series.id))
        .bind(array(rows(), |row| row.alert_id.as_str()))
        .bind(array(rows(), |row| alert_type(row.alert_type)))
        .bind(array(rows(), |row| row.rule.as_str()))
        .bind(array(rows(), |row| row.price_change_percent))
        .bind(array(rows(), |row| text(row.open_price)))
        .bind(array(rows(), |row| text(row.close_price)))
        .bind(array(rows(), |row| row.window_start.as_millisecond()))
        .bind(array(rows(), |row| row.window_end.as_millisecond()))
        .bind(array(rows(), |row| row.timestamp.as_millisecond()))
        .bind(array(rows(), |row| nanos(row.timestamp)))
        .bind(array(rows(), |row| severity(row.severity)))
        .bind(array(rows(), |row| row.z_score))
        .bind(array(all.iter(), |(_, row)| row.offset))
        .bind(array(all.iter(), |(_, row)| row.seq.cast_signed()))
}

fn bind_gaps<'q>(query: Statement<'q>, all: &Keyed<(i64, u64, u64), &'q GapRow>) -> Statement<'q> {
    let rows = || all.values().map(|(_, row)| &row.gap);
    query
        .bind(array(all.values(), |(series, _)| series.partition))
        .bind(array(all.values(), |(series, _)| series.id))
        .bind(array(rows(), |row| row.from_id.cast_signed()))
        .bind(array(rows(), |row| row.to_id.cast_signed()))
        .bind(array(rows(), |row| row.from_ns))
        .bind(array(rows(), |row| row.to_ns))
        .bind(array(rows(), |row| row.reason.as_str()))
}

fn bind_feeds<'q>(
    query: Statement<'q>,
    all: &BTreeMap<i64, (Registered, &'q FeedRow, bool)>,
) -> Statement<'q> {
    let rows = || all.values().map(|(_, row, _)| &row.feed);
    query
        .bind(array(all.values(), |(series, _, _)| series.partition))
        .bind(array(all.values(), |(series, _, _)| series.id))
        .bind(array(rows(), |row| row.state.as_str()))
        .bind(array(rows(), |row| row.reason.as_str()))
        .bind(array(rows(), |row| row.watermark_ns))
        .bind(array(all.values(), |(_, row, _)| row.seq.cast_signed()))
        .bind(array(all.values(), |(_, _, changed)| *changed))
}

fn bind_ticks<'q>(query: Statement<'q>, all: &[(Registered, &'q RawTick)]) -> Statement<'q> {
    let rows = || all.iter().map(|(_, row)| *row);
    query
        .bind(array(all.iter(), |(series, _)| series.partition))
        .bind(array(all.iter(), |(series, _)| series.id))
        .bind(array(rows(), |row| row.event_time_ns.div_euclid(NANOS_PER_MILLI)))
        .bind(array(rows(), |row| row.event_time_ns))
        .bind(array(rows(), |row| row.receive_time_ns))
        .bind(array(rows(), |row| row.price.to_string()))
        .bind(array(rows(), |row| text(row.size)))
        .bind(array(rows(), |row| row.side.map(Side::as_str)))
        .bind(array(rows(), |row| bits(row.trade_id)))
        .bind(array(rows(), |row| bits(row.executions.map(|(first, _)| first))))
        .bind(array(rows(), |row| bits(row.executions.map(|(_, last)| last))))
        .bind(array(rows(), |row| row.message_id.as_str()))
        .bind(array(rows(), |row| row.recovered))
        .bind(array(rows(), |row| row.volume_24h.as_deref()))
        .bind(array(rows(), |row| row.market_cap.as_deref()))
        .bind(array(rows(), |row| row.price_change_24h.as_deref()))
        .bind(array(rows(), |row| row.offset))
}
