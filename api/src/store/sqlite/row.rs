//! Rows to words.

use market::alert::Alert;
use market::candle::Candle;
use market::interval::Interval;
use market::publication::Feed;
use market::symbol::{Series, SourceName, Symbol};
use serde::de::{Deserialize, IntoDeserializer, value};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::store::{Kind, StoreError, StoredCandle, StoredFeed, StoredSeries};

pub(super) fn reading(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::ReadStore { what, source }
}

pub(super) fn stored_series(row: &SqliteRow) -> Result<StoredSeries, StoreError> {
    Ok(StoredSeries {
        id: column(row, "series_id")?,
        series: series_of(row)?,
        kind: word::<Kind>(row, "kind")?.ok_or_else(|| missing("kind"))?,
        venue: column(row, "venue")?,
        instrument: column(row, "instrument")?,
        primary: column(row, "primary_source")?,
    })
}

pub(super) fn series_of(row: &SqliteRow) -> Result<Series, StoreError> {
    Ok(Series {
        symbol: word::<Symbol>(row, "symbol")?.ok_or_else(|| missing("symbol"))?,
        source: word::<SourceName>(row, "source")?.ok_or_else(|| missing("source"))?,
    })
}

pub(super) fn stored_candle(
    row: &SqliteRow,
    series: &Series,
    interval: Interval,
) -> Result<StoredCandle, StoreError> {
    let candle = Candle {
        symbol: series.symbol.clone(),
        source: series.source.clone(),
        interval,
        open_time_ms: column(row, "open_time_ms")?,
        close_time_ms: column(row, "close_time_ms")?,
        open: word(row, "open")?,
        high: word(row, "high")?,
        low: word(row, "low")?,
        close: word(row, "close")?,
        volume: word(row, "volume")?,
        quote_volume: word(row, "quote_volume")?,
        taker_buy_volume: word(row, "taker_buy_volume")?,
        taker_buy_quote_volume: word(row, "taker_buy_quote_volume")?,
        vwap: word(row, "vwap")?,
        trade_count: count(row, "trade_count")?,
        first_id: count(row, "first_id")?,
        last_id: count(row, "last_id")?,
        first_event_ns: column(row, "first_event_ns")?,
        last_event_ns: column(row, "last_event_ns")?,
        closed: column(row, "closed")?,
        complete: column(row, "complete")?,
        revision: column(row, "revision")?,
        samples: count(row, "samples")?,
        sma_20: column(row, "sma_20")?,
        sma_50: column(row, "sma_50")?,
        ema_20: column(row, "ema_20")?,
        trend: word(row, "trend")?,
    };
    Ok(StoredCandle { candle, seq: count(row, "seq")?.unwrap_or(0) })
}

pub(super) fn stored_feed(row: &SqliteRow) -> Result<StoredFeed, StoreError> {
    let feed = Feed {
        series: series_of(row)?,
        state: word(row, "state")?.ok_or_else(|| missing("state"))?,
        reason: column(row, "reason")?,
        watermark_ns: column(row, "watermark_ns")?,
    };
    Ok(StoredFeed { feed, seq: count(row, "seq")?.unwrap_or(0) })
}

pub(super) fn stored_alert(row: &SqliteRow, series: &Series) -> Result<(Alert, u64), StoreError> {
    let alert = Alert {
        alert_id: column(row, "alert_id")?,
        symbol: series.symbol.clone(),
        source: series.source.clone(),
        alert_type: word(row, "alert_type")?.ok_or_else(|| missing("alert_type"))?,
        rule: word(row, "rule")?.ok_or_else(|| missing("rule"))?,
        price_change_percent: column(row, "price_change_percent")?,
        open_price: word(row, "open_price")?,
        close_price: word(row, "close_price")?,
        window_start: time(row, "window_start_ms", jiff::Timestamp::from_millisecond)?,
        window_end: time(row, "window_end_ms", jiff::Timestamp::from_millisecond)?,
        timestamp: time(row, "event_time_ns", |ns| jiff::Timestamp::from_nanosecond(ns.into()))?,
        severity: word(row, "severity")?.ok_or_else(|| missing("severity"))?,
        z_score: column(row, "z_score")?,
    };
    Ok((alert, count(row, "seq")?.unwrap_or(0)))
}

pub(super) fn column<'row, T>(row: &'row SqliteRow, name: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'row, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(name).map_err(|source| StoreError::ReadStore { what: name, source })
}

/// A number that is never below zero.
pub(super) fn count(row: &SqliteRow, name: &'static str) -> Result<Option<u64>, StoreError> {
    let number: Option<i64> = column(row, name)?;
    number
        .map(|number| {
            u64::try_from(number)
                .map_err(|_| StoreError::DecodeColumn { column: name, text: number.to_string() })
        })
        .transpose()
}

/// A text column through the type's own text form, which is what JSON shows too.
fn word<T: for<'de> Deserialize<'de>>(
    row: &SqliteRow,
    name: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = column(row, name)?;
    text.map(|text| {
        let deserializer: value::StrDeserializer<'_, value::Error> = text.into_deserializer();
        T::deserialize(deserializer)
            .map_err(|_| StoreError::DecodeColumn { column: name, text: text.to_owned() })
    })
    .transpose()
}

pub(super) fn time(
    row: &SqliteRow,
    name: &'static str,
    convert: impl Fn(i64) -> Result<jiff::Timestamp, jiff::Error>,
) -> Result<jiff::Timestamp, StoreError> {
    let number: i64 = column(row, name)?;
    convert(number).map_err(|_| StoreError::DecodeColumn { column: name, text: number.to_string() })
}

fn missing(column: &'static str) -> StoreError {
    StoreError::DecodeColumn { column, text: String::new() }
}
