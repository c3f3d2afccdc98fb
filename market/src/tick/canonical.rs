//! The canonical form of a trade, read without a JSON parser.
//!
//! Our producers write a trade's fields in one order with no white space and no escapes. Bytes of
//! exactly that form are read in one pass; anything else is left to the JSON parser, so that this
//! only has to be right about what it accepts.

use std::borrow::Cow;

use super::{Amount, Side, TEXT_LENGTH_MAX, Trade};
use crate::decimal::{Decimal, digits};

/// Reads a trade of the canonical form; `None` for all other bytes, good or bad.
pub(super) fn trade(bytes: &[u8]) -> Option<Trade<'_>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut cursor = Cursor { text, at: 0 };
    cursor.literal(b"{\"schema\":2,\"kind\":\"trade\",\"symbol\":\"")?;
    let symbol = cursor.name()?;
    cursor.literal(b",\"source\":\"")?;
    let source = cursor.name()?;
    let coin_id = match cursor.literal(b",\"coin_id\":\"") {
        Some(()) => Some(cursor.text()?),
        None => None,
    };
    cursor.literal(b",\"price_usd\":")?;
    let usd = cursor.number_or_null()?;
    cursor.literal(b",\"volume_24h\":null,\"market_cap\":null,\"price_change_24h\":null")?;
    cursor.literal(b",\"last_updated\":")?;
    cursor.unsigned_of::<10>()?;
    cursor.literal(b",\"timestamp\":\"")?;
    cursor.text_of::<27>()?;
    cursor.literal(b",\"producer_id\":\"")?;
    let producer_id = cursor.text()?;
    cursor.literal(b",\"message_id\":\"")?;
    let message_id = cursor.name()?;
    cursor.literal(b",\"price\":\"")?;
    let price_text = cursor.text()?;
    cursor.literal(b",\"size\":\"")?;
    let size_text = cursor.text()?;
    let side = if cursor.literal(b",\"side\":\"buy\"").is_some() {
        Some(Side::Buy)
    } else {
        cursor.literal(b",\"side\":\"sell\"").map(|()| Side::Sell)
    };
    let trade_id = cursor.optional_unsigned(b",\"trade_id\":")?;
    let executions = match cursor.optional_unsigned(b",\"first_id\":")? {
        Some(first) => {
            cursor.literal(b",\"last_id\":")?;
            let last = cursor.unsigned()?;
            Some((first, last)).filter(|_| first <= last)?.into()
        }
        None => None,
    };
    cursor.literal(b",\"event_time_ns\":")?;
    let event_time_ns = cursor.positive_time()?;
    let receive_time_ns = match cursor.literal(b",\"receive_time_ns\":") {
        Some(()) => Some(cursor.positive_time()?),
        None => None,
    };
    let recovered = cursor.literal(b",\"recovered\":true").is_some();
    let future = cursor.literal(b",\"future\":true").is_some();
    if cursor.rest() != b"}" {
        return None;
    }
    Some(Trade {
        symbol: Cow::Borrowed(symbol),
        source: Cow::Borrowed(source),
        coin_id: coin_id.map(Cow::Borrowed),
        price: amount(price_text)?,
        size: amount(size_text)?,
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

/// A number above zero, exact.
fn amount(text: &str) -> Option<Amount<'_>> {
    let value = Decimal::parse_tick(text).ok().filter(|value| *value > Decimal::ZERO)?;
    Some(Amount { text: Cow::Borrowed(text), value })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Steps over exactly this text.
    #[inline(always)]
    fn literal<const LENGTH: usize>(&mut self, literal: &[u8; LENGTH]) -> Option<()> {
        // Of a length that the compiler knows, so that it compares words.
        if self.rest().first_chunk()? != literal {
            return None;
        }
        self.at += LENGTH;
        Some(())
    }

    /// The text up to the closing quote, which it steps over. No escapes, no control characters.
    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        let length = plain_length(self.rest());
        let end = self.at + length;
        if length > TEXT_LENGTH_MAX || self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        let text = self.text.get(self.at..end);
        self.at = end + 1;
        text
    }

    /// A text that nearly always has this length.
    #[inline(always)]
    fn text_of<const LENGTH: usize>(&mut self) -> Option<&'a str> {
        let plain = |text: &[u8; LENGTH]| {
            let (words, tail) = text.as_chunks();
            words.iter().all(|word| first_special(*word) == 8) && !tail.iter().any(is_special)
        };
        if self.rest().first_chunk().is_some_and(plain) && self.rest().get(LENGTH) == Some(&b'"') {
            let text = self.text.get(self.at..self.at + LENGTH);
            self.at += LENGTH + 1;
            return text;
        }
        self.text()
    }

    /// A text that must not be empty.
    #[inline(always)]
    fn name(&mut self) -> Option<&'a str> {
        self.text().filter(|text| !text.is_empty())
    }

    #[inline(always)]
    fn unsigned(&mut self) -> Option<u64> {
        let rest = self.rest();
        let (value, length) = digits::leading(rest);
        self.at += length;
        // JSON has no leading zeros.
        (length == 1 || (length > 0 && rest[0] != b'0')).then_some(value)
    }

    /// A number that nearly always has this many digits.
    #[inline(always)]
    fn unsigned_of<const LENGTH: usize>(&mut self) -> Option<u64> {
        match self.rest().first_chunk().and_then(digits::exactly::<LENGTH>) {
            Some(value) if self.rest()[0] != b'0' => {
                self.at += LENGTH;
                Some(value)
            }
            _ => self.unsigned(),
        }
    }

    fn optional_unsigned<const LENGTH: usize>(
        &mut self,
        literal: &[u8; LENGTH],
    ) -> Option<Option<u64>> {
        match self.literal(literal) {
            Some(()) => self.unsigned().map(Some),
            None => Some(None),
        }
    }

    fn positive_time(&mut self) -> Option<i64> {
        // 19 digits from 2001 to 2262.
        let time = self.unsigned_of::<19>()?;
        i64::try_from(time).ok().filter(|time| *time > 0)
    }

    /// `digits[.digits]` or `null`: whether it was a number.
    fn number_or_null(&mut self) -> Option<bool> {
        if self.literal(b"null").is_some() {
            return Some(false);
        }
        self.unsigned()?;
        if self.literal(b".").is_some() {
            let (_, length) = digits::leading(self.rest());
            self.at += length;
            return (length > 0).then_some(true);
        }
        Some(true)
    }
}

/// How many bytes come before the first quote, backslash or control character, eight at a time.
#[inline(always)]
fn plain_length(text: &[u8]) -> usize {
    let (words, tail) = text.as_chunks();
    let longest = TEXT_LENGTH_MAX / 8 + 1;
    for (index, word) in words.iter().take(longest).enumerate() {
        let special = first_special(*word);
        if special < 8 {
            return index * 8 + special;
        }
    }
    if words.len() > longest {
        return longest * 8;
    }
    words.len() * 8 + tail.iter().position(is_special).unwrap_or(tail.len())
}

const fn is_special(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// Where the first quote, backslash or control character stands; 8 if there is none.
#[inline(always)]
fn first_special(word: [u8; 8]) -> usize {
    const fn all(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    // Sets the high bit of bytes that are below the limit. A borrow may set one more, but only
    // above the first.
    const fn below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(all(limit)) & !word & all(0x80)
    }
    let word = u64::from_le_bytes(word);
    let (quotes, backslashes) = (word ^ all(b'"'), word ^ all(b'\\'));
    let special = below(word, 0x20) | below(quotes, 1) | below(backslashes, 1);
    special.trailing_zeros() as usize / 8
}
