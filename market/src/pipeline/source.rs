use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::archive::Archive;
use super::coin_gecko::CoinGecko;
use super::simulated::Simulated;
use super::text::{self, Duration};
use super::{SYMBOLS_MAX, cel, schema};
use crate::symbol::{SourceName, Symbol};

/// One source of ticks: a name, and exactly one of the members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = schema::settle,
    extend("x-kubernetes-validations" = [
        cel::one_of(&SourceSpec::MEMBERS),
        cel::same_members(&SourceSpec::MEMBERS),
    ])
)]
pub struct SourceSpec {
    /// What the user calls it; unique.
    pub name: SourceName,
    /// Binance spot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binance: Option<Venue>,
    /// Binance USD-M futures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binance_usdm: Option<Venue>,
    /// Coinbase Exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coinbase: Option<Venue>,
    /// Kraken spot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kraken: Option<Venue>,
    /// CoinGecko: quotes, polled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coin_gecko: Option<CoinGecko>,
    /// Recorded trades, replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// A made-up market.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
}

impl SourceSpec {
    /// The members, exactly one of which a source has.
    pub const MEMBERS: [&str; 7] =
        ["binance", "binanceUsdm", "coinbase", "kraken", "coinGecko", "archive", "simulated"];

    /// Every member that is there, in the order of [`Self::MEMBERS`].
    pub fn kinds(&self) -> impl Iterator<Item = SourceKind<'_>> {
        [
            self.binance.as_ref().map(SourceKind::Binance),
            self.binance_usdm.as_ref().map(SourceKind::BinanceUsdm),
            self.coinbase.as_ref().map(SourceKind::Coinbase),
            self.kraken.as_ref().map(SourceKind::Kraken),
            self.coin_gecko.as_ref().map(SourceKind::CoinGecko),
            self.archive.as_ref().map(SourceKind::Archive),
            self.simulated.as_ref().map(SourceKind::Simulated),
        ]
        .into_iter()
        .flatten()
    }

    /// The one member; `None` when there is none or more than one, which [`crate::rules`] refuses.
    #[must_use]
    pub fn kind(&self) -> Option<SourceKind<'_>> {
        let mut kinds = self.kinds();
        let kind = kinds.next()?;
        kinds.next().is_none().then_some(kind)
    }

    /// The symbols of the one member, in spec order.
    #[must_use]
    pub fn symbols(&self) -> &[SymbolSpec] {
        self.kind().map_or(&[], SourceKind::symbols)
    }
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SourceKind<'a> {
    /// Binance spot.
    Binance(&'a Venue),
    /// Binance USD-M futures.
    BinanceUsdm(&'a Venue),
    /// Coinbase Exchange.
    Coinbase(&'a Venue),
    /// Kraken spot.
    Kraken(&'a Venue),
    /// CoinGecko: quotes, polled.
    CoinGecko(&'a CoinGecko),
    /// Recorded trades, replayed.
    Archive(&'a Archive),
    /// A made-up market.
    Simulated(&'a Simulated),
}

impl<'a> SourceKind<'a> {
    /// The field of the spec that holds it.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Binance(_) => "binance",
            Self::BinanceUsdm(_) => "binanceUsdm",
            Self::Coinbase(_) => "coinbase",
            Self::Kraken(_) => "kraken",
            Self::CoinGecko(_) => "coinGecko",
            Self::Archive(_) => "archive",
            Self::Simulated(_) => "simulated",
        }
    }

    /// The venue as records name it.
    #[must_use]
    pub fn venue(self) -> &'static str {
        match self {
            Self::Binance(_) => "binance",
            Self::BinanceUsdm(_) => "binance-usdm",
            Self::Coinbase(_) => "coinbase",
            Self::Kraken(_) => "kraken",
            Self::CoinGecko(_) => "coingecko",
            Self::Archive(archive) => archive.venue().as_str(),
            Self::Simulated(_) => "simulated",
        }
    }

    /// Its symbols, in spec order.
    #[must_use]
    pub fn symbols(self) -> &'a [SymbolSpec] {
        match self {
            Self::Binance(venue)
            | Self::BinanceUsdm(venue)
            | Self::Coinbase(venue)
            | Self::Kraken(venue) => &venue.symbols,
            Self::CoinGecko(gecko) => &gecko.symbols,
            Self::Archive(archive) => &archive.symbols,
            Self::Simulated(simulated) => &simulated.symbols,
        }
    }

    /// Whether its series are made of trades; otherwise of quotes.
    #[must_use]
    pub const fn has_trades(self) -> bool {
        match self {
            Self::CoinGecko(_) => false,
            Self::Binance(_)
            | Self::BinanceUsdm(_)
            | Self::Coinbase(_)
            | Self::Kraken(_)
            | Self::Archive(_)
            | Self::Simulated(_) => true,
        }
    }
}

/// A venue that is read from sockets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Venue {
    /// Which instruments to read, and what to call them.
    #[schemars(
        length(min = 1, max = SYMBOLS_MAX),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["symbol"])
    )]
    pub symbols: Vec<SymbolSpec>,
    /// How much of the past is fetched at the first start; default `today`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Other hosts than the venue's own, such as a regional one or a test's.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub endpoints: Endpoints,
    /// After how long without a frame the feed is called stale; default 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_after: Option<Duration>,
}

impl Venue {
    /// How much of the past is fetched at the first start; default today.
    #[must_use]
    pub fn history(&self) -> History {
        self.history.unwrap_or(History::Today)
    }

    /// After how long without a frame the feed is called stale; default 60s.
    #[must_use]
    pub fn stale_after(&self) -> Duration {
        self.stale_after.clone().unwrap_or_else(|| Duration::from_secs(60))
    }
}

/// What the user calls an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = schema::settle,
    extend("x-kubernetes-validations" = [cel::immutable("instrument")])
)]
pub struct SymbolSpec {
    /// What the user calls it: `BTC`; unique within the source.
    pub symbol: Symbol,
    /// What the venue calls it: `BTCUSDT`, `BTC-USD`, `BTC/USD`, `bitcoin`.
    #[schemars(length(min = 1, max = 64), regex(pattern = text::INSTRUMENT))]
    pub instrument: String,
    /// CoinGecko's id of the coin, copied into every record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub coin_id: Option<String>,
    /// What one unit of the quote currency is worth in USD; default `par` for USD, USDT and
    /// USDC, `none` otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_basis: Option<UsdBasis>,
}

impl SymbolSpec {
    /// What one unit of `quote` is worth in USD: as written, else `par` for USD, USDT and USDC.
    #[must_use]
    pub fn usd_basis(&self, quote: &str) -> UsdBasis {
        let near_usd = matches!(quote, "USD" | "USDT" | "USDC");
        self.usd_basis.unwrap_or(if near_usd { UsdBasis::Par } else { UsdBasis::None })
    }
}

/// Other hosts than the venue's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct Endpoints {
    /// URL of the WebSocket: `wss://…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub socket: Option<String>,
    /// URL of the REST interface: `https://…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub rest: Option<String>,
}

/// How much of the past is fetched at the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum History {
    /// From 00:00 UTC.
    Today,
    /// Nothing.
    None,
}

/// What one unit of the quote currency is worth in USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UsdBasis {
    /// One USD.
    Par,
    /// Not known: records carry no price in USD.
    None,
}
