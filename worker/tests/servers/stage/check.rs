use std::collections::BTreeMap;

use e2e::oracle::{CandleKey, Expected};
use market::candle::Candle;

use super::{Stage, Worker};

/// Averages are equal to so many parts of themselves.
const FLOAT_SHARE: f64 = 1e-9;
/// Differences that a failure shows.
const SHOWN_MAX: usize = 5;

/// Candles by series, interval and open time.
pub(crate) type Candles = BTreeMap<CandleKey, Candle>;

impl Stage {
    /// Waits until something is committed.
    pub(crate) fn first_commit(&self) {
        self.until_psql("SELECT max(commit_seq) > 0 FROM partition");
    }

    /// Waits until everything is committed.
    pub(crate) fn folded(&self, ends: &BTreeMap<i32, i64>) {
        let ends = ends.iter().map(|(partition, end)| format!("({partition}, {end})"));
        let ends = ends.collect::<Vec<_>>().join(", ");
        self.until_psql(&format!(
            "SELECT count(*) = 0 FROM (VALUES {ends}) AS wanted (number, reached) \
             LEFT JOIN partition ON partition = number WHERE next_offset IS DISTINCT FROM reached"
        ));
    }

    /// Waits until Redis has everything that is stored.
    pub(crate) fn published(&self) {
        self.until_psql("SELECT count(*) = 0 FROM partition WHERE published_seq < commit_seq");
    }

    /// Waits until all that was sent is committed and published, ends the aggregators, and
    /// compares what they stored and sent with what the oracle says. Returns the stored candles.
    pub(crate) fn check_stored(
        &self,
        aggregators: impl IntoIterator<Item = Worker>,
    ) -> (Candles, Expected) {
        let expected = self.expected();
        self.folded(&expected.ends);
        self.published();
        for aggregator in aggregators {
            aggregator.stop();
        }
        let stored = self.stored();
        assert_same("stored", &stored, &expected.candles);
        assert_eq!(self.stored_alerts(), expected.alerts);
        assert_eq!(self.sent_alerts(), expected.alerts);
        let letters = expected.dead_letters.iter();
        let letters: BTreeMap<_, _> =
            letters.map(|(at, reason)| (*at, (*reason).to_owned())).collect();
        assert_eq!(self.dead_letters(), letters);
        (stored, expected)
    }

    /// As [`Self::check_stored`], and with the whole of the Redis stream. Returns the candles,
    /// stored and streamed.
    pub(crate) async fn check(
        &self,
        aggregators: impl IntoIterator<Item = Worker>,
    ) -> (Candles, Candles) {
        let (stored, _) = self.check_stored(aggregators);
        let told = self.streamed().await;
        assert_same("streamed", &told, &closed(&stored));
        (stored, told)
    }
}

/// Those that are closed: what readers of the stream are told.
pub(crate) fn closed(candles: &Candles) -> Candles {
    let closed = candles.iter().filter(|(_, candle)| candle.closed);
    closed.map(|(key, candle)| (key.clone(), candle.clone())).collect()
}

/// Compares two sets of candles: all digits, and the averages as floats.
#[track_caller]
pub(crate) fn assert_same(what: &str, found: &Candles, expected: &Candles) {
    let mut differences = Vec::new();
    for (key, candle) in expected {
        match found.get(key) {
            Some(found) if is_same(found, candle) => {}
            Some(found) => differences.push(format!("{found:?}\n  expected {candle:?}")),
            None => differences.push(format!("no {key:?}\n  expected {candle:?}")),
        }
    }
    let unknown = found.iter().filter(|(key, _)| !expected.contains_key(*key));
    differences.extend(unknown.map(|(_, candle)| format!("{candle:?}\n  not expected")));
    let shown = differences.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("\n");
    let count = differences.len();
    assert!(count == 0, "{count} of {} {what} differ:\n{shown}", expected.len());
}

fn is_same(one: &Candle, other: &Candle) -> bool {
    let near = |one: Option<f64>, other: Option<f64>| match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= other.abs() * FLOAT_SHARE,
        (one, other) => one == other,
    };
    let exact =
        |candle: &Candle| Candle { sma_20: None, sma_50: None, ema_20: None, ..candle.clone() };
    near(one.sma_20, other.sma_20)
        && near(one.sma_50, other.sma_50)
        && near(one.ema_20, other.ema_20)
        && exact(one) == exact(other)
}
