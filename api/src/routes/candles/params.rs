//! What can be asked, and a sentence for what cannot.

use axum::http::{HeaderMap, header};
use market::interval::Interval;
use serde::Deserialize;

use crate::lookup::parse_interval;
use crate::problem::Problem;

const LIMIT_DEFAULT: usize = 500;
/// Most candles on one page.
pub(super) const LIMIT_MAX: usize = 5_000;
const NANOS_PER_MILLI: i128 = 1_000_000;

/// The query as sent. A parameter that is not listed is refused, not ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawParams {
    source: Option<String>,
    interval: Option<String>,
    start: Option<String>,
    end: Option<String>,
    limit: Option<String>,
    order: Option<String>,
    cursor: Option<String>,
    fill: Option<String>,
    format: Option<String>,
}

/// In which order candles are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// What stands in for windows that are not stored, between those that are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fill {
    /// Nothing.
    None,
    /// A candle without prices.
    Null,
    /// A candle at the close of the one before.
    Previous,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
}

/// The query, understood.
#[derive(Debug)]
pub(crate) struct Params {
    pub(crate) source: Option<String>,
    pub(crate) interval: Interval,
    /// First open time, inclusive.
    pub(crate) start_ms: Option<i64>,
    /// Last open time, exclusive.
    pub(crate) end_ms: Option<i64>,
    pub(crate) limit: Option<usize>,
    pub(crate) order: Order,
    pub(crate) cursor: Option<String>,
    pub(crate) fill: Fill,
    pub(crate) format: Format,
}

impl Params {
    pub(crate) fn parse(raw: RawParams, headers: &HeaderMap) -> Result<Self, Problem> {
        let start_ms = parse_time("start", raw.start.as_deref())?;
        let end_ms = parse_time("end", raw.end.as_deref())?;
        if let (Some(start), Some(end)) = (start_ms, end_ms)
            && start > end
        {
            let detail = "start lies after end; swap them";
            return Err(Problem::bad_request("invalid-range", detail));
        }
        Ok(Self {
            source: raw.source,
            interval: raw.interval.as_deref().map_or(Ok(Interval::M1), parse_interval)?,
            start_ms,
            end_ms,
            limit: raw.limit.as_deref().map(parse_limit).transpose()?,
            order: choose(
                "order",
                raw.order.as_deref().unwrap_or("asc"),
                &[("asc", Order::Ascending), ("desc", Order::Descending)],
            )?,
            cursor: raw.cursor,
            fill: choose(
                "fill",
                raw.fill.as_deref().unwrap_or("none"),
                &[("none", Fill::None), ("null", Fill::Null), ("previous", Fill::Previous)],
            )?,
            format: choose(
                "format",
                raw.format.as_deref().unwrap_or_else(|| accepted(headers)),
                &[("json", Format::Json), ("csv", Format::Csv)],
            )?,
        })
    }

    /// How many candles one JSON page holds.
    pub(crate) fn page_limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT_DEFAULT)
    }
}

fn accepted(headers: &HeaderMap) -> &'static str {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.starts_with("text/csv")) { "csv" } else { "json" }
}

fn choose<T: Copy>(name: &str, text: &str, choices: &[(&str, T)]) -> Result<T, Problem> {
    choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let detail = format!("{name} \"{text}\" is none of {}", words.join(" "));
        Problem::bad_request("invalid-parameter", detail)
    })
}

fn parse_limit(text: &str) -> Result<usize, Problem> {
    text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
        let detail = format!(
            "limit \"{text}\" is not between 1 and {LIMIT_MAX}; for more follow next_cursor, \
             or take format=csv without a limit"
        );
        Problem::bad_request("invalid-limit", detail)
    })
}

/// Epoch milliseconds, or RFC 3339 with a zone: a time without one would be a guess.
fn parse_time(name: &str, text: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    if let Ok(time_ms) = text.parse::<i64>() {
        return Ok(Some(time_ms));
    }
    // Open times are whole milliseconds, so that rounding up moves neither bound past one.
    let parsed = text.parse::<jiff::Timestamp>().ok().and_then(|time| {
        let up = time.as_nanosecond() + NANOS_PER_MILLI - 1;
        i64::try_from(up.div_euclid(NANOS_PER_MILLI)).ok()
    });
    parsed.map(Some).ok_or_else(|| {
        let detail = format!(
            "{name} \"{text}\" is not a time; use epoch milliseconds or RFC 3339 with a zone, \
             such as 2024-08-08T00:00:00Z (write + as %2B)"
        );
        Problem::bad_request("invalid-time", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Result<Option<i64>, &'static str> {
        parse_time("start", Some(text)).map_err(|problem| problem.code())
    }

    #[test]
    fn time_is_epoch_milliseconds_or_rfc_3339_with_a_zone() {
        let midnight = 1_723_075_200_000;
        for text in ["1723075200000", "2024-08-08T00:00:00Z", "2024-08-08T02:00:00+02:00"] {
            assert_eq!(time(text), Ok(Some(midnight)), "{text}");
        }
        assert_eq!(time("2024-08-08T00:00:00.0001Z"), Ok(Some(midnight + 1)));
    }

    #[test]
    fn time_without_a_zone_is_refused() {
        for text in ["2024-08-08T00:00:00", "2024-08-08", "yesterday", ""] {
            assert_eq!(time(text), Err("invalid-time"), "{text}");
        }
    }

    #[test]
    fn limit_is_between_one_and_five_thousand() {
        assert_eq!(parse_limit("5000"), Ok(5_000));
        for text in ["0", "5001", "-1", "many", "100000000000000000000"] {
            assert_eq!(parse_limit(text).unwrap_err().code(), "invalid-limit", "{text}");
        }
    }
}
