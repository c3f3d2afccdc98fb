//! The body of `/simple/price`: `{"bitcoin":{"usd":76975,…,"last_updated_at":1779092258}}`.
//!
//! Numbers stay the text that was sent. A body that is not wholly such an object gives one error
//! and no price at all; a coin that lacks something is named with what it lacks.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use market::tick::TEXT_LENGTH_MAX;
use sonic_rs::LazyValue;

use crate::source::live::json;

pub(in crate::source) use error::{Kind, ReadError};
pub(in crate::source) use refusal::{Refusal, refusal};

/// Why a body is not an answer with prices.
mod error;
/// What CoinGecko says in place of prices.
mod refusal;

/// The largest body that is read, in bytes. 256 coins make 60 KB.
pub(in crate::source) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// From here on nanoseconds since the epoch do not fit 64 bits; milliseconds are beyond it too.
const TIME_S_END: i64 = i64::MAX / NANOS_PER_SECOND;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

const PRICE: &str = "usd";
const VOLUME: &str = "usd_24h_vol";
const MARKET_CAP: &str = "usd_market_cap";
const CHANGE: &str = "usd_24h_change";
const TIME: &str = "last_updated_at";

/// Name to value, each name once.
type Members<'a> = HashMap<Cow<'a, str>, LazyValue<'a>>;

/// The price of one coin in US dollars. Numbers are the JSON text as sent: `76975`, `1e-8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Price {
    /// CoinGecko's id of the coin: `bitcoin`.
    pub(in crate::source) id: String,
    /// The price; nothing is said of its value, which may be zero or below.
    pub(in crate::source) price: Box<str>,
    /// Rolling 24-hour volume in US dollars.
    pub volume_24h: Option<Box<str>>,
    /// Market capitalisation in US dollars.
    pub(in crate::source) market_cap: Option<Box<str>>,
    /// Change over 24 hours in percent.
    pub price_change_24h: Option<Box<str>>,
    /// When CoinGecko last updated the price, in seconds since the epoch.
    pub(in crate::source) last_updated_at: i64,
}

impl Price {
    /// When CoinGecko last updated the price, in nanoseconds since the epoch.
    #[must_use]
    pub(in crate::source) const fn event_time_ns(&self) -> i64 {
        self.last_updated_at.saturating_mul(NANOS_PER_SECOND)
    }
}

/// What keeps a coin that was asked for from having a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::source) enum Lack {
    /// The answer leaves the coin out: CoinGecko has no coin of this id.
    Coin,
    /// The price is null or left out.
    Price,
    /// The text of the price is longer than a record holds.
    ShortPrice,
    /// `last_updated_at` is null or left out.
    Time,
    /// `last_updated_at` is no whole number of seconds since the epoch.
    WholeTime,
}

/// A coin that was asked for and has no price in the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Omission {
    /// CoinGecko's id of the coin.
    pub(in crate::source) id: String,
    /// What it lacks.
    pub(in crate::source) lack: Lack,
}

/// What a body says of the coins that were asked for: each is in one of the lists, once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::source) struct Answer {
    /// The prices, in the order in which they were asked for.
    pub(in crate::source) prices: Vec<Price>,
    /// The coins without one, in the same order.
    pub(in crate::source) omissions: Vec<Omission>,
}

/// Reads the body of an answer with status 200. Coins that were not asked for are passed over.
///
/// # Errors
/// [`ReadError`] when any part that is asked for has another shape; nothing of the body is used.
pub(in crate::source) fn read(body: &[u8], asked: &[String]) -> Result<Answer, ReadError> {
    let coins = members(whole_object(body)?)?;
    if let Some(Refusal { code, message }) = refusal::in_members(&coins) {
        return Err(ReadError::RefusePrices { code, message });
    }
    let mut answer = Answer::default();
    let mut seen = HashSet::with_capacity(asked.len());
    for id in asked.iter().filter(|id| seen.insert(id.as_str())) {
        let coin = match coins.get(id.as_str()) {
            Some(coin) => read_coin(id, coin)?,
            None => Err(Lack::Coin),
        };
        match coin {
            Ok(price) => answer.prices.push(price),
            Err(lack) => answer.omissions.push(Omission { id: id.clone(), lack }),
        }
    }
    Ok(answer)
}

/// The text of a body that is one JSON object from its first byte to its last.
fn whole_object(body: &[u8]) -> Result<&str, ReadError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(ReadError::BoundBody { limit: BODY_BYTES_MAX });
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| ReadError::ReadJson { offset: error.valid_up_to() })?;
    if text.trim_start().starts_with('<') {
        return Err(ReadError::ReadPage);
    }
    if !json::is_flat(body) {
        return Err(ReadError::BoundDepth { limit: json::DEPTH_MAX });
    }
    let value: LazyValue<'_> = sonic_rs::from_str(text).map_err(|error| json_error(&error))?;
    match Kind::of(value.as_raw_str()) {
        Kind::Object => Ok(text),
        found => Err(ReadError::FindPrices { found }),
    }
}

/// The members of an object, each name once.
fn members(object: &str) -> Result<Members<'_>, ReadError> {
    let mut members = Members::new();
    for member in sonic_rs::to_object_iter(object) {
        let (key, value) = member.map_err(|error| json_error(&error))?;
        if members.contains_key(&key) {
            return Err(ReadError::RepeatKey { key: shown(&key) });
        }
        members.insert(key, value);
    }
    Ok(members)
}

fn json_error(error: &sonic_rs::Error) -> ReadError {
    ReadError::ReadJson { offset: error.offset() }
}

fn read_coin(id: &str, coin: &LazyValue<'_>) -> Result<Result<Price, Lack>, ReadError> {
    let raw = coin.as_raw_str();
    let fields = match Kind::of(raw) {
        Kind::Object => members(raw)?,
        Kind::Null => return Ok(Err(Lack::Coin)),
        found => return Err(ReadError::ReadCoin { id: shown(id), found }),
    };
    let number = |field: &'static str| number(id, &fields, field);
    let (price, time) = (number(PRICE)?, number(TIME)?);
    let figure =
        |field| Ok::<_, ReadError>(number(field)?.filter(|text| fits(text)).map(Box::from));
    let (volume_24h, market_cap) = (figure(VOLUME)?, figure(MARKET_CAP)?);
    let price_change_24h = figure(CHANGE)?;
    Ok(price_and_time(price, time).map(|(price, last_updated_at)| Price {
        id: id.to_owned(),
        price: price.into(),
        volume_24h,
        market_cap,
        price_change_24h,
        last_updated_at,
    }))
}

fn price_and_time<'a>(price: Option<&'a str>, time: Option<&str>) -> Result<(&'a str, i64), Lack> {
    let price = price.ok_or(Lack::Price)?;
    if !fits(price) {
        return Err(Lack::ShortPrice);
    }
    let seconds = time.ok_or(Lack::Time)?.parse().map_err(|_| Lack::WholeTime)?;
    if (1..TIME_S_END).contains(&seconds) { Ok((price, seconds)) } else { Err(Lack::WholeTime) }
}

/// The text of a number; `None` where it is null or left out.
fn number<'a>(
    id: &str,
    fields: &'a Members<'_>,
    field: &'static str,
) -> Result<Option<&'a str>, ReadError> {
    let Some(raw) = fields.get(field).map(LazyValue::as_raw_str) else {
        return Ok(None);
    };
    match Kind::of(raw) {
        Kind::Number => Ok(Some(raw)),
        Kind::Null => Ok(None),
        found => Err(ReadError::ReadField { id: shown(id), field, found }),
    }
}

/// Whether a record holds a text of this length.
fn fits(text: &str) -> bool {
    text.len() <= TEXT_LENGTH_MAX
}

/// A text of the venue as an error shows it: short, on one line.
fn shown(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 160;
    text.chars().filter(|letter| !letter.is_control()).take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
