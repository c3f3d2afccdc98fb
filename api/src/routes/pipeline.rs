//! `GET /api/v1/pipeline`: what a page says about where its data comes from.

use axum::extract::State;
use axum::response::Json;
use market::interval::Interval;
use serde::Serialize;

use crate::problem::Problem;
use crate::routes::health::FeedEntry;
use crate::routes::symbols::SeriesEntry;
use crate::state::ApiState;

#[derive(Serialize)]
pub(crate) struct PipelineInfo {
    name: String,
    /// Whether the market is made up.
    demo: bool,
    version: &'static str,
    server_time_ms: i64,
    intervals: Vec<Interval>,
    series: Vec<SeriesEntry>,
    feeds: Vec<FeedEntry>,
}

pub(crate) async fn get_pipeline(
    State(state): State<ApiState>,
) -> Result<Json<PipelineInfo>, Problem> {
    let mut series = Vec::new();
    for stored in state.store.series().await? {
        series.push(SeriesEntry::read(&state, &stored).await?);
    }
    Ok(Json(PipelineInfo {
        name: state.pipeline.name.clone(),
        demo: state.pipeline.demo,
        version: env!("CARGO_PKG_VERSION"),
        server_time_ms: state.now_ms(),
        intervals: state.pipeline.intervals.clone(),
        series,
        feeds: FeedEntry::read_all(&state).await?,
    }))
}
