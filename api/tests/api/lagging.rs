use market::publication::Publication;
use serde_json::json;

use crate::backend::Backend;
use crate::stream::{next_held, subscribe};
use crate::tape::{candle, closed, ms, seq_of, series};
use crate::world::World;

#[tokio::test]
async fn hub_that_was_too_slow_reads_last_values_again() {
    let world = World::on(Backend::with_feed_capacity(4).await).await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    let mut prices = server.connect("/ws/prices/BTC").await;
    subscribe(&mut socket, &["BTC:binance:1m"]).await;
    assert_eq!(prices.next().await["type"], "connection");
    for minute in 0..50 {
        world.store(&candle(minute), seq_of(minute)).await;
    }
    // No await between these: the hub cannot read, and all but four are overwritten. What is
    // left in the feed is of another series.
    world.publish(closed(49));
    let mut other = candle(0);
    other.symbol = series("ETH", "binance").symbol;
    for _ in 0..20 {
        world.publish(Publication::OpenBar { seq: 0, candle: other.clone() });
    }
    let reset = socket.next().await;
    assert_eq!(reset, json!({"type": "reset", "channel": "BTC:binance:1m"}));
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 49));
    assert_eq!(prices.next().await["data"]["windowStart"], ms(49) / 1_000);
}
