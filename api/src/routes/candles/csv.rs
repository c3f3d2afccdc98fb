//! CSV with the columns of the candle, read from the store while it is sent: without `limit` the
//! whole range in memory of one chunk.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::IntoResponse;
use futures::stream;
use market::candle::Candle;

use super::arrange;
use super::page::Plan;
use super::params::Params;
use crate::store::{Store, StoreError};

/// How many candles are held at a time.
const CHUNK_CANDLES: usize = 1_000;

/// Why a stream ended before its end.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("cannot read the next candles")]
    ReadCandles(#[from] StoreError),
    #[error("cannot write candles as text")]
    WriteCandles(#[from] csv::Error),
}

pub(super) fn stream(store: Store, plan: Plan, params: &Params) -> impl IntoResponse + use<> {
    let series = &plan.series.series;
    let name = format!("{}-{}-{}.csv", series.symbol, series.source, plan.interval);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    let (limit, order) = (params.limit, params.order);
    let chunks = stream::try_unfold(Some((plan, true)), move |next| {
        let store = store.clone();
        async move {
            let Some((mut plan, first)) = next else {
                return Ok(None);
            };
            let mut slice = plan.read(&store, limit.unwrap_or(CHUNK_CANDLES)).await?;
            arrange(&mut slice.candles, plan.walk, order);
            let chunk = write(&slice.candles, first)?;
            let goes_on = slice.more && limit.is_none();
            Ok::<_, StreamError>(Some((chunk, goes_on.then_some((plan, false)))))
        }
    });
    (headers, Body::from_stream(chunks))
}

fn write(candles: &[Candle], header: bool) -> Result<Bytes, csv::Error> {
    let mut text = Vec::new();
    if header {
        text.extend_from_slice(Candle::FIELDS.join(",").as_bytes());
        text.push(b'\n');
    }
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(&mut text);
    for candle in candles {
        writer.serialize(candle)?;
    }
    writer.flush()?;
    drop(writer);
    Ok(text.into())
}
