//! Files to records: every form of file, damage, holes, positions.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use market::symbol::{Series, Symbol};
use market::tick::{MarkKind, Side, UsdBasis};
use zip::write::SimpleFileOptions;

use super::super::{Emission, Event, Flow, Position, Source, SourceTrade};
use super::*;

/// Rows whose id or time cannot be true.
mod damaged;
/// Forms of files, damage, holes.
mod forms;
/// The recordings of `$MARKET_DATA` or `../shared/market-data`.
mod recorded;
/// Positions, pace, merging.
mod resume;

const DAY: i64 = 86_400_000_000_000;
/// 2024-08-08.
const MIDNIGHT_MS: i64 = 1_723_075_200_000;
const MIDNIGHT: i64 = MIDNIGHT_MS * 1_000_000;

fn options(venue: ArchiveVenue, path: &Path, symbols: &[(&str, &str)]) -> ArchiveOptions {
    let symbols = symbols.iter().map(|(symbol, instrument)| Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        instrument: (*instrument).to_owned(),
        coin_id: None,
        usd_basis: None,
    });
    ArchiveOptions {
        source: SourceName::new("files").unwrap(),
        venue,
        path: path.to_owned(),
        speed: 0.0,
        symbols: symbols.collect(),
    }
}

fn btc(path: &Path) -> ArchiveOptions {
    options(ArchiveVenue::Binance, path, &[("BTC", "BTCUSDT")])
}

fn series(symbol: &str) -> Series {
    Series { symbol: Symbol::new(symbol).unwrap(), source: SourceName::new("files").unwrap() }
}

fn at(next_id: u64) -> Positions {
    Positions::from([(series("BTC"), Position::at(next_id))])
}

/// Everything until the end or an error.
fn read(options: &ArchiveOptions, positions: &Positions) -> (Vec<Emission>, Option<SourceError>) {
    let mut source = match open(options, positions, Arc::new(|| 0)) {
        Ok(source) => source,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut all = Vec::new();
    loop {
        let mut batch = Vec::new();
        let flow = runtime.block_on(source.next(&mut batch));
        assert_eq!(batch.is_empty(), !matches!(flow, Ok(Flow::More)));
        all.extend(batch);
        match flow {
            Ok(Flow::More) => {}
            Ok(Flow::Drained) => {
                let progress = source.progress().unwrap();
                assert_eq!(progress.done, progress.total);
                return (all, None);
            }
            Err(error) => return (all, Some(error)),
        }
    }
}

fn whole(options: &ArchiveOptions) -> Vec<Emission> {
    let (all, error) = read(options, &Positions::new());
    assert!(error.is_none(), "{error:?}");
    all
}

fn refused(options: &ArchiveOptions) -> String {
    let (_, error) = read(options, &Positions::new());
    error.expect("an error").to_string()
}

fn trades(emissions: &[Emission]) -> Vec<SourceTrade> {
    let trades = emissions.iter().filter_map(|emission| match &emission.event {
        Event::Trade(trade) => Some(trade.clone()),
        Event::Quote(_) | Event::Mark(_) => None,
    });
    trades.collect()
}

fn ids(emissions: &[Emission]) -> Vec<u64> {
    trades(emissions).iter().filter_map(|trade| trade.trade_id).collect()
}

/// `start 1 @0`, `live 3 @86400`, `void 2-3`, `end` and `5 @12.5` for a trade, in seconds after
/// 2024-08-08.
fn said(emissions: &[Emission]) -> Vec<String> {
    let seconds = |ns: i64| {
        let millis = (ns - MIDNIGHT) / 1_000_000;
        format!("{}.{:03}", millis / 1_000, millis % 1_000)
    };
    let said = emissions.iter().map(|emission| match &emission.event {
        Event::Trade(trade) => {
            let future = if trade.future { " future" } else { "" };
            format!("{} @{}{future}", trade.trade_id.unwrap(), seconds(trade.event_time_ns))
        }
        Event::Mark(MarkKind::Start(start)) => {
            format!("start {} @{}", start.next_id.unwrap(), seconds(start.from_ns))
        }
        Event::Mark(MarkKind::Live { complete_to_ns, next_id }) => {
            format!("live {} @{}", next_id.unwrap(), seconds(*complete_to_ns))
        }
        Event::Mark(MarkKind::Void { from_id, to_id }) => format!("void {from_id}-{to_id}"),
        Event::Mark(MarkKind::End) => "end".to_owned(),
        other @ (Event::Quote(_) | Event::Mark(_)) => panic!("{other:?}"),
    });
    said.collect()
}

/// A spot trade so many milliseconds after 2024-08-08.
fn row(id: u64, ms: i64) -> String {
    format!("{id},61837.63000000,0.02000000,1236.75260000,{},True,True\n", MIDNIGHT_MS + ms)
}

fn rows(ids: std::ops::Range<u64>) -> String {
    ids.map(|id| row(id, i64::try_from(id).unwrap() * 10)).collect()
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn write(directory: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
