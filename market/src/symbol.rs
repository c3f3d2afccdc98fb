//! Symbols, sources and the series they make.
//!
//! Names are parsed once at the edge; a value of these types is always well formed.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest symbol, in bytes.
pub const SYMBOL_LENGTH_MAX: usize = 15;
/// The longest source name, in bytes.
pub const SOURCE_LENGTH_MAX: usize = 20;

/// Why a name is not a symbol or a source name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not `[A-Z0-9]{1,15}`.
    #[error("\"{text}\" is not a symbol; use 1 to 15 of A-Z and 0-9, such as BTC")]
    ParseSymbol {
        /// What was given.
        text: String,
    },
    /// Not `[a-z0-9-]{1,20}`.
    #[error("\"{text}\" is not a source name; use 1 to 20 of a-z, 0-9 and -, such as binance")]
    ParseSource {
        /// What was given.
        text: String,
    },
}

/// What the user calls it in the spec: `BTC`. `[A-Z0-9]{1,15}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(Arc<str>);

impl Symbol {
    /// Parses a symbol.
    ///
    /// # Errors
    /// [`NameError::ParseSymbol`] when the text is not `[A-Z0-9]{1,15}`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let well_formed = (1..=SYMBOL_LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(NameError::ParseSymbol { text: text.into() })
        }
    }

    /// The symbol as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of one entry of `spec.sources`: `binance`. `[a-z0-9-]{1,20}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceName(Arc<str>);

impl SourceName {
    /// Parses a source name.
    ///
    /// # Errors
    /// [`NameError::ParseSource`] when the text is not `[a-z0-9-]{1,20}`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let well_formed = (1..=SOURCE_LENGTH_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(NameError::ParseSource { text: text.into() })
        }
    }

    /// The source name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a candle belongs to: one symbol of one source, made of trades or of quotes, never of both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Series {
    /// What the user calls it.
    pub symbol: Symbol,
    /// Which source it comes from.
    pub source: SourceName,
}

/// What a series is made of. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeriesKind {
    /// Trades: sums, coverage, candles for empty intervals.
    Trade,
    /// Quotes: samples, no coverage.
    Quote,
}

impl SeriesKind {
    /// The kind as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Quote => "quote",
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.symbol, self.source)
    }
}

macro_rules! text_name {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().into()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_name!(Symbol);
text_name!(SourceName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbol_is_one_to_fifteen_of_upper_case_and_digits() {
        for text in ["B", "BTC", "1INCH", "ABCDEFGHIJKLMNO"] {
            assert_eq!(Symbol::new(text).unwrap().as_str(), text);
        }
        for text in ["", "btc", "BTC-USD", "ABCDEFGHIJKLMNOP", "BTÇ"] {
            assert!(Symbol::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn source_is_one_to_twenty_of_lower_case_digits_and_dash() {
        for text in ["binance", "a", "binance-usdm-2"] {
            assert_eq!(SourceName::new(text).unwrap().as_str(), text);
        }
        for text in ["", "Binance", "a_b", "abcdefghijklmnopqrstu"] {
            assert!(SourceName::new(text).is_err(), "{text}");
        }
    }
}
