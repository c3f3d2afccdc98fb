//! `GET /api/v1/symbols`: the reference's list, and beside each symbol its series.

use axum::extract::State;
use axum::response::Json;
use market::interval::Interval;
use market::symbol::{SourceName, Symbol};
use serde::Serialize;

use crate::lookup::intervals_of;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::store::{Kind, StoreError, StoredSeries};

/// The venue whose instruments are the slugs of the reference.
const SLUG_VENUE: &str = "coingecko";

#[derive(Serialize)]
pub(crate) struct Symbols {
    symbols: Vec<SymbolEntry>,
    count: usize,
}

#[derive(Serialize)]
struct SymbolEntry {
    symbol: Symbol,
    name: String,
    slug: String,
    series: Vec<SeriesEntry>,
}

/// One series as clients see it.
#[derive(Serialize)]
pub(crate) struct SeriesEntry {
    symbol: Symbol,
    source: SourceName,
    kind: Kind,
    venue: String,
    instrument: String,
    primary: bool,
    intervals: Vec<Interval>,
}

impl SeriesEntry {
    pub(crate) async fn read(state: &ApiState, stored: &StoredSeries) -> Result<Self, StoreError> {
        Ok(Self {
            symbol: stored.series.symbol.clone(),
            source: stored.series.source.clone(),
            kind: stored.kind,
            venue: stored.venue.clone(),
            instrument: stored.instrument.clone(),
            primary: stored.primary,
            intervals: intervals_of(state, stored).await?,
        })
    }
}

pub(crate) async fn get_symbols(State(state): State<ApiState>) -> Result<Json<Symbols>, Problem> {
    let all = state.store.series().await?;
    let mut symbols: Vec<SymbolEntry> = Vec::new();
    for of_symbol in all.chunk_by(|one, next| one.series.symbol == next.series.symbol) {
        let symbol = of_symbol[0].series.symbol.clone();
        let slug = of_symbol
            .iter()
            .find(|stored| stored.venue == SLUG_VENUE)
            .map_or_else(|| symbol.as_str().to_lowercase(), |stored| stored.instrument.clone());
        let mut series = Vec::with_capacity(of_symbol.len());
        for stored in of_symbol {
            series.push(SeriesEntry::read(&state, stored).await?);
        }
        symbols.push(SymbolEntry { name: symbol.to_string(), symbol, slug, series });
    }
    Ok(Json(Symbols { count: symbols.len(), symbols }))
}
