use std::borrow::Cow;
use std::error::Error;

use market::decimal::Decimal;
use market::symbol::{Series, SeriesKind, SourceName, Symbol};
use market::tick::{Amount, Ids, Mark, MarkKind, Record, Side, Start, Tick, Trade, UsdBasis};
use market::topic::partition_of;

pub(crate) const SOURCE: &str = "binance";
pub(crate) const SYMBOLS: [&str; 10] =
    ["BTC", "ETH", "BNB", "SOL", "XRP", "DOGE", "ADA", "AVAX", "LINK", "DOT"];
/// What the tape is, in one line.
pub(crate) const DESCRIPTION: &str =
    "10 symbols, 500 a second each by event time, in random turns, four to a millisecond";
/// Ticks of all symbols in one second of tape.
pub(crate) const TICKS_PER_SECOND: u64 = 5_000;

/// First price of each symbol, in the venue's smallest step, and the decimals of that step.
const PRICES: [(u64, usize); 10] = [
    (6_168_599, 2),
    (268_312, 2),
    (52_010, 2),
    (15_544, 2),
    (6_103, 4),
    (10_512, 5),
    (3_401, 4),
    (2_188, 2),
    (1_043, 2),
    (4_620, 3),
];
const BEGIN_NS: i64 = 1_723_161_255_000_000_000;
const NANOS_PER_TICK: i64 = 2_000_000;
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

/// The records in the order in which a producer sends them; the same on every run.
pub(crate) struct Tape {
    random: u64,
    instruments: Vec<Instrument>,
    /// Series whose mark comes before the next tick.
    due: Vec<usize>,
}

struct Instrument {
    ticks: u64,
    price: u64,
    next_id: u64,
    next_execution: u64,
    vouched_to_ns: i64,
}

/// A series, what it is made of, and its partition.
type Placed = (Series, SeriesKind, i32);

/// The series that the records are of.
pub(crate) fn series(partitions: i32) -> Result<Vec<Placed>, Box<dyn Error>> {
    let source = SourceName::new(SOURCE)?;
    let mut all = Vec::new();
    for symbol in SYMBOLS {
        let series = Series { symbol: Symbol::new(symbol)?, source: source.clone() };
        all.push((series, SeriesKind::Trade, partition_of(symbol.as_bytes(), partitions)));
    }
    Ok(all)
}

impl Tape {
    pub(crate) fn new() -> Self {
        let instruments = PRICES.iter().map(|(price, _)| Instrument {
            ticks: 0,
            price: *price,
            next_id: 3_084_512_345,
            next_execution: 3_721_550_000,
            vouched_to_ns: BEGIN_NS,
        });
        Self {
            random: 0x9e37_79b9_7f4a_7c15,
            instruments: instruments.collect(),
            due: (0..SYMBOLS.len()).collect(),
        }
    }

    /// Appends the next record to `out`. Returns its key and what it is.
    pub(crate) fn next(
        &mut self,
        out: &mut Vec<u8>,
    ) -> Result<(&'static str, Kind), Box<dyn Error>> {
        if let Some(index) = self.due.pop() {
            self.mark(index).encode(out);
            return Ok((SYMBOLS[index], Kind::Mark));
        }
        let random = self.draw();
        let index = (random >> 32) as usize % SYMBOLS.len();
        self.tick(index, random, out)?;
        let instrument = &self.instruments[index];
        if instrument.event_ns() >= instrument.vouched_to_ns + MINUTE_NS {
            self.due.push(index);
        }
        Ok((SYMBOLS[index], Kind::Tick))
    }

    fn tick(&mut self, index: usize, random: u64, out: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
        let instrument = &mut self.instruments[index];
        // Rarely enough that no price moves by the 5 % of an alert within a minute.
        if random & 255 == 0 {
            instrument.price = instrument.price + (random >> 8) % 3 - 1;
        }
        let decimals = PRICES[index].1;
        let step = 10_u64.pow(u32::try_from(decimals)?);
        let (whole, fraction) = (instrument.price / step, instrument.price % step);
        // The venue pads to eight decimals.
        let padding = 8 - decimals;
        let price = format!("{whole}.{fraction:0decimals$}{:0padding$}", 0);
        let size = format!("{}.{:05}000", (random >> 40) % 3, 1 + (random >> 16) % 99_999);
        let id = instrument.next_id;
        let executions =
            (instrument.next_execution, instrument.next_execution + (random >> 24) % 3);
        let event_time_ns = instrument.event_ns();
        let trade = Trade {
            symbol: SYMBOLS[index].into(),
            source: SOURCE.into(),
            coin_id: None,
            price: Amount { value: Decimal::parse_tick(&price)?, text: price.into() },
            size: Amount { value: Decimal::parse_tick(&size)?, text: size.into() },
            usd: true,
            side: Some(if random & 256 == 0 { Side::Buy } else { Side::Sell }),
            trade_id: Some(id),
            executions: Some(executions),
            event_time_ns,
            receive_time_ns: Some(event_time_ns + 41_231_384),
            producer_id: PRODUCER.into(),
            message_id: format!("{SOURCE}:{}USDT:a:{id}", SYMBOLS[index]).into(),
            recovered: false,
            future: false,
        };
        Record::Tick(Tick::Trade(trade)).encode(out);
        instrument.ticks += 1;
        instrument.next_id += 1;
        instrument.next_execution = executions.1 + 1;
        Ok(())
    }

    /// A `start` mark at first, then a `live` mark at each full minute.
    fn mark(&mut self, index: usize) -> Record<'static> {
        let instrument = &mut self.instruments[index];
        let kind = if instrument.ticks == 0 {
            MarkKind::Start(Start {
                from_ns: BEGIN_NS,
                next_id: Some(instrument.next_id),
                ids: Ids::Dense,
                space: "a".into(),
                venue: SOURCE.into(),
                instrument: format!("{}USDT", SYMBOLS[index]).into(),
                base: SYMBOLS[index].into(),
                quote: "USDT".into(),
                usd_basis: UsdBasis::Par,
            })
        } else {
            instrument.vouched_to_ns += MINUTE_NS;
            let next_id = Some(instrument.next_id);
            MarkKind::Live { complete_to_ns: instrument.vouched_to_ns, next_id }
        };
        Record::Mark(Mark {
            symbol: Cow::Borrowed(SYMBOLS[index]),
            source: SOURCE.into(),
            epoch: EPOCH,
            producer_id: PRODUCER.into(),
            kind,
        })
    }

    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl Instrument {
    /// When the next tick happens.
    fn event_ns(&self) -> i64 {
        let instant = self.ticks - self.ticks % TICKS_PER_INSTANT;
        BEGIN_NS + i64::try_from(instant).unwrap_or(i64::MAX) * NANOS_PER_TICK
    }
}
