//! A line of a file as a row.

use csv::ByteRecord;
use market::tick::{Side, TEXT_LENGTH_MAX};

use super::rows::{Body, Kind, Row};

const NANOS_PER_MICRO: i64 = 1_000;
const NANOS_PER_MILLI: i64 = 1_000_000;
/// Binance times from here on are microseconds, smaller ones milliseconds.
const MICROS_FROM: i64 = 1_000_000_000_000_000;

/// A row; `None` where not even its id can be read.
pub(super) fn row(record: &ByteRecord, kind: Kind) -> Option<Row> {
    let id = record.get(0).and_then(integer)?;
    let time = record.get(if kind == Kind::Trades { 4 } else { 5 });
    let (time_ns, unit_ns) = time.and_then(time_ns).unwrap_or((0, NANOS_PER_MILLI));
    let body = body(record, kind).unwrap_or_else(|| Body::Trade {
        price: clipped(record),
        size: Box::default(),
        side: None,
        executions: None,
    });
    Some(Row { id, time_ns, unit_ns, body })
}

/// What a row says, where all of it can be read.
fn body(record: &ByteRecord, kind: Kind) -> Option<Body> {
    let size = text(record.get(2)?)?;
    if is_zero(size) {
        return Some(Body::Void);
    }
    let (maker, columns) = match kind {
        Kind::Trades => (5, 6..=7),
        Kind::Aggregates => (6, 7..=8),
    };
    if !columns.contains(&record.len()) {
        return None;
    }
    let executions = match kind {
        Kind::Trades => None,
        Kind::Aggregates => {
            let ids = (integer(record.get(3)?)?, integer(record.get(4)?)?);
            Some(ids).filter(|(first, last)| first <= last)?.into()
        }
    };
    let buyer_is_maker = truth(record.get(maker)?)?;
    let side = if buyer_is_maker { Side::Sell } else { Side::Buy };
    let price = text(record.get(1)?)?.into();
    Some(Body::Trade { price, size: size.into(), side: Some(side), executions })
}

/// Whether a decimal text is zero.
pub(super) fn is_zero(text: &str) -> bool {
    text.contains('0') && text.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

pub(super) fn is_header(record: &ByteRecord) -> bool {
    record.iter().all(|name| name.first().is_some_and(u8::is_ascii_alphabetic))
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok().filter(|text| text.len() <= TEXT_LENGTH_MAX)
}

pub(super) fn integer(field: &[u8]) -> Option<u64> {
    let digits = !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(field).ok()?.parse().ok()).flatten()
}

pub(super) fn truth(field: &[u8]) -> Option<bool> {
    if field.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if field.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

/// Milliseconds or microseconds, told apart by size; and which of both.
fn time_ns(field: &[u8]) -> Option<(i64, i64)> {
    let time = i64::try_from(integer(field)?).ok()?;
    let unit_ns = if time >= MICROS_FROM { NANOS_PER_MICRO } else { NANOS_PER_MILLI };
    Some((time.checked_mul(unit_ns)?, unit_ns))
}

/// As much of the row's text as a record may hold.
fn clipped(record: &ByteRecord) -> Box<str> {
    let fields: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
    let mut text = fields.join(",");
    while text.len() > TEXT_LENGTH_MAX {
        text.pop();
    }
    text.into()
}
