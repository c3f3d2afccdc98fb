use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::SecretKeyRef;
use super::source::{Endpoints, History, SymbolSpec};
use super::text::Duration;
use super::{SYMBOLS_MAX, schema};

/// CoinGecko: quotes, polled, with a budget of calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::settle)]
pub struct CoinGecko {
    /// Which coins to ask for, and what to call them.
    #[schemars(
        length(min = 1, max = SYMBOLS_MAX),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["symbol"])
    )]
    pub symbols: Vec<SymbolSpec>,
    /// How much of the past is fetched at the first start; default `today`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Another host than CoinGecko's own; only `rest` is used.
    #[serde(default, skip_serializing_if = "schema::unwritten")]
    pub endpoints: Endpoints,
    /// After how long without an answer the feed is called stale; default 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_after: Option<Duration>,
    /// Which plan the key belongs to; default `keyless`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Where the key is; required on a cluster for `demo` and `pro`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_secret_ref: Option<SecretKeyRef>,
    /// How often prices are asked for; default what the plan's budget allows: 60s keyless, 268s
    /// demo, 20s pro.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

impl CoinGecko {
    /// How much of the past is fetched at the first start; default today.
    #[must_use]
    pub fn history(&self) -> History {
        self.history.unwrap_or(History::Today)
    }

    /// After how long without an answer the feed is called stale; default 60s.
    #[must_use]
    pub fn stale_after(&self) -> Duration {
        self.stale_after.clone().unwrap_or_else(|| Duration::from_secs(60))
    }

    /// Which plan the key belongs to; default keyless.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.plan.unwrap_or(Plan::Keyless)
    }

    /// How often prices are asked for; default what the plan's budget allows.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval.clone().unwrap_or_else(|| {
            Duration::from_secs(match self.plan() {
                Plan::Keyless => 60,
                Plan::Demo => 268,
                Plan::Pro => 20,
            })
        })
    }
}

/// A plan of CoinGecko.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Plan {
    /// No key.
    Keyless,
    /// A free key.
    Demo,
    /// A paid key.
    Pro,
}
