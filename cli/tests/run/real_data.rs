//! Our candles are the exchanges' own, digit for digit: as recorded, out of order and doubled,
//! as USD-M files, and as aggregates.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use market::decimal::{Decimal, Notional};
use market::pipeline::Pipeline;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use worker::local::{LocalOptions, LocalRun};
use worker::source::Shared;
use worker::source::disorder::DisorderOptions;

use crate::harness::{Row, candles_text, market_data, rows, run_until_end, spec};

const TRADES: &str = "BTCUSDT-trades-2024-08-08T2354.csv.gz";
const CANDLES: &str = "BTCUSDT-5m-2024-08-08T2350.csv";
/// Our columns, in the order of the exchange's candle file, close time aside.
const FIELDS: [(&str, usize); 9] = [
    ("open", 1),
    ("high", 2),
    ("low", 3),
    ("close", 4),
    ("volume", 5),
    ("quote_volume", 7),
    ("trade_count", 8),
    ("taker_buy_volume", 9),
    ("taker_buy_quote_volume", 10),
];

fn binance(dir: &Path, path: &Path, venue: &str) -> PathBuf {
    let path = path.display();
    let symbols = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
    spec(dir, &format!("archive: {{venue: {venue}, path: \"{path}\", {symbols}}}"))
}

fn same(name: &str, ours: &str, theirs: &str) -> bool {
    match name {
        "quote_volume" | "taker_buy_quote_volume" => {
            Notional::parse(ours).unwrap() == Notional::parse(theirs).unwrap()
        }
        _ => Decimal::parse(ours).unwrap() == Decimal::parse(theirs).unwrap(),
    }
}

/// Two windows lie wholly inside the recording and are equal in all nine fields; the first and
/// the last are recorded in part, and say so.
fn check_binance(data: &Path, data_dir: &Path) -> Vec<Row> {
    let ours = rows(&candles_text(data_dir, "BTC", "5m"));
    let theirs = std::fs::read_to_string(data.join(CANDLES)).unwrap();
    let theirs: Vec<Vec<&str>> = theirs.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(ours.len(), 4);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours["open_time_ms"], theirs[0]);
    }
    let complete: Vec<&str> = ours.iter().map(|row| row["complete"].as_str()).collect();
    assert_eq!(complete, ["false", "true", "true", "false"]);
    let closed: Vec<&str> = ours.iter().map(|row| row["closed"].as_str()).collect();
    assert_eq!(closed, ["true", "true", "true", "false"]);
    for (ours, theirs) in ours.iter().zip(&theirs).skip(1).take(2) {
        for (name, column) in FIELDS {
            assert!(same(name, &ours[name], theirs[column]), "{name}: {ours:?} {theirs:?}");
        }
    }
    ours
}

#[test]
fn binance_candles_are_the_exchanges_own() {
    let Some(data) = market_data() else { return };
    let dir = TempDir::new().unwrap();
    run_until_end(&binance(dir.path(), &data.join(TRADES), "binance"), dir.path());
    let ours = check_binance(&data, dir.path());
    assert!(ours.iter().all(|row| row["revision"] == "0"), "in order, nothing is revised");
}

#[test]
fn binance_candles_are_the_same_with_delays_of_up_to_30_s_and_each_trade_twice() {
    let Some(data) = market_data() else { return };
    let dir = TempDir::new().unwrap();
    let spec = binance(dir.path(), &data.join(TRADES), "binance");
    let pipeline = Pipeline::from_yaml(&std::fs::read_to_string(spec).unwrap()).unwrap();
    let disorder = DisorderOptions {
        seed: 7,
        delayed_share: 1.0,
        delay_max_ns: 30_000_000_000,
        duplicate_share: 1.0,
        late_share: 0.0,
        late_by_ns: 0,
    };
    let registry = prometheus::Registry::new();
    let options = LocalOptions {
        pipeline,
        data_dir: dir.path().to_owned(),
        until_end: true,
        registry,
        on_turn: Box::new(|_| {}),
        shared: Shared::default(),
        disorder: Some(disorder),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let metrics = runtime.block_on(async {
        let run = LocalRun::start(options).await.unwrap();
        let metrics = run.metrics.clone();
        run.run(CancellationToken::new()).await.unwrap();
        metrics
    });
    assert_eq!(metrics.duplicates.get(), 19_904, "each trade came twice");
    let ours = check_binance(&data, dir.path());
    assert!(ours.iter().any(|row| row["revision"] != "0"), "late trades revised something");
}

/// The recording's rows: id, price, qty, quoteQty, time, isBuyerMaker, isBestMatch.
fn recorded(data: &Path) -> Vec<Vec<String>> {
    let mut text = String::new();
    let file = std::fs::File::open(data.join(TRADES)).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn usdm_style_files_give_the_same() {
    let Some(data) = market_data() else { return };
    let dir = TempDir::new().unwrap();
    let mut csv = String::from("id,price,qty,quote_qty,time,is_buyer_maker\n");
    for row in recorded(&data) {
        let maker = row[5].to_lowercase();
        csv += &format!("{},{},{},{},{},{maker}\n", row[0], row[1], row[2], row[3], row[4]);
    }
    let path = dir.path().join("BTCUSDT-trades-part.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let options: zip::write::SimpleFileOptions = Default::default();
    zip.start_file("BTCUSDT-trades-part.csv", options).unwrap();
    zip.write_all(csv.as_bytes()).unwrap();
    zip.finish().unwrap();
    run_until_end(&binance(dir.path(), &path, "binance-usdm"), dir.path());
    check_binance(&data, dir.path());
}

#[test]
fn aggregate_files_give_the_same() {
    let Some(data) = market_data() else { return };
    let dir = TempDir::new().unwrap();
    let (mut csv, mut id) = (String::new(), 5_000_u64);
    // One aggregate of neighbours of one price, time and side, as the exchange makes them.
    let trades = recorded(&data);
    for run in
        trades.chunk_by(|one, next| (&one[1], &one[4], &one[5]) == (&next[1], &next[4], &next[5]))
    {
        let (first, last) = (&run[0], &run[run.len() - 1]);
        let size = run
            .iter()
            .map(|row| Decimal::parse(&row[2]).unwrap())
            .fold(Decimal::ZERO, |sum, size| sum.checked_add(size).unwrap());
        id += 1;
        csv += &format!(
            "{id},{},{size},{},{},{},{},{}\n",
            first[1], first[0], last[0], first[4], first[5], first[6]
        );
    }
    let path = dir.path().join("BTCUSDT-aggTrades-part.csv");
    std::fs::write(&path, csv).unwrap();
    run_until_end(&binance(dir.path(), &path, "binance"), dir.path());
    check_binance(&data, dir.path());
}

#[test]
fn kraken_minutes_are_the_exchanges_own_the_empty_ones_too() {
    let Some(data) = market_data() else { return };
    let dir = TempDir::new().unwrap();
    let path = data.join("kraken-XBTUSDT-trades.json");
    let symbols = "symbols: [{symbol: BTC, instrument: XBT/USDT}]";
    let source = format!("archive: {{venue: kraken, path: \"{}\", {symbols}}}", path.display());
    run_until_end(&spec(dir.path(), &source), dir.path());

    let ours = rows(&candles_text(dir.path(), "BTC", "1m"));
    let theirs = std::fs::read_to_string(data.join("kraken-XBTUSDT-1m.json")).unwrap();
    let theirs: serde_json::Value = serde_json::from_str(&theirs).unwrap();
    let theirs = theirs["result"]["XBTUSDT"].as_array().unwrap();
    let (mut traded, mut empty) = (0, 0);
    for ours in &ours {
        let open_time_s = ours["open_time_ms"].parse::<i64>().unwrap() / 1_000;
        let theirs = theirs.iter().find(|row| row[0] == open_time_s).unwrap();
        let field = |at: usize| Decimal::parse(theirs[at].as_str().unwrap()).unwrap();
        if ours["complete"] != "true" {
            continue;
        }
        for (name, at) in [("open", 1), ("high", 2), ("low", 3), ("close", 4), ("volume", 6)] {
            assert_eq!(Decimal::parse(&ours[name]).unwrap(), field(at), "{name} at {open_time_s}");
        }
        assert_eq!(ours["trade_count"], theirs[7].to_string());
        if ours["trade_count"] == "0" {
            assert_eq!(ours["vwap"], "");
            empty += 1;
        } else {
            let (whole, fraction) = ours["vwap"].split_once('.').unwrap_or((&ours["vwap"], "0"));
            let truncated = format!("{whole}.{}", &fraction[..1]);
            assert_eq!(Decimal::parse(&truncated).unwrap(), field(5), "vwap at {open_time_s}");
            traded += 1;
        }
    }
    assert_eq!((traded, empty), (272, 137));
    let incomplete: Vec<_> = ours.iter().filter(|row| row["complete"] == "false").collect();
    assert_eq!(incomplete.len(), 2, "the first and the last minute are recorded in part");
}
