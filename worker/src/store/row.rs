//! What both databases have in common: the words of a row, and rows read back.
//!
//! Rows are read by the place of their columns, with decimals as text and times as numbers.

use std::str::FromStr;

use jiff::Timestamp;
use market::alert::{Alert, AlertRule, AlertType, Severity};
use market::candle::{Candle, Trend};
use market::decimal::Fixed;
use market::interval::Interval;
use market::publication::{Feed, FeedState};
use market::symbol::{Series, SourceName, Symbol};
use sqlx::Row as _;

use crate::store::{AlertRow, CandleRow, FeedRow, SeriesInfo, SeriesState};

/// Where an upsert of a candle writes: a stored candle gives way to one that a later record
/// changed. One of a generation before the series' state was born from nothing gives way only to a
/// whole one, or when it is neither whole nor has more ticks.
pub(super) const CANDLE_GUARD: &str = "(excluded.source_gen, excluded.last_offset) > (candle.source_gen, candle.last_offset) \
     AND (candle.source_gen = excluded.source_gen \
     OR candle.source_gen >= coalesce((SELECT born_gen FROM series_state \
     WHERE series_state.series_id = excluded.series_id), excluded.source_gen) \
     OR excluded.complete \
     OR (NOT candle.complete AND coalesce(candle.trade_count, candle.samples, 0) \
     <= coalesce(excluded.trade_count, excluded.samples, 0)))";

/// The columns of a row of either database.
pub(super) trait Cells {
    fn integer(&self, index: usize) -> Result<Option<i64>, sqlx::Error>;
    fn float(&self, index: usize) -> Result<Option<f64>, sqlx::Error>;
    fn flag(&self, index: usize) -> Result<bool, sqlx::Error>;
    fn text(&self, index: usize) -> Result<Option<&str>, sqlx::Error>;
    fn bytes(&self, index: usize) -> Result<&[u8], sqlx::Error>;
}

macro_rules! cells {
    ($row:ty) => {
        impl Cells for $row {
            fn integer(&self, index: usize) -> Result<Option<i64>, sqlx::Error> {
                self.try_get(index)
            }

            fn float(&self, index: usize) -> Result<Option<f64>, sqlx::Error> {
                self.try_get(index)
            }

            fn flag(&self, index: usize) -> Result<bool, sqlx::Error> {
                self.try_get(index)
            }

            fn text(&self, index: usize) -> Result<Option<&str>, sqlx::Error> {
                self.try_get(index)
            }

            fn bytes(&self, index: usize) -> Result<&[u8], sqlx::Error> {
                self.try_get(index)
            }
        }
    };
}

cells!(sqlx::sqlite::SqliteRow);
cells!(sqlx::postgres::PgRow);

/// Why a column does not hold what it should.
#[derive(Debug, thiserror::Error)]
#[error("column {index} holds \"{text}\"")]
struct DecodeColumn {
    index: usize,
    text: String,
}

fn bad_column(index: usize, text: impl ToString) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(DecodeColumn { index, text: text.to_string() }))
}

fn whole(row: &impl Cells, index: usize) -> Result<i64, sqlx::Error> {
    row.integer(index)?.ok_or_else(|| bad_column(index, "null"))
}

fn word<T>(
    row: &impl Cells,
    index: usize,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, sqlx::Error> {
    let text = row.text(index)?.unwrap_or_default();
    parse(text).ok_or_else(|| bad_column(index, text))
}

fn parsed<T>(row: &impl Cells, index: usize) -> Result<Option<T>, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let parsed = row.text(index)?.map(str::parse).transpose();
    parsed.map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// The candle of a row: the columns of [`Candle`] behind symbol, source and interval, in order.
pub(super) fn candle_of(
    series: &Series,
    interval: Interval,
    row: &impl Cells,
) -> Result<Candle, sqlx::Error> {
    let id = |index| Ok::<_, sqlx::Error>(row.integer(index)?.map(i64::cast_unsigned));
    let revision = whole(row, 18)?;
    Ok(Candle {
        symbol: series.symbol.clone(),
        source: series.source.clone(),
        interval,
        open_time_ms: whole(row, 0)?,
        close_time_ms: whole(row, 1)?,
        open: parsed(row, 2)?,
        high: parsed(row, 3)?,
        low: parsed(row, 4)?,
        close: parsed(row, 5)?,
        volume: parsed(row, 6)?,
        quote_volume: parsed(row, 7)?,
        taker_buy_volume: parsed(row, 8)?,
        taker_buy_quote_volume: parsed(row, 9)?,
        vwap: parsed(row, 10)?,
        trade_count: id(11)?,
        first_id: id(12)?,
        last_id: id(13)?,
        first_event_ns: row.integer(14)?,
        last_event_ns: row.integer(15)?,
        closed: row.flag(16)?,
        complete: row.flag(17)?,
        revision: u32::try_from(revision).map_err(|_| bad_column(18, revision))?,
        samples: id(19)?,
        sma_20: row.float(20)?,
        sma_50: row.float(21)?,
        ema_20: row.float(22)?,
        trend: row.text(23)?.map(|_| word(row, 23, trend)).transpose()?,
    })
}

/// The candle of a row that goes on with symbol, source, interval, `last_offset` and `seq`.
pub(super) fn candle_row_of(row: &impl Cells) -> Result<CandleRow, sqlx::Error> {
    let series = Series { symbol: word(row, 24, symbol)?, source: word(row, 25, source)? };
    let interval = word(row, 26, interval)?;
    let candle = candle_of(&series, interval, row)?;
    Ok(CandleRow { candle, last_offset: whole(row, 27)?, seq: whole(row, 28)?.cast_unsigned() })
}

/// The alert of a row.
pub(super) fn alert_row_of(row: &impl Cells) -> Result<AlertRow, sqlx::Error> {
    let millis = |index| {
        let time = Timestamp::from_millisecond(whole(row, index)?);
        time.map_err(|error| bad_column(index, error))
    };
    let event_time = Timestamp::from_nanosecond(i128::from(whole(row, 9)?));
    let alert = Alert {
        alert_id: word(row, 0, |text| Some(text.into()))?,
        symbol: word(row, 1, symbol)?,
        source: word(row, 2, source)?,
        alert_type: word(row, 3, parse_alert_type)?,
        rule: word(row, 4, rule)?,
        price_change_percent: row.float(5)?.ok_or_else(|| bad_column(5, "null"))?,
        open_price: parsed(row, 6)?,
        close_price: parsed(row, 7)?,
        window_start: millis(8)?,
        window_end: millis(10)?,
        timestamp: event_time.map_err(|error| bad_column(9, error))?,
        severity: word(row, 11, parse_severity)?,
        z_score: row.float(12)?,
    };
    let partition = whole(row, 13)?;
    Ok(AlertRow {
        alert,
        partition: i32::try_from(partition).map_err(|_| bad_column(13, partition))?,
        offset: whole(row, 14)?,
        seq: whole(row, 15)?.cast_unsigned(),
    })
}

/// The state of a feed of a row: symbol, source, state, reason, watermark, `seq`.
pub(super) fn feed_row_of(row: &impl Cells) -> Result<FeedRow, sqlx::Error> {
    let series = Series { symbol: word(row, 0, symbol)?, source: word(row, 1, source)? };
    let feed = Feed {
        series,
        state: word(row, 2, feed_state)?,
        reason: row.text(3)?.unwrap_or_default().into(),
        watermark_ns: whole(row, 4)?,
    };
    Ok(FeedRow { feed, seq: whole(row, 5)?.cast_unsigned(), changed: true })
}

/// The state of a row: symbol, source, version, bytes.
pub(super) fn state_of(row: &impl Cells) -> Result<SeriesState, sqlx::Error> {
    let series = Series { symbol: word(row, 0, symbol)?, source: word(row, 1, source)? };
    let version = whole(row, 2)?;
    Ok(SeriesState {
        series,
        version: u32::try_from(version).map_err(|_| bad_column(2, version))?,
        bytes: row.bytes(3)?.to_vec(),
    })
}

/// What a series is, in words that never change.
pub(super) fn made_of(info: &SeriesInfo) -> String {
    format!("{} of {} {}", info.kind.as_str(), info.venue, info.instrument)
}

pub(super) fn series_of(symbol: &Symbol, source: &SourceName) -> Series {
    Series { symbol: symbol.clone(), source: source.clone() }
}

pub(super) fn text<const SCALE: u32>(number: Option<Fixed<SCALE>>) -> Option<String> {
    number.map(|number| number.to_string())
}

/// Integers of SQL are signed: numbers from 2^63 on are kept as the same 64 bits.
pub(super) fn bits(number: Option<u64>) -> Option<i64> {
    number.map(u64::cast_signed)
}

pub(super) fn nanos(timestamp: Timestamp) -> i64 {
    // Venue times are 64-bit nanoseconds from the start.
    i64::try_from(timestamp.as_nanosecond()).unwrap_or(i64::MAX)
}

pub(super) const fn alert_type(alert_type: AlertType) -> &'static str {
    match alert_type {
        AlertType::PriceSpike => "PRICE_SPIKE",
        AlertType::PriceDrop => "PRICE_DROP",
        AlertType::VolumeBurst => "VOLUME_BURST",
        AlertType::StaleFeed => "STALE_FEED",
    }
}

pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
    }
}

/// The value that is written as `text`.
fn written<T: Copy>(all: &[T], text: &str, write: impl Fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|value| write(*value) == text)
}

fn symbol(text: &str) -> Option<Symbol> {
    Symbol::new(text).ok()
}

fn source(text: &str) -> Option<SourceName> {
    SourceName::new(text).ok()
}

fn interval(text: &str) -> Option<Interval> {
    written(&Interval::ALL, text, Interval::as_str)
}

fn trend(text: &str) -> Option<Trend> {
    written(&[Trend::Up, Trend::Down, Trend::Flat], text, Trend::as_str)
}

fn parse_alert_type(text: &str) -> Option<AlertType> {
    use AlertType::{PriceDrop, PriceSpike, StaleFeed, VolumeBurst};
    written(&[PriceSpike, PriceDrop, VolumeBurst, StaleFeed], text, alert_type)
}

fn parse_severity(text: &str) -> Option<Severity> {
    written(&[Severity::Low, Severity::Medium, Severity::High], text, severity)
}

fn rule(text: &str) -> Option<AlertRule> {
    use AlertRule::{PriceChange, StaleFeed, VolumeBurst, ZScore};
    written(&[PriceChange, ZScore, VolumeBurst, StaleFeed], text, AlertRule::as_str)
}

fn feed_state(text: &str) -> Option<FeedState> {
    use FeedState::{Down, Ended, Halted, Repairing, Up};
    written(&[Up, Down, Repairing, Halted, Ended], text, FeedState::as_str)
}
