//! Every route on one page.

use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::get;
use axum::{Router, middleware};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::problem::write_problems;
use crate::routes::{alerts, candles, dashboard, health, pipeline, prices, stream, symbols};
use crate::state::ApiState;

/// Pages use what this origin serves, and nothing else. The chart library writes a style of its
/// own into the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// All routes of the serving side.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/api/v1/alerts", get(alerts::get_all_alerts))
        .route("/api/v1/alerts/", get(alerts::get_all_alerts))
        .route("/api/v1/alerts/{symbol}", get(alerts::get_alerts))
        .route("/api/v1/candles/{symbol}", get(candles::get_candles))
        .route("/api/v1/pipeline", get(pipeline::get_pipeline))
        .route("/api/v1/symbols", get(symbols::get_symbols))
        .route("/health", get(health::get_health))
        .route("/ws/prices/{symbol}", get(prices::get_prices))
        .route("/ws/v1", get(stream::get_stream))
        .fallback(dashboard::get_file)
        .with_state(state)
        .layer(middleware::from_fn(write_problems))
        .layer(set_header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(set_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set_header(header::REFERRER_POLICY, "no-referrer"))
        .layer(CompressionLayer::new())
}

fn set_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}
