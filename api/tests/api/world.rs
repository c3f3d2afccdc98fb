use std::ops::Deref;
use std::time::Duration;

use api::ApiState;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use futures::{SinkExt, StreamExt};
use market::candle::Candle;
use market::interval::MINUTE_MS;
use market::publication::Publication;
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::backend::{Backend, Publisher};
use crate::tape::{START_MS, candle, seq_of};

pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) backend: Backend,
    pub(crate) publisher: Publisher,
    pub(crate) state: ApiState,
}

impl Deref for World {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        &self.backend
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Backend::new().await).await
    }

    pub(crate) async fn on(backend: Backend) -> Self {
        let (state, publisher) = (backend.open_api().await, backend.publisher());
        Self { backend, publisher, state }
    }

    /// A world with candles of BTC:binance at those minutes.
    pub(crate) async fn with_minutes(minutes: impl IntoIterator<Item = i64>) -> Self {
        let world = Self::new().await;
        let candles = minutes.into_iter().map(|minute| (candle(minute), seq_of(minute)));
        world.put_candles(&Vec::from_iter(candles)).await;
        world
    }

    pub(crate) async fn store(&self, candle: &Candle, seq: u64) {
        self.put_candles(&[(candle.clone(), seq)]).await;
    }

    pub(crate) fn publish(&self, publication: Publication) {
        self.publisher.publish(&publication);
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> Answer {
        let response = api::router(self.state.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// The minutes of the candles that a request is answered with.
    pub(crate) async fn minutes(&self, query: &str) -> Vec<i64> {
        minutes_of(&self.get(&format!("/api/v1/candles/BTC?{query}")).await.json())
    }

    pub(crate) async fn serve(&self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = api::serve(listener, self.state.clone(), shutdown.clone());
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Server { address, shutdown, task }
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Checks that it is a problem and returns `(status, code, detail)`.
    pub(crate) fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16());
        assert_eq!(json["type"], format!("urn:crypto-pipeline:problem:{}", text(&json["code"])));
        (self.status.as_u16(), text(&json["code"]), text(&json["detail"]))
    }
}

pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn connect(&self, path: &str) -> Socket {
        self.connect_through(TcpSocket::new_v4().unwrap(), path).await
    }

    pub(crate) async fn connect_through(&self, socket: TcpSocket, path: &str) -> Socket {
        let stream = socket.connect(self.address).await.unwrap();
        let url = format!("ws://{}{path}", self.address);
        Socket(client_async(url, stream).await.unwrap().0)
    }
}

pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

impl Socket {
    pub(crate) async fn send(&mut self, request: Value) {
        self.0.send(Message::text(request.to_string())).await.unwrap();
    }

    /// The next message, whatever time it takes.
    pub(crate) async fn next_message(&mut self) -> Message {
        self.0.next().await.expect("the connection ended without a close frame").unwrap()
    }

    pub(crate) async fn next(&mut self) -> Value {
        let message = tokio::time::timeout(WAIT_MAX, self.next_message()).await.unwrap();
        serde_json::from_str(message.to_text().unwrap())
            .unwrap_or_else(|_| panic!("no JSON: {message:?}"))
    }

    /// The next frame of a type; others are passed over.
    pub(crate) async fn next_of(&mut self, wanted: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == wanted {
                return frame;
            }
        }
    }

    /// The close code; frames before it are passed over.
    pub(crate) async fn close_code(&mut self) -> u16 {
        let closed = async {
            loop {
                if let Message::Close(frame) = self.next_message().await {
                    return frame.unwrap().code.into();
                }
            }
        };
        tokio::time::timeout(WAIT_MAX, closed).await.unwrap()
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub(crate) fn minutes_of(page: &Value) -> Vec<i64> {
    let candles = page["data"].as_array().unwrap_or_else(|| panic!("no page: {page}"));
    let opens = candles.iter().map(|candle| candle["open_time_ms"].as_i64().unwrap());
    opens.map(|open| (open - START_MS) / MINUTE_MS).collect()
}
