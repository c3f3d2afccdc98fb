//! What a worker makes of a spec: its series, its engine, its partitions.

use std::collections::BTreeSet;

use market::pipeline::{PipelineSpec, SourceKind};
use market::symbol::{Series, SeriesKind, SourceName};
use market::tick::REFERENCE_SOURCE;
use market::topic::partition_of;

use crate::store::SeriesInfo;
use crate::window::{AlertSettings, Engine, Settings};

const NANOS_PER_MILLI: i64 = 1_000_000;

/// How long after its close a minute still takes a tick.
#[must_use]
pub fn allowed_lateness_ns(spec: &PipelineSpec) -> i64 {
    spec.candles.allowed_lateness().as_millis().saturating_mul(NANOS_PER_MILLI)
}

/// An engine for these series.
#[must_use]
pub fn engine_of(spec: &PipelineSpec, series: &[SeriesInfo]) -> Engine {
    let settings = Settings {
        intervals: spec.candles.intervals().to_vec(),
        allowed_lateness_ns: allowed_lateness_ns(spec),
        max_out_of_orderness_ns: spec
            .candles
            .max_out_of_orderness()
            .as_millis()
            .saturating_mul(NANOS_PER_MILLI),
        alerts: AlertSettings {
            price_change_percent: spec.alerts.price_change_percent(),
            z_score: spec.alerts.z_score(),
            volume_burst: spec.alerts.volume_burst(),
        },
    };
    Engine::new(
        settings,
        series.iter().map(|info| (info.series.clone(), info.kind, info.partition)),
    )
}

/// Partitions of the topic where the spec names none.
const PARTITIONS: i32 = 12;

/// How many partitions the ticks topic has.
#[must_use]
pub fn partitions_of(spec: &PipelineSpec) -> i32 {
    let named = spec.kafka.as_ref().map(|kafka| kafka.topic.partitions());
    named.and_then(|partitions| i32::try_from(partitions).ok()).unwrap_or(PARTITIONS)
}

/// How far each series that has a watermark has come, in milliseconds.
pub(crate) fn reached_ms(series: &[SeriesInfo], engine: &Engine) -> Vec<(SeriesInfo, i64)> {
    let watermarks = engine.watermarks().filter_map(|(series, ns)| Some((series, ns?)));
    let known = watermarks.filter_map(|(name, ns)| {
        let info = series.iter().find(|info| info.series == *name)?;
        Some((info.clone(), ns.div_euclid(NANOS_PER_MILLI)))
    });
    known.collect()
}

/// Every series of the spec.
#[must_use]
pub fn series_of(spec: &PipelineSpec, partitions: i32) -> Vec<SeriesInfo> {
    let mut all = Vec::new();
    for source in &spec.sources {
        let Some(kind) = source.kind() else { continue };
        for symbol in kind.symbols() {
            let primary =
                spec.primary_source(&symbol.symbol).is_some_and(|primary| primary == source);
            let made_of = match kind {
                SourceKind::CoinGecko(_) => SeriesKind::Quote,
                SourceKind::Binance(_)
                | SourceKind::BinanceUsdm(_)
                | SourceKind::Coinbase(_)
                | SourceKind::Kraken(_)
                | SourceKind::Archive(_)
                | SourceKind::Simulated(_) => SeriesKind::Trade,
            };
            all.push(SeriesInfo {
                series: Series { symbol: symbol.symbol.clone(), source: source.name.clone() },
                kind: made_of,
                venue: kind.venue().to_owned(),
                instrument: symbol.instrument.clone(),
                primary,
                partition: partition_of(symbol.symbol.as_str().as_bytes(), partitions),
            });
        }
    }
    all
}

/// A series of each symbol for quotes that other producers write, in the reference's form.
#[must_use]
pub fn foreign_series_of(spec: &PipelineSpec, partitions: i32) -> Vec<SeriesInfo> {
    let Ok(source) = SourceName::new(REFERENCE_SOURCE) else { return Vec::new() };
    let ours = series_of(spec, partitions);
    let symbols: BTreeSet<_> = ours.iter().map(|info| &info.series.symbol).collect();
    let foreign = symbols.into_iter().map(|symbol| SeriesInfo {
        series: Series { symbol: symbol.clone(), source: source.clone() },
        kind: SeriesKind::Quote,
        venue: REFERENCE_SOURCE.to_owned(),
        instrument: symbol.as_str().to_owned(),
        primary: false,
        partition: partition_of(symbol.as_str().as_bytes(), partitions),
    });
    foreign.collect()
}
