use std::time::Duration;

use serde_json::json;
use tokio::net::TcpSocket;

use crate::tape::{closed, ms, open_bar};
use crate::world::{Server, Socket, WAIT_MAX, World};

const SMALL_BUFFER_BYTES: u32 = 4 * 1024;

/// A client with little room in the kernel.
async fn narrow_client(server: &Server) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(SMALL_BUFFER_BYTES).unwrap();
    let mut client = server.connect_through(socket, "/ws/v1").await;
    watch_minutes(&mut client).await;
    client
}

async fn watch_minutes(client: &mut Socket) {
    client.send(json!({"op": "subscribe", "channels": ["BTC:binance:1m"]})).await;
    assert_eq!(client.next().await["type"], "ack");
}

#[tokio::test]
async fn client_that_does_not_read_is_closed_and_slows_nobody() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut slow = narrow_client(&server).await;
    let mut healthy = server.connect("/ws/v1").await;
    watch_minutes(&mut healthy).await;
    for minute in 0..2_000 {
        world.publish(closed(minute));
        let frame = healthy.next().await;
        assert_eq!(frame["candle"]["open_time_ms"], ms(minute));
    }
    assert_eq!(slow.close_code().await, 1013);
}

#[tokio::test]
async fn client_that_reads_late_gets_every_closed_candle_and_the_newest_open_bar() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut late = narrow_client(&server).await;
    let mut healthy = server.connect("/ws/v1").await;
    watch_minutes(&mut healthy).await;
    let mut opens_seen = 0;
    for number in 0..3_000_u32 {
        world.publish(open_bar(1_000, &format!("{}", number + 1)));
        if number % 100 == 0 {
            world.publish(closed(i64::from(number / 100)));
        }
        // The healthy one keeps up, so that each publication is on its way before the next.
        while healthy.next().await["type"] != "open_bar" {}
    }
    let mut closes = Vec::new();
    loop {
        let frame = late.next().await;
        if frame["type"] == "candle" {
            closes.push(frame["candle"]["open_time_ms"].as_i64().unwrap());
        } else {
            opens_seen += 1;
            if frame["candle"]["close"] == "3000" {
                break;
            }
        }
    }
    assert!(opens_seen < 2_000, "nothing was conflated: {opens_seen}");
    assert_eq!(closes, (0..30).map(ms).collect::<Vec<_>>());
}

#[tokio::test]
async fn client_that_leaves_is_forgotten() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut client = server.connect("/ws/v1").await;
    watch_minutes(&mut client).await;
    assert_eq!(world.state.clients(), 1);
    drop(client);
    let forgotten = async {
        while world.state.clients() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WAIT_MAX, forgotten).await.unwrap();
}

#[tokio::test]
async fn shutdown_says_1001_to_everyone_and_ends_in_time() {
    let world = World::new().await;
    let server = world.serve().await;
    let mut clients = Vec::new();
    for path in ["/ws/v1", "/ws/prices/BTC", "/ws/prices/ALL"] {
        clients.push(server.connect(path).await);
    }
    let stuck = narrow_client(&server).await;
    for minute in 0..200 {
        world.publish(closed(minute));
        tokio::task::yield_now().await;
    }
    server.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_millis(1_500), server.task);
    let codes = async {
        let mut codes = Vec::new();
        for client in &mut clients {
            codes.push(client.close_code().await);
        }
        codes
    };
    let (ended, codes) = tokio::join!(ended, codes);
    assert_eq!(codes, [1001; 3]);
    ended.unwrap().unwrap();
    drop(stuck);
}

#[tokio::test]
async fn shutdown_without_clients_ends_at_once() {
    let world = World::with_minutes([0]).await;
    assert_eq!(world.minutes("").await, [0]);
    let server = world.serve().await;
    server.shutdown.cancel();
    tokio::time::timeout(Duration::from_millis(500), server.task).await.unwrap().unwrap();
}
