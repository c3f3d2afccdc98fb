use super::*;

fn revised(revision: u32, trades: u64, complete: bool) -> Candle {
    Candle { revision, trade_count: Some(trades), complete, ..candle(1) }
}

async fn stored(store: &mut SqliteStore) -> u32 {
    store.candles(&series("BTC"), Interval::M1, 0, i64::MAX).await.unwrap()[0].revision
}

#[tokio::test]
async fn a_candle_gives_way_only_to_a_later_record() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    for (commit_seq, (revision, last_offset, expected)) in
        [(1, 10, 1), (2, 20, 2), (3, 15, 2), (4, 20, 2), (5, 21, 5)].into_iter().enumerate()
    {
        let commit_seq = i64::try_from(commit_seq).unwrap();
        let commit = commit_of(&claims[0], commit_seq, revised(revision, 3, false), last_offset);
        assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
        assert_eq!(stored(&mut store).await, expected, "offset {last_offset}");
    }
}

#[tokio::test]
async fn a_generation_that_carried_its_state_over_replaces_older_candles() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    store.commit(&commit_of(&claims[0], 0, revised(1, 3, true), 100)).await.unwrap();
    let claims = store.claim("crypto-prices", &[3], "b").await.unwrap();
    store.commit(&commit_of(&claims[0], 1, revised(2, 1, false), 0)).await.unwrap();
    assert_eq!(stored(&mut store).await, 2);
}

#[tokio::test]
async fn a_generation_without_state_replaces_only_what_is_no_better() {
    for (old_trades, old_complete, new_trades, new_complete, replaced) in [
        (3, true, 9, false, false),
        (3, true, 2, true, true),
        (3, false, 2, false, false),
        (3, false, 3, false, true),
        (3, false, 1, true, true),
    ] {
        let dir = TempDir::new().unwrap();
        let (mut store, claims) = open(&dir, "a").await;
        let old = revised(1, old_trades, old_complete);
        store.commit(&commit_of(&claims[0], 0, old, 100)).await.unwrap();
        sqlx::query("DELETE FROM series_state").execute(&mut store.connection).await.unwrap();
        let claims = store.claim("crypto-prices", &[3], "b").await.unwrap();
        let new = revised(2, new_trades, new_complete);
        store.commit(&commit_of(&claims[0], 1, new, 0)).await.unwrap();
        let expected = if replaced { 2 } else { 1 };
        assert_eq!(stored(&mut store).await, expected, "{old_trades} to {new_trades} trades");

        // The generation after it goes on from its state; older candles stay protected.
        let claims = store.claim("crypto-prices", &[3], "c").await.unwrap();
        let later = revised(3, new_trades, new_complete);
        store.commit(&commit_of(&claims[0], 2, later, 0)).await.unwrap();
        let expected = if replaced { 3 } else { 1 };
        assert_eq!(stored(&mut store).await, expected, "{old_trades} to {new_trades} trades");
    }
}
