//! Answers of Kraken's REST `Trades`: `{"error":[],"result":{"XBTUSDT":[[…],…],"last":"…"}}`.
//!
//! Prices are text, times are numbers: their digits are read exactly, never as floats.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use market::tick::Side;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sonic_rs::{JsonValueTrait, LazyValue};

use super::super::SourceError;
use super::part::Text;
use super::row::is_zero;
use super::rows::{Body, Row};

/// The largest answer that is read. It is held whole; one answer has 1,000 trades in 70 KB.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Times are written with up to seven decimals of a second.
const UNIT_NS: i64 = 100;
const NANOS_DIGITS: usize = 9;

/// The rows of one answer.
pub(super) struct KrakenRows {
    /// Kraken's name of the instrument.
    pub key: String,
    rows: std::vec::IntoIter<Row>,
    row: u64,
    pub bad_rows: u64,
    /// Whether the last row of the answer has no readable id.
    pub ends_badly: bool,
    pub label: Arc<str>,
    /// What is wrong after the last row.
    damage: Option<io::Error>,
}

impl KrakenRows {
    /// Reads an answer. Rows before damage are kept.
    pub(super) fn open(text: Text, label: &Arc<str>) -> Result<Self, SourceError> {
        let damage = |cause| SourceError::ReadRows { path: label.to_string(), row: 0, cause };
        let refuse = |detail| Err(SourceError::ReadAnswer { path: label.to_string(), detail });
        let mut bytes = Vec::new();
        let read = text.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut bytes);
        if u64::try_from(bytes.len()).is_ok_and(|length| length > ANSWER_BYTES_MAX) {
            let path = label.to_string();
            return Err(SourceError::BoundAnswer { path, limit: ANSWER_BYTES_MAX });
        }
        let mut answer = Answer::default();
        let mut json = sonic_rs::Deserializer::from_slice(&bytes);
        let parsed = AnswerSeed(&mut answer).deserialize(&mut json);
        if let Some(error) = answer.errors.first() {
            return refuse(format!("it says \"{error}\""));
        }
        let parsed = parsed.map_err(|error| {
            let detail = error.to_string().lines().next().unwrap_or_default().to_owned();
            io::Error::new(io::ErrorKind::InvalidData, detail)
        });
        let failed = read.err().or(parsed.err());
        match (answer.key, failed) {
            (Some(_), None) if answer.rows.is_empty() && answer.unreadable > 0 => {
                refuse("its rows have no trade id".to_owned())
            }
            (Some(key), failed) => Ok(Self {
                key,
                rows: answer.rows.into_iter(),
                row: 0,
                bad_rows: answer.unreadable,
                ends_badly: answer.ends_badly,
                label: Arc::clone(label),
                damage: failed,
            }),
            (None, Some(cause)) => Err(damage(cause)),
            (None, None) => refuse("it has no trades".to_owned()),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, SourceError> {
        if let Some(row) = self.rows.next() {
            self.row += 1;
            return Ok(Some(row));
        }
        match self.damage.take() {
            None => Ok(None),
            Some(cause) => {
                let path = self.label.to_string();
                Err(SourceError::ReadRows { path, row: self.row, cause })
            }
        }
    }
}

#[derive(Default)]
struct Answer {
    errors: Vec<String>,
    key: Option<String>,
    rows: Vec<Row>,
    unreadable: u64,
    ends_badly: bool,
}

/// The whole answer.
struct AnswerSeed<'a>(&'a mut Answer);
/// Its `result`.
struct ResultSeed<'a>(&'a mut Answer);
/// The trades in it.
struct RowsSeed<'a>(&'a mut Answer);

macro_rules! seed {
    ($name:ident, $deserialize:ident) => {
        impl<'de> DeserializeSeed<'de> for $name<'_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
                json.$deserialize(self)
            }
        }
    };
}

seed!(AnswerSeed, deserialize_map);
seed!(ResultSeed, deserialize_map);
seed!(RowsSeed, deserialize_seq);

impl<'de> Visitor<'de> for AnswerSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with \"error\" and \"result\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "error" => self.0.errors = map.next_value()?,
                "result" => map.next_value_seed(ResultSeed(self.0))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for ResultSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of trades")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "last" || self.0.key.is_some() {
                map.next_value::<IgnoredAny>()?;
            } else {
                self.0.key = Some(key);
                map.next_value_seed(RowsSeed(self.0))?;
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of trades")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(raw) = rows.next_element::<LazyValue<'de>>()? {
            let row = row(raw.as_raw_str());
            self.0.ends_badly = row.is_none();
            match row {
                Some(row) => self.0.rows.push(row),
                None => {
                    self.0.unreadable += 1;
                    tracing::warn!(row = raw.as_raw_str(), "row has no readable id and is skipped");
                }
            }
        }
        Ok(())
    }
}

/// `[price, volume, time, side, kind, misc, id]`; `None` where the id cannot be read.
fn row(raw: &str) -> Option<Row> {
    let fields: Vec<_> = sonic_rs::to_array_iter(raw).collect::<Result<_, _>>().ok()?;
    let id = fields.get(6)?.as_raw_str().parse().ok()?;
    let time_ns = nanos(fields.get(2)?.as_raw_str()).unwrap_or(0);
    let body = body(&fields).unwrap_or_else(|| Body::Trade {
        price: raw.chars().take(market::tick::TEXT_LENGTH_MAX / 4).collect(),
        size: Box::default(),
        side: None,
        executions: None,
    });
    Some(Row { id, time_ns, unit_ns: UNIT_NS, body })
}

fn body(fields: &[LazyValue<'_>]) -> Option<Body> {
    let text = |column: usize| {
        fields.get(column)?.as_str().filter(|text| text.len() <= market::tick::TEXT_LENGTH_MAX)
    };
    let size = text(1)?;
    if is_zero(size) {
        return Some(Body::Void);
    }
    let side = match text(3)? {
        "b" => Side::Buy,
        "s" => Side::Sell,
        _ => return None,
    };
    Some(Body::Trade {
        price: text(0)?.into(),
        size: size.into(),
        side: Some(side),
        executions: None,
    })
}

/// Seconds as `digits[.digits]` to nanoseconds, exactly; `None` for anything finer.
fn nanos(seconds: &str) -> Option<i64> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > NANOS_DIGITS || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<NANOS_DIGITS$}").parse().ok()
}

/// One name for all ways in which Kraken writes a pair: `XBT/USD`, `XXBTZUSD` and `BTC/USD` are
/// `BTCUSD`.
pub(super) fn pair(name: &str) -> String {
    let mut pair = name.to_ascii_uppercase().replace(['/', '-'], "");
    let class = |at: usize| matches!(pair.as_bytes().get(at), Some(b'X' | b'Z'));
    if pair.len() == 8 && class(0) && class(4) {
        pair = format!("{}{}", &pair[1..4], &pair[5..]);
    }
    pair.replace("XBT", "BTC").replace("XDG", "DOGE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_digits_are_exact() {
        for (text, ns) in [
            ("1762795433.9717445", Some(1_762_795_433_971_744_500)),
            ("1762795483.306824", Some(1_762_795_483_306_824_000)),
            ("1762795483", Some(1_762_795_483_000_000_000)),
            ("1762820035.982277754", Some(1_762_820_035_982_277_754)),
            ("1.7e9", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(nanos(text), ns, "{text}");
        }
    }

    #[test]
    fn all_names_of_a_pair_are_one() {
        for name in ["XBT/USD", "BTC/USD", "XXBTZUSD", "XBTUSD", "BTC-USD"] {
            assert_eq!(pair(name), "BTCUSD");
        }
        assert_eq!(pair("XBTUSDT"), pair("BTC/USDT"));
        assert_ne!(pair("XBTUSDT"), pair("BTC/USD"));
    }
}
