use market::publication::Publication;
use serde_json::json;

use crate::tape::{candle, closed, ms, open_bar};
use crate::world::World;

fn latest(minute: i64) -> serde_json::Value {
    json!({
        "symbol": "BTC", "windowStart": ms(minute) / 1_000, "windowEnd": ms(minute + 1) / 1_000,
        "open": format!("{}.5", 60_000 + minute), "high": format!("{}.5", 60_003 + minute),
        "low": format!("{}.5", 59_998 + minute), "close": format!("{}.5", 60_001 + minute),
        "volumeSum": "1.25", "eventCount": 10,
    })
}

#[tokio::test]
async fn client_is_greeted_then_shown_the_last_price_then_every_new_one() {
    let world = World::with_minutes(0..3).await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/prices/btc").await;
    assert_eq!(
        socket.next().await,
        json!({"type": "connection", "message": "Connected to BTC price stream", "symbol": "BTC",
               "timestamp": "2024-08-08T01:00:10Z", "mode": "event_driven"})
    );
    assert_eq!(
        socket.next().await,
        json!({"type": "initial_data", "symbol": "BTC", "data": latest(2),
               "timestamp": "2024-08-08T01:00:10Z"})
    );
    world.publish(closed(3));
    assert_eq!(
        socket.next().await,
        json!({"type": "price_update", "symbol": "BTC", "data": latest(3),
               "timestamp": "2024-08-08T01:00:10Z", "source": "live"})
    );
}

#[tokio::test]
async fn price_is_that_of_the_primary_source_and_never_goes_back() {
    let world = World::with_minutes(0..3).await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/prices/ALL").await;
    assert_eq!(socket.next_of("initial_data").await["data"], latest(2));
    let mut kraken = candle(9);
    kraken.source = market::symbol::SourceName::new("kraken").unwrap();
    world.publish(Publication::Candle { seq: 1, candle: kraken });
    let mut larger = candle(5);
    larger.interval = market::interval::Interval::M5;
    world.publish(Publication::Candle { seq: 1, candle: larger });
    world.publish(open_bar(3, "1"));
    let numbered = |seq, minute| Publication::Candle { seq, candle: candle(minute) };
    world.publish(numbered(103, 1));
    world.publish(numbered(104, 3));
    assert_eq!(socket.next().await["data"], latest(3));
}

#[tokio::test]
async fn unknown_symbol_is_closed_with_1008() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/prices/BTX").await;
    assert_eq!(socket.close_code().await, 1008);
}

#[tokio::test]
async fn ping_is_answered_and_nonsense_is_not() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/prices/BTC").await;
    assert_eq!(socket.next().await["type"], "connection");
    socket.send(json!(17)).await;
    socket.send(json!({"type": "ping"})).await;
    let pong = json!({"type": "pong", "timestamp": "2024-08-08T01:00:10Z"});
    assert_eq!(socket.next().await, pong);
}
