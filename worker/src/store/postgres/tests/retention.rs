use std::time::Duration;

use super::*;
use crate::migrate::{Retained, retain};
use crate::store::CandleRow;

const DAY_MS: i64 = 86_400_000;
const DAY: Duration = Duration::from_secs(86_400);

/// Minutes, days and ticks of each of so many days before now, and an alert at the epoch.
async fn fill(store: &mut PostgresStore, claim: &crate::store::Claim, days: i64) {
    let mut commit = full_commit(claim);
    commit.candles.clear();
    for day in 0..days {
        let open_time_ms = NOW_MS - day * DAY_MS - MINUTE_MS;
        for interval in [Interval::M1, Interval::D1] {
            let candle = Candle { interval, open_time_ms, ..candle(0) };
            commit.candles.push(CandleRow { candle, last_offset: 9, seq: 1 });
        }
        commit.ticks.push(RawTick { event_time_ns: open_time_ms * 1_000_000, ..tick(day) });
    }
    commit.alerts[0].alert.timestamp = jiff::Timestamp::UNIX_EPOCH;
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
}

async fn counts(target: &PostgresOptions) -> Vec<String> {
    let sql = "SELECT (SELECT count(*) FROM candle WHERE interval = '1m'), \
         (SELECT count(*) FROM candle WHERE interval = '1d'), (SELECT count(*) FROM tick), \
         (SELECT count(*) FROM alert)";
    query(target, sql).await
}

#[tokio::test]
async fn retention_drops_old_minutes_ticks_and_alerts_and_keeps_larger_candles() {
    for (target, mut store, claims) in [open().await, open_timescale().await] {
        // 100 days reach into the default partitions.
        fill(&mut store, &claims[0].claim, 100).await;
        assert_eq!(counts(&target).await, ["(100,100,100,1)"]);
        let kept = Retention { ticks: DAY * 7, candles_1m: DAY * 30, alerts: DAY * 365 };
        let retained = retain(&target, kept, NOW_MS).await.unwrap();
        assert_eq!(counts(&target).await, ["(30,100,7,0)"]);
        assert!(retained.rows_deleted > 0);
        // The second time there is nothing to do.
        assert_eq!(retain(&target, kept, NOW_MS).await.unwrap(), Retained::default());

        // A month later whole partitions are past.
        let later = retain(&target, kept, NOW_MS + 37 * DAY_MS).await.unwrap();
        assert_eq!(counts(&target).await, ["(0,100,0,0)"]);
        assert!(later.partitions_dropped > 0, "{later:?}");
    }
}

#[tokio::test]
async fn commits_never_want_for_a_partition() {
    let (target, mut store, claims) = open().await;
    let years = [-50, -1, 0, 1, 100].map(|years| NOW_MS + years * 365 * DAY_MS);
    let mut commit = commit_of(&claims[0].claim, 0, candle(0), 9);
    commit.candles.clear();
    for open_time_ms in years {
        let candle = Candle { open_time_ms, ..candle(0) };
        commit.candles.push(CandleRow { candle, last_offset: 9, seq: 1 });
        commit
            .ticks
            .push(RawTick { event_time_ns: open_time_ms * 1_000_000, ..tick(open_time_ms) });
    }
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    // Partitions for a time whose rows are in the default partition are not made, nor missed.
    let kept = Retention { ticks: DAY * 40_000, candles_1m: DAY * 40_000, alerts: DAY };
    let retained = retain(&target, kept, years[3]).await.unwrap();
    assert_eq!(retained.partitions_dropped, 0);
    assert_eq!(counts(&target).await, ["(5,0,5,0)"]);
}
