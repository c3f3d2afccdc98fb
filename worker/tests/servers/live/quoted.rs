use std::collections::{BTreeMap, BTreeSet};

use market::decimal::Decimal;
use market::interval::Interval;

use super::Case;
use super::told::Series;
use crate::stage::Candles;

/// CoinGecko's own cache, and a poll: the newest quote may be so much older than the newest update.
const OLD_SECONDS: i64 = 200;

/// Whether the newest quotes are as new as they can be.
pub(super) fn has_last<'a>(case: &Case, series: impl Fn(&str) -> Option<&'a Series>) -> bool {
    case.series.iter().all(|(symbol, instrument)| {
        let newest = series(symbol).and_then(|series| series.quotes.last());
        newest.is_some_and(|(ns, _)| is_new(case, instrument, *ns))
    })
}

fn is_new(case: &Case, instrument: &str, quote_ns: i64) -> bool {
    let tape = case.venue.tape();
    let last = tape.updates[instrument].iter().map(|update| update.last_updated_at);
    let last = last.filter(|second| *second <= case.venue.now_ns() / 1_000_000_000).max();
    last.is_none_or(|last| quote_ns / 1_000_000_000 + OLD_SECONDS >= last)
}

/// Quotes that the venue did not send, or sent before.
pub(super) fn failures(
    case: &Case,
    (symbol, instrument): (&str, &str),
    series: &Series,
    stored: &Candles,
) -> Vec<String> {
    let mut failures = candle_failures(case, symbol, series, stored);
    let tape = case.venue.tape();
    let updates = tape.updates[instrument].iter();
    let updates: BTreeSet<(i64, &str)> =
        updates.map(|update| (update.last_updated_at, update.usd.as_str())).collect();
    let mut before_ns = i64::MIN;
    for (ns, price) in &series.quotes {
        if !updates.contains(&(ns / 1_000_000_000, price.as_str())) {
            failures.push(format!("nobody sent {price} of {ns}"));
        }
        if *ns <= before_ns {
            failures.push(format!("{ns} comes after {before_ns}"));
        }
        before_ns = *ns;
    }
    if !is_new(case, instrument, before_ns) {
        failures.push(format!("the newest quote is of {before_ns}"));
    }
    failures
}

/// Candles that are not those of the quotes on the topic, minute by minute.
fn candle_failures(case: &Case, symbol: &str, series: &Series, stored: &Candles) -> Vec<String> {
    const MINUTE_NS: i64 = 60_000_000_000;
    let mut minutes: BTreeMap<i64, Vec<Decimal>> = BTreeMap::new();
    for (ns, price) in &series.quotes {
        let minute = ns - ns.rem_euclid(MINUTE_NS);
        minutes.entry(minute / 1_000_000).or_default().push(Decimal::parse_rounded(price).unwrap());
    }
    // The last one may be open.
    minutes.pop_last();
    let mut failures = Vec::new();
    for (open_ms, prices) in minutes {
        let key = (symbol.to_owned(), case.source.clone(), Interval::M1, open_ms);
        let same = stored.get(&key).is_some_and(|candle| {
            candle.samples == Some(prices.len() as u64)
                && candle.open == prices.first().copied()
                && candle.close == prices.last().copied()
                && candle.high == prices.iter().max().copied()
                && candle.low == prices.iter().min().copied()
                && candle.volume.is_none()
                && !candle.complete
        });
        if !same {
            failures.push(format!("{:?} is not of {prices:?}", stored.get(&key)));
        }
    }
    failures
}
