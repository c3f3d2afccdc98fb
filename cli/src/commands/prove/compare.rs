//! Our candles against the exchange's, field by field.

use std::collections::BTreeMap;
use std::fmt;

use market::candle::Candle;

use super::official::Official;

/// How many fields are compared.
pub(super) const FIELDS: usize = 9;

/// What the comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Windows that are equal in every field.
    pub(super) equal: usize,
    /// Windows that we say may lack trades: not counted.
    pub(super) incomplete: usize,
    /// Windows that differ in some field.
    pub(super) differing: usize,
    /// Windows that only the exchange has.
    pub(super) missing: usize,
    /// Windows with trades that only we have, between the exchange's first and last.
    pub(super) unknown: usize,
    /// The first window that does not match, by open time, and where.
    pub(super) first: Option<(i64, Mismatch)>,
}

/// How a window does not match.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// These fields differ.
    Differs(Vec<Difference>),
    /// We have no such window.
    Missing,
    /// The exchange has no such window.
    Unknown,
}

/// One field that differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) field: &'static str,
    pub(super) official: String,
    pub(super) ours: String,
}

impl Verdict {
    /// Whether everything that counts is equal, and something counts.
    pub(super) fn holds(&self) -> bool {
        self.equal > 0 && self.differing == 0 && self.missing == 0 && self.unknown == 0
    }

    fn note(&mut self, open_time_ms: i64, mismatch: Mismatch) {
        if self.first.as_ref().is_none_or(|(first, _)| open_time_ms < *first) {
            self.first = Some((open_time_ms, mismatch));
        }
    }
}

/// Why the proof does not hold, in one sentence.
impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { equal, incomplete, differing, missing, unknown, .. } = self;
        if equal + differing + missing + unknown == 0 {
            write!(formatter, "nothing is proved: all {incomplete} windows are incomplete")
        } else {
            write!(formatter, "{differing} windows differ, {missing} are missing, ")?;
            write!(formatter, "{unknown} are not the exchange's")
        }
    }
}

/// Compares every window of the exchange. Both are of the same interval.
pub(super) fn compare(official: &[Official], ours: &[Candle]) -> Verdict {
    let mut verdict = Verdict::default();
    let theirs: BTreeMap<i64, &Official> =
        official.iter().map(|candle| (candle.open_time_ms, candle)).collect();
    let made: BTreeMap<i64, &Candle> =
        ours.iter().map(|candle| (candle.open_time_ms, candle)).collect();
    for (open_time_ms, official) in &theirs {
        match made.get(open_time_ms) {
            None => {
                verdict.missing += 1;
                verdict.note(*open_time_ms, Mismatch::Missing);
            }
            Some(ours) if !(ours.closed && ours.complete) => verdict.incomplete += 1,
            Some(ours) => {
                let differences = differences(official, ours);
                if differences.is_empty() {
                    verdict.equal += 1;
                } else {
                    verdict.differing += 1;
                    verdict.note(*open_time_ms, Mismatch::Differs(differences));
                }
            }
        }
    }
    let (first, last) = (theirs.keys().next(), theirs.keys().next_back());
    if let (Some(first), Some(last)) = (first, last) {
        for (open_time_ms, candle) in made.range(first..=last) {
            if !theirs.contains_key(open_time_ms) && candle.trade_count.unwrap_or(0) > 0 {
                verdict.unknown += 1;
                verdict.note(*open_time_ms, Mismatch::Unknown);
            }
        }
    }
    verdict
}

fn differences(official: &Official, ours: &Candle) -> Vec<Difference> {
    fn pair<T: PartialEq + ToString>(official: T, ours: Option<T>) -> Option<(String, String)> {
        let equal = ours.as_ref() == Some(&official);
        let shown = ours.map_or_else(|| "null".to_owned(), |ours| ours.to_string());
        (!equal).then(|| (official.to_string(), shown))
    }
    let fields: [(&'static str, Option<(String, String)>); FIELDS] = [
        ("open", pair(official.open, ours.open)),
        ("high", pair(official.high, ours.high)),
        ("low", pair(official.low, ours.low)),
        ("close", pair(official.close, ours.close)),
        ("volume", pair(official.volume, ours.volume)),
        ("quote_volume", pair(official.quote_volume, ours.quote_volume)),
        ("trade_count", pair(official.trade_count, ours.trade_count)),
        ("taker_buy_volume", pair(official.taker_buy_volume, ours.taker_buy_volume)),
        (
            "taker_buy_quote_volume",
            pair(official.taker_buy_quote_volume, ours.taker_buy_quote_volume),
        ),
    ];
    let differing = fields.into_iter().filter_map(|(field, pair)| {
        let (official, ours) = pair?;
        Some(Difference { field, official, ours })
    });
    differing.collect()
}

#[cfg(test)]
mod tests;
