use std::error::Error;

use market::decimal::Decimal;
use market::symbol::{Series, SeriesKind, SourceName, Symbol};
use market::tick::{Amount, Ids, Mark, MarkKind, Record, Side, Start, Tick, Trade, UsdBasis};
use market::topic::partition_of;

use crate::usage;

pub(crate) const SOURCE: &str = "binance";
/// What the tape is, in one line.
pub(crate) const DESCRIPTION: &str =
    "10 symbols, 500 a second each by event time, in random turns, four to a millisecond";
/// Ticks of all symbols in one second of tape.
pub(crate) const TICKS_PER_SECOND: u64 = 5_000;

/// The golden symbols with their first price, in the venue's smallest step, and the decimals of
/// that step.
const GOLDEN: [(&str, u64, usize); 10] = [
    ("BTC", 6_168_599, 2),
    ("ETH", 268_312, 2),
    ("BNB", 52_010, 2),
    ("SOL", 15_544, 2),
    ("XRP", 6_103, 4),
    ("DOGE", 10_512, 5),
    ("ADA", 3_401, 4),
    ("AVAX", 2_188, 2),
    ("LINK", 1_043, 2),
    ("DOT", 4_620, 3),
];
const BEGIN_NS: i64 = 1_723_161_255_000_000_000;
/// Between two ticks of a golden symbol.
const GOLDEN_STEP_NS: i64 = 2_000_000;
const TICKS_PER_INSTANT: u64 = 4;
const MINUTE_NS: i64 = 60_000_000_000;
const EPOCH: u64 = 1_723_161_255_000;
const PRODUCER: &str = "crypto-producer-0";

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tick,
    Mark,
}

/// A record of the tape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next<'a> {
    /// Its symbol.
    pub(crate) key: &'a str,
    pub(crate) kind: Kind,
    /// When it happened, by the venue.
    pub(crate) event_ns: i64,
}

/// The records in the order in which a producer sends them; the same on every run.
pub(crate) struct Tape {
    random: u64,
    step_ns: i64,
    instruments: Vec<Instrument>,
    /// Series whose mark comes before the next tick.
    due: Vec<usize>,
}

struct Instrument {
    symbol: String,
    source: String,
    decimals: usize,
    ticks: u64,
    price: u64,
    next_id: u64,
    next_execution: u64,
    event_ns: i64,
    vouched_to_ns: i64,
}

/// A series, what it is made of, and its partition.
type Placed = (Series, SeriesKind, i32);

/// The golden symbols.
pub(crate) fn golden_symbols() -> impl Iterator<Item = &'static str> {
    GOLDEN.iter().map(|(symbol, _, _)| *symbol)
}

/// The series of the golden tape.
pub(crate) fn series(partitions: i32) -> Result<Vec<Placed>, Box<dyn Error>> {
    let source = SourceName::new(SOURCE)?;
    let mut all = Vec::new();
    for symbol in golden_symbols() {
        let series = Series { symbol: Symbol::new(symbol)?, source: source.clone() };
        all.push((series, SeriesKind::Trade, partition_of(symbol.as_bytes(), partitions)));
    }
    Ok(all)
}

impl Tape {
    /// The golden ticks.
    pub(crate) fn new() -> Self {
        let golden = GOLDEN.iter().map(|(symbol, price, decimals)| {
            Instrument::new((*symbol).to_owned(), SOURCE.to_owned(), *price, *decimals)
        });
        Self::of(golden.collect(), GOLDEN_STEP_NS)
    }

    /// The golden symbols, whose ticks are so far apart.
    pub(crate) fn golden_every(step_ns: i64) -> Self {
        Self { step_ns, ..Self::new() }
    }

    /// Series of these names, symbol and source, whose ticks are so far apart.
    pub(crate) fn of_series(names: impl Iterator<Item = (String, String)>, step_ns: i64) -> Self {
        let (_, price, decimals) = GOLDEN[0];
        let all = names.map(|(symbol, source)| Instrument::new(symbol, source, price, decimals));
        Self::of(all.collect(), step_ns)
    }

    fn of(instruments: Vec<Instrument>, step_ns: i64) -> Self {
        let due = (0..instruments.len()).collect();
        Self { random: 0x9e37_79b9_7f4a_7c15, step_ns, instruments, due }
    }

    /// Appends the next record to `out`. Returns what it is.
    pub(crate) fn next(&mut self, out: &mut Vec<u8>) -> Result<Next<'_>, Box<dyn Error>> {
        if let Some(index) = self.due.pop() {
            let instrument = &mut self.instruments[index];
            instrument.mark().encode(out);
            return Ok(instrument.shown(Kind::Mark));
        }
        let random = self.draw();
        let index = usize::try_from(random >> 32)? % self.instruments.len();
        let instrument = &mut self.instruments[index];
        instrument.tick(random, self.step_ns, out)?;
        if instrument.event_ns >= instrument.vouched_to_ns + MINUTE_NS {
            self.due.push(index);
        }
        Ok(instrument.shown(Kind::Tick))
    }

    /// Event time from the beginning to the last tick of the first series.
    pub(crate) fn seconds(&self) -> f64 {
        let event_ns = self.instruments.first().map_or(BEGIN_NS, |first| first.event_ns);
        usage::float((event_ns - BEGIN_NS).unsigned_abs()) / 1e9
    }

    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl Instrument {
    const fn new(symbol: String, source: String, price: u64, decimals: usize) -> Self {
        Self {
            symbol,
            source,
            decimals,
            ticks: 0,
            price,
            next_id: 3_084_512_345,
            next_execution: 3_721_550_000,
            event_ns: BEGIN_NS,
            vouched_to_ns: BEGIN_NS,
        }
    }

    fn shown(&self, kind: Kind) -> Next<'_> {
        Next { key: &self.symbol, kind, event_ns: self.event_ns }
    }

    fn tick(&mut self, random: u64, step_ns: i64, out: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
        // Rarely enough that no price moves by the 5 % of an alert within a minute.
        if random & 255 == 0 {
            self.price = self.price + (random >> 8) % 3 - 1;
        }
        let decimals = self.decimals;
        let step = 10_u64.pow(u32::try_from(decimals)?);
        let (whole, fraction) = (self.price / step, self.price % step);
        // The venue pads to eight decimals.
        let padding = 8 - decimals;
        let price = format!("{whole}.{fraction:0decimals$}{:0padding$}", 0);
        let size = format!("{}.{:05}000", (random >> 40) % 3, 1 + (random >> 16) % 99_999);
        let id = self.next_id;
        let executions = (self.next_execution, self.next_execution + (random >> 24) % 3);
        let instant = self.ticks - self.ticks % TICKS_PER_INSTANT;
        self.event_ns = BEGIN_NS + i64::try_from(instant)? * step_ns;
        let trade = Trade {
            symbol: self.symbol.as_str().into(),
            source: self.source.as_str().into(),
            coin_id: None,
            price: Amount { value: Decimal::parse_tick(&price)?, text: price.into() },
            size: Amount { value: Decimal::parse_tick(&size)?, text: size.into() },
            usd: true,
            side: Some(if random & 256 == 0 { Side::Buy } else { Side::Sell }),
            trade_id: Some(id),
            executions: Some(executions),
            event_time_ns: self.event_ns,
            receive_time_ns: Some(self.event_ns + 41_231_384),
            producer_id: PRODUCER.into(),
            message_id: format!("{SOURCE}:{}USDT:a:{id}", self.symbol).into(),
            recovered: false,
            future: false,
        };
        Record::Tick(Tick::Trade(trade)).encode(out);
        self.ticks += 1;
        self.next_id += 1;
        self.next_execution = executions.1 + 1;
        Ok(())
    }

    /// A `start` mark at first, then a `live` mark at each full minute.
    fn mark(&mut self) -> Record<'_> {
        let kind = if self.ticks == 0 {
            MarkKind::Start(Start {
                from_ns: BEGIN_NS,
                next_id: Some(self.next_id),
                ids: Ids::Dense,
                space: "a".into(),
                venue: SOURCE.into(),
                instrument: format!("{}USDT", self.symbol).into(),
                base: self.symbol.as_str().into(),
                quote: "USDT".into(),
                usd_basis: UsdBasis::Par,
            })
        } else {
            self.vouched_to_ns += MINUTE_NS;
            let next_id = Some(self.next_id);
            MarkKind::Live { complete_to_ns: self.vouched_to_ns, next_id }
        };
        Record::Mark(Mark {
            symbol: self.symbol.as_str().into(),
            source: self.source.as_str().into(),
            epoch: EPOCH,
            producer_id: PRODUCER.into(),
            kind,
        })
    }
}
