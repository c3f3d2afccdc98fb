//! From the names in a request to a stored series. A name that is not known is answered with
//! the ones that it may have been meant to be.

use axum::http::StatusCode;
use market::interval::Interval;

use crate::problem::Problem;
use crate::state::ApiState;
use crate::store::{StoreError, StoredSeries};

/// How many edits away a name still looks like a slip.
const EDITS_MAX: usize = 2;
/// How many names an answer lists.
const NAMES_MAX: usize = 10;

/// The series of `symbol` and `source`; without a source the primary one.
pub(crate) fn find_series<'a>(
    all: &'a [StoredSeries],
    symbol: &str,
    source: Option<&str>,
) -> Result<&'a StoredSeries, Problem> {
    let of_symbol: Vec<&StoredSeries> = series_of_symbol(all, symbol);
    let Some(first) = of_symbol.first() else {
        let known = all.iter().filter(|series| series.primary);
        let names: Vec<&str> = known.map(|series| series.series.symbol.as_str()).collect();
        let hint = hint(&symbol.to_uppercase(), &names);
        let detail = format!("\"{symbol}\" is not a symbol of this pipeline; {hint}");
        return Err(Problem::not_found("unknown-symbol", detail));
    };
    let Some(source) = source else {
        return Ok(of_symbol.iter().find(|series| series.primary).unwrap_or(first));
    };
    let found = of_symbol.iter().find(|series| series.series.source.as_str() == source);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> =
            of_symbol.iter().map(|series| series.series.source.as_str()).collect();
        let symbol = &first.series.symbol;
        let hint = hint(source, &names);
        let detail = format!("\"{source}\" is not a source of {symbol}; {hint}");
        Problem::not_found("unknown-source", detail)
    })
}

/// Every series of a symbol in any case, also written with the currency: `btc`, `BTC-USD`.
fn series_of_symbol<'a>(all: &'a [StoredSeries], symbol: &str) -> Vec<&'a StoredSeries> {
    let upper = symbol.to_uppercase();
    let base = ["-USD", "/USD", "USD"].iter().find_map(|quote| upper.strip_suffix(quote));
    std::iter::once(upper.as_str())
        .chain(base)
        .map(|name| -> Vec<&StoredSeries> {
            all.iter().filter(|series| series.series.symbol.as_str() == name).collect()
        })
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Reads an interval's text.
pub(crate) fn parse_interval(text: &str) -> Result<Interval, Problem> {
    text.parse().map_err(|error: market::interval::ParseIntervalError| {
        Problem::bad_request("unknown-interval", error.to_string())
    })
}

/// Checks that a series has, or is meant to have, candles of an interval.
pub(crate) async fn check_interval(
    state: &ApiState,
    series: &StoredSeries,
    interval: Interval,
) -> Result<(), Problem> {
    if state.pipeline.intervals.contains(&interval) {
        return Ok(());
    }
    let intervals = intervals_of(state, series).await?;
    if intervals.contains(&interval) {
        return Ok(());
    }
    let texts: Vec<&str> = intervals.iter().map(|interval| interval.as_str()).collect();
    let texts = texts.join(" ");
    let detail = format!("{} has no {interval} candles; it has {texts}", series.series);
    Err(Problem::new(StatusCode::NOT_FOUND, "unknown-interval", detail))
}

/// The intervals that the spec asks for and those that are stored all the same.
pub(crate) async fn intervals_of(
    state: &ApiState,
    series: &StoredSeries,
) -> Result<Vec<Interval>, StoreError> {
    let mut intervals = state.store.intervals(series.id).await?;
    intervals.extend(&state.pipeline.intervals);
    intervals.sort_unstable();
    intervals.dedup();
    Ok(intervals)
}

/// `did you mean BTC?` or, when nothing is near, what there is.
fn hint(given: &str, known: &[&str]) -> String {
    let near: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| {
            name.starts_with(given) || edits(given, name) <= EDITS_MAX.min(name.len() / 2)
        })
        .take(NAMES_MAX)
        .collect();
    match (near.as_slice(), known) {
        ([], []) => "it has none yet".to_owned(),
        ([], known) => {
            let more = if known.len() > NAMES_MAX { " …" } else { "" };
            let shown: Vec<&str> = known.iter().copied().take(NAMES_MAX).collect();
            format!("use one of {}{more}", shown.join(" "))
        }
        (near, _) => format!("did you mean {}?", near.join(" or ")),
    }
}

/// How many characters to insert, delete or replace to get from one name to the other.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (index, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(diagonal + 1).min(row[index] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_counts_insertions_deletions_and_replacements() {
        for (one, other, count) in [
            ("BTC", "BTC", 0),
            ("BTX", "BTC", 1),
            ("BT", "BTC", 1),
            ("XETH", "ETH", 1),
            ("", "SOL", 3),
        ] {
            assert_eq!(edits(one, other), count, "{one} {other}");
            assert_eq!(edits(other, one), count, "{other} {one}");
        }
    }

    #[test]
    fn hint_names_near_ones_or_all() {
        assert_eq!(hint("BTX", &["BTC", "ETH"]), "did you mean BTC?");
        assert_eq!(hint("DOGE", &["BTC", "ETH"]), "use one of BTC ETH");
        assert_eq!(hint("BTC", &[]), "it has none yet");
    }
}
