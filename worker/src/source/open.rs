//! One entry of `spec.sources` as a source.

use market::pipeline::{CoinGecko, SourceKind, SourceSpec, SymbolSpec, UsdBasis, Venue};
use market::tick;

use super::archive::{self, ArchiveOptions};
use super::coin_gecko::{self, CoinGeckoOptions};
use super::disorder::{Disorder, DisorderOptions};
use super::listing::Instrument;
use super::live::{self, LiveOptions, Shared, VenueName};
use super::simulated::{self, SimulatedOptions};
use super::{Listing, Positions, Source, SourceClock, SourceError};

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// The longest delay of a simulated trade that still arrives in time.
const DELAY_NS_MAX: i64 = 5 * NANOS_PER_SECOND;
/// A late trade comes this much after its minute has taken its last one.
const LATE_MARGIN_NS: i64 = 5 * NANOS_PER_SECOND;
const MINUTE_NS: i64 = 60 * NANOS_PER_SECOND;

/// What opening a source needs beside its spec.
pub struct OpenContext<'a> {
    /// Where each series goes on.
    pub positions: &'a Positions,
    /// The clock.
    pub clock: &'a SourceClock,
    /// When a simulated market began, chosen at its first start and kept.
    pub origin_ns: i64,
    /// How long a closed minute still takes a tick.
    pub allowed_lateness_ns: i64,
    /// Which of its symbols to read; a simulated market is the same whichever are.
    pub has: &'a dyn Fn(&SymbolSpec) -> bool,
    /// What live sources of this process share.
    pub shared: &'a Shared,
    /// Producers that share what a venue allows one address.
    pub producers: u32,
}

/// A trade that is held back leaves before another one is read that happened so much later: what
/// a simulated market delays most.
#[must_use]
pub const fn held_ns_max(allowed_lateness_ns: i64) -> i64 {
    let late_ns = MINUTE_NS.saturating_add(allowed_lateness_ns).saturating_add(LATE_MARGIN_NS);
    late_ns.saturating_add(DELAY_NS_MAX).saturating_add(MINUTE_NS)
}

/// When the simulated market of this entry begins if `now_ns` is its first start; `None` for
/// other sources.
#[must_use]
pub fn first_origin_ns(spec: &SourceSpec, now_ns: i64) -> Option<i64> {
    let SourceKind::Simulated(simulated) = spec.kind()? else { return None };
    let start_ns = simulated.start_time.map(|time| time.as_nanosecond());
    let start_ns = start_ns.and_then(|ns| i64::try_from(ns).ok());
    let prefill_ns = simulated.prefill().as_millis().saturating_mul(NANOS_PER_MILLI);
    Some(simulated::origin_ns(start_ns, now_ns, prefill_ns))
}

/// Opens the source of this entry.
///
/// # Errors
/// [`SourceError`] when it cannot be opened, or is not one that can run in this version.
pub fn open(spec: &SourceSpec, context: &OpenContext<'_>) -> Result<Box<dyn Source>, SourceError> {
    match spec.kind() {
        Some(SourceKind::Archive(archive)) => {
            let options = ArchiveOptions {
                source: spec.name.clone(),
                venue: archive.venue(),
                path: archive.path.clone().into(),
                speed: archive.speed(),
                symbols: archive
                    .symbols
                    .iter()
                    .filter(|symbol| (context.has)(symbol))
                    .map(instrument)
                    .collect(),
            };
            Ok(Box::new(archive::open(&options, context.positions, context.clock.now())?))
        }
        Some(SourceKind::Simulated(simulated)) => {
            let listings = simulated
                .symbols
                .iter()
                .map(|symbol| instrument(symbol).listing(&spec.name, "simulated", "t"))
                .collect::<Result<Vec<_>, _>>()?;
            let options = SimulatedOptions {
                seed: simulated.seed(),
                ticks_per_second: simulated.ticks_per_second(),
                origin_ns: context.origin_ns,
                ticks: simulated.ticks,
                listings,
            };
            let now = context.clock.now();
            let has = |listing: &Listing| {
                let symbol = |entry: &&SymbolSpec| entry.symbol == listing.series.symbol;
                simulated.symbols.iter().find(symbol).is_some_and(context.has)
            };
            let market = Box::new(simulated::open_part(&options, has, context.positions, now));
            let disorder = DisorderOptions {
                seed: simulated.seed(),
                delayed_share: simulated.disorder(),
                delay_max_ns: DELAY_NS_MAX.min(context.allowed_lateness_ns),
                duplicate_share: simulated.duplicates(),
                late_share: simulated.late_share(),
                late_by_ns: MINUTE_NS + context.allowed_lateness_ns + LATE_MARGIN_NS,
            };
            Ok(Box::new(Disorder::new(market, disorder)))
        }
        Some(SourceKind::Binance(venue)) => live(spec, VenueName::Binance, venue, context),
        Some(SourceKind::Coinbase(venue)) => live(spec, VenueName::Coinbase, venue, context),
        Some(SourceKind::Kraken(venue)) => live(spec, VenueName::Kraken, venue, context),
        Some(SourceKind::CoinGecko(gecko)) => coin_gecko(spec, gecko, context),
        Some(kind @ SourceKind::BinanceUsdm(_)) => {
            Err(SourceError::OpenLive { source_name: spec.name.to_string(), member: kind.member() })
        }
        None => Err(SourceError::ChooseMember { source_name: spec.name.to_string() }),
    }
}

fn live(
    spec: &SourceSpec,
    venue: VenueName,
    of: &Venue,
    context: &OpenContext<'_>,
) -> Result<Box<dyn Source>, SourceError> {
    let symbols = of.symbols.iter().filter(|symbol| (context.has)(symbol));
    Ok(Box::new(live::open(LiveOptions {
        name: &spec.name,
        venue,
        spec: of,
        instruments: symbols.map(instrument).collect(),
        positions: context.positions,
        clock: context.clock.clone(),
        shared: context.shared,
        producers: context.producers,
    })?))
}

fn coin_gecko(
    spec: &SourceSpec,
    of: &CoinGecko,
    context: &OpenContext<'_>,
) -> Result<Box<dyn Source>, SourceError> {
    let symbols = of.symbols.iter().filter(|symbol| (context.has)(symbol));
    Ok(Box::new(coin_gecko::open(CoinGeckoOptions {
        name: &spec.name,
        spec: of,
        instruments: symbols.map(instrument).collect(),
        positions: context.positions,
        clock: context.clock.clone(),
        shared: context.shared,
        producers: context.producers,
    })?))
}

fn instrument(spec: &SymbolSpec) -> Instrument {
    Instrument {
        symbol: spec.symbol.clone(),
        instrument: spec.instrument.clone(),
        coin_id: spec.coin_id.clone(),
        usd_basis: spec.usd_basis.map(|basis| match basis {
            UsdBasis::Par => tick::UsdBasis::Par,
            UsdBasis::None => tick::UsdBasis::None,
        }),
    }
}
