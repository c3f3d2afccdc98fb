//! Times and numbers as venues write them.

use jiff::Timestamp;

/// `2023-10-06T17:35:55.440295Z`.
pub(super) fn rfc3339_us(time_ns: i64) -> String {
    timestamp(time_ns).strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// `Fri, 06 Oct 2023 17:35:55 GMT`.
pub(super) fn http_date(time_ns: i64) -> String {
    timestamp(time_ns).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn timestamp(time_ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time_ns)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// So many units of ten to the minus `decimals`: 123 of 2 is `1.23`.
pub(super) fn units(count: u64, decimals: usize) -> String {
    let digits = format!("{count:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if decimals == 0 { digits } else { format!("{whole}.{fraction}") }
}

/// The same number without zeros at its end: `0.40` is `0.4`.
pub(super) fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// The same number without an exponent and with at least so many decimals: `1e-8` is `0.00000001`.
pub(super) fn padded(number: &str, decimals: usize) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i32 = exponent.trim_start_matches('+').parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let left = usize::try_from(-exponent).unwrap_or(0);
    let right = usize::try_from(exponent).unwrap_or(0);
    let whole = format!("{}{whole}", "0".repeat(left));
    let fraction = format!("{fraction}{}", "0".repeat(right));
    let point = whole.len() - left + right;
    let digits = format!("{whole}{fraction}");
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() && decimals == 0 {
        return whole.to_owned();
    }
    format!("{whole}.{fraction:0<decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value_in_every_form() {
        let forms = [
            ("1e-8", 5, "0.00000001"),
            ("1E+2", 5, "100.00000"),
            ("7", 8, "7.00000000"),
            ("0", 0, "0"),
            ("105944.20", 5, "105944.20000"),
            ("0.00000001", 5, "0.00000001"),
            ("2.5e1", 0, "25.0"),
        ];
        for (number, decimals, form) in forms {
            assert_eq!(padded(number, decimals), form);
        }
        assert_eq!(units(123, 2), "1.23");
        assert_eq!(units(5, 8), "0.00000005");
        assert_eq!(units(5, 0), "5");
        assert_eq!(trimmed("985.00"), "985");
        assert_eq!(trimmed("100"), "100");
    }

    #[test]
    fn times_are_written_as_venues_do() {
        assert_eq!(rfc3339_us(1_618_677_817_067_586_000), "2021-04-17T16:43:37.067586Z");
        assert_eq!(rfc3339_us(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(http_date(784_111_777_000_000_000), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
