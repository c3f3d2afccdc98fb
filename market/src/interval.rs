//! The fifteen candle intervals and their boundaries.
//!
//! Intervals are aligned to the epoch: `3d` at multiples of three days since 1970-01-01, `1w`
//! from Monday 00:00 UTC, `1M` by calendar month. All times are UTC, in milliseconds.

use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One minute, in milliseconds: the base window that all larger intervals are made of.
pub const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// 1970-01-05, the first Monday after the epoch.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

/// Why a text is not an interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not an interval; use one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"
)]
pub struct ParseIntervalError {
    /// What was given.
    pub text: String,
}

/// A candle interval. Ordered from the smallest to the largest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[expect(missing_docs, reason = "each variant is documented by the text it is written as")]
pub enum Interval {
    #[serde(rename = "1m")]
    M1,
    #[serde(rename = "3m")]
    M3,
    #[serde(rename = "5m")]
    M5,
    #[serde(rename = "15m")]
    M15,
    #[serde(rename = "30m")]
    M30,
    #[serde(rename = "1h")]
    H1,
    #[serde(rename = "2h")]
    H2,
    #[serde(rename = "4h")]
    H4,
    #[serde(rename = "6h")]
    H6,
    #[serde(rename = "8h")]
    H8,
    #[serde(rename = "12h")]
    H12,
    #[serde(rename = "1d")]
    D1,
    #[serde(rename = "3d")]
    D3,
    #[serde(rename = "1w")]
    W1,
    #[serde(rename = "1M")]
    Month,
}

impl Interval {
    /// All intervals, smallest first.
    pub const ALL: [Self; 15] = [
        Self::M1,
        Self::M3,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H2,
        Self::H4,
        Self::H6,
        Self::H8,
        Self::H12,
        Self::D1,
        Self::D3,
        Self::W1,
        Self::Month,
    ];

    /// The interval as users write it: `1m` … `1M` (case matters).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M3 => "3m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H2 => "2h",
            Self::H4 => "4h",
            Self::H6 => "6h",
            Self::H8 => "8h",
            Self::H12 => "12h",
            Self::D1 => "1d",
            Self::D3 => "3d",
            Self::W1 => "1w",
            Self::Month => "1M",
        }
    }

    /// The width in milliseconds, or `None` for the calendar month.
    #[must_use]
    pub const fn width_ms(self) -> Option<i64> {
        Some(match self {
            Self::M1 => MINUTE_MS,
            Self::M3 => 3 * MINUTE_MS,
            Self::M5 => 5 * MINUTE_MS,
            Self::M15 => 15 * MINUTE_MS,
            Self::M30 => 30 * MINUTE_MS,
            Self::H1 => 60 * MINUTE_MS,
            Self::H2 => 120 * MINUTE_MS,
            Self::H4 => 240 * MINUTE_MS,
            Self::H6 => 360 * MINUTE_MS,
            Self::H8 => 480 * MINUTE_MS,
            Self::H12 => 720 * MINUTE_MS,
            Self::D1 => DAY_MS,
            Self::D3 => 3 * DAY_MS,
            Self::W1 => 7 * DAY_MS,
            Self::Month => return None,
        })
    }

    /// The open time of the window that holds `time_ms`.
    #[must_use]
    pub fn open_time_ms(self, time_ms: i64) -> i64 {
        let origin = if self == Self::W1 { FIRST_MONDAY_MS } else { 0 };
        match self.width_ms() {
            Some(width) => time_ms - (time_ms - origin).rem_euclid(width),
            None => month_start_ms(date_of(time_ms)),
        }
    }

    /// The close time (exclusive) of the window that opens at `open_time_ms`.
    #[must_use]
    pub fn close_time_ms(self, open_time_ms: i64) -> i64 {
        match self.width_ms() {
            Some(width) => open_time_ms.saturating_add(width),
            None => month_start_ms(date_of(month_start_ms(date_of(open_time_ms)) + 32 * DAY_MS)),
        }
    }
}

/// The UTC date of a time, kept within the years that a date can hold.
fn date_of(time_ms: i64) -> Date {
    let days = time_ms.div_euclid(DAY_MS);
    let span = jiff::Span::new().try_days(days).unwrap_or_else(|_| jiff::Span::new());
    Date::constant(1970, 1, 1).saturating_add(span)
}

fn month_start_ms(date: Date) -> i64 {
    let days = Date::constant(1970, 1, 1)
        .until(date.first_of_month())
        .map_or(0, |span| i64::from(span.get_days()));
    days * DAY_MS
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for Interval {
    type Err = ParseIntervalError;

    fn from_str(text: &str) -> Result<Self, ParseIntervalError> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.as_str() == text)
            .ok_or_else(|| ParseIntervalError { text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    fn check(interval: Interval, time: &str, open: &str, close: &str) {
        let open_time_ms = interval.open_time_ms(ms(time));
        assert_eq!(open_time_ms, ms(open), "{interval} open of {time}");
        assert_eq!(interval.close_time_ms(open_time_ms), ms(close), "{interval} close of {time}");
    }

    #[test]
    fn windows_are_half_open_and_aligned() {
        let at = "2024-08-08T23:59:59.999Z";
        check(Interval::M1, at, "2024-08-08T23:59:00Z", "2024-08-09T00:00:00Z");
        check(Interval::M5, at, "2024-08-08T23:55:00Z", "2024-08-09T00:00:00Z");
        check(Interval::H8, at, "2024-08-08T16:00:00Z", "2024-08-09T00:00:00Z");
        check(Interval::M1, "2024-08-09T00:00:00Z", "2024-08-09T00:00:00Z", "2024-08-09T00:01:00Z");
    }

    #[test]
    fn three_days_count_from_the_epoch() {
        check(Interval::D3, "1970-01-03T23:00:00Z", "1970-01-01T00:00:00Z", "1970-01-04T00:00:00Z");
    }

    #[test]
    fn week_begins_on_monday() {
        check(Interval::W1, "2024-08-11T23:59:59Z", "2024-08-05T00:00:00Z", "2024-08-12T00:00:00Z");
        check(Interval::W1, "2024-08-12T00:00:00Z", "2024-08-12T00:00:00Z", "2024-08-19T00:00:00Z");
        check(Interval::W1, "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z");
    }

    #[test]
    fn month_is_by_calendar_leap_years_included() {
        check(
            Interval::Month,
            "2024-02-29T12:00:00Z",
            "2024-02-01T00:00:00Z",
            "2024-03-01T00:00:00Z",
        );
        check(
            Interval::Month,
            "2024-12-31T23:59:59Z",
            "2024-12-01T00:00:00Z",
            "2025-01-01T00:00:00Z",
        );
        check(
            Interval::Month,
            "2023-02-28T23:59:59Z",
            "2023-02-01T00:00:00Z",
            "2023-03-01T00:00:00Z",
        );
    }

    #[test]
    fn every_interval_closes_on_a_minute_and_holds_its_own_open() {
        for interval in Interval::ALL {
            for time in ["2024-08-08T23:54:15.343Z", "2025-01-01T00:00:00Z", "1999-02-03T04:05:06Z"]
            {
                let open = interval.open_time_ms(ms(time));
                let close = interval.close_time_ms(open);
                assert!(open <= ms(time) && ms(time) < close);
                assert_eq!(interval.open_time_ms(open), open);
                assert_eq!(interval.open_time_ms(close), close);
                assert_eq!(close % MINUTE_MS, 0);
            }
        }
    }

    #[test]
    fn text_parses_back_and_case_matters() {
        for interval in Interval::ALL {
            assert_eq!(interval.as_str().parse(), Ok(interval));
            assert_eq!(serde_json::to_string(&interval).unwrap(), format!("\"{interval}\""));
        }
        assert!("7m".parse::<Interval>().unwrap_err().to_string().contains("use one of 1m 3m"));
        assert!("1D".parse::<Interval>().is_err());
    }
}
