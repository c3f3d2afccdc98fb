//! The engine and the oracle on the same load, without servers.

use std::cell::RefCell;
use std::collections::BTreeMap;

use e2e::oracle::Oracle;
use market::pipeline::Pipeline;
use market::tick::decode;
use market::topic::partition_of;
use worker::spec::{engine_of, series_of};
use worker::window::{Engine, LogPosition};

use crate::load::{LoadOptions, Market, below, dice};
use crate::stage::{Candles, PARTITIONS, assert_same, key_of, oracle_of, yaml};

const TICKS_PER_SECOND: u64 = 1_000;
const TICKS_MIN: u64 = 2_000;
const TICKS_MAX: u64 = 30_000;

const SPEC: &str = "  \
    sources: [{name: load, simulated: {symbols: [{symbol: S0, instrument: S0USDT}, \
    {symbol: S1, instrument: S1USDT}]}}]\n  \
    candles: {intervals: [1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w, 1M]}\n  \
    alerts: {priceChangePercent: 0.2, zScore: 3, volumeBurst: 3}\n";

/// Both, and how far each partition is.
struct Readers {
    engine: Engine,
    oracle: Oracle,
    ends: BTreeMap<i32, i64>,
    candles: Candles,
}

impl Readers {
    fn read(&mut self, key: &str, value: &[u8]) {
        let partition = partition_of(key.as_bytes(), PARTITIONS);
        let end = self.ends.entry(partition).or_default();
        let offset = *end;
        *end += 1;
        self.oracle.read(partition, offset, value);
        let at = LogPosition { partition, offset, timestamp_ms: 0 };
        match decode(value) {
            Ok(record) => self.engine.apply(at, &record),
            Err(bad) => self.engine.reject(at, &bad),
        };
        if offset % 512 == 0 {
            self.commit();
        }
    }

    fn commit(&mut self) {
        while self.engine.close_more().is_some() {}
        let rows = self.engine.take_effects().candles.into_iter();
        self.candles.extend(rows.map(|row| (key_of(&row.candle), row.candle)));
    }
}

fn agree(seed: u64) {
    let pipeline = Pipeline::from_yaml(&yaml("agree", "agree", SPEC)).unwrap();
    let spec = &pipeline.spec;
    let readers = RefCell::new(Readers {
        engine: engine_of(spec, &series_of(spec, PARTITIONS)),
        oracle: oracle_of(spec),
        ends: BTreeMap::new(),
        candles: Candles::new(),
    });
    let send = |key: &str, value: &[u8]| readers.borrow_mut().read(key, value);
    let options = LoadOptions {
        brokers: String::new(),
        topic: String::new(),
        source: "load".into(),
        symbols: vec!["S0".into(), "S1".into()],
        per_second: TICKS_PER_SECOND,
        seed,
    };
    let mut market = Market::open(&options, &send);
    for _ in 0..TICKS_MIN + below(&mut dice(seed), TICKS_MAX - TICKS_MIN) {
        market.tick(&send);
    }
    market.end(&send);
    let mut readers = readers.into_inner();
    readers.commit();
    assert_same(
        &format!("SEED={seed} candles"),
        &readers.candles,
        &readers.oracle.expected().candles,
    );
}

/// `SEED` and `SEEDS` choose others.
#[test]
fn the_engine_and_the_oracle_say_the_same_of_any_load() {
    let first = std::env::var("SEED").map_or(1, |seed| seed.parse().unwrap());
    let count = std::env::var("SEEDS").map_or(20, |count| count.parse().unwrap());
    for seed in first..first + count {
        agree(seed);
    }
}
