use crate::pipeline::{
    ArchiveVenue, CoinGecko, PipelineSpec, Plan, Problem, SOURCES_MAX, SYMBOLS_MAX, SourceKind,
    SourceSpec, SymbolSpec,
};

use super::Target;
use crate::tick::REFERENCE_SOURCE;

pub(super) fn check(spec: &PipelineSpec, target: Target, problems: &mut Vec<Problem>) {
    let count = spec.sources.len();
    if !(1..=SOURCES_MAX).contains(&count) {
        let sentence = format!("has {count} entries; write 1 to {SOURCES_MAX}");
        problems.push(Problem::new("spec.sources", sentence));
    }
    for (index, source) in spec.sources.iter().enumerate() {
        let path = format!("spec.sources[{index}]");
        if spec.sources[..index].iter().any(|earlier| earlier.name == source.name) {
            problems.push(Problem::new(
                format!("{path}.name"),
                format!("\"{}\" is taken by a source above; use another name", source.name),
            ));
        }
        if source.name.as_str() == REFERENCE_SOURCE {
            let sentence = format!(
                "\"{REFERENCE_SOURCE}\" is the source of records that other producers write; use \
                 another name"
            );
            problems.push(Problem::new(format!("{path}.name"), sentence));
        }
        check_members(source, &path, problems);
        for kind in source.kinds() {
            let path = format!("{path}.{}", kind.member());
            check_symbols(kind, &path, problems);
            check_kind(kind, target, &path, problems);
        }
    }
}

fn check_members(source: &SourceSpec, path: &str, problems: &mut Vec<Problem>) {
    if source.kind().is_none() {
        let found: Vec<&str> = source.kinds().map(SourceKind::member).collect();
        let found = if found.is_empty() { "none".into() } else { found.join(" and ") };
        let members = SourceSpec::MEMBERS.join(" ");
        let sentence = format!("has {found}; write exactly one of {members}");
        problems.push(Problem::new(path, sentence));
    }
}

fn check_symbols(kind: SourceKind<'_>, path: &str, problems: &mut Vec<Problem>) {
    let symbols = kind.symbols();
    let count = symbols.len();
    if !(1..=SYMBOLS_MAX).contains(&count) {
        let sentence = format!("has {count} entries; write 1 to {SYMBOLS_MAX}");
        problems.push(Problem::new(format!("{path}.symbols"), sentence));
    }
    for (index, entry) in symbols.iter().enumerate() {
        let path = format!("{path}.symbols[{index}]");
        if symbols[..index].iter().any(|earlier| earlier.symbol == entry.symbol) {
            problems.push(Problem::new(
                format!("{path}.symbol"),
                format!(
                    "\"{}\" stands there twice; a source has one instrument each",
                    entry.symbol
                ),
            ));
        }
        if let Some(sentence) = wrong_instrument(kind, entry) {
            problems.push(Problem::new(format!("{path}.instrument"), sentence));
        }
    }
}

fn wrong_instrument(kind: SourceKind<'_>, entry: &SymbolSpec) -> Option<String> {
    let text = entry.instrument.as_str();
    let (holds, venue, example) = match kind {
        SourceKind::Binance(_) => (joined(text), "Binance", "BTCUSDT"),
        SourceKind::BinanceUsdm(_) => (dated(text), "Binance", "BTCUSDT"),
        SourceKind::Coinbase(_) => return wrong_coinbase(text),
        SourceKind::Kraken(_) => (pair(text, '/'), "Kraken", "BTC/USD"),
        SourceKind::CoinGecko(_) => (coin(text), "CoinGecko", "bitcoin"),
        SourceKind::Archive(archive) => match archive.venue() {
            ArchiveVenue::Binance => (joined(text), "Binance", "BTCUSDT"),
            ArchiveVenue::BinanceUsdm => (dated(text), "Binance", "BTCUSDT"),
            ArchiveVenue::Kraken => (pair(text, '/'), "Kraken", "BTC/USD"),
        },
        SourceKind::Simulated(_) => return None,
    };
    (!holds).then(|| format!("\"{text}\" is not an instrument of {venue}; write it as {example}"))
}

fn wrong_coinbase(text: &str) -> Option<String> {
    if !pair(text, '-') {
        return Some(format!("\"{text}\" is not an instrument of Coinbase; write it as BTC-USD"));
    }
    let base = text.strip_suffix("-USDC")?;
    Some(format!("\"{text}\" is an alias of {base}-USD at Coinbase; write {base}-USD"))
}

/// `BTCUSDT`.
fn joined(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// `BTCUSDT`, or with a day of delivery `BTCUSDT_250926`.
fn dated(text: &str) -> bool {
    text.split_once('_').map_or(joined(text), |(pair, day)| {
        joined(pair) && day.len() == 6 && day.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// `BTC/USD`, `BTC-USD`.
fn pair(text: &str, between: char) -> bool {
    text.split_once(between).is_some_and(|(base, quote)| joined(base) && joined(quote))
}

/// `bitcoin`.
fn coin(text: &str) -> bool {
    let allowed =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    !text.is_empty() && text.bytes().all(allowed)
}

fn check_kind(kind: SourceKind<'_>, target: Target, path: &str, problems: &mut Vec<Problem>) {
    match kind {
        SourceKind::Binance(venue)
        | SourceKind::BinanceUsdm(venue)
        | SourceKind::Coinbase(venue)
        | SourceKind::Kraken(venue) => {
            check_url(venue.endpoints.socket.as_deref(), "socket", "wss", path, problems);
            check_url(venue.endpoints.rest.as_deref(), "rest", "https", path, problems);
        }
        SourceKind::CoinGecko(gecko) => check_gecko(gecko, target, path, problems),
        SourceKind::Archive(archive) => match &archive.volume {
            None if target == Target::Cluster => problems.push(Problem::new(
                format!("{path}.volume"),
                "required on a cluster: write configMap or persistentVolumeClaim",
            )),
            Some(volume)
                if volume.config_map.is_some() == volume.persistent_volume_claim.is_some() =>
            {
                problems.push(Problem::new(
                    format!("{path}.volume"),
                    "write exactly one of configMap persistentVolumeClaim",
                ));
            }
            None | Some(_) => {}
        },
        SourceKind::Simulated(_) => {}
    }
}

fn check_gecko(gecko: &CoinGecko, target: Target, path: &str, problems: &mut Vec<Problem>) {
    check_url(gecko.endpoints.rest.as_deref(), "rest", "https", path, problems);
    if gecko.interval().as_millis() < 1_000 {
        let sentence = format!("\"{}\" is too often; use 1s or more", gecko.interval());
        problems.push(Problem::new(format!("{path}.interval"), sentence));
    }
    let keyless = gecko.plan() == Plan::Keyless;
    if keyless && gecko.key_secret_ref.is_some() {
        problems.push(Problem::new(
            format!("{path}.keySecretRef"),
            "the plan keyless takes no key; write plan: demo or plan: pro, or take the key away",
        ));
    }
    if !keyless && gecko.key_secret_ref.is_none() && target == Target::Cluster {
        problems.push(Problem::new(
            format!("{path}.keySecretRef"),
            "required on a cluster for the plans demo and pro: write {name, key} of a Secret",
        ));
    }
}

/// An endpoint is a URL of the scheme, or of the same without encryption.
fn check_url(
    url: Option<&str>,
    field: &str,
    scheme: &str,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    let plain = scheme.strip_suffix('s').unwrap_or(scheme);
    let Some(url) = url else { return };
    let host = url.split_once("://").filter(|(name, _)| *name == scheme || *name == plain);
    if host.is_none_or(|(_, host)| host.is_empty()) {
        problems.push(Problem::new(
            format!("{path}.endpoints.{field}"),
            format!("is not a URL of {scheme}; write it as {scheme}://host"),
        ));
    }
}
