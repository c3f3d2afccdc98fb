//! Serving: REST, WebSocket, dashboard. Reads only.
//!
//! ```text
//! store (SQLite or PostgreSQL, read-only) ──▶ routes ──▶ router ──▶ clients
//! feed (in process or Redis, after the commit) ──▶ hub ──▶ one bounded outbox per WebSocket ──▶ clients
//! ```
//! What REST answers is committed; what is newer than that comes through the hub. A client that
//! does not keep up loses its connection and slows nobody else.

/// One WebSocket: a loop of reading, writing and closing.
mod connection;
/// Publications: what the hub listens to.
mod feed;
/// Who watches what, and the last value of every channel.
mod hub;
/// From the names in a request to a stored series.
mod lookup;
/// Errors as clients see them: RFC 9457.
mod problem;
/// The same answers without a server.
mod reader;
/// Every route on one page.
mod router;
/// One file per family of routes.
mod routes;
/// Listening, and the end of it.
mod serve;
/// What every route can reach.
mod state;
/// What is read from where the worker writes.
mod store;

pub use feed::{FeedError, RedisSettings};
pub use reader::{AlertEntry, CandleReader, ReadError, Reader};
pub use router::router;
pub use serve::{ServeError, serve};
pub use state::{ApiState, ConnectError, ServerSettings, Settings};
pub use store::{PostgresSettings, StoreError};
