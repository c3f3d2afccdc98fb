//! How Kraken writes numbers, times and names.

use sonic_rs::LazyValue;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_DIGITS: usize = 9;

/// The text of a number, or of a text that is one.
pub(super) fn number<'a>(value: &'a LazyValue<'_>) -> Option<&'a str> {
    let raw = value.as_raw_str().trim_matches('"');
    raw.starts_with(|first: char| first.is_ascii_digit() || first == '-').then_some(raw)
}

/// Nanoseconds of seconds that are written as a decimal number.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<NANOS_DIGITS$}");
    let part: i64 = part.get(..NANOS_DIGITS)?.parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(NANOS_PER_SECOND)?.checked_add(part)
}

/// The common name of a pair: Kraken's XBT is BTC, its XDG is DOGE.
pub(super) fn common_name(wsname: &str) -> String {
    let currency = |name: &str| match name {
        "XBT" => "BTC".to_owned(),
        "XDG" => "DOGE".to_owned(),
        name => name.to_owned(),
    };
    wsname.split('/').map(currency).collect::<Vec<_>>().join("/")
}
