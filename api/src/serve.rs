//! Listening, and the end of it.

use std::io;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::router::router;
use crate::state::ApiState;

/// How long requests and WebSockets may take to end once told to.
const DRAIN_MAX: Duration = Duration::from_millis(1_300);
/// What the kernel holds for a client that does not read. Left to itself it grows to megabytes.
const SEND_BUFFER_BYTES: usize = 32 * 1024;

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener failed.
    #[error("cannot serve any longer")]
    Serve {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Serves every route until `shutdown` is cancelled. Then WebSockets are closed with 1001, and
/// what is under way has a little more than a second to end.
///
/// # Errors
/// [`ServeError`] when the listener fails.
pub async fn serve(
    listener: TcpListener,
    mut state: ApiState,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    state.shutdown = shutdown.clone();
    let connections = state.connections.clone();
    let server = axum::serve(listener.tap_io(set_socket_options), router(state))
        .with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let drained = async {
        server.await.map_err(|source| ServeError::Serve { source })?;
        connections.close();
        connections.wait().await;
        Ok(())
    };
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        ended = drained => ended,
        () = out_of_time => {
            tracing::warn!(connections = connections.len(), "clients cut off at the end");
            Ok(())
        }
    }
}

fn set_socket_options(stream: &mut TcpStream) {
    let socket = socket2::SockRef::from(&*stream);
    // A socket that refuses them works all the same.
    let outcome =
        socket.set_tcp_nodelay(true).and_then(|()| socket.set_send_buffer_size(SEND_BUFFER_BYTES));
    if let Err(error) = outcome {
        tracing::debug!(%error, "socket options were refused");
    }
}
