use std::sync::atomic::{AtomicU32, Ordering};

use market::candle::Candle;
use market::interval::Interval;
use market::symbol::Symbol;
use sqlx::AssertSqlSafe;

use super::*;
use crate::migrate::{MigrateOptions, Retention, drop_all, migrate};
use crate::store::samples::{
    MINUTE_MS, candle, commit_of, full_commit, info, progress, series, state,
};
use crate::store::{Commit, CommitOutcome, FeedRow, RawTick};

/// Who writes, and who may not any more.
mod fence;
/// Which candle gives way to which.
mod guard;
/// What is committed and not published.
mod publishing;
/// What is past its retention.
mod retention;
/// Made, handed over, refused, dropped.
mod schemas;
/// The same on TimescaleDB.
mod timescale;
/// The queries of the reference.
mod views;

/// 2024-08-09: everything of the samples is older.
const NOW_MS: i64 = 1_723_161_600_000;

/// A schema that no other test has.
fn target() -> PostgresOptions {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("test-{}.{count}", std::process::id());
    PostgresOptions {
        url: e2e::servers::postgres().url("postgres"),
        root_ca_file: None,
        schema: schema_name(&prefix),
        application_name: "worker-0".into(),
        owner: Owner { prefix, name: "crypto".into() },
        namespace: "market".into(),
    }
}

fn migration(target: &PostgresOptions) -> MigrateOptions {
    let (writer_url, reader_url) = (None, None);
    let (target, retention) = (target.clone(), Retention::default());
    MigrateOptions { target, writer_url, reader_url, retention }
}

/// A store that has BTC in partition 3 and ETH in partition 7.
async fn connect(target: &PostgresOptions) -> PostgresStore {
    let mut store = PostgresStore::connect(target.clone()).await.unwrap();
    store.register_series(&[info("BTC", 3), info("ETH", 7)]).await.unwrap();
    store
}

/// The same in a schema of its own, with both partitions claimed.
async fn open() -> (PostgresOptions, PostgresStore, Vec<PartitionClaim>) {
    open_at(target()).await
}

/// The same where there is TimescaleDB.
async fn open_timescale() -> (PostgresOptions, PostgresStore, Vec<PartitionClaim>) {
    let target = target();
    let url = e2e::servers::timescale().fresh_database(&target.schema);
    open_at(PostgresOptions { url, ..target }).await
}

async fn open_at(target: PostgresOptions) -> (PostgresOptions, PostgresStore, Vec<PartitionClaim>) {
    migrate(&migration(&target), NOW_MS).await.unwrap();
    let mut store = connect(&target).await;
    let claims = store.claim("crypto-prices", &[7, 3], "a").await.unwrap();
    (target, store, claims)
}

async fn applied(store: &mut PostgresStore, commit: &Commit) {
    assert_eq!(store.commit(commit).await.unwrap(), CommitOutcome::Applied);
}

/// Runs statements as the superuser in the schema.
async fn execute(target: &PostgresOptions, sql: &str) {
    let mut connection = open::connect(target, limits()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// The rows of a query as text.
async fn query(target: &PostgresOptions, sql: &str) -> Vec<String> {
    let mut connection = open::connect(target, limits()).await.unwrap();
    let sql = format!("SELECT row::text FROM ({sql}) AS row");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap()
}

fn limits() -> open::Limits {
    open::Limits { statement: STATEMENT_TIMEOUT, lock: LOCK_TIMEOUT }
}

/// Every row of every table, as text.
async fn dump(target: &PostgresOptions) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["candle", "tick", "alert", "gap", "feed", "series_state", "series"] {
        all.extend(
            query(target, &format!("SELECT '{table}', t FROM {table} AS t ORDER BY t")).await,
        );
    }
    let fence = "SELECT topic, partition, token, next_offset, commit_seq FROM partition ORDER BY 2";
    all.extend(query(target, fence).await);
    all
}

fn tick(offset: i64) -> RawTick {
    RawTick {
        series: series("BTC"),
        offset,
        event_time_ns: NOW_MS * 1_000_000 + offset,
        receive_time_ns: None,
        price: "61685.990000000001".parse().unwrap(),
        size: Some("0.5".parse().unwrap()),
        side: Some(market::tick::Side::Sell),
        trade_id: Some(u64::MAX),
        executions: Some((1, 2)),
        message_id: format!("binance:BTCUSDT:a:{offset}"),
        recovered: true,
        volume_24h: None,
        market_cap: Some("12345678901234567890.5".into()),
        price_change_24h: Some("-1.5".into()),
    }
}

#[tokio::test]
async fn a_candle_reads_back_as_it_was_written_and_a_replay_changes_nothing() {
    let (target, mut store, claims) = open().await;
    let claim = &claims[0].claim;
    let commit = Commit { ticks: vec![tick(8), tick(9)], ..full_commit(claim) };
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    let series = series("BTC");
    let all = store.candles(&series, Interval::M1, MINUTE_MS, 100 * MINUTE_MS).await.unwrap();
    assert_eq!(all, (1..100).map(candle).collect::<Vec<_>>());
    let some = store.candles(&series, Interval::M1, 2 * MINUTE_MS, 4 * MINUTE_MS).await.unwrap();
    assert_eq!(some.len(), 2);
    assert_eq!(store.first_minute_ms(&series).await.unwrap(), Some(MINUTE_MS));
    let last_close_ms = store.last_close_ms(&series, Interval::M1).await.unwrap();
    assert_eq!(last_close_ms, Some(100 * MINUTE_MS));
    assert_eq!(store.last_close_ms(&series, Interval::D1).await.unwrap(), None);
    let states = store.load_states(std::slice::from_ref(&series), 1).await.unwrap();
    assert_eq!(states, [state(&9_i64.to_le_bytes())]);

    let before = dump(&target).await;
    for (table, rows) in
        [("candle", 99), ("tick", 2), ("alert", 1), ("gap", 1), ("feed", 1), ("series_state", 1)]
    {
        let of_table = before.iter().filter(|row| row.starts_with(&format!("({table},")));
        assert_eq!(of_table.count(), rows, "{table}");
    }
    let again = store.commit(&commit).await.unwrap();
    assert_eq!(again, CommitOutcome::Fenced { partitions: vec![3] });
    assert_eq!(dump(&target).await, before);

    // The same rows under the next commit_seq change nothing but the fence and the feed's commit.
    let mut same = commit.clone();
    same.partitions = vec![progress(claim, 1, 10)];
    same.feeds.clear();
    assert_eq!(store.commit(&same).await.unwrap(), CommitOutcome::Applied);
    let after = dump(&target).await;
    let rows = before.len() - 2;
    assert_eq!(after[..rows], before[..rows]);
    assert_ne!(after[rows..], before[rows..]);
}

#[tokio::test]
async fn raw_ticks_are_kept_exactly() {
    let (target, mut store, claims) = open().await;
    let partitions = vec![progress(&claims[0].claim, 0, 9)];
    let commit = Commit { partitions, ticks: vec![tick(8)], ..Commit::default() };
    store.commit(&commit).await.unwrap();
    let sql = "SELECT price, size, side, trade_id, first_id, last_id, market_cap, event_time_ns, \
         topic_offset, source_gen FROM tick";
    let expected = "(61685.990000000001,0.500000000000,sell,-1,1,2,12345678901234567890.5,\
         1723161600000000008,8,1)";
    assert_eq!(query(&target, sql).await, [expected]);
}

#[tokio::test]
async fn a_candle_without_numbers_reads_back_without_them() {
    let (_, mut store, claims) = open().await;
    let empty = Candle {
        open: None,
        high: None,
        low: None,
        close: None,
        volume: None,
        quote_volume: None,
        taker_buy_volume: None,
        taker_buy_quote_volume: None,
        vwap: None,
        trade_count: None,
        first_id: None,
        last_id: None,
        first_event_ns: None,
        last_event_ns: None,
        closed: false,
        samples: Some(4),
        sma_20: None,
        sma_50: None,
        ema_20: None,
        trend: None,
        ..candle(1)
    };
    applied(&mut store, &commit_of(&claims[0].claim, 0, empty.clone(), 1)).await;
    let all = store.candles(&series("BTC"), Interval::M1, 0, NOW_MS).await.unwrap();
    assert_eq!(all, [empty]);
    assert!(store.closed_minutes(&series("BTC"), 0, NOW_MS).await.unwrap().is_empty());
}

#[tokio::test]
async fn thirty_eight_digits_are_kept_exactly_in_every_interval() {
    let (_, mut store, claims) = open().await;
    let mut commit = commit_of(&claims[0].claim, 0, candle(0), 5);
    commit.candles.clear();
    for interval in Interval::ALL {
        let candle = Candle { interval, ..candle(0) };
        commit.candles.push(crate::store::CandleRow { candle, last_offset: 5, seq: u64::MAX });
    }
    applied(&mut store, &commit).await;
    for (row, interval) in commit.candles.iter().zip(Interval::ALL) {
        let found = store.recent(&series("BTC"), interval, 9).await.unwrap();
        assert_eq!(found, std::slice::from_ref(row));
    }
}

#[tokio::test]
async fn a_commit_whose_future_was_dropped_leaves_the_store_usable() {
    let (target, mut store, claims) = open().await;
    let commit = full_commit(&claims[0].claim);
    for polls in 1..20 {
        let mut future = Box::pin(store.commit(&commit));
        for _ in 0..polls {
            if futures::poll!(&mut future).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let outcome = store.commit(&commit).await.unwrap();
    let applied = outcome == CommitOutcome::Applied;
    assert!(applied || store.was_applied(3, claims[0].claim.token, 0).await.unwrap());
    assert_eq!(query(&target, "SELECT count(*) FROM candle").await, ["(99)"]);
}

#[tokio::test]
async fn rows_without_their_series_or_partition_are_refused_before_they_are_sent() {
    let (target, mut store, claims) = open().await;
    let before = dump(&target).await;
    let stranger = Candle { symbol: Symbol::new("DOGE").unwrap(), ..candle(1) };
    let commit = commit_of(&claims[0].claim, 0, stranger, 1);
    let error = store.commit(&commit).await.unwrap_err();
    assert!(matches!(error, StoreError::FindSeries { .. }));
    let commit = commit_of(&claims[1].claim, 0, candle(1), 1);
    let error = store.commit(&commit).await.unwrap_err();
    assert!(matches!(error, StoreError::FindClaim { partition: 3 }));
    assert_eq!(dump(&target).await, before);
}

#[tokio::test]
async fn a_series_never_changes_its_kind_venue_or_instrument() {
    let (target, mut store, _) = open().await;
    let before = dump(&target).await;
    let mut changed = info("BTC", 3);
    changed.instrument = "BTCUSDC".into();
    let error = store.register_series(&[info("SOL", 1), changed]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "series \"BTC:binance\" was trade of binance BTCUSDT and would become trade of binance \
         BTCUSDC; give the source another name or begin with empty data"
    );
    assert_eq!(dump(&target).await, before);
    // A source that left the spec is nobody's primary one.
    store.register_series(&[info("BTC", 3)]).await.unwrap();
    let sql = "SELECT symbol, primary_source FROM series ORDER BY 1";
    assert_eq!(query(&target, sql).await, ["(BTC,t)", "(ETH,f)"]);
}

#[tokio::test]
async fn a_state_of_a_newer_version_is_refused() {
    let (_, mut store, claims) = open().await;
    applied(&mut store, &commit_of(&claims[0].claim, 0, candle(1), 1)).await;
    let error = store.load_states(&[series("BTC")], 0).await.unwrap_err();
    assert_eq!((error.exit_code(), error.is_retryable()), (3, false));
}

#[tokio::test]
async fn what_was_remembered_first_is_kept() {
    let (_, mut store, _) = open().await;
    assert_eq!(store.recall("start").await.unwrap(), None);
    assert_eq!(store.remember_once("start", "1").await.unwrap(), "1");
    assert_eq!(store.remember_once("start", "2").await.unwrap(), "1");
    assert_eq!(store.recall("start").await.unwrap().as_deref(), Some("1"));
}
