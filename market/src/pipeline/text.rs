//! Every pattern stands in the schema for Kubernetes, and in [`FORMS`] as a function and a
//! sentence for people. No regular expressions are run here.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::symbol::{SourceName, Symbol};

pub(super) const PREFIX: &str = "^[a-z]([a-z0-9.-]*[a-z0-9])?$";
pub(super) const DURATION: &str = "^[0-9]+(ms|s|m|h)$";
pub(super) const SYMBOL: &str = "^[A-Z0-9]{1,15}$";
pub(super) const SOURCE: &str = "^[a-z0-9-]{1,20}$";
pub(super) const DNS_LABEL: &str = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$";
pub(super) const SCHEMA: &str = "^[a-z_][a-z0-9_]*$";
pub(super) const DIGEST: &str = "^sha256:[0-9a-f]{64}$";
pub(super) const TOPIC: &str = "^[a-zA-Z0-9._-]+$";
pub(super) const INSTRUMENT: &str = "^[a-zA-Z0-9._/-]+$";

/// The longest text of a duration: no number of so few digits overflows, whatever the unit.
const DURATION_LENGTH_MAX: usize = 12;

/// A pattern of the schema, for people.
pub(super) struct Form {
    /// As the schema has it.
    pub(super) pattern: &'static str,
    /// Whether a text has the form.
    pub(super) holds: fn(&str) -> bool,
    /// What a text that has it not is not, and what to write.
    pub(super) sentence: &'static str,
}

/// Every pattern of the schema.
pub(super) const FORMS: [Form; 9] = [
    Form {
        pattern: PREFIX,
        holds: is_prefix,
        sentence: "a prefix; begin with a-z, go on with a-z, 0-9, . and -, end with a-z or 0-9",
    },
    Form {
        pattern: DURATION,
        holds: |text| text.parse::<Duration>().is_ok(),
        sentence: "a duration; use a whole number and ms, s, m or h, such as 60s",
    },
    Form {
        pattern: SYMBOL,
        holds: |text| Symbol::new(text).is_ok(),
        sentence: "a symbol; use 1 to 15 of A-Z and 0-9, such as BTC",
    },
    Form {
        pattern: SOURCE,
        holds: |text| SourceName::new(text).is_ok(),
        sentence: "a source name; use 1 to 20 of a-z, 0-9 and -, such as binance",
    },
    Form {
        pattern: DNS_LABEL,
        holds: is_dns_label,
        sentence: "a name; use a-z, 0-9 and -, with a letter or digit at both ends, such as majors",
    },
    Form {
        pattern: SCHEMA,
        holds: |text| {
            text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
                && of(text, |byte| lower_or_digit(byte) || byte == b'_')
        },
        sentence: "a schema; begin with a-z or _, go on with a-z, 0-9 and _",
    },
    Form {
        pattern: DIGEST,
        holds: |text| {
            text.strip_prefix("sha256:").is_some_and(|digits| {
                digits.len() == 64 && of(digits, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            })
        },
        sentence: "a digest; use sha256: and 64 hexadecimal digits",
    },
    Form {
        pattern: TOPIC,
        holds: |text| of(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')),
        sentence: "a topic; use a-z, A-Z, 0-9, . _ and -",
    },
    Form {
        pattern: INSTRUMENT,
        holds: |text| {
            of(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'))
        },
        sentence: "an instrument; use a-z, A-Z, 0-9, . _ / and -, such as BTCUSDT",
    },
];

/// Whether a text is a prefix, its length aside.
#[must_use]
pub fn is_prefix(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit())
        && of(text, |byte| lower_or_digit(byte) || matches!(byte, b'.' | b'-'))
}

/// Whether a text is a DNS label, its length aside.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(end)
        && text.ends_with(end)
        && of(text, |byte| lower_or_digit(byte) || byte == b'-')
}

fn of(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

fn lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Whether a text holds a URL with a password.
pub(crate) fn has_password(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("://") {
        let authority = after.split(['/', '?', '#', ' ']).next().unwrap_or(after);
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        if user.and_then(|user| user.split_once(':')).is_some_and(|(_, word)| !word.is_empty()) {
            return true;
        }
        if ["?password=", "&password="].iter().any(|query| after.contains(query)) {
            return true;
        }
        rest = after;
    }
    false
}

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a duration; use a whole number and ms, s, m or h, such as 60s")]
pub struct DurationError {
    /// What was given.
    pub text: String,
}

/// A span of time as the user wrote it: `500ms`, `60s`, `5m`, `168h`. At most 12 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    text: String,
    millis: i64,
}

impl Duration {
    /// So many seconds, written in seconds.
    #[must_use]
    pub fn from_secs(seconds: u32) -> Self {
        Self { text: format!("{seconds}s"), millis: i64::from(seconds) * 1_000 }
    }

    /// So many hours, written in hours.
    #[must_use]
    pub fn from_hours(hours: u32) -> Self {
        Self { text: format!("{hours}h"), millis: i64::from(hours) * 3_600_000 }
    }

    /// Its length in milliseconds, never negative.
    #[must_use]
    pub const fn as_millis(&self) -> i64 {
        self.millis
    }

    /// Its length as the standard library has it.
    #[must_use]
    pub const fn as_std(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.millis.unsigned_abs())
    }

    /// As the user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let millis = (text.len() <= DURATION_LENGTH_MAX)
            .then(|| {
                let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
                let unit_ms = match unit {
                    "ms" => 1,
                    "s" => 1_000,
                    "m" => 60_000,
                    "h" => 3_600_000,
                    _ => return None,
                };
                digits.parse::<i64>().ok()?.checked_mul(unit_ms)
            })
            .flatten();
        match millis {
            Some(millis) => Ok(Self { text: text.into(), millis }),
            None => Err(DurationError { text: text.into() }),
        }
    }
}

impl TryFrom<String> for Duration {
    type Error = DurationError;

    fn try_from(text: String) -> Result<Self, DurationError> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.text
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

macro_rules! text_schema {
    ($type:ty, $name:literal, $pattern:expr, $length_max:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "maxLength": $length_max})
            }
        }
    };
}

text_schema!(Duration, "Duration", DURATION, DURATION_LENGTH_MAX);
text_schema!(Symbol, "Symbol", SYMBOL, crate::symbol::SYMBOL_LENGTH_MAX);
text_schema!(SourceName, "SourceName", SOURCE, crate::symbol::SOURCE_LENGTH_MAX);
