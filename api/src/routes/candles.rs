//! `GET /api/v1/candles/{symbol}`: the candles of one series, as JSON pages or one CSV stream.
//!
//! Windows are half-open. With `start` alone the oldest candles from there on are answered, with
//! `end` alone the newest before it, with neither the newest, with both those from the end that
//! `order` puts first; always in the order of `order`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Json, Response};
use market::candle::Candle;
use serde::Serialize;

use crate::lookup::{check_interval, find_series};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::store::{AsOf, Walk};

/// CSV, streamed.
mod csv;
/// Where the next page begins, as an opaque text.
mod cursor;
/// Windows that are not stored.
mod fill;
/// One page from the store.
mod page;
/// What can be asked.
mod params;

use page::Plan;
use params::{Format, Order, Params, RawParams};

#[derive(Serialize)]
struct Page {
    data: Vec<Candle>,
    next_cursor: Option<String>,
    as_of: AsOf,
}

pub(crate) async fn get_candles(
    State(state): State<ApiState>,
    Path(symbol): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    query: Result<Query<RawParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(raw) = query.map_err(|rejection| {
        Problem::bad_request("invalid-parameter", rejection.body_text().to_lowercase())
    })?;
    let params = Params::parse(raw, &headers)?;
    let all = state.store.series().await?;
    let series = find_series(&all, &symbol, params.source.as_deref())?.clone();
    check_interval(&state, &series, params.interval).await?;
    let plan = Plan::new(series, &params)?;
    match params.format {
        Format::Json => json_page(&state, plan, &params, uri.path(), uri.query()).await,
        Format::Csv => Ok(csv::stream(state.store.clone(), plan, &params).into_response()),
    }
}

async fn json_page(
    state: &ApiState,
    mut plan: Plan,
    params: &Params,
    path: &str,
    query: Option<&str>,
) -> Result<Response, Problem> {
    let as_of = state.store.as_of(plan.series.id, plan.interval).await?;
    let slice = plan.read(&state.store, params.page_limit()).await?;
    let next_cursor = slice.more.then(|| plan.cursor()).flatten();
    let mut data = slice.candles;
    arrange(&mut data, plan.walk, params.order);
    let link = next_cursor.as_deref().and_then(|cursor| next_link(path, query, cursor));
    let body = Json(Page { data, next_cursor, as_of });
    let mut response = ([(header::CACHE_CONTROL, "no-cache")], body).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Puts candles that were read in the order of `walk` into the order that was asked for.
fn arrange(candles: &mut [Candle], walk: Walk, order: Order) {
    let ascending = walk == Walk::Forward;
    if ascending != (order == Order::Ascending) {
        candles.reverse();
    }
}

/// RFC 8288: the same request with the next cursor.
fn next_link(path: &str, query: Option<&str>, cursor: &str) -> Option<HeaderValue> {
    let kept = query.unwrap_or_default().split('&');
    let kept: String = kept
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="))
        .map(|pair| format!("{pair}&"))
        .collect();
    HeaderValue::try_from(format!("<{path}?{kept}cursor={cursor}>; rel=\"next\"")).ok()
}
