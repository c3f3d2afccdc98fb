//! Why a body is not an answer with prices. Each error says what to do about it.

use std::fmt;

/// What a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Kind {
    /// `{…}`.
    Object,
    /// `[…]`.
    List,
    /// `"…"`.
    Text,
    /// `-1.5e3`.
    Number,
    /// `true` or `false`.
    Truth,
    /// `null`.
    Null,
}

impl Kind {
    /// The kind of a text that is known to be one JSON value.
    pub(super) fn of(raw: &str) -> Self {
        match raw.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::List,
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Truth,
            Some(b'n') => Self::Null,
            Some(_) | None => Self::Number,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Object => "an object",
            Self::List => "a list",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::Null => "null",
        })
    }
}

/// Why a body is not an answer with prices. None is for good: the next answer may be whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::source) enum ReadError {
    /// Larger than any answer.
    #[error("the answer has more than {limit} bytes; check that endpoints.rest is coingecko's")]
    BoundBody {
        /// The limit in bytes.
        limit: usize,
    },
    /// Deeper than any answer.
    #[error("the answer nests more than {limit} deep; check that endpoints.rest is coingecko's")]
    BoundDepth {
        /// The limit.
        limit: usize,
    },
    /// HTML, as firewalls and proxies answer.
    #[error(
        "the answer is a page, not json; a proxy or firewall stands before coingecko, let this \
         machine pass it"
    )]
    ReadPage,
    /// Truncated, or no JSON.
    #[error(
        "the answer is not json from byte {offset} on; it was cut off, or endpoints.rest is not \
         coingecko's"
    )]
    ReadJson {
        /// Where it stops being JSON, in bytes.
        offset: usize,
    },
    /// JSON of another kind.
    #[error("the answer is {found}, not an object of prices; check endpoints.rest")]
    FindPrices {
        /// What it is.
        found: Kind,
    },
    /// CoinGecko's own error with status 200.
    #[error(
        "coingecko answers \"{message}\"{}; see docs.coingecko.com/docs/errors-and-rate-limits",
        code.map(|code| format!(" (code {code})")).unwrap_or_default()
    )]
    RefusePrices {
        /// CoinGecko's code, or the HTTP status it means.
        code: Option<u32>,
        /// What it says, shortened.
        message: String,
    },
    /// One name twice in an object.
    #[error("the answer has \"{key}\" twice, so that neither counts; ask again")]
    RepeatKey {
        /// The name.
        key: String,
    },
    /// A coin that is no object.
    #[error("\"{id}\" is {found}, not an object of numbers; check endpoints.rest")]
    ReadCoin {
        /// CoinGecko's id of the coin.
        id: String,
        /// What it is.
        found: Kind,
    },
    /// A value that is neither number nor null.
    #[error("\"{field}\" of \"{id}\" is {found}, not a number; check endpoints.rest")]
    ReadField {
        /// CoinGecko's id of the coin.
        id: String,
        /// The field.
        field: &'static str,
        /// What it is.
        found: Kind,
    },
}
