use std::collections::{BTreeMap, BTreeSet};

use e2e::venue::{TapeTrade, VenueKind};
use market::decimal::Decimal;
use market::interval::Interval;
use market::tick::decode::decode;
use market::tick::{MarkKind, Record, Side, Tick};
use rdkafka::message::Message as _;

use super::Case;
use crate::stage::{Candles, PARTITIONS, Stage, read_topic};

/// Digits of a price that count.
const NANOS_PER_MILLI: i64 = 1_000_000;
/// A feed that is up says so within this time, ten minutes of no venue and repairs included.
const VOUCHED_WITHIN_NS: i64 = 1_200_000_000_000;

/// A trade as it is on the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    price: Option<Decimal>,
    size: Option<Decimal>,
    side: Option<Side>,
    executions: Option<(u64, u64)>,
    event_ns: i64,
}

/// One series on the topic.
#[derive(Debug, Default)]
pub(super) struct Series {
    starts: Vec<(u64, i64)>,
    /// Ids in the order of the topic.
    order: Vec<u64>,
    trades: BTreeMap<u64, Vec<Seen>>,
    lost: BTreeSet<u64>,
    /// Trades whose numbers cannot be used.
    odd: BTreeSet<u64>,
    /// Time and price of each quote.
    pub(super) quotes: Vec<(i64, String)>,
    states: Vec<String>,
}

/// What is on the topic.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(String, String), Series>);

impl Told {
    pub(super) fn read(stage: &Stage) -> Self {
        let mut told = Self::default();
        read_topic(&stage.servers.kafka.brokers, &stage.names.ticks, PARTITIONS, |record| {
            told.take(record.payload().unwrap_or_default());
        });
        told
    }

    /// Whether each instrument has some trades.
    pub(super) fn has_begun(&self, case: &Case) -> bool {
        let begun = |series: &Series| series.trades.len() > 2 || !series.quotes.is_empty();
        case.series.iter().all(|(symbol, _)| self.of(case, symbol).is_some_and(begun))
    }

    fn take(&mut self, bytes: &[u8]) {
        match decode(bytes) {
            Ok(Record::Tick(Tick::Trade(trade))) => {
                let series = self.series(&trade.symbol, &trade.source);
                let id = trade.trade_id.unwrap();
                series.order.push(id);
                series.trades.entry(id).or_default().push(Seen {
                    price: Some(trade.price.value),
                    size: Some(trade.size.value),
                    side: trade.side,
                    executions: trade.executions,
                    event_ns: trade.event_time_ns,
                });
            }
            Ok(Record::Tick(Tick::Quote(quote))) => {
                let series = self.series(&quote.symbol, &quote.source);
                series.quotes.push((quote.event_time_ns, quote.price.text.into_owned()));
            }
            Ok(Record::Mark(mark)) => {
                let series = self.series(&mark.symbol, &mark.source);
                match mark.kind {
                    MarkKind::Start(start) => {
                        series.starts.push((start.next_id.unwrap_or(0), start.from_ns));
                    }
                    MarkKind::Lost { from_id, to_id, .. } => series.lost.extend(from_id..=to_id),
                    MarkKind::State { state, reason } => {
                        series.states.push(format!("{} {reason}", state.as_str()));
                    }
                    MarkKind::Live { .. } | MarkKind::Void { .. } | MarkKind::End => {}
                }
            }
            Err(bad) => {
                let trade = bad.trade.expect("only trades of odd numbers are bad");
                let series = self.series(&trade.symbol, &trade.source);
                series.order.push(trade.trade_id);
                series.trades.entry(trade.trade_id).or_default();
                series.odd.insert(trade.trade_id);
            }
        }
    }

    fn series(&mut self, symbol: &str, source: &str) -> &mut Series {
        self.0.entry((symbol.to_owned(), source.to_owned())).or_default()
    }

    fn of(&self, case: &Case, symbol: &str) -> Option<&Series> {
        self.0.get(&(symbol.to_owned(), case.source.clone()))
    }

    /// Whether the last trade of each instrument is there.
    pub(super) fn has_last(&self, case: &Case) -> bool {
        let kind = case.kind;
        if kind == VenueKind::CoinGecko {
            return super::quoted::has_last(case, |symbol| self.of(case, symbol));
        }
        case.series.iter().all(|(symbol, instrument)| {
            let last = case.venue.happened(instrument).last().map(|trade| trade.id);
            let series = self.of(case, symbol);
            series.is_some_and(|series| series.trades.last_key_value().map(|(id, _)| *id) >= last)
        })
    }

    /// What is not as it has to be.
    pub(super) fn failures(&self, case: &Case, stored: &Candles) -> Vec<String> {
        let mut failures = case.venue.breaches();
        for (symbol, instrument) in &case.series {
            let Some(series) = self.of(case, symbol) else {
                failures.push(format!("{symbol} is not on the topic"));
                continue;
            };
            let mut found = match case.kind {
                VenueKind::CoinGecko => {
                    super::quoted::failures(case, (symbol, instrument), series, stored)
                }
                VenueKind::Binance | VenueKind::Coinbase | VenueKind::Kraken => {
                    let mut found = series.failures(case, instrument);
                    found.extend(candle_failures(case, symbol, instrument, series, stored));
                    found
                }
            };
            if !found.is_empty() {
                let Series { starts, states, order, .. } = series;
                let ends = (order.first(), order.last());
                found.insert(0, format!("starts {starts:?}, ids {ends:?}, states {states:?}"));
            }
            failures.extend(found.into_iter().map(|failure| format!("{symbol}: {failure}")));
        }
        failures
    }
}

impl Series {
    fn failures(&self, case: &Case, instrument: &str) -> Vec<String> {
        let mut failures = Vec::new();
        let Some((first, _)) = self.starts.first() else {
            return vec![format!("no start; {:?}", self.states)];
        };
        let tape = case.venue.happened(instrument);
        if let Some(begins) = case.begins.filter(|begins| *begins != self.starts[0]) {
            failures.push(format!("it begins at {:?}, not at {begins:?}", self.starts[0]));
        }
        let mut next = *first;
        for id in &self.order {
            if *id > next && !(next..*id).all(|id| self.lost.contains(&id)) {
                failures.push(format!("{id} comes when {next} should"));
            }
            next = next.max(id + 1);
        }
        let stamps = case.venue.misstamped();
        for trade in tape.iter().filter(|trade| trade.id >= *first) {
            match self.trades.get(&trade.id) {
                None if self.lost.contains(&trade.id) => {}
                None => failures.push(format!("{} is missing", trade.id)),
                Some(seen) => {
                    let stamp =
                        stamps.iter().find(|(name, id, _)| name == instrument && *id == trade.id);
                    let times = [Some(trade.event_ns), stamp.map(|(_, _, ns)| *ns)];
                    for seen in seen {
                        if !is_same(case.kind, seen, trade, &times) {
                            failures.push(format!("{seen:?} is not {trade:?}"));
                        }
                    }
                    if seen.iter().any(|other| *other != seen[0]) {
                        failures.push(format!("{} has two contents", trade.id));
                    }
                }
            }
        }
        if !self.lost.is_empty() {
            failures.push(format!("{} are lost", self.lost.len()));
        }
        failures
    }
}

/// A number, with an exponent where the venue writes one.
fn number(text: &str) -> Option<Decimal> {
    Decimal::parse(text).or_else(|_| Decimal::parse_rounded(text)).ok()
}

fn is_same(kind: VenueKind, seen: &Seen, trade: &TapeTrade, times: &[Option<i64>]) -> bool {
    let side = if trade.taker_buys { Side::Buy } else { Side::Sell };
    let executions = (kind == VenueKind::Binance).then_some((trade.first_id, trade.last_id));
    seen.price == number(&trade.price)
        && seen.size == number(&trade.size)
        && seen.side == Some(side)
        && seen.executions == executions
        && times.contains(&Some(seen.event_ns))
}

/// Times of which no candle can be told from the tape: around trades that cannot be used, and both
/// at the time of a trade that was sent with another and at that other time. First and last, in
/// nanoseconds.
fn unsure(case: &Case, instrument: &str, series: &Series, tape: &[TapeTrade]) -> Vec<(i64, i64)> {
    let stamps = case.venue.misstamped().into_iter();
    let stamps: Vec<_> = stamps.filter(|(name, ..)| name == instrument).collect();
    let ids = series.odd.iter().copied().chain(stamps.iter().map(|(_, id, _)| *id));
    let around = ids.filter_map(|id| {
        let at = tape.binary_search_by_key(&id, |trade| trade.id).ok()?;
        let next = tape.get(at + 1).map_or(i64::MAX, |trade| trade.event_ns);
        Some((tape[at.saturating_sub(1)].event_ns, next))
    });
    around.chain(stamps.iter().map(|(_, _, stamp_ns)| (*stamp_ns, *stamp_ns))).collect()
}

/// Times that may count as unknown although every trade of them is there: a trade that cannot be
/// used, after one that was sent with a time long past, may have happened since the last `live`.
fn doubted(case: &Case, instrument: &str, series: &Series, tape: &[TapeTrade]) -> Vec<(i64, i64)> {
    let stamped: BTreeSet<u64> = case
        .venue
        .misstamped()
        .into_iter()
        .filter(|of| of.0 == instrument)
        .map(|of| of.1)
        .collect();
    let unusable = series.odd.iter().chain(&stamped);
    let after_stamped = unusable.filter(|id| stamped.contains(&(**id - 1)));
    let times = after_stamped.filter_map(|id| {
        let at = tape.binary_search_by_key(id, |trade| trade.id).ok()?;
        Some((tape[at].event_ns - VOUCHED_WITHIN_NS, tape[at].event_ns))
    });
    times.collect()
}

/// Candles against those of the tape, one trade after another.
fn candle_failures(
    case: &Case,
    symbol: &str,
    instrument: &str,
    series: &Series,
    stored: &Candles,
) -> Vec<String> {
    let mut failures = Vec::new();
    let tape = case.venue.happened(instrument);
    let from_ms = series.starts.first().map_or(i64::MAX, |(_, ns)| ns / NANOS_PER_MILLI + 1);
    let unsure = unsure(case, instrument, series, &tape);
    let doubted = doubted(case, instrument, series, &tape);
    let mut complete = 0;
    for ((_, _, interval, open_ms), candle) in stored {
        if candle.symbol.as_str() != symbol
            || candle.source.as_str() != case.source
            || !candle.closed
        {
            continue;
        }
        let close_ms = candle.close_time_ms;
        let (open_ns, close_ns) = (open_ms * NANOS_PER_MILLI, close_ms * NANOS_PER_MILLI);
        let touched = |times: &[(i64, i64)]| {
            times.iter().any(|(from, to)| *from < close_ns && *to >= open_ns)
        };
        let odd = touched(&unsure);
        let inside = |trade: &&TapeTrade| {
            (*open_ms..close_ms).contains(&(trade.event_ns.div_euclid(NANOS_PER_MILLI)))
        };
        let trades: Vec<_> = tape.iter().filter(inside).collect();
        if !candle.complete {
            // Before the first trade that there is, no price is known.
            let known = tape.first().is_some_and(|first| first.event_ns < close_ns);
            let doubted = odd || touched(&doubted);
            if known && *open_ms >= from_ms && *interval == Interval::M1 && !doubted {
                failures.push(format!("{interval} of {open_ms} is not complete"));
            }
            continue;
        }
        complete += 1;
        let price = |trade: &&TapeTrade| number(&trade.price).unwrap();
        let volume = trades.iter().map(|trade| number(&trade.size).unwrap());
        let volume = volume.fold(Decimal::ZERO, |sum, size| sum.checked_add(size).unwrap());
        let count: u64 = trades.iter().map(|trade| trade.last_id - trade.first_id + 1).sum();
        let same = candle.volume == Some(volume)
            && candle.trade_count == Some(count)
            && (trades.is_empty()
                || (candle.open == trades.first().map(price)
                    && candle.close == trades.last().map(price)
                    && candle.high == trades.iter().map(price).max()
                    && candle.low == trades.iter().map(price).min()));
        if !same && !odd {
            failures.push(format!("{candle:?} is not of its {} trades", trades.len()));
        }
    }
    if complete < 2 {
        failures.push(format!("only {complete} candles are complete"));
    }
    failures
}
