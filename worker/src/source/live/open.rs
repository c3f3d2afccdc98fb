use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use market::pipeline::{self, History};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::ask::{Goal, Near};
use super::binance::Binance;
use super::coinbase::Coinbase;
use super::connection::Plug;
use super::kraken::Kraken;
use super::limiter::Host;
use super::lines::{Lines, Plugs};
use super::rest::Rest;
use super::sequencer::{NANOS_PER_SECOND, Options, Sequencer};
use super::venue::{Facts, Names, Venue};
use super::{Instrument, LiveSource, PACE, Refused, Shared};
use crate::source::clock::SourceClock;
use crate::source::dice::{roll, word};
use crate::source::listing::{self, SPACE_AGGREGATES, SPACE_TRADES};
use crate::source::{Listing, Positions, SourceError};

const DAY_NS: i64 = 86_400 * NANOS_PER_SECOND;

/// Which venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum VenueName {
    /// Binance spot.
    Binance,
    /// Coinbase Exchange.
    Coinbase,
    /// Kraken spot.
    Kraken,
}

/// What to read, and how.
pub(in crate::source) struct LiveOptions<'a> {
    /// The source's name.
    pub name: &'a market::symbol::SourceName,
    /// Which venue.
    pub venue: VenueName,
    /// What the spec says of it.
    pub spec: &'a pipeline::Venue,
    /// Which instruments.
    pub instruments: Vec<listing::Instrument>,
    /// Where each series goes on.
    pub positions: &'a Positions,
    /// The clock.
    pub clock: SourceClock,
    /// What all live sources of this process share.
    pub shared: &'a Shared,
    /// Producers that share what hosts allow.
    pub producers: u32,
}

impl VenueName {
    fn venue(self) -> Arc<dyn Venue> {
        match self {
            Self::Binance => Arc::new(Binance),
            Self::Coinbase => Arc::new(Coinbase),
            Self::Kraken => Arc::new(Kraken),
        }
    }

    const fn space(self) -> &'static str {
        match self {
            Self::Binance => SPACE_AGGREGATES,
            Self::Coinbase | Self::Kraken => SPACE_TRADES,
        }
    }
}

/// Begins to read a venue.
///
/// # Errors
/// [`SourceError`] when an instrument or an endpoint cannot be used.
pub(in crate::source) fn open(options: LiveOptions<'_>) -> Result<LiveSource, SourceError> {
    let venue = options.venue.venue();
    let clock = options.clock.clone();
    let seed = roll(&[word(options.name.as_str()), u64::try_from(clock.now_ns()).unwrap_or(0)]);
    let (listings, instruments) = instruments(&options, venue.facts(), seed)?;
    let rest = rest(&options, &venue)?;
    let names = Names::of(listings.iter().map(|listing| listing.instrument.as_str()));
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut source = LiveSource {
        instruments,
        names,
        lines: Lines::new(plugs(&options, &venue)?, seed),
        answers: JoinSet::new(),
        asking: HashMap::new(),
        list: JoinSet::new(),
        list_after_ns: Some(i64::MIN),
        ready: VecDeque::new(),
        pace,
        opened_ns: clock.now_ns(),
        turned_ns: i64::MIN,
        notes: Vec::new(),
        frames: Vec::new(),
        events: Vec::new(),
        clock,
        skew: Arc::clone(&rest.skew),
        rest: Arc::new(rest),
        venue,
        look: Arc::default(),
        listings,
    };
    source.refuse_aliases();
    Ok(source)
}

fn instruments(
    options: &LiveOptions<'_>,
    facts: &Facts,
    seed: u64,
) -> Result<(Vec<Listing>, Vec<Instrument>), SourceError> {
    let stale_ms = u64::try_from(options.spec.stale_after().as_millis()).unwrap_or(u64::MAX);
    let mut listings = Vec::with_capacity(options.instruments.len());
    let mut instruments = Vec::with_capacity(options.instruments.len());
    for (index, named) in (0_u64..).zip(&options.instruments) {
        let listing = named.listing(options.name, facts.name, options.venue.space())?;
        let sequencer = Sequencer::new(Options {
            listing: listing.clone(),
            unit_ns: facts.unit_ns,
            goal: goal(options, &listing.series),
            stale_after: Duration::from_millis(stale_ms),
            held_bytes: Arc::clone(&options.shared.held_bytes),
            seed: roll(&[seed, index]),
        });
        // Until the venue's list says otherwise.
        let rest_name = named.instrument.replace('/', "");
        instruments.push(Instrument {
            sequencer,
            rest_name,
            refused: None,
            unanswered: String::new(),
        });
        listings.push(listing);
    }
    Ok((listings, instruments))
}

fn rest(options: &LiveOptions<'_>, venue: &Arc<dyn Venue>) -> Result<Rest, SourceError> {
    let written = options.spec.endpoints.rest.as_deref();
    let base = endpoint(written.unwrap_or(venue.facts().rest), ["https", "http"])?;
    Ok(Rest {
        http: client(&base)?,
        host: host(options, venue.facts(), &base),
        base: base.as_str().trim_end_matches('/').to_owned(),
        venue: Arc::clone(venue),
        clock: options.clock.clone(),
        skew: Arc::default(),
    })
}

fn plugs(options: &LiveOptions<'_>, venue: &Arc<dyn Venue>) -> Result<Plugs, SourceError> {
    let written = options.spec.endpoints.socket.as_deref();
    let socket = endpoint(written.unwrap_or(venue.facts().socket), ["wss", "ws"])?;
    let plug = Plug {
        http: client(&socket)?,
        url: socket.as_str().trim_end_matches('/').replacen("ws", "http", 1),
        messages: Vec::new(),
        dead_after: venue.facts().dead_after,
        host: host(options, venue.facts(), &socket),
        clock: options.clock.clone(),
    };
    let venue = Arc::clone(venue);
    Ok(Box::new(move |instruments: &[&str]| Plug {
        url: format!("{}{}", plug.url, venue.socket_path(instruments)),
        messages: venue.subscribe(instruments),
        ..plug.clone()
    }))
}

fn host(options: &LiveOptions<'_>, facts: &Facts, url: &Url) -> Arc<Host> {
    options.shared.host(url, facts.limits, (&options.clock, options.producers))
}

impl LiveSource {
    /// Coinbase serves its -USDC books as other names of the -USD ones: both would be counted.
    fn refuse_aliases(&mut self) {
        for index in 0..self.listings.len() {
            let Listing { venue, instrument, .. } = &self.listings[index];
            if let ("coinbase", Some(base)) = (venue.as_str(), instrument.strip_suffix("-USDC")) {
                let reason =
                    format!("\"{instrument}\" is an alias of \"{base}-USD\"; write that one");
                self.refuse(index, Refused::Always, &reason);
            }
        }
    }
}

fn goal(options: &LiveOptions<'_>, series: &market::symbol::Series) -> Goal {
    match (options.positions.get(series), options.spec.history()) {
        (Some(position), _) => {
            let near = position.event_ns.zip(position.next_id.checked_sub(1));
            Goal::Resume { next_id: position.next_id, near: near.map(|(ns, id)| Near { id, ns }) }
        }
        (None, History::Today) => {
            let now_ns = options.clock.now_ns();
            Goal::Since { ns: now_ns.saturating_sub(now_ns.rem_euclid(DAY_NS)) }
        }
        (None, History::None) => Goal::Newest,
    }
}

/// Reads an address.
///
/// # Errors
/// [`SourceError::ReadEndpoint`].
pub(in crate::source) fn endpoint(
    text: &str,
    schemes: [&'static str; 2],
) -> Result<Url, SourceError> {
    Url::parse(text)
        .ok()
        .filter(|url| schemes.contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| SourceError::ReadEndpoint { url: text.to_owned(), scheme: schemes[0] })
}

/// A client for this address: through the proxy of the environment, except to this machine.
///
/// # Errors
/// [`SourceError::OpenClient`].
pub(in crate::source) fn client(url: &Url) -> Result<Client, SourceError> {
    // Fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("crypto-pipeline/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        // What is asked for, keys included, is for this host.
        .redirect(Policy::none());
    if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    if matches!(url.scheme(), "http" | "ws") {
        // No certificate is looked at, and a small machine may have none.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|cause| SourceError::OpenClient { cause })
}
