use market::publication::FeedState;
use serde_json::json;
use worker::publish::redis::{Message, RedisLink, RedisSettings, Standing};

use crate::backend::Backend;
use crate::stream::subscribe;
use crate::tape::{alert, closed, feed_state, open_bar};
use crate::world::World;

#[tokio::test]
async fn what_the_worker_publishes_reaches_clients_as_it_does_in_one_process() {
    let world = World::new().await;
    let redis = world.settings().redis;
    let settings = RedisSettings::new(&redis.url, &redis.prefix, "majors").unwrap();
    let mut writer = RedisLink::connect(&settings).await.unwrap();
    let mut socket = world.serve().await.connect("/ws/v1").await;
    let channels = ["BTC:binance:1m", "BTC:binance:feed", "BTC:binance:alerts"];
    assert_eq!(subscribe(&mut socket, &channels).await["subscribed"], json!(channels));
    let standing = Standing { source_gen: 1, claim: 1, primary: true };
    for publication in [closed(0), open_bar(1, "7"), feed_state(1, FeedState::Up), alert(1)] {
        let message = Message::of(standing, &publication).unwrap();
        writer.publish(&[message]).await.unwrap();
        let mut expected = serde_json::to_value(&publication).unwrap();
        expected["channel"] = json!(publication.channel());
        assert_eq!(socket.next().await, expected);
    }
}

#[tokio::test]
async fn both_servers_are_reached_by_tls() {
    let authority = e2e::servers::certificates().authority.clone();
    let backend = Backend::new().await;
    let mut settings = backend.settings();
    settings.postgres.url += "?sslmode=verify-ca";
    settings.postgres.root_ca_file = Some(authority.clone());
    settings.redis.url = e2e::servers::redis().tls_url();
    settings.redis.root_ca_file = Some(authority);
    let state = api::ApiState::connect(settings).await.unwrap();
    let publisher = backend.publisher();
    let world = World { state, backend, publisher };
    let health = world.get("/health").await.json();
    assert_eq!(health["services"], json!({"postgresql": "healthy", "redis": "healthy"}));
}
