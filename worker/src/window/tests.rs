//! The rules of time, identity and completeness, each by its name, and as properties.

use std::borrow::Cow;
use std::collections::BTreeMap;

use market::alert::{Alert, AlertType, Severity};
use market::candle::Candle;
use market::coverage::Gap;
use market::decimal::Decimal;
use market::publication::FeedState;
use market::symbol::{SourceName, Symbol};
use market::tick::{Amount, Ids, Mark, MarkKind, Quote, Side, Start, Trade, UsdBasis};

use market::symbol::{Series, SeriesKind};
use market::tick::{Record, Tick};

use super::*;
use crate::checkpoint::{self, CheckpointError};

/// Closing in steps.
mod closing;
/// Identity: id spaces, duplicates, holes, dead letters.
mod identity;
/// A naive model that keeps every trade.
mod model;
/// The engine against the model.
mod properties;
/// States that other versions stored.
mod stored;
/// Trades at random, and what becomes of them on their way.
mod tape;
/// Time: lateness, revisions, flat candles, quotes, snapshots, alerts.
mod time;

const MINUTE_NS: i64 = 60_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;
/// 2024-08-08 00:00:00 UTC.
const DAY_NS: i64 = 1_723_075_200 * SECOND_NS;

fn settings() -> Settings {
    Settings {
        intervals: Interval::ALL.to_vec(),
        allowed_lateness_ns: MINUTE_NS,
        max_out_of_orderness_ns: 2 * SECOND_NS,
        alerts: AlertSettings { price_change_percent: 5.0, z_score: 4.0, volume_burst: 5.0 },
    }
}

/// A record that the topic received long after its event time.
fn at(offset: i64) -> LogPosition {
    LogPosition { partition: 0, offset, timestamp_ms: DAY_NS / 1_000 }
}

fn series(source: &str) -> Series {
    Series { symbol: Symbol::new("BTC").unwrap(), source: SourceName::new(source).unwrap() }
}

fn amount(text: &str) -> Amount<'static> {
    Amount { text: Cow::Owned(text.into()), value: Decimal::parse(text).unwrap() }
}

fn trade(id: u64, event_ns: i64, price: &str, size: &str) -> Record<'static> {
    Record::Tick(Tick::Trade(Trade {
        symbol: "BTC".into(),
        source: "binance".into(),
        coin_id: None,
        price: amount(price),
        size: amount(size),
        usd: true,
        side: Some(Side::Buy),
        trade_id: Some(id),
        executions: None,
        event_time_ns: event_ns,
        receive_time_ns: None,
        producer_id: "p".into(),
        message_id: format!("binance:BTCUSDT:t:{id}").into(),
        recovered: false,
        future: false,
    }))
}

fn changed(record: Record<'static>, change: impl FnOnce(&mut Trade<'static>)) -> Record<'static> {
    match record {
        Record::Tick(Tick::Trade(mut trade)) => {
            change(&mut trade);
            Record::Tick(Tick::Trade(trade))
        }
        other => other,
    }
}

fn quote(event_ns: i64, price: &str, foreign: bool) -> Record<'static> {
    Record::Tick(Tick::Quote(Quote {
        symbol: "BTC".into(),
        source: if foreign { "reference" } else { "coingecko" }.into(),
        coin_id: None,
        price: amount(price),
        volume_24h: None,
        market_cap: None,
        price_change_24h: None,
        event_time_ns: event_ns,
        receive_time_ns: None,
        producer_id: "p".into(),
        message_id: "m".into(),
        foreign,
    }))
}

fn mark(kind: MarkKind<'static>) -> Record<'static> {
    let (symbol, source) = ("BTC".into(), "binance".into());
    Record::Mark(Mark { symbol, source, epoch: 1, producer_id: "p".into(), kind })
}

fn start(from_ns: i64, next_id: u64) -> Record<'static> {
    mark(MarkKind::Start(Start {
        from_ns,
        next_id: Some(next_id),
        ids: Ids::Dense,
        space: "t".into(),
        venue: "binance".into(),
        instrument: "BTCUSDT".into(),
        base: "BTC".into(),
        quote: "USDT".into(),
        usd_basis: UsdBasis::Par,
    }))
}

fn live(complete_to_ns: i64, next_id: u64) -> Record<'static> {
    mark(MarkKind::Live { complete_to_ns, next_id: Some(next_id) })
}

/// An engine with what it has shown so far.
struct Bench {
    engine: Engine,
    offset: i64,
    shown: BTreeMap<(String, Interval, i64), Candle>,
    alerts: Vec<Alert>,
    gaps: Vec<Gap>,
    feeds: Vec<FeedState>,
}

impl Bench {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: Settings) -> Self {
        let all = [
            (series("binance"), SeriesKind::Trade, 0),
            (series("coingecko"), SeriesKind::Quote, 0),
            (series("reference"), SeriesKind::Quote, 0),
        ];
        Self {
            engine: Engine::new(settings, all),
            offset: 0,
            shown: BTreeMap::new(),
            alerts: Vec::new(),
            gaps: Vec::new(),
            feeds: Vec::new(),
        }
    }

    fn apply(&mut self, record: &Record<'_>) -> Outcome {
        let outcome = self.engine.apply(at(self.offset), record);
        self.offset += 1;
        outcome
    }

    fn reason(&mut self, record: &Record<'_>) -> Option<Reason> {
        match self.apply(record) {
            Outcome::DeadLetter { reason, .. } => Some(reason),
            Outcome::Folded | Outcome::Duplicate => None,
        }
    }

    fn feed(&mut self, records: impl IntoIterator<Item = Record<'static>>) {
        for record in records {
            assert_eq!(self.apply(&record), Outcome::Folded, "{record:?}");
        }
    }

    /// Commits until nothing is left to close; returns the effects of the last one.
    fn commit(&mut self) -> Effects {
        while self.engine.is_closing() {
            self.commit_step();
            self.engine.close_more();
        }
        self.commit_step()
    }

    /// Takes the effects in, as one commit would.
    fn commit_step(&mut self) -> Effects {
        let effects = self.engine.take_effects();
        for row in &effects.candles {
            let candle = row.candle.clone();
            let key = (candle.source.to_string(), candle.interval, candle.open_time_ms);
            self.shown.insert(key, candle);
        }
        self.alerts.extend(effects.alerts.iter().map(|row| row.alert.clone()));
        self.gaps.extend(effects.gaps.iter().map(|row| row.gap.clone()));
        self.feeds.extend(effects.feeds.iter().filter(|row| row.changed).map(|row| row.feed.state));
        effects
    }

    /// Commits, drops everything in memory, and goes on from the stored states.
    fn restart(&mut self, states: &mut BTreeMap<String, SeriesState>) {
        for state in self.commit_step().states {
            states.insert(state.series.to_string(), state);
        }
        let fresh = Self::with(self.engine.settings.clone());
        self.engine = fresh.engine;
        for state in states.values() {
            self.engine.restore(state, at(self.offset - 1)).unwrap();
        }
    }

    /// The candle of a source that opens so many minutes into the day.
    fn candle_of(&mut self, source: &str, interval: Interval, minute: i64) -> Option<Candle> {
        self.commit();
        let open_ms = (DAY_NS + minute * MINUTE_NS) / 1_000_000;
        self.shown.get(&(source.into(), interval, open_ms)).cloned()
    }

    fn candle(&mut self, interval: Interval, minute: i64) -> Option<Candle> {
        self.candle_of("binance", interval, minute)
    }

    fn minute(&mut self, minute: i64) -> Candle {
        self.candle(Interval::M1, minute).unwrap_or_else(|| panic!("no candle at minute {minute}"))
    }
}

/// Prices as text: open, high, low, close.
fn prices(candle: &Candle) -> Option<[String; 4]> {
    Some([candle.open?, candle.high?, candle.low?, candle.close?].map(|price| price.to_string()))
}
