//! The serving side on real servers: everything that is tested on embedded parts, and what
//! becomes of it when a server is away.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// `GET /api/v1/alerts/{symbol|ALL}`.
#[path = "../api/alerts.rs"]
mod alerts;
/// PostgreSQL and Redis, written as the worker writes them.
mod backend;
/// `GET /api/v1/candles/{symbol}`: ranges, pages, errors.
#[path = "../api/candles.rs"]
mod candles;
/// CSV and windows that are not stored.
#[path = "../api/csv_and_fill.rs"]
mod csv_and_fill;
/// Servers that go away and come back.
mod outages;
/// Everything else that is asked by GET.
#[path = "../api/pages.rs"]
mod pages;
/// `WS /ws/prices/{symbol|ALL}`.
#[path = "../api/prices.rs"]
mod prices;
/// The binary `api`.
mod process;
/// The store without a server.
mod reader;
/// Settings that are refused.
mod refused;
/// Clients that do not read, and the end of the server.
#[path = "../api/slow_clients.rs"]
mod slow_clients;
/// `WS /ws/v1`.
#[path = "../api/stream.rs"]
mod stream;
/// Candles and publications whose values follow from their minute.
#[path = "../api/tape.rs"]
mod tape;
/// With the worker that writes, and by TLS.
mod together;
/// A pipeline and a server to test against.
#[path = "../api/world.rs"]
mod world;
