use std::error::Error;

use api::{ApiState, ConnectError, Reader, StoreError};
use market::interval::Interval;
use market::publication::Publication;

use crate::backend::Backend;
use crate::tape::{alert, candle, ms};
use crate::world::World;

const SECRET: &str = "s3cret-of-this-test";

/// The error with all its causes, as a log shows it.
fn whole(error: &dyn Error) -> String {
    let cause = error.source().map(whole).unwrap_or_default();
    format!("{error} {error:?} {cause}")
}

#[tokio::test]
async fn tables_of_another_pipeline_are_refused() {
    let backend = Backend::new().await;
    let mut settings = backend.settings();
    settings.redis.prefix = "other".to_owned();
    let refused = ApiState::connect(settings).await.err().unwrap();
    assert!(
        matches!(&refused, ConnectError::ConnectStore(StoreError::RefuseOwner { wanted, .. }) if wanted == "other"),
        "{refused}"
    );
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    let backend = Backend::new().await;
    backend.set_schema_version(2);
    let refused = ApiState::connect(backend.settings()).await.err().unwrap();
    assert!(
        refused.to_string().contains("is of version 2, and this program reads up to 1"),
        "{refused}"
    );
    let settings = backend.settings();
    let unread = Reader::connect(&settings.postgres, &settings.redis.prefix).await.err().unwrap();
    assert!(unread.to_string().contains("is of version 2"), "{unread}");
}

#[tokio::test]
async fn no_error_and_no_debug_text_holds_a_password() {
    let backend = Backend::new().await;
    for (postgres, redis) in [
        (format!("postgres://u:{SECRET}@localhost:port/x"), None),
        (format!("mysql://u:{SECRET}@localhost/x"), None),
        (backend.settings().postgres.url, Some(format!("redis://u:{SECRET}@localhost:port"))),
        (backend.settings().postgres.url, Some(format!("http://u:{SECRET}@localhost"))),
    ] {
        let mut settings = backend.settings();
        settings.postgres.url = postgres;
        settings.redis.url = redis.unwrap_or(settings.redis.url);
        assert!(!format!("{settings:?}").contains(SECRET));
        let refused = ApiState::connect(settings).await.err().unwrap();
        assert!(!whole(&refused).contains(SECRET), "{refused}");
    }
}

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
