//! One WebSocket: a loop of reading, writing and closing.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use axum::Error;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use tokio::time::{MissedTickBehavior, timeout};

use crate::hub::{Batch, Client};
use crate::problem::Problem;
use crate::state::ApiState;

/// Small, since every connection has its own: the defaults hold 134 KiB per client.
const READ_BUFFER_BYTES: usize = 1024;
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// The longest request of a client.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// A write that takes longer belongs to a client that is gone.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// How long the goodbye may take, each way.
const CLOSE_MAX: Duration = Duration::from_millis(400);

/// What a kind of WebSocket says.
pub(crate) trait Protocol: Send + 'static {
    /// After how long without a request it says something by itself.
    const IDLE: Duration;

    /// Called once, before anything is read. A close frame ends the connection.
    fn begin(&mut self, client: &mut Client) -> impl Future<Output = Option<CloseFrame>> + Send;

    /// Handles one request.
    fn request(&mut self, client: &mut Client, text: &str) -> impl Future<Output = ()> + Send;

    /// What it says by itself.
    fn idle(&mut self) -> Utf8Bytes;
}

/// Why a connection ends.
enum End {
    /// With words for the client.
    Close(CloseFrame),
    /// The client is gone.
    Gone,
}

/// Turns a request into a WebSocket that speaks `protocol`.
pub(crate) fn upgrade(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    state: ApiState,
    protocol: impl Protocol,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| {
        let detail = "this is a WebSocket; connect to it with a WebSocket client";
        Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade-required", detail)
    })?;
    let client = state.hub.join().ok_or_else(|| {
        let detail = "there are too many clients; try again later";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-clients", detail)
    })?;
    // Counted from here on, so that a shutdown waits for an upgrade under way.
    let open = state.connections.token();
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(async move |socket| {
            converse(socket, client, state, protocol).await;
            drop(open);
        }))
}

async fn converse(
    mut socket: WebSocket,
    mut client: Client,
    state: ApiState,
    mut protocol: impl Protocol,
) {
    let end = match protocol.begin(&mut client).await {
        Some(close) => End::Close(close),
        None => talk(&mut socket, &mut client, &state, &mut protocol).await,
    };
    // It watches nothing while it says goodbye.
    drop(client);
    if let End::Close(frame) = end {
        say_goodbye(&mut socket, frame).await;
    }
}

async fn talk<P: Protocol>(
    socket: &mut WebSocket,
    client: &mut Client,
    state: &ApiState,
    protocol: &mut P,
) -> End {
    let mut idle = tokio::time::interval(P::IDLE);
    idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
    idle.reset();
    loop {
        // In this order: a client that asks much is answered before it is heard again.
        let outcome = tokio::select! {
            biased;
            () = state.shutdown.cancelled() => Err(End::Close(going_away())),
            batch = client.outbox().next() => match batch {
                Batch::Frames(frames) => write(socket, frames).await,
                Batch::Overflowed => Err(End::Close(too_slow())),
            },
            _ = idle.tick() => write(socket, vec![protocol.idle()]).await,
            message = socket.next() => match read(message) {
                Ok(Some(text)) => {
                    protocol.request(client, &text).await;
                    idle.reset();
                    Ok(())
                }
                Ok(None) => Ok(()),
                Err(end) => Err(end),
            },
        };
        if let Err(end) = outcome {
            return end;
        }
    }
}

/// The text of a request; `None` for what asks nothing.
fn read(message: Option<Result<Message, Error>>) -> Result<Option<Utf8Bytes>, End> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => {
            Err(End::Close(close(close_code::UNSUPPORTED, "requests are text")))
        }
        Some(Ok(Message::Close(_))) | None => Err(End::Gone),
        Some(Err(_)) => {
            let reason =
                format!("a request must be readable and at most {MESSAGE_BYTES_MAX} bytes");
            Err(End::Close(close(close_code::POLICY, reason)))
        }
    }
}

/// Everything that waits in one flush.
async fn write(socket: &mut WebSocket, frames: Vec<Utf8Bytes>) -> Result<(), End> {
    let sent = timeout(WRITE_MAX, async {
        for text in frames {
            socket.feed(Message::Text(text)).await?;
        }
        socket.flush().await
    });
    match sent.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}

/// Sends the close frame and waits a moment for the client's own, so that it is read before the
/// connection is cut.
async fn say_goodbye(socket: &mut WebSocket, frame: CloseFrame) {
    let sent = timeout(CLOSE_MAX, socket.send(Message::Close(Some(frame)))).await;
    if let Ok(Ok(())) = sent {
        // Whatever still comes is no longer of interest.
        let _ = timeout(CLOSE_MAX, async { while let Some(Ok(_)) = socket.next().await {} }).await;
    }
}

pub(crate) fn close(code: u16, reason: impl Into<Cow<'static, str>>) -> CloseFrame {
    let reason: Cow<'static, str> = reason.into();
    CloseFrame { code, reason: reason.into_owned().into() }
}

fn going_away() -> CloseFrame {
    close(close_code::AWAY, "this server is stopping; connect again")
}

fn too_slow() -> CloseFrame {
    close(close_code::AGAIN, "too much was left unread; connect again")
}

#[cfg(test)]
mod tests;
