//! Rows of either database to words. Columns are found by name: times are numbers and decimals
//! are text, whatever they are in the tables.

use market::alert::Alert;
use market::candle::Candle;
use market::interval::Interval;
use market::publication::Feed;
use market::symbol::Series;
use serde::de::{Deserialize, IntoDeserializer, value};
use sqlx::Row as _;

use super::{AsOf, StoreError, StoredCandle, StoredFeed, StoredSeries};
use crate::reader::AlertEntry;

type Column = &'static str;

/// A row of either database.
pub(super) trait Cells {
    fn integer(&self, name: Column) -> Result<Option<i64>, sqlx::Error>;
    fn float(&self, name: Column) -> Result<Option<f64>, sqlx::Error>;
    fn flag(&self, name: Column) -> Result<bool, sqlx::Error>;
    fn text(&self, name: Column) -> Result<Option<&str>, sqlx::Error>;
}

macro_rules! cells {
    ($row:ty) => {
        impl Cells for $row {
            fn integer(&self, name: Column) -> Result<Option<i64>, sqlx::Error> {
                self.try_get(name)
            }

            fn float(&self, name: Column) -> Result<Option<f64>, sqlx::Error> {
                self.try_get(name)
            }

            fn flag(&self, name: Column) -> Result<bool, sqlx::Error> {
                self.try_get(name)
            }

            fn text(&self, name: Column) -> Result<Option<&str>, sqlx::Error> {
                self.try_get(name)
            }
        }
    };
}

cells!(sqlx::sqlite::SqliteRow);
cells!(sqlx::postgres::PgRow);

pub(super) fn reading(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::reading(what, source)
}

pub(super) fn stored_series(row: &impl Cells) -> Result<StoredSeries, StoreError> {
    Ok(StoredSeries {
        id: whole(row, "series_id")?,
        series: series_of(row)?,
        kind: required(row, "kind")?,
        venue: required_text(row, "venue")?,
        instrument: required_text(row, "instrument")?,
        primary: flag(row, "primary_source")?,
    })
}

pub(super) fn series_of(row: &impl Cells) -> Result<Series, StoreError> {
    Ok(Series { symbol: required(row, "symbol")?, source: required(row, "source")? })
}

pub(super) fn stored_candle(
    row: &impl Cells,
    series: &Series,
    interval: Interval,
) -> Result<StoredCandle, StoreError> {
    let candle = Candle {
        symbol: series.symbol.clone(),
        source: series.source.clone(),
        interval,
        open_time_ms: whole(row, "open_time_ms")?,
        close_time_ms: whole(row, "close_time_ms")?,
        open: word(row, "open")?,
        high: word(row, "high")?,
        low: word(row, "low")?,
        close: word(row, "close")?,
        volume: word(row, "volume")?,
        quote_volume: word(row, "quote_volume")?,
        taker_buy_volume: word(row, "taker_buy_volume")?,
        taker_buy_quote_volume: word(row, "taker_buy_quote_volume")?,
        vwap: word(row, "vwap")?,
        trade_count: unsigned(row, "trade_count")?,
        first_id: unsigned(row, "first_id")?,
        last_id: unsigned(row, "last_id")?,
        first_event_ns: integer(row, "first_event_ns")?,
        last_event_ns: integer(row, "last_event_ns")?,
        closed: flag(row, "closed")?,
        complete: flag(row, "complete")?,
        revision: small(row, "revision")?,
        samples: unsigned(row, "samples")?,
        sma_20: float(row, "sma_20")?,
        sma_50: float(row, "sma_50")?,
        ema_20: float(row, "ema_20")?,
        trend: word(row, "trend")?,
    };
    Ok(StoredCandle { candle, seq: unsigned(row, "seq")?.unwrap_or(0) })
}

pub(super) fn stored_feed(row: &impl Cells) -> Result<StoredFeed, StoreError> {
    let feed = Feed {
        series: series_of(row)?,
        state: required(row, "state")?,
        reason: required_text(row, "reason")?,
        watermark_ns: whole(row, "watermark_ns")?,
    };
    Ok(StoredFeed { feed, seq: unsigned(row, "seq")?.unwrap_or(0) })
}

pub(super) fn stored_alert(row: &impl Cells, series: &Series) -> Result<(Alert, u64), StoreError> {
    let alert = Alert {
        alert_id: required_text(row, "alert_id")?,
        symbol: series.symbol.clone(),
        source: series.source.clone(),
        alert_type: required(row, "alert_type")?,
        rule: required(row, "rule")?,
        price_change_percent: float(row, "price_change_percent")?
            .ok_or_else(|| missing("price_change_percent"))?,
        open_price: word(row, "open_price")?,
        close_price: word(row, "close_price")?,
        window_start: time(row, "window_start_ms", jiff::Timestamp::from_millisecond)?,
        window_end: time(row, "window_end_ms", jiff::Timestamp::from_millisecond)?,
        timestamp: time(row, "event_time_ns", |ns| jiff::Timestamp::from_nanosecond(ns.into()))?,
        severity: required(row, "severity")?,
        z_score: float(row, "z_score")?,
    };
    Ok((alert, unsigned(row, "seq")?.unwrap_or(0)))
}

pub(super) fn as_of(row: &impl Cells) -> Result<AsOf, StoreError> {
    let watermark_ns = integer(row, "watermark_ns")?;
    let seq = unsigned(row, "seq")?.unwrap_or(0);
    Ok(AsOf { seq, watermark_ms: watermark_ns.map(|time| time.div_euclid(1_000_000)) })
}

/// An alert with `row`, partition and offset.
pub(super) fn alert_entry(row: &impl Cells) -> Result<AlertEntry, StoreError> {
    let (alert, _) = stored_alert(row, &series_of(row)?)?;
    Ok(AlertEntry {
        row: whole(row, "row")?,
        partition: small(row, "topic_partition")?,
        offset: whole(row, "topic_offset")?,
        alert,
    })
}

fn integer(row: &impl Cells, name: Column) -> Result<Option<i64>, StoreError> {
    row.integer(name).map_err(reading(name))
}

pub(super) fn whole(row: &impl Cells, name: Column) -> Result<i64, StoreError> {
    integer(row, name)?.ok_or_else(|| missing(name))
}

/// A number of 64 bits without a sign, kept as the same bits.
fn unsigned(row: &impl Cells, name: Column) -> Result<Option<u64>, StoreError> {
    Ok(integer(row, name)?.map(i64::cast_unsigned))
}

fn small<T: TryFrom<i64>>(row: &impl Cells, name: Column) -> Result<T, StoreError> {
    let number = whole(row, name)?;
    T::try_from(number).map_err(|_| not_ours(name, number.to_string()))
}

fn float(row: &impl Cells, name: Column) -> Result<Option<f64>, StoreError> {
    row.float(name).map_err(reading(name))
}

fn flag(row: &impl Cells, name: Column) -> Result<bool, StoreError> {
    row.flag(name).map_err(reading(name))
}

fn text(row: &impl Cells, name: Column) -> Result<Option<&str>, StoreError> {
    row.text(name).map_err(reading(name))
}

pub(super) fn required_text(row: &impl Cells, name: Column) -> Result<String, StoreError> {
    Ok(text(row, name)?.ok_or_else(|| missing(name))?.to_owned())
}

/// A text column through the type's own text form, which is what JSON shows too.
pub(super) fn word<T: for<'de> Deserialize<'de>>(
    row: &impl Cells,
    name: Column,
) -> Result<Option<T>, StoreError> {
    let parse = |text: &str| {
        let deserializer: value::StrDeserializer<'_, value::Error> = text.into_deserializer();
        T::deserialize(deserializer).map_err(|_| not_ours(name, text.to_owned()))
    };
    text(row, name)?.map(parse).transpose()
}

fn required<T: for<'de> Deserialize<'de>>(row: &impl Cells, name: Column) -> Result<T, StoreError> {
    word(row, name)?.ok_or_else(|| missing(name))
}

fn time(
    row: &impl Cells,
    name: Column,
    convert: impl Fn(i64) -> Result<jiff::Timestamp, jiff::Error>,
) -> Result<jiff::Timestamp, StoreError> {
    let number = whole(row, name)?;
    convert(number).map_err(|_| not_ours(name, number.to_string()))
}

fn missing(column: Column) -> StoreError {
    not_ours(column, String::new())
}

fn not_ours(column: Column, text: String) -> StoreError {
    StoreError::DecodeColumn { column, text }
}
