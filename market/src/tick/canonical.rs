//! The canonical form of a trade, read without a JSON parser.
//!
//! Our producers write a trade's fields in one order with no white space and no escapes. Bytes of
//! exactly that form are read in one pass; anything else is left to the JSON parser, so that this
//! only has to be right about what it accepts.

use std::borrow::Cow;

use super::decode::{price, size};
use super::{Side, TEXT_LENGTH_MAX, Trade};

/// Reads a trade of the canonical form; `None` for all other bytes, good or bad.
pub(super) fn trade(bytes: &[u8]) -> Option<Trade<'_>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut cursor = Cursor { text, at: 0 };
    cursor.literal("{\"schema\":2,\"kind\":\"trade\",\"symbol\":\"")?;
    let symbol = cursor.name()?;
    cursor.literal(",\"source\":\"")?;
    let source = cursor.name()?;
    let coin_id = match cursor.literal(",\"coin_id\":\"") {
        Some(()) => Some(cursor.text()?),
        None => None,
    };
    cursor.literal(",\"price_usd\":")?;
    let usd = cursor.number_or_null()?;
    cursor.literal(",\"volume_24h\":null,\"market_cap\":null,\"price_change_24h\":null")?;
    cursor.literal(",\"last_updated\":")?;
    cursor.unsigned()?;
    cursor.literal(",\"timestamp\":\"")?;
    cursor.text()?;
    cursor.literal(",\"producer_id\":\"")?;
    let producer_id = cursor.text()?;
    cursor.literal(",\"message_id\":\"")?;
    let message_id = cursor.name()?;
    cursor.literal(",\"price\":\"")?;
    let price_text = cursor.text()?;
    cursor.literal(",\"size\":\"")?;
    let size_text = cursor.text()?;
    let side = if cursor.literal(",\"side\":\"buy\"").is_some() {
        Some(Side::Buy)
    } else {
        cursor.literal(",\"side\":\"sell\"").map(|()| Side::Sell)
    };
    let trade_id = cursor.optional_unsigned(",\"trade_id\":")?;
    let executions = match cursor.optional_unsigned(",\"first_id\":")? {
        Some(first) => {
            cursor.literal(",\"last_id\":")?;
            let last = cursor.unsigned()?;
            Some((first, last)).filter(|_| first <= last)?.into()
        }
        None => None,
    };
    cursor.literal(",\"event_time_ns\":")?;
    let event_time_ns = cursor.positive_time()?;
    let receive_time_ns = match cursor.literal(",\"receive_time_ns\":") {
        Some(()) => Some(cursor.positive_time()?),
        None => None,
    };
    let recovered = cursor.literal(",\"recovered\":true").is_some();
    let future = cursor.literal(",\"future\":true").is_some();
    if cursor.rest() != "}" {
        return None;
    }
    Some(Trade {
        symbol: Cow::Borrowed(symbol),
        source: Cow::Borrowed(source),
        coin_id: coin_id.map(Cow::Borrowed),
        price: price(Cow::Borrowed(price_text)).ok()?,
        size: size(Cow::Borrowed(size_text)).ok()?,
        usd,
        side,
        trade_id,
        executions,
        event_time_ns,
        receive_time_ns,
        producer_id: Cow::Borrowed(producer_id),
        message_id: Cow::Borrowed(message_id),
        recovered,
        future,
    })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Steps over exactly this text.
    fn literal(&mut self, literal: &str) -> Option<()> {
        let bytes = self.text.as_bytes().get(self.at..self.at + literal.len())?;
        if bytes != literal.as_bytes() {
            return None;
        }
        self.at += literal.len();
        Some(())
    }

    /// The text up to the closing quote, which it steps over. No escapes, no control characters.
    fn text(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let limit = bytes.len().min(start + TEXT_LENGTH_MAX + 1);
        let mut end = start;
        while end < limit {
            match bytes[end] {
                b'"' => {
                    self.at = end + 1;
                    return self.text.get(start..end);
                }
                b'\\' | 0..0x20 => return None,
                _ => end += 1,
            }
        }
        None
    }

    /// A text that must not be empty.
    fn name(&mut self) -> Option<&'a str> {
        self.text().filter(|text| !text.is_empty())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(digit) = bytes.get(self.at).map(|byte| byte.wrapping_sub(b'0'))
            && digit < 10
        {
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
            self.at += 1;
        }
        // JSON has no leading zeros.
        let length = self.at - start;
        (length > 0 && (length == 1 || bytes[start] != b'0')).then_some(value)
    }

    fn optional_unsigned(&mut self, literal: &str) -> Option<Option<u64>> {
        match self.literal(literal) {
            Some(()) => self.unsigned().map(Some),
            None => Some(None),
        }
    }

    fn positive_time(&mut self) -> Option<i64> {
        i64::try_from(self.unsigned()?).ok().filter(|time| *time > 0)
    }

    /// `digits[.digits]` or `null`: whether it was a number.
    fn number_or_null(&mut self) -> Option<bool> {
        if self.literal("null").is_some() {
            return Some(false);
        }
        self.unsigned()?;
        if self.literal(".").is_some() {
            let start = self.at;
            while self.text.as_bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
                self.at += 1;
            }
            if self.at == start {
                return None;
            }
        }
        Some(true)
    }
}
