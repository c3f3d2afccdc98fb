//! One file per family of routes. Handlers hold no SQL.

/// `GET /api/v1/alerts/{symbol|ALL}`
pub(crate) mod alerts;
/// `GET /api/v1/candles/{symbol}`
pub(crate) mod candles;
/// `GET /` and the files of the dashboard.
pub(crate) mod dashboard;
/// `GET /health`
pub(crate) mod health;
/// `GET /api/v1/pipeline`
pub(crate) mod pipeline;
/// `WS /ws/prices/{symbol|ALL}`
pub(crate) mod prices;
/// `WS /ws/v1`
pub(crate) mod stream;
/// `GET /api/v1/symbols`
pub(crate) mod symbols;
