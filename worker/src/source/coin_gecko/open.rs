use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use market::pipeline::{self, Plan};
use market::symbol::SourceName;
use market::tick::{Ids, UsdBasis};
use reqwest::header::HeaderValue;

use super::freshness::Freshness;
use super::pace::{Budget, Pace};
use super::poll::Poll;
use super::{Coin, CoinGecko};
use crate::source::clock::SourceClock;
use crate::source::dice::{roll, word};
use crate::source::listing::{Instrument, SPACE_QUOTES};
use crate::source::live::{self, HostLimits};
use crate::source::{Listing, Positions, Shared, SourceError};
use market::symbol::Series;

/// The venue of every record.
const VENUE: &str = "coingecko";
const HOST: &str = "https://api.coingecko.com/api/v3";
const PRO_HOST: &str = "https://pro-api.coingecko.com/api/v3";

/// What to ask for, and how.
pub(in crate::source) struct CoinGeckoOptions<'a> {
    /// The source's name.
    pub(in crate::source) name: &'a SourceName,
    /// What the spec says of it.
    pub(in crate::source) spec: &'a pipeline::CoinGecko,
    /// Which coins.
    pub(in crate::source) instruments: Vec<Instrument>,
    /// Where each series goes on.
    pub(in crate::source) positions: &'a Positions,
    /// The clock.
    pub(in crate::source) clock: SourceClock,
    /// What all live sources of this process share.
    pub(in crate::source) shared: &'a Shared,
    /// Producers that share what an address and a key may ask.
    pub(in crate::source) producers: u32,
}

/// Begins to ask CoinGecko.
///
/// # Errors
/// [`SourceError`] when there is no key, or the endpoint cannot be used.
pub(in crate::source) fn open(options: CoinGeckoOptions<'_>) -> Result<CoinGecko, SourceError> {
    let CoinGeckoOptions { name, spec, instruments, positions, clock, shared, producers } = options;
    let plan = spec.plan();
    let key = key(name, plan, shared)?;
    let host = if plan == Plan::Pro { PRO_HOST } else { HOST };
    let base = live::endpoint(spec.endpoints.rest.as_deref().unwrap_or(host), ["https", "http"])?;
    let limits = limits(plan);
    let host = shared.host(&base, limits, (&clock, producers));
    let listings: Vec<_> = instruments.iter().map(|coin| listing(name, coin)).collect();
    let ids: Vec<_> = instruments.iter().map(|coin| coin.instrument.clone()).collect();
    let mut freshness = Freshness::new(ids.iter().cloned());
    for (listing, id) in listings.iter().zip(&ids) {
        let position = positions.get(&listing.series).map(|position| position.next_id);
        if let Some(last) = position.and_then(|next| i64::try_from(next).ok()?.checked_sub(1)) {
            freshness.go_on(id, last);
        }
    }
    let coins = ids.iter().map(|id| Coin {
        id: id.clone(),
        state: None,
        said_ns: i64::MIN,
        quotes: 0,
        started_hour: None,
    });
    let interval = duration(&spec.interval()).saturating_mul(producers.max(1));
    let now_ns = clock.now_ns();
    Ok(CoinGecko {
        coins: coins.collect(),
        listings,
        pace: Pace::new(
            plan,
            interval,
            Budget::of(plan).map(|budget| budget.shared(producers)),
            now_ns,
        ),
        poll: Poll {
            http: live::client(&base)?,
            base: base.as_str().trim_end_matches('/').to_owned(),
            plan,
            key,
            ids,
            etag: None,
            host,
            clock: clock.clone(),
        },
        freshness,
        down_because: None,
        wants_list: false,
        has_list: false,
        stale_ns: i64::try_from(duration(&spec.stale_after()).as_nanos()).unwrap_or(i64::MAX),
        seed: roll(&[word(name.as_str()), u64::try_from(now_ns).unwrap_or(0)]),
        ready: VecDeque::new(),
        clock,
        look: Arc::default(),
    })
}

fn duration(written: &pipeline::Duration) -> Duration {
    Duration::from_millis(u64::try_from(written.as_millis()).unwrap_or(u64::MAX))
}

fn key(name: &SourceName, plan: Plan, shared: &Shared) -> Result<Option<HeaderValue>, SourceError> {
    if plan == Plan::Keyless {
        return Ok(None);
    }
    let missing = || SourceError::FindKey { source_name: name.to_string() };
    let key = shared.coin_gecko_key().ok_or_else(missing)?;
    let mut key = HeaderValue::from_str(key).map_err(|_| missing())?;
    key.set_sensitive(true);
    Ok(Some(key))
}

/// What one address, or one key, may ask in all.
fn limits(plan: Plan) -> HostLimits {
    let per_minute = match plan {
        Plan::Keyless => 5.0,
        Plan::Demo => 30.0,
        Plan::Pro => 250.0,
    };
    HostLimits::of(2.0, per_minute / 60.0)
}

fn listing(name: &SourceName, coin: &Instrument) -> Listing {
    Listing {
        series: Series { symbol: coin.symbol.clone(), source: name.clone() },
        coin_id: Some(coin.coin_id.clone().unwrap_or_else(|| coin.instrument.clone())),
        venue: VENUE.to_owned(),
        instrument: coin.instrument.clone(),
        space: SPACE_QUOTES.to_owned(),
        ids: Ids::None,
        base: coin.symbol.to_string(),
        quote: "USD".to_owned(),
        usd_basis: UsdBasis::Par,
    }
}
