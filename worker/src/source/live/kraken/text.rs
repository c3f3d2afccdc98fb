//! How Kraken writes numbers, times and names.

use std::borrow::Cow;

use sonic_rs::LazyValue;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_DIGITS: usize = 9;

/// The largest exponent of a number, either way.
const EXPONENT_MAX: i32 = 40;

/// The text of a number, or of a text that is one, digit by digit and without an exponent: REST
/// writes the same trade so.
pub(super) fn number<'a>(value: &'a LazyValue<'_>) -> Option<Cow<'a, str>> {
    let raw = value.as_raw_str().trim_matches('"');
    let is_number = raw.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    if !is_number {
        return None;
    }
    match raw.split_once(['e', 'E']) {
        None => Some(Cow::Borrowed(raw)),
        Some((digits, exponent)) => expanded(digits, exponent.parse().ok()?).map(Cow::Owned),
    }
}

/// `1.5` times ten to the minus 8 is `0.000000015`.
fn expanded(number: &str, exponent: i32) -> Option<String> {
    if exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let digits = format!("{whole}{part}");
    let Ok(point) = usize::try_from(point) else {
        let zeros = usize::try_from(-point).ok()?;
        return Some(format!("{sign}0.{}{digits}", "0".repeat(zeros)));
    };
    let digits = format!("{digits:0<point$}");
    let (whole, part) = digits.split_at(point);
    let whole = if whole.is_empty() { "0" } else { whole };
    let dot = if part.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{dot}{part}"))
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
