//! `GET /api/v1/alerts/{symbol|ALL}`: what was raised.
//!
//! As the reference answers: the newest alerts of primary series first, of the last `hours`. With
//! `after`, everything that was committed after that row, in that order, of all series: whoever
//! goes on from the last row of each answer misses none.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Json, Response};
use market::decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::lookup::find_series;
use crate::problem::Problem;
use crate::reader::AlertEntry;
use crate::state::{ApiState, rfc3339};

const ALL: &str = "ALL";
const LIMIT_DEFAULT: usize = 50;
/// Most alerts of one answer.
const LIMIT_MAX: usize = 100;
/// Most alerts of one answer to `after`.
const PAGE_LIMIT_MAX: usize = 1_000;
const HOURS_DEFAULT: i64 = 24;
const HOURS_MAX: i64 = 168;
const HOUR_MS: i64 = 3_600_000;

/// The query as sent. A parameter that is not listed is refused, not ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawParams {
    limit: Option<String>,
    hours: Option<String>,
    after: Option<String>,
}

#[derive(Serialize)]
struct Alerts {
    symbol: String,
    alert_count: usize,
    lookback_hours: Option<i64>,
    alerts: Vec<Entry>,
}

/// An alert with the names and numbers of the reference, and with ours.
#[derive(Serialize)]
struct Entry {
    price_change_pct: f64,
    old_price: Option<f64>,
    new_price: Option<f64>,
    created_at: String,
    #[serde(flatten)]
    entry: AlertEntry,
}

impl From<AlertEntry> for Entry {
    fn from(entry: AlertEntry) -> Self {
        let alert = &entry.alert;
        let number =
            |price: Option<Decimal>| price.and_then(|price| price.to_string().parse().ok());
        Self {
            price_change_pct: alert.price_change_percent,
            old_price: number(alert.open_price),
            new_price: number(alert.close_price),
            created_at: rfc3339(alert.timestamp.as_millisecond()),
            entry,
        }
    }
}

pub(crate) async fn get_all_alerts(
    state: State<ApiState>,
    query: Result<Query<RawParams>, QueryRejection>,
) -> Result<Response, Problem> {
    get_alerts(state, Path(ALL.to_owned()), query).await
}

pub(crate) async fn get_alerts(
    State(state): State<ApiState>,
    Path(symbol): Path<String>,
    query: Result<Query<RawParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(raw) = query.map_err(|rejection| {
        Problem::bad_request("invalid-parameter", rejection.body_text().to_lowercase())
    })?;
    let symbol = if symbol.eq_ignore_ascii_case(ALL) {
        None
    } else {
        let all = state.store.series().await?;
        Some(find_series(&all, &symbol, None)?.series.symbol.to_string())
    };
    let (entries, lookback_hours) = match &raw.after {
        Some(after) => (page(&state, symbol.as_deref(), after, &raw).await?, None),
        None => {
            let limit = bounded("limit", raw.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?;
            let hours = bounded("hours", raw.hours.as_deref(), HOURS_DEFAULT, HOURS_MAX)?;
            let since_ms = state.now_ms().saturating_sub(hours * HOUR_MS);
            let newest = state.store.newest_alerts(symbol.as_deref(), since_ms, limit).await?;
            (newest, Some(hours))
        }
    };
    let alerts = Alerts {
        symbol: symbol.unwrap_or_else(|| ALL.to_owned()),
        alert_count: entries.len(),
        lookback_hours,
        alerts: entries.into_iter().map(Entry::from).collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-cache")], Json(alerts)).into_response())
}

async fn page(
    state: &ApiState,
    symbol: Option<&str>,
    after: &str,
    raw: &RawParams,
) -> Result<Vec<AlertEntry>, Problem> {
    let refused = |detail: String| Problem::bad_request("invalid-parameter", detail);
    if symbol.is_some() || raw.hours.is_some() {
        let detail = "after goes through the alerts of ALL, of any time; leave hours out";
        return Err(refused(detail.to_owned()));
    }
    let row = after.parse().ok().filter(|row| *row >= 0).ok_or_else(|| {
        refused(format!("after \"{after}\" is not a row; write the row of the last alert, or 0"))
    })?;
    let limit = bounded("limit", raw.limit.as_deref(), LIMIT_DEFAULT, PAGE_LIMIT_MAX)?;
    Ok(state.store.alerts_after(row, limit).await?)
}

/// A whole number from 1 to `max`.
fn bounded<T>(name: &str, text: Option<&str>, default: T, max: T) -> Result<T, Problem>
where
    T: Copy + Default + PartialOrd + std::fmt::Display + std::str::FromStr,
{
    let Some(text) = text else { return Ok(default) };
    let number = text.parse().ok().filter(|number| *number > T::default() && *number <= max);
    number.ok_or_else(|| {
        let detail = format!("{name} \"{text}\" is not between 1 and {max}");
        Problem::bad_request("invalid-parameter", detail)
    })
}
