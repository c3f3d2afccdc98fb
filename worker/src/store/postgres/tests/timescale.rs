use super::*;

#[tokio::test]
async fn candles_and_ticks_are_hypertables_and_commits_and_replays_are_as_on_plain_servers() {
    let (target, mut store, claims) = open_timescale().await;
    let hypertables = "SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1";
    assert_eq!(query(&target, hypertables).await, ["(candle)", "(tick)"]);

    let claim = &claims[0].claim;
    let commit = Commit { ticks: vec![tick(8), tick(9)], ..full_commit(claim) };
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    let all = store.candles(&series("BTC"), Interval::M1, 0, NOW_MS).await.unwrap();
    assert_eq!(all, (1..100).map(candle).collect::<Vec<_>>());
    let before = dump(&target).await;
    let again = store.commit(&commit).await.unwrap();
    assert_eq!(again, CommitOutcome::Fenced { partitions: vec![3] });
    assert_eq!(dump(&target).await, before);

    let older = commit_of(claim, 1, Candle { revision: 1, ..candle(1) }, 8);
    applied(&mut store, &older).await;
    let later = commit_of(claim, 2, Candle { revision: 2, ..candle(1) }, 10);
    applied(&mut store, &later).await;
    let found = store.candles(&series("BTC"), Interval::M1, 0, 2 * MINUTE_MS).await.unwrap();
    assert_eq!(found, [Candle { revision: 2, ..candle(1) }]);
    assert_eq!(store.unpublished(3, 2).await.unwrap().candles, later.candles);
    assert_eq!(store.first_minute_ms(&series("BTC")).await.unwrap(), Some(MINUTE_MS));
}

#[tokio::test]
async fn migrating_again_and_dropping_leave_timescaledb_as_it_was() {
    let (target, mut store, claims) = open_timescale().await;
    applied(&mut store, &full_commit(&claims[0].claim)).await;
    let options = migration(&target);
    let (first, second) = tokio::join!(migrate(&options, NOW_MS), migrate(&options, NOW_MS));
    first.unwrap();
    second.unwrap();
    assert!(drop_all(&target).await.unwrap());
    let left = "SELECT count(*) FROM timescaledb_information.hypertables";
    assert_eq!(query(&target, left).await, ["(0)"]);
    let extension = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'";
    assert_eq!(query(&target, extension).await, ["(1)"]);
}
