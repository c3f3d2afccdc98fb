//! What a ticks topic has to give: every candle, alert and dead letter, recomputed naively.
//!
//! A second opinion on the engine, written from the rules and not from its code: it keeps what it
//! was told of every id, adds each trade to all fifteen windows, and looks at every closed window
//! again that a record may have changed. Of ours it knows the words only (`market`). It reads
//! series of numbered trades; foreign quotes are told from them and no more.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use market::candle::Candle;
use market::interval::Interval;

/// Averages of closes, and what alerts are measured against.
mod averages;
/// What is known of each id of a series.
mod ids;
/// Bytes to records, or why they are none.
mod record;
/// One series: its ids, what is missing among them, its watermark.
mod series;
/// Exact sums of the trades of a window.
mod sums;
/// The windows of one series.
mod windows;

use record::Record;
use series::Series;

/// What a pipeline's spec says that candles and alerts depend on.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Symbol and source of each series.
    pub series: Vec<(String, String)>,
    /// The intervals that are stored.
    pub intervals: Vec<Interval>,
    /// How long after its close a minute still takes a trade.
    pub allowed_lateness_ns: i64,
    /// Move of the price within a minute, in hundredths of a percent.
    pub price_change_basis_points: i128,
    /// Standard deviations of a minute's log return.
    pub z_score: f64,
    /// Multiple of the usual volume of a minute.
    pub volume_burst: f64,
}

/// Which candle: symbol, source, interval and open time.
pub type CandleKey = (String, String, Interval, i64);

/// What there has to be.
#[derive(Debug, Default)]
pub struct Expected {
    /// Closed candles, and the open ones of sources that ended.
    pub candles: BTreeMap<CandleKey, Candle>,
    /// Ids.
    pub alerts: BTreeSet<String>,
    /// Why, by partition and offset.
    pub dead_letters: BTreeMap<(i32, i64), &'static str>,
    /// The offset after the last record of each partition that has any.
    pub ends: BTreeMap<i32, i64>,
}

/// Reads a topic, each partition in the order of its offsets.
pub struct Oracle {
    rules: Rules,
    series: HashMap<(String, String), Series>,
    expected: Expected,
}

impl Oracle {
    /// One that has read nothing.
    pub fn new(rules: Rules) -> Self {
        let series = rules.series.iter().map(|name| (name.clone(), Series::new(name.clone())));
        Self { series: series.collect(), rules, expected: Expected::default() }
    }

    /// Reads one record.
    pub fn read(&mut self, partition: i32, offset: i64, bytes: &[u8]) {
        self.expected.ends.insert(partition, offset + 1);
        if let Some(reason) = self.take(bytes) {
            self.expected.dead_letters.insert((partition, offset), reason);
        }
    }

    /// Why the record is a dead letter, if it is one.
    fn take(&mut self, bytes: &[u8]) -> Option<&'static str> {
        let Self { rules, series, expected } = self;
        let alerts = &mut expected.alerts;
        match record::read(bytes) {
            Ok(Record::Trade(trade)) => match series.get_mut(&trade.series) {
                Some(series) => series.trade(&trade, rules, alerts),
                None => Some("schema"),
            },
            Ok(Record::Mark(mark)) => match series.get_mut(&mark.series) {
                Some(series) => series.mark(&mark, rules, alerts),
                None => Some("schema"),
            },
            Err(bad) => {
                if let Some(lost) = bad.lost
                    && let Some(series) = series.get_mut(&lost.series)
                {
                    series.unreadable(&lost);
                }
                Some(bad.reason)
            }
        }
    }

    /// What there has to be of what was read.
    pub fn expected(mut self) -> Expected {
        for (name, series) in &self.series {
            for candle in series.windows.candles() {
                if self.rules.intervals.contains(&candle.interval) {
                    let (symbol, source) = name.clone();
                    let key = (symbol, source, candle.interval, candle.open_time_ms);
                    self.expected.candles.insert(key, candle.clone());
                }
            }
        }
        self.expected
    }
}

#[cfg(test)]
mod tests;
