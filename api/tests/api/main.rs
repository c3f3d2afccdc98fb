//! The serving side as its clients see it: requests through the router, WebSockets on a real
//! port, on a real SQLite file made from the worker's own schema.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// `GET /api/v1/alerts/{symbol|ALL}`.
mod alerts;
/// The embedded parts.
mod backend;
/// `GET /api/v1/candles/{symbol}`: ranges, pages, errors.
mod candles;
/// CSV and windows that are not stored.
mod csv_and_fill;
/// A hub that does not keep up.
mod lagging;
/// Everything else that is asked by GET.
mod pages;
/// `WS /ws/prices/{symbol|ALL}`.
mod prices;
/// Clients that do not read, and the end of the server.
mod slow_clients;
/// `WS /ws/v1`.
mod stream;
/// Candles and publications whose values follow from their minute.
mod tape;
/// A pipeline and a server to test against.
mod world;
