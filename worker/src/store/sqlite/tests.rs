use market::candle::Candle;
use market::interval::Interval;
use market::symbol::Symbol;
use tempfile::TempDir;

use super::*;
use crate::store::samples::{
    MINUTE_MS, candle, commit_of, full_commit, info, owner, progress, series, state,
};
use crate::store::{CommitOutcome, SeriesInfo};

/// What a directory may and may not hold.
mod files;
/// Which candle gives way to which.
mod guard;

/// A store in `dir` that has BTC in partition 3 and has claimed partitions 3 and 7.
async fn open(dir: &TempDir, source_id: &str) -> (SqliteStore, Vec<Claim>) {
    let mut store = SqliteStore::open(dir.path(), owner()).await.unwrap();
    store.register_series(&[info("BTC", 3), info("ETH", 7)]).await.unwrap();
    let claims = store.claim("crypto-prices", &[7, 3], source_id).await.unwrap();
    (store, claims)
}

/// All tables but the fence, as text.
async fn dump(store: &mut SqliteStore) -> Vec<String> {
    const COUNTS: &str = "SELECT (SELECT count(*) FROM candle) || ' ' || \
         (SELECT count(*) FROM alert) || ' ' || (SELECT count(*) FROM gap) || ' ' || \
         (SELECT count(*) FROM feed) || ' ' || (SELECT count(*) FROM dead_letter) || ' ' || \
         (SELECT count(*) FROM series_state)";
    const FENCE: &str =
        "SELECT partition || ' ' || next_offset || ' ' || commit_seq FROM partition";
    const CANDLES: &str = "SELECT open_time_ms || ' ' || closed || ' ' || revision || ' ' || \
         source_gen || ' ' || last_offset || ' ' || seq FROM candle ORDER BY 1";
    let mut all = Vec::new();
    for sql in [COUNTS, FENCE, CANDLES] {
        let rows: Vec<String> =
            sqlx::query_scalar(sql).fetch_all(&mut store.connection).await.unwrap();
        all.extend(rows);
    }
    all
}

#[tokio::test]
async fn a_candle_reads_back_as_it_was_written_and_a_replay_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    let commit = full_commit(&claims[0]);
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    let series = series("BTC");
    let all = store.candles(&series, Interval::M1, MINUTE_MS, 100 * MINUTE_MS).await.unwrap();
    assert_eq!(all, (1..100).map(candle).collect::<Vec<_>>());
    assert_eq!(
        store.candles(&series, Interval::M1, 2 * MINUTE_MS, 4 * MINUTE_MS).await.unwrap().len(),
        2
    );
    assert!(store.last_close_ms(&series, Interval::M1).await.unwrap().is_some());
    assert_eq!(store.last_close_ms(&series, Interval::D1).await.unwrap(), None);

    let before = dump(&mut store).await;
    assert_eq!(before[0], "99 1 1 1 1 1");
    let again = store.commit(&commit).await.unwrap();
    assert_eq!(again, CommitOutcome::Fenced { partitions: vec![3] });
    assert_eq!(dump(&mut store).await, before);

    // The same rows under the next commit_seq change nothing but the fence.
    let mut same = commit.clone();
    same.partitions = vec![progress(&claims[0], 1, 10)];
    assert_eq!(store.commit(&same).await.unwrap(), CommitOutcome::Applied);
    let after = dump(&mut store).await;
    assert_eq!((&after[0], &after[3..]), (&before[0], &before[3..]));
}

#[tokio::test]
async fn a_candle_without_numbers_reads_back_without_them() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
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
    store.commit(&commit_of(&claims[0], 0, empty.clone(), 1)).await.unwrap();
    let all = store.candles(&series("BTC"), Interval::M1, 0, i64::MAX).await.unwrap();
    assert_eq!(all, [empty]);
    assert!(store.closed_minutes(&series("BTC"), 0, i64::MAX).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_commit_with_one_fenced_partition_writes_nothing() {
    let dir = TempDir::new().unwrap();
    let (mut store, old) = open(&dir, "a").await;
    let new = store.claim("crypto-prices", &[3], "a").await.unwrap();
    assert_eq!((new[0].claim, new[0].source_gen), (2, 1));
    assert_ne!(new[0].token, old[0].token);
    let before = dump(&mut store).await;
    let mut commit = commit_of(&old[0], 0, candle(1), 5);
    commit.partitions.push(progress(&old[1], 0, 1));
    let outcome = store.commit(&commit).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Fenced { partitions: vec![3] });
    assert_eq!(dump(&mut store).await, before);
    assert!(!store.was_applied(7, old[1].token, 0).await.unwrap());

    commit.partitions[0] = progress(&new[0], 0, 6);
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    assert!(store.was_applied(3, new[0].token, 0).await.unwrap());
    assert!(!store.was_applied(3, new[0].token, 1).await.unwrap());
}

#[tokio::test]
async fn a_new_broker_is_a_new_generation_and_keeps_the_states() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    assert_eq!(claims.iter().map(|claim| claim.partition).collect::<Vec<_>>(), [3, 7]);
    store.commit(&commit_of(&claims[0], 0, candle(1), 41)).await.unwrap();
    store.close().await.unwrap();

    let (store, claims) = open(&dir, "a").await;
    let claim = &claims[0];
    assert_eq!((claim.claim, claim.source_gen), (2, 1));
    assert_eq!((claim.next_offset, claim.commit_seq), (42, 1));
    store.close().await.unwrap();

    let (mut store, claims) = open(&dir, "b").await;
    let claim = &claims[0];
    assert_eq!((claim.claim, claim.source_gen), (3, 2));
    assert_eq!((claim.next_offset, claim.commit_seq), (0, 1));
    assert_eq!(store.load_states(1).await.unwrap(), [state(&41_i64.to_le_bytes())]);
}

#[tokio::test]
async fn a_commit_whose_future_was_dropped_leaves_the_store_usable() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    let commit = full_commit(&claims[0]);
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
    assert!(applied || store.was_applied(3, claims[0].token, 0).await.unwrap());
    assert_eq!(dump(&mut store).await[0], "99 1 1 1 1 1");
}

#[tokio::test]
async fn rows_without_their_series_or_partition_are_refused() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    let before = dump(&mut store).await;
    let stranger = Candle { symbol: Symbol::new("DOGE").unwrap(), ..candle(1) };
    let error = store.commit(&commit_of(&claims[0], 0, stranger, 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::FindSeries { .. }));
    let error = store.commit(&commit_of(&claims[1], 0, candle(1), 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::FindClaim { partition: 3 }));
    assert_eq!(dump(&mut store).await, before);
}

#[tokio::test]
async fn what_was_remembered_first_is_kept() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir, "a").await;
    assert_eq!(store.recall("start").await.unwrap(), None);
    assert_eq!(store.remember_once("start", "1").await.unwrap(), "1");
    assert_eq!(store.remember_once("start", "2").await.unwrap(), "1");
    assert_eq!(store.recall("start").await.unwrap().as_deref(), Some("1"));
}
