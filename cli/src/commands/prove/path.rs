//! Trades through the whole path: archive, topic, windows, store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::PoisonError;

use anyhow::anyhow;
use api::Reader;
use market::candle::Candle;
use market::interval::Interval;
use market::pipeline::{
    Alerts, Archive, ArchiveVenue, Candles, Pipeline, PipelineSpec, SourceSpec, SymbolSpec,
};
use market::symbol::{SourceName, Symbol};
use prometheus::Registry;
use runtime::clock;
use tokio_util::sync::CancellationToken;
use worker::local::{LocalOptions, LocalRun};
use worker::source::Shared;
use worker::store::FILE_NAME;

use crate::commands::place::unread;
use crate::commands::screen::Screen;
use crate::failure::Failure;

/// Candles that are read at a time.
const PAGE_CANDLES: usize = 1_000;

/// What came out.
pub(super) struct Done {
    pub(super) candles: Vec<Candle>,
    /// Records that were folded: trades and marks.
    pub(super) records: u64,
}

/// One archive source and one interval.
pub(super) fn pipeline(
    venue: ArchiveVenue,
    symbol: Symbol,
    path: &Path,
    interval: Interval,
) -> Result<Pipeline, Failure> {
    let path = path.to_str().ok_or_else(|| {
        Failure::settings(format!("the path \"{}\" is not UTF-8; move the files", path.display()))
    })?;
    let instrument = symbol.to_string();
    let archive = Archive {
        venue: Some(venue),
        path: path.to_owned(),
        speed: None,
        symbols: vec![SymbolSpec { symbol, instrument, coin_id: None, usd_basis: None }],
        volume: None,
    };
    let source = SourceSpec {
        name: SourceName::new(venue.as_str()).map_err(anyhow::Error::from)?,
        binance: None,
        binance_usdm: None,
        coinbase: None,
        kraken: None,
        coin_gecko: None,
        archive: Some(archive),
        simulated: None,
    };
    let off = Some(0.0);
    let spec = PipelineSpec {
        sources: vec![source],
        candles: Candles { intervals: Some(vec![interval]), ..Candles::default() },
        alerts: Alerts { price_change_percent: off, z_score: off, volume_burst: off },
        ..PipelineSpec::default()
    };
    let (labels, annotations) = (BTreeMap::new(), BTreeMap::new());
    Ok(Pipeline { name: "prove".to_owned(), namespace: None, labels, annotations, spec })
}

/// Runs it to its end and reads the candles.
pub(super) async fn run(
    pipeline: Pipeline,
    data_dir: &Path,
    interval: Interval,
    screen: &Screen,
    stop: CancellationToken,
) -> Result<Done, Failure> {
    let symbols: Vec<Symbol> = pipeline
        .spec
        .sources
        .iter()
        .flat_map(|source| source.symbols())
        .map(|entry| entry.symbol.clone())
        .collect();
    let run = LocalRun::start(LocalOptions {
        pipeline,
        data_dir: data_dir.to_owned(),
        until_end: true,
        registry: Registry::new(),
        on_turn: Box::new(|_| {}),
        shared: Shared::default(),
        disorder: None,
    })
    .await?;
    let (metrics, status) = (run.metrics.clone(), run.status());
    let read = || status.lock().unwrap_or_else(PoisonError::into_inner).clone();
    tokio::select! {
        ended = run.run(stop.clone()) => ended?,
        () = screen.keep_drawn(read, &metrics, clock::monotonic) => {}
    }
    screen.clear();
    if stop.is_cancelled() {
        return Err(stopped());
    }
    let reader = Reader::open(&data_dir.join(FILE_NAME)).await.map_err(unread)?;
    let mut candles = Vec::new();
    for symbol in symbols {
        candles.extend(stored(&reader, &symbol, interval).await?);
    }
    Ok(Done { candles, records: metrics.folded.get() })
}

/// Ctrl-C came first.
pub(super) fn stopped() -> Failure {
    anyhow!("stopped before the end; nothing is proved").into()
}

async fn stored(
    reader: &Reader,
    symbol: &Symbol,
    interval: Interval,
) -> Result<Vec<Candle>, Failure> {
    let series = reader.candles(symbol.as_str(), None, interval).await.map_err(unread)?;
    let (mut candles, mut from_ms) = (Vec::new(), None);
    loop {
        let page = series.oldest(from_ms, None, PAGE_CANDLES).await.map_err(unread)?;
        let Some(last) = page.last() else { return Ok(candles) };
        from_ms = Some(last.open_time_ms + 1);
        candles.extend(page);
    }
}
