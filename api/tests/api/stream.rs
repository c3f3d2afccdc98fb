use market::alert::AlertType;
use market::publication::{FeedState, Publication};
use serde_json::{Value, json};

use crate::tape::{
    SERIES, SeriesOf, alert, candle, closed, down, feed_state, ms, open_bar, seq_of, series,
};
use crate::world::{Socket, World};

pub(crate) async fn subscribe(socket: &mut Socket, channels: &[&str]) -> Value {
    socket.send(json!({"op": "subscribe", "channels": channels, "id": 1})).await;
    socket.next().await
}

/// `(type, minute)` of one part of a snapshot.
pub(crate) async fn next_held(socket: &mut Socket) -> (String, i64) {
    let frame = socket.next().await;
    assert_eq!(frame["snapshot"], true, "{frame}");
    let open = frame["candle"]["open_time_ms"].as_i64().unwrap();
    (frame["type"].as_str().unwrap().to_owned(), (open - ms(0)) / 60_000)
}

#[tokio::test]
async fn subscription_is_acknowledged_then_a_snapshot_then_every_publication() {
    let world = World::with_minutes(0..3).await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    let ack = subscribe(&mut socket, &["BTC:binance:1m"]).await;
    assert_eq!(
        ack,
        json!({"type": "ack", "op": "subscribe", "id": 1, "subscribed": ["BTC:binance:1m"],
               "rejected": []})
    );
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 2));
    world.publish(open_bar(3, "60004.125"));
    let frame = socket.next().await;
    assert_eq!(
        (&frame["type"], &frame["channel"], &frame["seq"], &frame["candle"]["close"]),
        (&json!("open_bar"), &json!("BTC:binance:1m"), &json!(seq_of(2)), &json!("60004.125"))
    );
    world.publish(closed(3));
    let frame = socket.next().await;
    assert_eq!((&frame["type"], &frame["seq"]), (&json!("candle"), &json!(seq_of(3))));
    assert_eq!(frame["candle"], serde_json::to_value(candle(3)).unwrap());
}

#[tokio::test]
async fn frame_without_its_channel_is_a_publication() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    subscribe(&mut socket, &["BTC:binance:1m", "BTC:binance:feed", "BTC:binance:alerts"]).await;
    let published = [closed(1), open_bar(2, "7"), feed_state(3, FeedState::Up), alert(4)];
    for publication in published {
        world.publish(publication.clone());
        let mut frame = socket.next().await;
        let channel = frame.as_object_mut().unwrap().remove("channel").unwrap();
        assert_eq!(channel, publication.channel());
        assert_eq!(serde_json::from_value::<Publication>(frame).unwrap(), publication);
    }
}

#[tokio::test]
async fn snapshot_holds_the_last_closed_candle_and_the_open_bar_after_it() {
    let world = World::with_minutes(0..3).await;
    let server = world.serve().await;
    let mut witness = server.connect("/ws/v1").await;
    subscribe(&mut witness, &["BTC:binance:1m"]).await;
    let revised = Publication::Candle { seq: 104, candle: candle(1) };
    for publication in [open_bar(3, "1"), closed(3), open_bar(4, "2"), revised] {
        world.publish(publication);
    }
    // Open bars may overtake: all are in when the last one of each kind is.
    let mut awaited = vec![ms(1), ms(4)];
    while !awaited.is_empty() {
        let frame = witness.next().await;
        awaited.retain(|open_time_ms| frame["candle"]["open_time_ms"] != *open_time_ms);
    }
    let mut socket = server.connect("/ws/v1").await;
    subscribe(&mut socket, &["BTC:binance:1m"]).await;
    assert_eq!(next_held(&mut socket).await, ("candle".to_owned(), 3));
    assert_eq!(next_held(&mut socket).await, ("open_bar".to_owned(), 4));
}

#[tokio::test]
async fn feeds_and_alerts_come_from_the_store_when_none_were_published() {
    let world = World::new().await;
    let feed = down();
    world.put_feed(&feed, 4).await;
    let Publication::Alert { mut alert, .. } = alert(9) else { panic!("it is an alert") };
    alert.alert_type = AlertType::PriceDrop;
    alert.timestamp = "2024-08-08T00:00:30Z".parse().unwrap();
    world.put_alert(&alert, 9).await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    subscribe(&mut socket, &["BTC:binance:feed", "BTC:binance:alerts"]).await;
    let feed = socket.next().await;
    assert_eq!(
        feed,
        json!({"snapshot": true, "channel": "BTC:binance:feed", "type": "feed", "seq": 4, "feed":
            {"symbol": "BTC", "source": "binance", "state": "down", "reason": "no route",
             "watermark_ns": 1_723_078_800_000_000_000_i64}})
    );
    let alert = socket.next().await;
    assert_eq!((&alert["type"], &alert["seq"]), (&json!("alert"), &json!(9)));
    assert_eq!(alert["alert"]["alert_type"], "PRICE_DROP");
    assert_eq!(alert["alert"]["timestamp"], "2024-08-08T00:00:30Z");
}

#[tokio::test]
async fn nothing_is_missed_between_the_snapshot_and_what_follows() {
    let world = World::with_minutes(0..1).await;
    let server = world.serve().await;
    let publisher = world.publisher();
    let publisher = tokio::spawn(async move {
        for minute in 1..400 {
            publisher.publish(&closed(minute));
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..20 {
        let mut socket = server.connect("/ws/v1").await;
        subscribe(&mut socket, &["BTC:binance:1m"]).await;
        let (_, mut minute) = next_held(&mut socket).await;
        for _ in 0..5 {
            if minute == 399 {
                break;
            }
            let frame = socket.next().await;
            minute += 1;
            assert_eq!(frame["candle"]["open_time_ms"], ms(minute));
        }
    }
    publisher.await.unwrap();
}

#[tokio::test]
async fn channels_that_do_not_exist_are_rejected_and_the_others_are_not() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    let channels = [
        "BTX:binance:1m",
        "BTC:binanse:feed",
        "BTC:binance:7m",
        "BTC:binance:1h",
        "ETH:binance:5m",
    ];
    let ack = subscribe(&mut socket, &channels).await;
    assert_eq!(ack["subscribed"], json!(["ETH:binance:5m"]));
    let codes: Vec<&Value> =
        ack["rejected"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["unknown-symbol", "unknown-source", "unknown-channel", "unknown-interval"]);
}

#[tokio::test]
async fn connection_watches_at_most_a_hundred_channels() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    let names: Vec<String> = (10..70).map(|id| format!("C{id}")).collect();
    let kraken = |symbol| SeriesOf { symbol, source: "kraken", venue: "kraken", ..SERIES[0] };
    let many: Vec<SeriesOf<'_>> = names.iter().map(|name| kraken(name.as_str())).collect();
    world.put_series(&many).await;
    let channels =
        |what: &str| -> Vec<String> { (10..70).map(|id| format!("C{id}:kraken:{what}")).collect() };
    let (minutes, feeds) = (channels("1m"), channels("feed"));
    for (names, accepted) in [(&minutes, 60), (&minutes, 60), (&feeds, 40), (&feeds, 40)] {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ack = subscribe(&mut socket, &names).await;
        assert_eq!(ack["subscribed"].as_array().unwrap().len(), accepted);
        for rejected in ack["rejected"].as_array().unwrap() {
            assert_eq!(rejected["code"], "too-many-channels");
        }
    }
}

#[tokio::test]
async fn unsubscribed_channel_is_silent() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    subscribe(&mut socket, &["BTC:binance:1m", "BTC:binance:feed"]).await;
    socket.send(json!({"op": "unsubscribe", "channels": ["BTC:binance:1m"], "id": 2})).await;
    assert_eq!(socket.next().await["unsubscribed"], json!(["BTC:binance:1m"]));
    world.publish(closed(1));
    world.publish(feed_state(1, FeedState::Repairing));
    assert_eq!(socket.next().await["feed"]["state"], "repairing");
}

#[tokio::test]
async fn request_that_cannot_be_read_is_answered_with_a_sentence() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    for request in [json!(5), json!({"op": "fly"}), json!({"op": "subscribe"})] {
        socket.send(request).await;
        let answer = socket.next().await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!("invalid-request"))
        );
    }
    socket.send(json!({"op": "ping", "id": "x"})).await;
    assert_eq!(socket.next().await["id"], "x");
}

#[tokio::test]
async fn request_that_is_too_long_ends_the_connection() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/v1").await;
    socket.send(json!({"op": "ping", "id": "x".repeat(5_000)})).await;
    assert_eq!(socket.close_code().await, 1008);
}

#[tokio::test]
async fn series_that_appears_after_the_start_has_prices_too() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut socket = server.connect("/ws/prices/ALL").await;
    assert_eq!(socket.next().await["type"], "connection");
    let new = SeriesOf { symbol: "SOL", source: "kraken", venue: "kraken", ..SERIES[0] };
    world.put_series(&[new]).await;
    let mut first = candle(0);
    let sol = series("SOL", "kraken");
    (first.symbol, first.source) = (sol.symbol, sol.source);
    world.publish(Publication::Candle { seq: 1, candle: first });
    assert_eq!(socket.next().await["symbol"], "SOL");
}
