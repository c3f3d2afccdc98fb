use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::source::SymbolSpec;
use super::{SYMBOLS_MAX, cel, schema};

/// Recorded trades, replayed. Locally `path` is on this machine, on a cluster in `volume`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = schema::settle,
    extend("x-kubernetes-validations" = [cel::immutable("venue"), cel::present("volume")])
)]
pub struct Archive {
    /// Whose files they are; default `binance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<ArchiveVenue>,
    /// One file, or a directory: then every file in it that belongs to one of the instruments.
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
    /// How many times faster than they happened; default 0, as fast as possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub speed: Option<f64>,
    /// Which instruments to read, and what to call them.
    #[schemars(
        length(min = 1, max = SYMBOLS_MAX),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["symbol"])
    )]
    pub symbols: Vec<SymbolSpec>,
    /// What holds the files; required on a cluster, unused locally.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<ArchiveVolume>,
}

impl Archive {
    /// Whose files they are; default `binance`.
    #[must_use]
    pub fn venue(&self) -> ArchiveVenue {
        self.venue.unwrap_or(ArchiveVenue::Binance)
    }

    /// How many times faster than they happened; 0, the default, means as fast as possible.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed.unwrap_or(0.0)
    }
}

/// The venues whose files can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveVenue {
    /// Binance spot: trades and aggTrades files.
    Binance,
    /// Binance USD-M futures: trades and aggTrades files.
    BinanceUsdm,
    /// Kraken: answers of REST `Trades`.
    Kraken,
}

impl ArchiveVenue {
    /// The venue as records name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::BinanceUsdm => "binance-usdm",
            Self::Kraken => "kraken",
        }
    }
}

/// What holds the files of an archive: exactly one of both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = schema::settle,
    extend("x-kubernetes-validations" = [cel::one_of(&["configMap", "persistentVolumeClaim"])])
)]
pub struct ArchiveVolume {
    /// A ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapVolume>,
    /// A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<ClaimVolume>,
}

/// A ConfigMap of the pipeline's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapVolume {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A PersistentVolumeClaim of the pipeline's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimVolume {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub claim_name: String,
}
