//! One WebSocket connection: a task that reads, stamps and enqueues, and nothing else.
//!
//! What reads the queue may be slow, for the topic may be: then the queue fills up, the connection
//! is closed, and what was missed is fetched by id. The upgrade goes through the HTTP client, so
//! that proxies, certificates and refusals are the same as for REST.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::header::{CONNECTION, HeaderMap, HeaderName, UPGRADE};
use reqwest::{Client, StatusCode, Upgraded, Version};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_util::task::AbortOnDropHandle;

use super::limiter::{Host, Need};
use super::rest::leave_alone;
use crate::source::clock::SourceClock;

/// Frames that wait to be read.
const QUEUE_FRAMES_MAX: usize = 32_768;
/// Bytes of frames that wait to be read.
const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest message of a venue.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long opening a connection may take.
const OPEN_MAX: Duration = Duration::from_secs(10);
/// How long sending a message may take.
const SEND_MAX: Duration = Duration::from_secs(5);
/// A connection without frames is pinged so many times before it counts as dead.
const PINGS: u32 = 3;

/// What a connection brings.
#[derive(Debug)]
pub(super) enum Note {
    /// It is open, and what subscribes was sent.
    Open,
    /// A message, and when it was read.
    Text(i64, Utf8Bytes),
    /// A frame without a message: it lives.
    Alive(i64),
}

/// Where to connect, and how.
#[derive(Clone)]
pub(super) struct Plug {
    pub(super) http: Client,
    /// `http://` or `https://`, path and query.
    pub(super) url: String,
    /// What to send first.
    pub(super) messages: Vec<String>,
    /// After how long without any frame it counts as dead.
    pub(super) dead_after: Duration,
    pub(super) host: Arc<Host>,
    pub(super) clock: SourceClock,
}

/// A connection, which closes when it is dropped.
pub(super) struct Line {
    notes: mpsc::Receiver<Note>,
    queued_bytes: Arc<AtomicUsize>,
    task: AbortOnDropHandle<String>,
}

impl Line {
    /// Begins to connect.
    pub(super) fn open(plug: Plug) -> Self {
        let (sender, notes) = mpsc::channel(QUEUE_FRAMES_MAX);
        let queued_bytes = Arc::<AtomicUsize>::default();
        let queue = Queue { sender, bytes: Arc::clone(&queued_bytes) };
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            match connect(&plug).await {
                Ok(socket) => read(socket, &plug, &queue).await,
                Err(reason) => reason,
            }
        }));
        Self { notes, queued_bytes, task }
    }

    /// Waits for what the connection brings; without anything, it is closed. Cancel-safe.
    pub(super) async fn receive(&mut self, notes: &mut Vec<Note>, most: usize) -> usize {
        let count = self.notes.recv_many(notes, most).await;
        let bytes = notes.iter().rev().take(count).map(Note::bytes).sum();
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        count
    }

    /// Frames that wait.
    pub(super) fn queued(&self) -> usize {
        self.notes.len()
    }

    /// Why it is closed, once it is.
    pub(super) async fn reason(self) -> String {
        self.task.await.unwrap_or_else(|error| error.to_string())
    }
}

impl Note {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(_, text) => text.len(),
            Self::Open | Self::Alive(_) => 0,
        }
    }
}

struct Queue {
    sender: mpsc::Sender<Note>,
    bytes: Arc<AtomicUsize>,
}

impl Queue {
    /// Whether there was room.
    fn put(&self, note: Note) -> bool {
        let bytes = note.bytes();
        if self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > QUEUE_BYTES_MAX {
            return false;
        }
        self.sender.try_send(note).is_ok()
    }
}

type Socket = WebSocketStream<Upgraded>;

async fn connect(plug: &Plug) -> Result<Socket, String> {
    plug.host.take(Need::Connection).await;
    let opened = tokio::time::timeout(plug.clock.wall(OPEN_MAX), upgrade(plug)).await;
    let mut socket = opened.map_err(|_| format!("no answer within {} s", OPEN_MAX.as_secs()))??;
    for message in &plug.messages {
        send(&mut socket, Message::text(message.clone()), plug).await?;
    }
    Ok(socket)
}

async fn upgrade(plug: &Plug) -> Result<Socket, String> {
    let key = generate_key();
    let headers = [
        (CONNECTION, "Upgrade"),
        (UPGRADE, "websocket"),
        (HeaderName::from_static("sec-websocket-version"), "13"),
        (HeaderName::from_static("sec-websocket-key"), key.as_str()),
    ];
    let mut request = plug.http.get(&plug.url).version(Version::HTTP_11);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(|error| chain(&error.without_url()))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (status, headers) = (response.status(), response.headers().clone());
        return Err(refusal(plug, status, &headers));
    }
    let accepted = response.headers().get("sec-websocket-accept").map(|accept| accept.as_bytes());
    if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err("what answers is no WebSocket".to_owned());
    }
    let stream = response.upgrade().await.map_err(|error| chain(&error))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await)
}

/// Why there is no connection, and what follows for all who want one.
fn refusal(plug: &Plug, status: StatusCode, headers: &HeaderMap) -> String {
    if let Some(wait) = leave_alone(status, headers) {
        plug.host.block(wait);
    }
    let advice = match status.as_u16() {
        451 => "; the venue does not serve this place: use another host or venue",
        403 => "; the venue refuses this address: use another network or host",
        _ => "",
    };
    format!("the venue answers {status}{advice}")
}

/// Reads until the connection ends; returns why.
async fn read(mut socket: Socket, plug: &Plug, queue: &Queue) -> String {
    let idle = plug.dead_after / PINGS;
    let mut quiet = 0;
    if !queue.put(Note::Open) {
        return "nobody reads".to_owned();
    }
    loop {
        let Ok(frame) = tokio::time::timeout(plug.clock.wall(idle), socket.next()).await else {
            quiet += 1;
            if quiet >= PINGS {
                return format!("no frame for {} s", plug.dead_after.as_secs());
            }
            if let Err(reason) = send(&mut socket, Message::Ping(Bytes::new()), plug).await {
                return reason;
            }
            continue;
        };
        quiet = 0;
        let now_ns = plug.clock.now_ns();
        let note = match frame {
            Some(Ok(Message::Text(text))) => Note::Text(now_ns, text),
            Some(Ok(Message::Close(close))) => {
                return close.map_or_else(
                    || "the venue closed it".to_owned(),
                    |close| {
                        format!(
                            "the venue closed it with {} {}",
                            u16::from(close.code),
                            close.reason
                        )
                    },
                );
            }
            Some(Ok(_)) => Note::Alive(now_ns),
            Some(Err(error)) => return chain(&error),
            None => return "the venue closed it".to_owned(),
        };
        if !queue.put(note) {
            return "records are not taken as fast as frames come".to_owned();
        }
    }
}

async fn send(socket: &mut Socket, message: Message, plug: &Plug) -> Result<(), String> {
    match tokio::time::timeout(plug.clock.wall(SEND_MAX), socket.send(message)).await {
        Ok(sent) => sent.map_err(|error| chain(&error)),
        Err(_) => Err(format!("cannot send within {} s", SEND_MAX.as_secs())),
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
