//! The fields of a record, and their values: text, numbers and times, each with its bounds.

use std::borrow::Cow;

use serde::Deserialize;
use sonic_rs::{JsonValueTrait, LazyValue};

use super::error::DecodeError;
use super::{Amount, REASON_LENGTH_MAX, TEXT_LENGTH_MAX};
use crate::decimal::{Decimal, DecimalError};

/// All fields of all records. Numbers that may be bad stay text until their own check.
#[derive(Deserialize)]
pub(super) struct Fields<'a> {
    pub(super) schema: Option<u32>,
    #[serde(borrow)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) mark: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) symbol: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) source: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) coin_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) price_usd: Option<LazyValue<'a>>,
    #[serde(borrow)]
    pub(super) volume_24h: Option<LazyValue<'a>>,
    #[serde(borrow)]
    pub(super) market_cap: Option<LazyValue<'a>>,
    #[serde(borrow)]
    pub(super) price_change_24h: Option<LazyValue<'a>>,
    #[serde(borrow)]
    pub(super) last_updated: Option<LazyValue<'a>>,
    #[serde(borrow)]
    pub(super) producer_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) message_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) price: Option<LazyValue<'a>>,
    #[serde(borrow)]
    pub(super) size: Option<LazyValue<'a>>,
    #[serde(borrow)]
    pub(super) side: Option<Cow<'a, str>>,
    pub(super) trade_id: Option<u64>,
    pub(super) first_id: Option<u64>,
    pub(super) last_id: Option<u64>,
    #[serde(borrow)]
    pub(super) event_time_ns: Option<LazyValue<'a>>,
    pub(super) receive_time_ns: Option<i64>,
    #[serde(default)]
    pub(super) recovered: bool,
    #[serde(default)]
    pub(super) future: bool,
    pub(super) epoch: Option<u64>,
    pub(super) from_ns: Option<i64>,
    pub(super) to_ns: Option<i64>,
    pub(super) complete_to_ns: Option<i64>,
    pub(super) next_id: Option<u64>,
    pub(super) from_id: Option<u64>,
    pub(super) to_id: Option<u64>,
    #[serde(borrow)]
    pub(super) ids: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) space: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) venue: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) instrument: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) base: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) quote: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) usd_basis: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) reason: Option<Cow<'a, str>>,
}

pub(super) fn present<T>(value: Option<T>, field: &'static str) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::ReadField { field })
}

pub(super) fn required<'a>(
    text: Option<Cow<'a, str>>,
    field: &'static str,
) -> Result<Cow<'a, str>, DecodeError> {
    optional(text, field)?.filter(|text| !text.is_empty()).ok_or(DecodeError::ReadField { field })
}

pub(super) fn optional<'a>(
    text: Option<Cow<'a, str>>,
    field: &'static str,
) -> Result<Option<Cow<'a, str>>, DecodeError> {
    within(text, field, TEXT_LENGTH_MAX)
}

/// A sentence for people.
pub(super) fn sentence<'a>(
    text: Option<Cow<'a, str>>,
    field: &'static str,
) -> Result<Cow<'a, str>, DecodeError> {
    Ok(within(text, field, REASON_LENGTH_MAX)?.unwrap_or_default())
}

fn within<'a>(
    text: Option<Cow<'a, str>>,
    field: &'static str,
    limit: usize,
) -> Result<Option<Cow<'a, str>>, DecodeError> {
    match text {
        Some(text) if text.len() > limit => Err(DecodeError::BoundText { field, limit }),
        text => Ok(text),
    }
}

/// The text of a JSON string.
pub(super) fn text_of<'a>(value: Option<&LazyValue<'a>>) -> Option<Cow<'a, str>> {
    let value = value.filter(|value| value.is_str())?;
    match raw_text(value) {
        Cow::Borrowed(raw) if !raw.contains('\\') => {
            Some(Cow::Borrowed(raw.get(1..raw.len() - 1)?))
        }
        _ => value.as_str().map(|text| Cow::Owned(text.to_owned())),
    }
}

pub(super) fn raw_text<'a>(value: &LazyValue<'a>) -> Cow<'a, str> {
    value.as_raw_cow()
}

pub(super) fn integer(value: &LazyValue<'_>) -> Option<i64> {
    raw_text(value).parse().ok()
}

pub(super) fn event_time(
    value: Option<&LazyValue<'_>>,
    field: &'static str,
    nanos: i64,
) -> Result<i64, DecodeError> {
    value
        .and_then(integer)
        .and_then(|time| time.checked_mul(nanos))
        .filter(|time| *time > 0)
        .ok_or(DecodeError::ReadEventTime { field })
}

pub(super) fn number_text<'a>(
    value: Option<&LazyValue<'a>>,
    field: &'static str,
) -> Result<Option<Cow<'a, str>>, DecodeError> {
    let Some(value) = value.filter(|value| value.is_number()) else {
        return Ok(None);
    };
    optional(Some(raw_text(value)), field)
}

pub(super) fn no_price() -> DecodeError {
    DecodeError::ReadPrice { text: String::new(), problem: "is missing or no text" }
}

pub(super) fn no_size() -> DecodeError {
    DecodeError::ReadSize { text: String::new(), problem: "is missing or no text" }
}

/// A trade's price: exact and above zero.
pub(super) fn price(text: Cow<'_, str>) -> Result<Amount<'_>, DecodeError> {
    let problem = match Decimal::parse_tick(&text) {
        Ok(value) if value > Decimal::ZERO => return Ok(Amount { text, value }),
        Ok(_) => "is not above zero",
        Err(DecimalError::Parse) => "is not a decimal number",
        Err(cause) => {
            return Err(DecodeError::BoundNumber { field: "price", text: clip(&text), cause });
        }
    };
    Err(DecodeError::ReadPrice { text: clip(&text), problem })
}

/// A trade's size: exact and above zero.
pub(super) fn size(text: Cow<'_, str>) -> Result<Amount<'_>, DecodeError> {
    let problem = match Decimal::parse_tick(&text) {
        Ok(value) if value > Decimal::ZERO => return Ok(Amount { text, value }),
        Ok(_) => "is not above zero",
        Err(DecimalError::Parse) => "is not a decimal number",
        Err(cause) => {
            return Err(DecodeError::BoundNumber { field: "size", text: clip(&text), cause });
        }
    };
    Err(DecodeError::ReadSize { text: clip(&text), problem })
}

/// A quote's price: rounded, above zero.
pub(super) fn rounded_price(text: Cow<'_, str>) -> Result<Amount<'_>, DecodeError> {
    let problem = match Decimal::parse_rounded(&text) {
        Ok(value) if value > Decimal::ZERO => return Ok(Amount { text, value }),
        Ok(_) => "is not above zero",
        Err(DecimalError::Parse) => "is not a number",
        Err(cause) => {
            return Err(DecodeError::BoundNumber { field: "price", text: clip(&text), cause });
        }
    };
    Err(DecodeError::ReadPrice { text: clip(&text), problem })
}

/// As much of a bad text as an error shows.
pub(super) fn clip(text: &str) -> String {
    text.chars().take(TEXT_LENGTH_MAX).collect()
}
