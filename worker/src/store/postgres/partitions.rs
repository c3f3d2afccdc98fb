use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::{AssertSqlSafe, PgConnection};

use super::error::{CHECK_VIOLATION, DUPLICATE_TABLE, code_of};
use super::{PostgresError, PostgresOptions, schema};

const DAY_MS: i64 = 86_400_000;
const WEEK_MS: i64 = 7 * DAY_MS;
/// Rows that one statement deletes at most.
pub(crate) const DELETE_ROWS_MAX: i64 = 10_000;
/// Statements of one run and table; the rest is for the next run.
pub(crate) const DELETES_MAX: u32 = 1_000;
/// Partitions ahead of now: for so long `worker retain` may fail to run before rows go to the
/// default partition, which costs nothing but a slower deletion.
const AHEAD: i64 = 4;
/// Partitions that one run makes at most, ahead or behind.
const BEHIND_MAX: i64 = 60;

/// A table that is cut by time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timed {
    /// The table that is partitioned by range on a server without TimescaleDB.
    table: &'static str,
    /// How long a partition is.
    width_ms: i64,
    /// The rows that are past.
    past: &'static str,
    /// The hypertable whose chunks hold nothing else.
    hypertable: Option<&'static str>,
}

/// 1m candles; weeks, so that 90 days are 13 of them.
pub(crate) const MINUTES: Timed = Timed {
    table: "candle_1m",
    width_ms: WEEK_MS,
    past: "DELETE FROM candle USING (SELECT series_id, interval, open_time FROM candle \
         WHERE interval = '1m' AND open_time < timestamptz 'epoch' + $1 * interval '1 ms' \
         LIMIT $2) AS past WHERE candle.series_id = past.series_id \
         AND candle.interval = past.interval AND candle.open_time = past.open_time",
    // Its chunks hold the larger candles too.
    hypertable: None,
};
/// Raw ticks.
pub(crate) const TICKS: Timed = Timed {
    table: "tick",
    width_ms: DAY_MS,
    past: "DELETE FROM tick USING (SELECT series_id, event_time, source_gen, topic_partition, \
         topic_offset FROM tick WHERE event_time < timestamptz 'epoch' + $1 * interval '1 ms' \
         LIMIT $2) AS past WHERE tick.series_id = past.series_id \
         AND tick.event_time = past.event_time AND tick.source_gen = past.source_gen \
         AND tick.topic_partition = past.topic_partition \
         AND tick.topic_offset = past.topic_offset",
    hypertable: Some("tick"),
};
const ALERTS_PAST: &str = "DELETE FROM alert WHERE alert_id IN (SELECT alert_id FROM alert \
     WHERE event_time < timestamptz 'epoch' + $1 * interval '1 ms' LIMIT $2)";

/// Makes the partitions of the time from `oldest_ms` to some time after `now_ms`, as far as they
/// are wanted and none of their rows is in the default partition.
pub(crate) async fn make(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    timed: Timed,
    oldest_ms: i64,
    now_ms: i64,
) -> Result<u32, PostgresError> {
    if !is_partitioned(connection, options, timed.table).await? {
        return Ok(0);
    }
    let Timed { table, width_ms, .. } = timed;
    let present = names(connection, options, table).await?;
    let current = now_ms.div_euclid(width_ms);
    let oldest = oldest_ms.div_euclid(width_ms).max(current - BEHIND_MAX);
    let mut made = 0;
    for index in oldest..=current + AHEAD {
        let (Some(from), Some(to)) = (date(index * width_ms), date((index + 1) * width_ms)) else {
            continue;
        };
        let name = format!("{table}_{}", from.replace('-', ""));
        if present.contains(&name) {
            continue;
        }
        let sql = format!(
            "CREATE TABLE {name} PARTITION OF {table} \
             FOR VALUES FROM ('{from} 00:00+00') TO ('{to} 00:00+00')"
        );
        match sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await {
            Ok(_) => made += 1,
            Err(error) => match code_of(&error).as_deref() {
                // Rows of that time are in the default partition, and stay there.
                Some(CHECK_VIOLATION | DUPLICATE_TABLE) => {}
                Some(_) | None => return Err(schema::used(options, error)),
            },
        }
    }
    Ok(made)
}

/// Drops the partitions, or chunks, that end before `cutoff_ms`. Returns how many.
pub(crate) async fn drop_past(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    timed: Timed,
    cutoff_ms: i64,
) -> Result<u32, PostgresError> {
    if let Some(hypertable) = timed.hypertable
        && let Some(timescale) = timescale(connection, options).await?
    {
        return drop_chunks(connection, options, &timescale, hypertable, cutoff_ms).await;
    }
    if !is_partitioned(connection, options, timed.table).await? {
        return Ok(0);
    }
    let mut dropped = 0;
    let ended = cutoff_ms.div_euclid(timed.width_ms) - 1;
    let Some(last) = date(ended * timed.width_ms) else { return Ok(0) };
    let last = format!("{}_{}", timed.table, last.replace('-', ""));
    for name in names(connection, options, timed.table).await? {
        if name > last {
            continue;
        }
        let sql = format!("DROP TABLE {name}");
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await;
        done.map_err(|source| schema::used(options, source))?;
        dropped += 1;
    }
    Ok(dropped)
}

/// Deletes the rows before `cutoff_ms` that no partition took with it. Returns how many.
pub(crate) async fn delete_past(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    timed: Timed,
    cutoff_ms: i64,
) -> Result<u64, PostgresError> {
    delete(connection, options, timed.past, cutoff_ms).await
}

/// Deletes alerts before `cutoff_ms`. Returns how many.
pub(crate) async fn delete_alerts(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    cutoff_ms: i64,
) -> Result<u64, PostgresError> {
    delete(connection, options, ALERTS_PAST, cutoff_ms).await
}

async fn delete(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    sql: &'static str,
    cutoff_ms: i64,
) -> Result<u64, PostgresError> {
    let mut deleted = 0;
    for _ in 0..DELETES_MAX {
        let query = sqlx::query(sql).bind(cutoff_ms).bind(DELETE_ROWS_MAX);
        let done = query.execute(&mut *connection).await;
        let rows = done.map_err(|source| schema::used(options, source))?.rows_affected();
        deleted += rows;
        if rows == 0 {
            break;
        }
    }
    Ok(deleted)
}

/// The schema of TimescaleDB, where the database has it.
pub(crate) async fn timescale(
    connection: &mut PgConnection,
    options: &PostgresOptions,
) -> Result<Option<String>, PostgresError> {
    const SQL: &str = "SELECT quote_ident(nspname) FROM pg_extension \
         JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb'";
    let found = sqlx::query_scalar(SQL).fetch_optional(connection).await;
    found.map_err(|source| schema::used(options, source))
}

async fn drop_chunks(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    timescale: &str,
    hypertable: &str,
    cutoff_ms: i64,
) -> Result<u32, PostgresError> {
    let sql = format!(
        "SELECT count(*) FROM {timescale}.drop_chunks('{hypertable}', \
         timestamptz 'epoch' + $1 * interval '1 ms')"
    );
    let dropped = sqlx::query_scalar(AssertSqlSafe(sql)).bind(cutoff_ms).fetch_one(connection);
    let dropped: i64 = dropped.await.map_err(|source| schema::used(options, source))?;
    Ok(u32::try_from(dropped).unwrap_or(u32::MAX))
}

async fn is_partitioned(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    table: &str,
) -> Result<bool, PostgresError> {
    const SQL: &str =
        "SELECT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = to_regclass($1))";
    let found = sqlx::query_scalar(SQL).bind(table).fetch_one(connection).await;
    found.map_err(|source| schema::used(options, source))
}

/// The partitions that were made by time, oldest first.
async fn names(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    table: &str,
) -> Result<Vec<String>, PostgresError> {
    const SQL: &str = "SELECT relname::text FROM pg_inherits JOIN pg_class ON oid = inhrelid \
         WHERE inhparent = to_regclass($1) AND relname ~ '_[0-9]{8}$' ORDER BY 1";
    let found = sqlx::query_scalar(SQL).bind(table).fetch_all(connection).await;
    found.map_err(|source| schema::used(options, source))
}

/// The day in UTC, as `2026-11-21`.
fn date(at_ms: i64) -> Option<String> {
    let at = Timestamp::from_millisecond(at_ms).ok()?;
    Some(at.to_zoned(TimeZone::UTC).date().to_string())
}
