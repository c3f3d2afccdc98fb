use super::*;

fn revised(revision: u32, trades: u64, complete: bool) -> Candle {
    Candle { revision, trade_count: Some(trades), complete, ..candle(1) }
}

async fn stored(store: &mut PostgresStore) -> u32 {
    store.candles(&series("BTC"), Interval::M1, 0, NOW_MS).await.unwrap()[0].revision
}

/// Goes on with another source at offset 0.
async fn regenerate(store: &mut PostgresStore, claim: &PartitionClaim, id: &str) -> PartitionClaim {
    store.accept_source(3, claim.claim.token, id, 0).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_candle_gives_way_only_to_a_later_record() {
    let (_, mut store, claims) = open().await;
    for (commit_seq, (revision, last_offset, expected)) in
        [(1, 10, 1), (2, 20, 2), (3, 15, 2), (4, 20, 2), (5, 21, 5)].into_iter().enumerate()
    {
        let commit_seq = i64::try_from(commit_seq).unwrap();
        let row = revised(revision, 3, false);
        applied(&mut store, &commit_of(&claims[0].claim, commit_seq, row, last_offset)).await;
        assert_eq!(stored(&mut store).await, expected, "offset {last_offset}");
    }
}

#[tokio::test]
async fn a_generation_that_carried_its_state_over_replaces_older_candles() {
    let (_, mut store, claims) = open().await;
    applied(&mut store, &commit_of(&claims[0].claim, 0, revised(1, 3, true), 100)).await;
    let claim = regenerate(&mut store, &claims[0], "b").await;
    assert_eq!((claim.claim.source_gen, claim.claim.next_offset), (2, 0));
    applied(&mut store, &commit_of(&claim.claim, 1, revised(2, 1, false), 0)).await;
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
        let (target, mut store, claims) = open().await;
        let old = revised(1, old_trades, old_complete);
        applied(&mut store, &commit_of(&claims[0].claim, 0, old, 100)).await;
        execute(&target, "DELETE FROM series_state").await;
        let claim = regenerate(&mut store, &claims[0], "b").await;
        let new = revised(2, new_trades, new_complete);
        applied(&mut store, &commit_of(&claim.claim, 1, new, 0)).await;
        let expected = if replaced { 2 } else { 1 };
        assert_eq!(stored(&mut store).await, expected, "{old_trades} to {new_trades} trades");

        // The generation after it goes on from its state; older candles stay protected.
        let claim = regenerate(&mut store, &claim, "c").await;
        let later = revised(3, new_trades, new_complete);
        applied(&mut store, &commit_of(&claim.claim, 2, later, 0)).await;
        let expected = if replaced { 3 } else { 1 };
        assert_eq!(stored(&mut store).await, expected, "{old_trades} to {new_trades} trades");
    }
}
