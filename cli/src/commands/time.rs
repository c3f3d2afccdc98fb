//! Times as people write and read them.

use jiff::Timestamp;

const NANOS_PER_MILLI: i128 = 1_000_000;

/// Epoch milliseconds, or RFC 3339 with a zone: a time without one would be a guess.
pub(crate) fn parse_ms(text: &str) -> Result<i64, String> {
    if let Ok(time_ms) = text.parse::<i64>() {
        return Ok(time_ms);
    }
    // Candles open at whole milliseconds, so that rounding up moves neither bound past one.
    let parsed = text.parse::<Timestamp>().ok().and_then(|time| {
        i64::try_from((time.as_nanosecond() + NANOS_PER_MILLI - 1).div_euclid(NANOS_PER_MILLI)).ok()
    });
    parsed.ok_or_else(|| {
        "use epoch milliseconds, or RFC 3339 with a zone such as 2024-08-08T00:00:00Z; a time \
         without a zone would be a guess"
            .to_owned()
    })
}

/// RFC 3339 in UTC, to the second where it is a whole one.
pub(crate) fn show_ms(time_ms: i64) -> String {
    Timestamp::from_millisecond(time_ms).map_or_else(|_| time_ms.to_string(), |t| t.to_string())
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn show_ns(time_ns: i64) -> String {
    Timestamp::from_nanosecond(time_ns.into())
        .map_or_else(|_| time_ns.to_string(), |time| format!("{time:.3}"))
}

/// How long, in the largest unit that says it: `2 s`, `5 min`, `3 h`, `4 d`.
pub(crate) fn show_age(ns: i64) -> String {
    let seconds = ns.max(0) / 1_000_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_epoch_milliseconds_or_rfc_3339_with_a_zone() {
        for text in ["1723075200000", "2024-08-08T00:00:00Z", "2024-08-08T02:00:00+02:00"] {
            assert_eq!(parse_ms(text), Ok(1_723_075_200_000), "{text}");
        }
        assert_eq!(parse_ms("2024-08-08T00:00:00.0001Z"), Ok(1_723_075_200_001));
    }

    #[test]
    fn time_without_a_zone_is_refused() {
        for text in ["2024-08-08T00:00:00", "2024-08-08", "yesterday", ""] {
            assert!(parse_ms(text).unwrap_err().contains("with a zone"), "{text}");
        }
    }

    #[test]
    fn age_is_shown_in_a_unit_that_fits() {
        let shown = |seconds: i64| show_age(seconds * 1_000_000_000);
        assert_eq!([shown(-5), shown(0), shown(119)], ["0 s", "0 s", "119 s"]);
        assert_eq!([shown(120), shown(7_200), shown(172_800)], ["2 min", "2 h", "2 d"]);
    }
}
