//! Single values of a record: text, numbers and times, each with its bounds.

use std::borrow::Cow;

use sonic_rs::{JsonValueTrait, LazyValue};

use super::error::DecodeError;
use super::{Amount, TEXT_LENGTH_MAX};
use crate::decimal::{Decimal, DecimalError};

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
    match text {
        Some(text) if text.len() > TEXT_LENGTH_MAX => Err(DecodeError::BoundText { field }),
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
