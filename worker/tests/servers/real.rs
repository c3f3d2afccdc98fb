//! Real trades through real servers: the candles are the exchanges' own.

use std::path::PathBuf;

use e2e::servers;
use market::candle::Candle;
use market::decimal::{Decimal, Notional};
use market::interval::Interval;
use serde_json::Value;

use crate::stage::{Backend, Candles, Stage};

/// Where the recordings are, if they are.
#[expect(clippy::print_stdout, reason = "what is skipped is said")]
pub(crate) fn market_data() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/market-data");
    let named = std::env::var_os("MARKET_DATA").map(PathBuf::from);
    let found = named.unwrap_or_else(|| PathBuf::from(beside));
    if !found.is_dir() {
        println!("skipped: there are no recordings in \"{}\"", found.display());
        return None;
    }
    Some(found)
}

async fn equals_the_exchanges(backend: Backend, name: &str) {
    let Some(data) = market_data() else { return };
    let path = data.display();
    let spec = format!(
        "  sources:\n    \
         - name: binance\n      archive: {{venue: binance, \
         path: \"{path}/BTCUSDT-trades-2024-08-08T2354.csv.gz\", \
         symbols: [{{symbol: BTC, instrument: BTCUSDT}}]}}\n    \
         - name: kraken\n      archive: {{venue: kraken, \
         path: \"{path}/kraken-XBTUSDT-trades.json\", \
         symbols: [{{symbol: XBT, instrument: XBT/USDT}}]}}\n  \
         candles: {{intervals: [1m, 5m]}}\n"
    );
    let stage = Stage::of(backend, name, &spec).await;
    let aggregators = [stage.aggregator(), stage.aggregator(), stage.aggregator()];
    stage.produce(&stage.names.ticks).await;
    let (stored, streamed) = stage.check(aggregators).await;
    for candles in [&stored, &streamed] {
        let binance = std::fs::read_to_string(data.join("BTCUSDT-5m-2024-08-08T2350.csv")).unwrap();
        assert_eq!(binance_windows(candles, &binance), 2);
        let kraken = std::fs::read_to_string(data.join("kraken-XBTUSDT-1m.json")).unwrap();
        assert_eq!(kraken_minutes(candles, &kraken), (272, 137));
    }
}

/// How many complete 5m candles there are, all equal to the exchange's in nine fields.
pub(crate) fn binance_windows(candles: &Candles, theirs: &str) -> usize {
    let mut equal = 0;
    for line in theirs.lines() {
        let theirs: Vec<&str> = line.split(',').collect();
        let key =
            ("BTC".to_owned(), "binance".to_owned(), Interval::M5, theirs[0].parse().unwrap());
        let Some(candle) = candles.get(&key).filter(|candle| candle.complete) else { continue };
        let ours = [candle.open, candle.high, candle.low, candle.close, candle.volume];
        assert_eq!(ours, [1, 2, 3, 4, 5].map(|column| Decimal::parse(theirs[column]).ok()));
        let taken = Decimal::parse(theirs[9]).ok();
        assert_eq!(candle.taker_buy_volume, taken);
        let notional = |column: usize| Notional::parse(theirs[column]).ok();
        assert_eq!(candle.quote_volume, notional(7));
        assert_eq!(candle.taker_buy_quote_volume, notional(10));
        assert_eq!(candle.trade_count, theirs[8].parse().ok());
        equal += 1;
    }
    equal
}

/// How many complete minutes with trades and without there are, all equal to the exchange's.
pub(crate) fn kraken_minutes(candles: &Candles, theirs: &str) -> (usize, usize) {
    let theirs: Value = serde_json::from_str(theirs).unwrap();
    let rows = theirs["result"].as_object().unwrap().values().find_map(Value::as_array).unwrap();
    let (mut traded, mut flat) = (0, 0);
    for row in rows {
        let open_ms = row[0].as_i64().unwrap() * 1_000;
        let key = ("XBT".to_owned(), "kraken".to_owned(), Interval::M1, open_ms);
        let Some(candle) = candles.get(&key).filter(|candle| candle.complete) else { continue };
        let Candle { open, high, low, close, volume, .. } = candle;
        let number = |column: usize| Decimal::parse(row[column].as_str().unwrap()).ok();
        assert_eq!([*open, *high, *low, *close, *volume], [1, 2, 3, 4, 6].map(number), "{open_ms}");
        assert_eq!(candle.trade_count, row[7].as_u64());
        if candle.trade_count == Some(0) { flat += 1 } else { traded += 1 }
    }
    (traded, flat)
}

#[tokio::test(flavor = "multi_thread")]
async fn real_trades_give_the_exchanges_own_candles_on_postgresql() {
    equals_the_exchanges(Backend::shared(), "real").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_trades_give_the_exchanges_own_candles_on_timescaledb() {
    let backend = Backend { postgres: servers::timescale(), ..Backend::shared() };
    equals_the_exchanges(backend, "real-timescale").await;
}
