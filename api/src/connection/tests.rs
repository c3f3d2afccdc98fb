use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use super::*;
use crate::routes::{prices, stream};
use crate::state::Settings;

const SCHEMA: &str = include_str!("../../../worker/src/store/schema.sql");
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Says a number by itself, one higher each time, and repeats what it is asked.
struct Counting(u32);

impl Protocol for Counting {
    const IDLE: Duration = Duration::from_millis(20);

    async fn begin(&mut self, _client: &mut Client) -> Option<CloseFrame> {
        None
    }

    async fn request(&mut self, client: &mut Client, text: &str) {
        client.answer(text.to_owned());
    }

    fn idle(&mut self) -> Utf8Bytes {
        self.0 += 1;
        self.0.to_string().into()
    }
}

async fn state(directory: &tempfile::TempDir) -> ApiState {
    let database = directory.path().join("store.sqlite");
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(&database).create_if_missing(true);
    let writer = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&writer).await.unwrap();
    let settings = Settings {
        database,
        pipeline: "p".to_owned(),
        demo: false,
        intervals: vec![],
        now_ns: || 1_000_000_000,
    };
    ApiState::open(settings, broadcast::channel(1).1).await.unwrap()
}

#[tokio::test]
async fn quiet_connection_is_spoken_to_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let handler = async |upgraded: WebSocketUpgrade, State(state): State<ApiState>| {
        upgrade(Ok(upgraded), state, Counting(0)).unwrap()
    };
    let router = Router::new().route("/", get(handler)).with_state(state(&directory).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    for number in 1..=3 {
        let message = timeout(WAIT_MAX, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(message.into_text().unwrap(), number.to_string());
    }
    server.abort();
}

#[tokio::test]
async fn keepalive_and_heartbeat_are_those_that_clients_wait_for() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory).await;
    let _client = state.hub.join().unwrap();
    let read = |text: Utf8Bytes| serde_json::from_str::<Value>(&text).unwrap();
    assert_eq!(
        read(prices::Prices::new(state.clone(), "BTC".to_owned()).idle()),
        serde_json::json!({"type": "keepalive", "timestamp": "1970-01-01T00:00:01Z", "connections": 1})
    );
    assert_eq!(prices::Prices::IDLE, Duration::from_secs(30));
    assert_eq!(
        read(stream::Stream::new(state).idle()),
        serde_json::json!({"type": "heartbeat", "time": 1_000})
    );
    assert_eq!(stream::Stream::IDLE, Duration::from_secs(15));
}

#[tokio::test]
async fn client_too_many_is_refused_and_a_place_that_gets_free_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(&directory).await;
    let mut clients: Vec<Client> =
        (0..crate::hub::CLIENTS_MAX).map(|_| state.hub.join().unwrap()).collect();
    assert!(state.hub.join().is_none());
    clients.pop();
    assert!(state.hub.join().is_some());
}
