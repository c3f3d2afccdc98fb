//! `/livez`, `/readyz`, `/metrics` and `/status` on a port of their own.
//!
//! Liveness is a heartbeat and never a dependency: a loop that turns is alive, whatever the
//! world around it does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock;

/// A loop that has not turned for this long is dead.
pub const TURN_AGE_MAX: Duration = Duration::from_secs(30);
/// How long requests under way may take once the port closes.
const DRAIN_MAX: Duration = Duration::from_millis(500);

/// What the admin port shows; a cheap handle to shared state.
#[derive(Clone)]
pub struct Admin(Arc<Shared>);

struct Shared {
    started: Instant,
    /// Milliseconds from `started` to the loop's last turn.
    last_turn_ms: AtomicU64,
    /// Why it is not ready; `None` when it is.
    unready: Mutex<Option<String>>,
    registry: Registry,
    status: Box<dyn Fn() -> Value + Send + Sync>,
}

impl Admin {
    /// State that counts as alive from `now` on and is not ready yet. `status` is asked at each
    /// request of `/status`; it must not block.
    #[must_use]
    pub fn new(
        now: Instant,
        registry: Registry,
        status: impl Fn() -> Value + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            started: now,
            last_turn_ms: AtomicU64::new(0),
            unready: Mutex::new(Some("starting".to_owned())),
            registry,
            status: Box::new(status),
        }))
    }

    /// The loop turned at `now`.
    pub fn turned(&self, now: Instant) {
        self.0.last_turn_ms.fetch_max(self.since_start_ms(now), Ordering::Relaxed);
    }

    /// Whether the loop turned within [`TURN_AGE_MAX`] before `now`.
    #[must_use]
    pub fn is_alive(&self, now: Instant) -> bool {
        self.turn_age(now) <= TURN_AGE_MAX
    }

    /// It may be given work.
    pub fn set_ready(&self) {
        *self.unready() = None;
    }

    /// It may not be given work, and why.
    pub fn set_unready(&self, reason: impl Into<String>) {
        *self.unready() = Some(reason.into());
    }

    /// Whether it may be given work: not when there is a reason.
    pub fn set_unready_because(&self, reason: Option<String>) {
        *self.unready() = reason;
    }

    fn turn_age(&self, now: Instant) -> Duration {
        let last_turn_ms = self.0.last_turn_ms.load(Ordering::Relaxed);
        Duration::from_millis(self.since_start_ms(now).saturating_sub(last_turn_ms))
    }

    fn since_start_ms(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.0.started);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }

    fn unready(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.unready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The four routes.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(admin)
}

/// Serves the four routes until `shutdown` is cancelled.
pub async fn serve(listener: TcpListener, admin: Admin, shutdown: CancellationToken) {
    let server = axum::serve(listener, router(admin))
        .with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        // `axum::serve` retries failed accepts and returns no error.
        _ = server.into_future() => {}
        () = async {
            shutdown.cancelled().await;
            tokio::time::sleep(DRAIN_MAX).await;
        } => {}
    }
}

async fn livez(State(admin): State<Admin>) -> Response {
    let now = clock::monotonic();
    if admin.is_alive(now) {
        "ok\n".into_response()
    } else {
        let age_s = admin.turn_age(now).as_secs();
        let text = format!("the loop has not turned for {age_s} s\n");
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    }
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let unready = admin.unready().clone();
    match unready {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match TextEncoder::new().encode_to_string(&admin.0.registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn status(State(admin): State<Admin>) -> Json<Value> {
    Json((admin.0.status)())
}

#[cfg(test)]
mod tests;
