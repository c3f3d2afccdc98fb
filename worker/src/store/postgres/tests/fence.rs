use std::time::Duration;

use super::*;
use crate::store::Claim;

#[tokio::test]
async fn a_zombie_writes_nothing_and_a_commit_is_applied_once() {
    let (target, mut a, claims) = open().await;
    let old = &claims[0].claim;
    applied(&mut a, &commit_of(old, 0, candle(1), 99)).await;
    let mut b = connect(&target).await;
    let new = b.claim("crypto-prices", &[3], "a").await.unwrap().remove(0);
    assert_eq!((new.claim.claim, new.claim.next_offset, new.claim.commit_seq), (2, 100, 1));
    assert_ne!(new.claim.token, old.token);

    let before = dump(&target).await;
    let zombie = Commit { ticks: vec![tick(7)], ..commit_of(old, 1, candle(2), 120) };
    let fenced = CommitOutcome::Fenced { partitions: vec![3] };
    assert_eq!(a.commit(&zombie).await.unwrap(), fenced);
    assert_eq!(a.accept_source(3, old.token, "b", 0).await.unwrap(), None);
    assert!(!a.set_published(3, old.token, 1).await.unwrap());
    assert!(!a.was_applied(3, old.token, 1).await.unwrap());
    assert_eq!(dump(&target).await, before);

    let commit = commit_of(&new.claim, 1, candle(2), 150);
    applied(&mut b, &commit).await;
    let before = dump(&target).await;
    assert_eq!(b.commit(&commit).await.unwrap(), fenced);
    assert!(b.was_applied(3, new.claim.token, 1).await.unwrap());
    assert!(!b.was_applied(3, new.claim.token, 2).await.unwrap());
    assert_eq!(dump(&target).await, before);
}

/// A commit that the database is at, for as long as `holder` is in its transaction.
async fn hold(target: &PostgresOptions) -> sqlx::PgConnection {
    let mut holder = open::connect(target, limits()).await.unwrap();
    let sql = "BEGIN; UPDATE partition SET next_offset = 180, commit_seq = commit_seq + 1 \
         WHERE partition = 3";
    sqlx::raw_sql(sql).execute(&mut holder).await.unwrap();
    holder
}

async fn wait_for_a_waiter(target: &PostgresOptions) {
    let sql = format!(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted \
         AND application_name = '{}'",
        target.application_name
    );
    let until = async {
        while query(target, &sql).await == ["(0)"] {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), until).await.unwrap();
}

#[tokio::test]
async fn a_claim_waits_for_the_commit_that_is_under_way() {
    let (target, mut a, claims) = open().await;
    applied(&mut a, &commit_of(&claims[0].claim, 0, candle(1), 99)).await;
    let mut holder = hold(&target).await;
    let named = PostgresOptions { application_name: target.schema.clone(), ..target.clone() };
    let mut c = connect(&named).await;
    let claiming = c.claim("crypto-prices", &[3], "a");
    let committing = async {
        wait_for_a_waiter(&named).await;
        sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
    };
    let (claim, ()) = tokio::join!(claiming, committing);
    let claim = claim.unwrap().remove(0).claim;
    assert_eq!((claim.claim, claim.next_offset, claim.commit_seq), (2, 180, 2));
}

#[tokio::test]
async fn a_zombie_commit_that_waited_for_the_claim_writes_nothing() {
    let (target, mut a, claims) = open().await;
    let named = PostgresOptions { application_name: target.schema.clone(), ..target.clone() };
    let mut zombie = connect(&named).await;
    let old = zombie.claim("crypto-prices", &[3], "a").await.unwrap().remove(0).claim;
    assert_ne!(old.token, claims[0].claim.token);
    let mut holder = open::connect(&target, limits()).await.unwrap();
    let claim = "BEGIN; UPDATE partition SET token = 5, claim = claim + 1 WHERE partition = 3";
    sqlx::raw_sql(claim).execute(&mut holder).await.unwrap();
    let commit = commit_of(&old, 0, candle(1), 50);
    let committing = zombie.commit(&commit);
    let claiming = async {
        wait_for_a_waiter(&named).await;
        sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(committing, claiming);
    assert_eq!(outcome.unwrap(), CommitOutcome::Fenced { partitions: vec![3] });
    assert!(a.candles(&series("BTC"), Interval::M1, 0, NOW_MS).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_after_the_commit_is_through() {
    let (target, mut store, claims) = open().await;
    let claim = &claims[0].claim;
    let named = PostgresOptions { application_name: target.schema.clone(), ..target.clone() };
    store.options = named.clone();
    store.connection = None;
    let mut holder = hold(&target).await;
    let asking = store.was_applied(3, claim.token, 0);
    let committing = async {
        wait_for_a_waiter(&named).await;
        sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
    };
    let (applied, ()) = tokio::join!(asking, committing);
    assert!(applied.unwrap());
}

#[tokio::test]
async fn a_fenced_partition_does_not_stop_the_others() {
    let (target, mut a, claims) = open().await;
    let mut b = connect(&target).await;
    b.claim("crypto-prices", &[3], "a").await.unwrap();
    let mut commit = full_commit(&claims[0].claim);
    commit.partitions.push(progress(&claims[1].claim, 0, 40));
    let eth = Candle { symbol: series("ETH").symbol, ..candle(1) };
    commit.candles.push(crate::store::CandleRow { candle: eth, last_offset: 39, seq: 1 });
    commit.ticks.push(tick(1));
    let outcome = a.commit(&commit).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Fenced { partitions: vec![3] });
    let tables = "SELECT (SELECT count(*) FROM candle), (SELECT count(*) FROM tick), \
         (SELECT count(*) FROM alert), (SELECT count(*) FROM gap), (SELECT count(*) FROM feed), \
         (SELECT count(*) FROM series_state)";
    assert_eq!(query(&target, tables).await, ["(1,0,0,0,0,0)"]);
    let fence = "SELECT partition, next_offset, commit_seq FROM partition ORDER BY 1";
    assert_eq!(query(&target, fence).await, ["(3,-1,0)", "(7,40,1)"]);
    assert!(a.was_applied(7, claims[1].claim.token, 0).await.unwrap());
}

#[tokio::test]
async fn a_new_source_is_told_and_accepted_as_one_generation() {
    let (_, mut store, claims) = open().await;
    assert_eq!(claims.iter().map(|claim| claim.claim.partition).collect::<Vec<_>>(), [3, 7]);
    assert_eq!(claims[0].claim.next_offset, NEVER_FOLDED);
    applied(&mut store, &commit_of(&claims[0].claim, 0, candle(1), 41)).await;
    let claims = store.claim("crypto-prices", &[3, 7], "b").await.unwrap();
    assert_eq!((claims[0].source_id.as_str(), claims[0].claim.next_offset), ("a", 42));
    let mut accepted = Vec::new();
    for claim in &claims {
        let Claim { partition, token, .. } = claim.claim;
        accepted.push(store.accept_source(partition, token, "b", 5).await.unwrap().unwrap());
    }
    for (claim, commit_seq) in accepted.iter().zip([1, 0]) {
        assert_eq!((claim.source_id.as_str(), claim.claim.source_gen), ("b", 2));
        assert_eq!((claim.claim.next_offset, claim.claim.commit_seq), (5, commit_seq));
    }
    // Rewound offsets of the same source are a new generation too.
    let again = store.accept_source(3, accepted[0].claim.token, "b", 0).await.unwrap().unwrap();
    assert_eq!((again.claim.source_gen, again.claim.next_offset), (3, 0));
}

#[tokio::test]
async fn a_new_topic_goes_on_from_the_generations_and_commits_of_the_old_one() {
    let (target, mut store, claims) = open().await;
    applied(&mut store, &commit_of(&claims[0].claim, 0, candle(1), 41)).await;
    let mut grown = connect(&target).await;
    let claim = grown.claim("crypto-prices-2", &[3], "b").await.unwrap().remove(0);
    assert_eq!((claim.claim.source_gen, claim.claim.next_offset), (2, NEVER_FOLDED));
    assert_eq!((claim.claim.commit_seq, claim.published_seq), (1, 1));
    // The old topic drains meanwhile.
    applied(&mut store, &commit_of(&claims[0].claim, 1, candle(2), 42)).await;
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_made_again_by_the_next_call() {
    let (target, mut store, claims) = open().await;
    let named = PostgresOptions { application_name: target.schema.clone(), ..target.clone() };
    store.options = named.clone();
    store.connection = None;
    let commit = commit_of(&claims[0].claim, 0, candle(1), 50);
    store.recall("a").await.unwrap();
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'",
        named.application_name
    );
    assert_eq!(query(&target, &end).await, ["(t)"]);
    let error = store.commit(&commit).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert!(!store.was_applied(3, claims[0].claim.token, 0).await.unwrap());
    applied(&mut store, &commit).await;
}

#[tokio::test]
async fn a_row_that_is_held_too_long_is_tried_again_later() {
    let (target, mut store, claims) = open().await;
    let holder = hold(&target).await;
    execute_on(&mut store, "SET lock_timeout = 50").await;
    let commit = commit_of(&claims[0].claim, 0, candle(1), 50);
    let error = store.commit(&commit).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    drop(holder);
    applied(&mut store, &commit).await;
}

async fn execute_on(store: &mut PostgresStore, sql: &'static str) {
    let connection = store.connection.as_mut().unwrap();
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}
