use std::time::Duration;

use futures::StreamExt;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::CloseFrame};

use crate::venue::{clock::span, state::Venue};

/// A client has so long to answer a close, by the machine's clock.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client is not there any more.
    Gone,
    /// The client closes.
    Left,
    /// The connection is reset.
    Reset,
    /// The connection ends without a close.
    Fin,
    /// It is closed with a code and a reason.
    Close(u16, &'static str),
    /// It stays until that time, and nobody is there.
    Silence(i64),
}

impl End {
    /// Makes that end of a connection.
    pub(super) async fn of(self, venue: &Venue, mut stream: WebSocketStream<TcpStream>) {
        match self {
            Self::Gone => {}
            Self::Left => close(stream, None).await,
            Self::Reset => reset(stream.get_ref()),
            Self::Fin => {
                // A connection that is gone is at its end too.
                let _ = stream.get_mut().shutdown().await;
            }
            Self::Close(code, reason) => {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                close(stream, Some(frame)).await;
            }
            Self::Silence(until_ns) => {
                venue.clock.sleep(span(until_ns - venue.clock.now_ns())).await;
                reset(stream.get_ref());
            }
        }
    }
}

/// Nothing that the client sent meanwhile is read, nothing of ours is kept for it.
pub(in crate::venue) fn reset(stream: &TcpStream) {
    // One that is reset already needs no other reset.
    let _ = stream.set_zero_linger();
}

async fn close(mut stream: WebSocketStream<TcpStream>, frame: Option<CloseFrame>) {
    let closed = async {
        if stream.close(frame).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    // Who does not answer is left without.
    let _ = timeout(CLOSE_MAX, closed).await;
}
