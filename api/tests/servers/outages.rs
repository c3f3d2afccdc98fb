use std::sync::Arc;

use api::ApiState;
use e2e::servers::{Durability, Postgres, PostgresKind, Proxy, Redis, Traffic, Way};
use market::publication::{FeedState, Publication};
use serde_json::{Value, json};

use crate::backend::{Backend, Publisher};
use crate::stream::{next_held, subscribe};
use crate::tape::{candle, closed, feed_state, ms, open_bar};
use crate::world::{Socket, WAIT_MAX, World};

async fn private_redis_world(redis_url: &str) -> World {
    let postgres = e2e::servers::postgres();
    let psql = Box::new(|sql: &str| postgres.psql("postgres", sql));
    World::on(Backend::on(&postgres.url("postgres"), psql, redis_url).await).await
}

async fn private_postgres_world() -> (Arc<Postgres>, World) {
    let postgres = Arc::new(Postgres::private(PostgresKind::Plain, Durability::Relaxed));
    let server = Arc::clone(&postgres);
    let psql = Box::new(move |sql: &str| server.psql("postgres", sql));
    let redis = e2e::servers::redis().url();
    let backend = Backend::on(&postgres.url("postgres"), psql, &redis).await;
    let world = World::on(backend).await;
    let minutes = (0..3).map(|minute| (candle(minute), 100));
    world.put_candles(&Vec::from_iter(minutes)).await;
    (postgres, world)
}

/// Waits until `/health` says this of a service.
async fn healthy(world: &World, service: &str, wanted: bool) -> Value {
    let asked = async {
        loop {
            let health = world.get("/health").await.json();
            if (health["services"][service] == "healthy") == wanted {
                return health;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WAIT_MAX, asked).await.unwrap()
}

/// `(minute, seq)` of the next closed candle.
async fn next_closed(socket: &mut Socket) -> (i64, u64) {
    let frame = socket.next().await;
    assert_eq!(frame["type"], "candle", "{frame}");
    let open = frame["candle"]["open_time_ms"].as_i64().unwrap();
    ((open - ms(0)) / 60_000, frame["seq"].as_u64().unwrap())
}

async fn watch_minutes(world: &World) -> Socket {
    let mut socket = world.serve().await.connect("/ws/v1").await;
    let ack = subscribe(&mut socket, &["BTC:binance:1m"]).await;
    assert_eq!(ack["subscribed"], json!(["BTC:binance:1m"]));
    socket
}

fn publish_all(publisher: &Publisher, minutes: std::ops::Range<i64>) {
    for minute in minutes {
        publisher.publish(&closed(minute));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_redis_that_forgot_everything_is_told_again_comes_once() {
    let redis = Redis::private();
    let world = private_redis_world(&redis.url()).await;
    let mut socket = watch_minutes(&world).await;
    publish_all(&world.publisher(), 0..3);
    for minute in 0..3 {
        assert_eq!(next_closed(&mut socket).await.0, minute);
    }
    redis.server().kill();
    let health = healthy(&world, "redis", false).await;
    assert_eq!(
        (&health["status"], &health["services"]["postgresql"]),
        (&json!("degraded"), &json!("healthy"))
    );
    redis.server().start();
    redis.server().wait_ready();
    // As the writer does: what it published, with the old numbers, and what came meanwhile.
    let publisher = world.publisher();
    publish_all(&publisher, 0..5);
    for minute in 3..5 {
        assert_eq!(next_closed(&mut socket).await.0, minute);
    }
    healthy(&world, "redis", true).await;
    publisher.publish(&open_bar(5, "7"));
    assert_eq!(socket.next().await["candle"]["close"], "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_closed_is_missed_while_redis_cannot_be_reached() {
    let redis = Redis::private();
    let proxy = Proxy::to(redis.address());
    let world = private_redis_world(&format!("redis://{}", proxy.address())).await;
    let direct = world.publisher_at(&redis.url());
    let mut socket = watch_minutes(&world).await;
    publish_all(&direct, 0..1);
    assert_eq!(next_closed(&mut socket).await.0, 0);
    proxy.set(Traffic::Cut);
    healthy(&world, "redis", false).await;
    publish_all(&direct, 1..700);
    proxy.set(Traffic::Pass);
    for minute in 1..700 {
        assert_eq!(next_closed(&mut socket).await.0, minute);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_is_stopped_is_noticed_and_goes_on() {
    let redis = Redis::private();
    let world = private_redis_world(&redis.url()).await;
    let publisher = world.publisher();
    let mut socket = watch_minutes(&world).await;
    redis.server().stop();
    healthy(&world, "redis", false).await;
    redis.server().cont();
    publish_all(&publisher, 0..2);
    assert_eq!(next_closed(&mut socket).await.0, 0);
    assert_eq!(next_closed(&mut socket).await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_when_entries_were_trimmed_unread() {
    let redis = Redis::private();
    let proxy = Proxy::to(redis.address());
    let world = private_redis_world(&format!("redis://{}", proxy.address())).await;
    let direct = world.publisher_at(&redis.url());
    let mut socket = watch_minutes(&world).await;
    publish_all(&direct, 0..1);
    assert_eq!(next_closed(&mut socket).await.0, 0);
    proxy.set(Traffic::Cut);
    healthy(&world, "redis", false).await;
    publish_all(&direct, 1..9);
    direct.run("XTRIM", "stream", &["MAXLEN", "=", "0"]);
    world
        .put_candles(&Vec::from_iter(
            (0..9).map(|minute| (candle(minute), 100 + minute.unsigned_abs())),
        ))
        .await;
    proxy.set(Traffic::Pass);
    let reset = json!({"type": "reset", "channel": "BTC:binance:1m"});
    assert_eq!(socket.next().await, reset);
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn number_left_out_of_the_stream_is_told_to_clients() {
    let world = World::new().await;
    let mut socket = watch_minutes(&world).await;
    world.publish(closed(0));
    assert_eq!(next_closed(&mut socket).await, (0, 100));
    world.put_candles(&[(candle(1), 101), (candle(2), 102)]).await;
    world.publish(closed(2));
    assert_eq!(socket.next().await["type"], "reset");
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 2));
    assert_eq!(next_closed(&mut socket).await, (2, 102));
}

#[tokio::test(flavor = "multi_thread")]
async fn channel_that_nobody_watched_is_read_again_after_something_was_missed() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    subscribe(&mut socket, &["BTC:binance:1m"]).await;
    world.publish(closed(0));
    assert_eq!(next_closed(&mut socket).await.0, 0);
    socket.send(json!({"op": "unsubscribe", "channels": ["BTC:binance:1m"], "id": 2})).await;
    assert_eq!(socket.next().await["type"], "ack");
    subscribe(&mut socket, &["BTC:binance:feed"]).await;
    world.put_candles(&[(candle(4), 104)]).await;
    world.publish(feed_state(1, FeedState::Up));
    world.publish(feed_state(3, FeedState::Down));
    // The one that is told is told last.
    while socket.next().await["seq"] != 3 {}
    subscribe(&mut socket, &["BTC:binance:1m"]).await;
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_that_some_were_missed_even_when_the_store_is_away() {
    let (postgres, world) = private_postgres_world().await;
    let mut socket = watch_minutes(&world).await;
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 2));
    postgres.server().kill();
    world.publish(Publication::Candle { seq: 101, candle: candle(3) });
    world.publish(Publication::Candle { seq: 103, candle: candle(5) });
    assert_eq!(next_closed(&mut socket).await, (3, 101));
    assert_eq!(socket.next().await["type"], "reset");
    assert_eq!(next_closed(&mut socket).await, (5, 103));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_the_writer_keeps_tell_repeats_from_the_first_entry_on() {
    let backend = Backend::new().await;
    let publisher = backend.publisher();
    publisher.run("HSET", "seq", &["BTC:binance:1m", "104"]);
    let world = World::on(backend).await;
    let mut socket = watch_minutes(&world).await;
    // Published again after a crash of the writer, whose numbers are lower.
    publish_all(&publisher, 3..6);
    assert_eq!(next_closed(&mut socket).await, (5, 105));
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_stops_is_503_and_is_read_again_when_it_goes_on() {
    let (postgres, world) = private_postgres_world().await;
    assert_eq!(world.minutes("").await, [0, 1, 2]);
    postgres.server().stop();
    let (status, code, _) = world.get("/api/v1/candles/BTC").await.problem();
    assert_eq!((status, code.as_str()), (503, "store-unavailable"));
    let health = world.get("/health").await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["services"]["redis"], "healthy");
    postgres.server().cont();
    healthy(&world, "postgresql", true).await;
    assert_eq!(world.minutes("").await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_network_is_503_and_asked_again_when_it_speaks() {
    let (postgres, redis) =
        (Postgres::private(PostgresKind::Plain, Durability::Relaxed), Redis::private());
    let proxies = [Proxy::to(postgres.address()), Proxy::to(redis.address())];
    let psql = Box::new(|_: &str| unreachable!("this test changes no table"));
    let url = format!("postgres://postgres@{}/postgres", proxies[0].address());
    let redis_url = format!("redis://{}", proxies[1].address());
    let world = World::on(Backend::on(&url, psql, &redis_url).await).await;
    world.put_candles(&[(candle(0), 100)]).await;
    assert_eq!(world.minutes("").await, [0]);
    for proxy in &proxies {
        proxy.set(Traffic::Stall(Way::Both));
    }
    for _ in 0..3 {
        assert_eq!(world.get("/api/v1/candles/BTC").await.problem().0, 503);
    }
    healthy(&world, "redis", false).await;
    for proxy in &proxies {
        proxy.set(Traffic::Pass);
    }
    for service in Backend::SERVICES {
        healthy(&world, service, true).await;
    }
    assert_eq!(world.minutes("").await, [0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_is_killed_is_503_and_is_read_again_when_it_is_back() {
    let (postgres, world) = private_postgres_world().await;
    let mut socket = watch_minutes(&world).await;
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 2));
    postgres.server().kill();
    assert_eq!(world.get("/api/v1/symbols").await.problem().0, 503);
    // What is published goes on to those who watch.
    world.publish(Publication::Candle { seq: 101, candle: candle(3) });
    assert_eq!(next_closed(&mut socket).await, (3, 101));
    postgres.server().restart();
    healthy(&world, "postgresql", true).await;
    assert_eq!(world.minutes("").await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn serving_starts_before_its_servers() {
    let redis = Redis::private();
    let (postgres, made) = private_postgres_world().await;
    let mut settings = made.settings();
    settings.redis.url = redis.url();
    postgres.server().kill();
    redis.server().kill();
    let state = ApiState::connect(settings.clone()).await.unwrap();
    let world = World { state, ..made };
    assert_eq!(world.get("/api/v1/candles/BTC").await.problem().0, 503);
    let health = world.get("/health").await.json();
    assert_eq!(health["status"], "unhealthy");
    assert_ne!(health["services"]["redis"], "healthy");
    postgres.server().restart();
    redis.server().start();
    redis.server().wait_ready();
    healthy(&world, "postgresql", true).await;
    healthy(&world, "redis", true).await;
    let mut socket = watch_minutes(&world).await;
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 2));
    world.publisher_at(&redis.url()).publish(&closed(3));
    assert_eq!(next_closed(&mut socket).await.0, 3);
}
