//! The header `Retry-After`: whole seconds, or a date as HTTP writes it.

use std::time::UNIX_EPOCH;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// From when on the header lets the next call be made, in nanoseconds since the epoch; `None`
/// where it is neither `120` nor `Sun, 06 Nov 1994 08:49:37 GMT`. May lie in the past.
pub(super) fn parse(header: &str, now_ns: i64) -> Option<i64> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = header.parse().unwrap_or(i64::MAX);
        return Some(now_ns.saturating_add(seconds.saturating_mul(NANOS_PER_SECOND)));
    }
    date_ns(header)
}

/// Nanoseconds since the epoch of a date as HTTP writes it.
pub(super) fn date_ns(text: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        let date_s = 784_111_777;
        for (header, expected) in [
            ("120", Some(125)),
            (" 0 ", Some(5)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(date_s)),
            ("", None),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
        ] {
            let expected = expected.map(|seconds| seconds * NANOS_PER_SECOND);
            assert_eq!(parse(header, 5 * NANOS_PER_SECOND), expected, "{header}");
        }
        assert_eq!(parse("99999999999999999999", 0), Some(i64::MAX));
    }
}
