use std::time::Duration;

use api::Reader;
use market::interval::Interval;
use market::publication::Publication;
use sqlx::Connection as _;

use crate::backend::Backend;
use crate::tape::{alert, candle, ms};
use crate::world::World;

/// A reader that does not wait has answered by then.
const WHILE_IT_WAITS: Duration = Duration::from_millis(300);

#[tokio::test]
async fn reader_reads_candles_and_alerts_without_a_server() {
    let world = World::with_minutes(0..5).await;
    for seq in 1..=3 {
        let Publication::Alert { mut alert, .. } = alert(seq) else { panic!("it is an alert") };
        alert.alert_id = format!("alert {seq}");
        world.put_alert(&alert, seq).await;
    }
    let settings = world.settings();
    let reader = Reader::connect(&settings.postgres, &settings.redis.prefix).await.unwrap();
    let symbols: Vec<String> =
        reader.symbols().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(symbols, ["BTC", "ETH"]);
    let candles = reader.candles("BTC", None, Interval::M1).await.unwrap();
    let oldest = candles.oldest(Some(ms(1)), Some(ms(4)), 2).await.unwrap();
    assert_eq!(oldest, [candle(1), candle(2)]);
    assert_eq!(candles.newest(None, 2).await.unwrap(), [candle(3), candle(4)]);
    let first = reader.alerts_after(0, 2).await.unwrap();
    let rest = reader.alerts_after(first[1].row, 9).await.unwrap();
    let ids = Vec::from_iter(first.iter().chain(&rest).map(|entry| entry.alert.alert_id.as_str()));
    assert_eq!(ids, ["alert 1", "alert 2", "alert 3"]);
    assert_eq!((first[0].partition, first[0].offset), (0, 1));
}

#[tokio::test]
async fn alert_that_is_committed_late_is_not_passed_over() {
    let backend = Backend::new().await;
    let settings = backend.settings();
    let Publication::Alert { mut alert, .. } = alert(1) else { panic!("it is an alert") };
    backend.put_alert(&alert, 1).await;
    let mut slow = sqlx::PgConnection::connect(&settings.postgres.url).await.unwrap();
    let copy = format!(
        "SET search_path = {}; BEGIN; CREATE TEMP TABLE late AS SELECT * FROM alert; \
         ALTER TABLE late DROP alert_number; UPDATE late SET alert_id = 'late'; \
         INSERT INTO alert OVERRIDING SYSTEM VALUE SELECT late.alert_id, nextval(pg_get_serial_sequence('alert', \
         'alert_number')), series_id, alert_type, rule, price_change_percent, open_price, \
         close_price, window_start, window_end, event_time, event_time_ns, severity, z_score, \
         source_gen, topic_offset, seq, topic_partition, commit_seq FROM late",
        settings.postgres.schema
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&mut slow).await.unwrap();
    alert.alert_id = "early".to_owned();
    backend.put_alert(&alert, 2).await;
    let reader = Reader::connect(&settings.postgres, &settings.redis.prefix).await.unwrap();
    let first = reader.alerts_after(0, 1).await.unwrap();
    let waits = tokio::time::timeout(WHILE_IT_WAITS, reader.alerts_after(first[0].row, 9)).await;
    assert!(waits.is_err(), "{waits:?}");
    let commit = sqlx::raw_sql("COMMIT").execute(&mut slow);
    let (rest, committed) = tokio::join!(reader.alerts_after(first[0].row, 9), commit);
    committed.unwrap();
    let ids = Vec::from_iter(rest.unwrap().into_iter().map(|entry| entry.alert.alert_id));
    assert_eq!(ids, ["late", "early"]);
}
