//! `GET /health`: whether this program can answer, and how the feeds are.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use market::publication::FeedState;
use market::symbol::{SourceName, Symbol};
use serde::Serialize;
use serde_json::json;

use crate::feed::FeedHealth;
use crate::problem::Problem;
use crate::state::{ApiState, rfc3339};
use crate::store::StoreError;

const HEALTHY: &str = "healthy";
const LOST: &str = "nothing new comes until it is reached again; what is committed is answered";

/// One feed as clients see it.
#[derive(Serialize)]
pub(crate) struct FeedEntry {
    symbol: Symbol,
    source: SourceName,
    state: FeedState,
    reason: String,
    watermark_ns: i64,
    /// How old the newest known moment of the series is.
    watermark_age_ms: i64,
}

impl FeedEntry {
    pub(crate) async fn read_all(state: &ApiState) -> Result<Vec<Self>, StoreError> {
        let now_ms = state.now_ms();
        let feeds = state.store.feeds().await?.into_iter().map(|stored| {
            let watermark_ms = stored.feed.watermark_ns.div_euclid(1_000_000);
            Self {
                symbol: stored.feed.series.symbol,
                source: stored.feed.series.source,
                state: stored.feed.state,
                reason: stored.feed.reason,
                watermark_ns: stored.feed.watermark_ns,
                watermark_age_ms: now_ms.saturating_sub(watermark_ms),
            }
        });
        Ok(feeds.collect())
    }

    fn is_well(&self) -> bool {
        matches!(self.state, FeedState::Up | FeedState::Ended)
    }
}

/// 503 only when the store cannot be read: a venue that is down is not this program's failure.
pub(crate) async fn get_health(State(state): State<ApiState>) -> Response {
    let live = match state.hub.feed_health() {
        FeedHealth::Live => HEALTHY,
        FeedHealth::Lost => LOST,
        FeedHealth::Ended => "ended",
    };
    let (store_service, feed_service) = (state.store.service(), state.hub.feed_service());
    let timestamp = rfc3339(state.now_ms());
    match FeedEntry::read_all(&state).await {
        Ok(feeds) => {
            let well = feeds.iter().all(FeedEntry::is_well) && live != LOST;
            Json(json!({
                "status": if well { HEALTHY } else { "degraded" },
                "timestamp": timestamp,
                "services": {(store_service): HEALTHY, (feed_service): live},
                "feeds": feeds,
            }))
            .into_response()
        }
        Err(error) => {
            let problem = Problem::from(error);
            let body = json!({
                "status": "unhealthy",
                "timestamp": timestamp,
                "services": {(store_service): problem.detail(), (feed_service): live},
                "feeds": [],
            });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}
