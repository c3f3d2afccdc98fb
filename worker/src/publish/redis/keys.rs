//! Names of keys and Pub/Sub channels. Pure.

use market::symbol::Symbol;

/// All names of one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) prefix: String,
    /// `namespace/name` of the pipeline that has the prefix.
    pub(super) owner: String,
    /// All that is numbered, in order.
    pub(super) stream: String,
    /// The last number of each channel.
    pub(super) seq: String,
    /// What the last value of each channel is ordered by.
    pub(super) order: String,
    /// Pub/Sub of open bars.
    pub(super) live: String,
    /// Pub/Sub of the reference's candles.
    pub(super) updates: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        let name = |name: &str| format!("{prefix}:{name}");
        Self {
            prefix: prefix.to_owned(),
            owner: name("owner"),
            stream: name("stream"),
            seq: name("seq"),
            order: name("order"),
            live: name("live"),
            updates: name("updates"),
        }
    }

    /// The last value of a channel of candles.
    pub(super) fn latest(&self, channel: &str) -> String {
        format!("{}:{channel}:latest", self.prefix)
    }

    /// What the reference's API reads.
    pub(super) fn reference(&self, symbol: &Symbol) -> String {
        format!("{}:{symbol}:latest", self.prefix)
    }

    /// A pattern that every key of ours matches, and few others do.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::new();
        for letter in self.prefix.chars() {
            if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern + ":*"
    }

    /// Whether a key is one that we write, but for the owner's.
    pub(super) fn is_ours(&self, key: &str) -> bool {
        if [&self.stream, &self.seq, &self.order].into_iter().any(|name| name == key) {
            return true;
        }
        let name = key.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix(':'));
        let parts = name.and_then(|name| name.strip_suffix(":latest")).map(|channel| {
            let named = channel.split(':').all(|part| !part.is_empty());
            (channel.split(':').count(), named)
        });
        matches!(parts, Some((1 | 3, true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_other_prefixes_and_of_other_forms_are_not_ours() {
        let keys = Keys::new("a");
        for key in ["a:stream", "a:seq", "a:order", "a:BTC:latest", "a:BTC:binance:1m:latest"] {
            assert!(keys.is_ours(key), "{key}");
        }
        for key in [
            "a:owner",
            "ab:stream",
            "a.b:stream",
            "a:b:stream",
            "a:latest",
            "a::latest",
            "a:BTC:binance:latest",
            "a:BTC:binance:1m:x:latest",
            "a:BTC:latest:copy",
            "a",
        ] {
            assert!(!keys.is_ours(key), "{key}");
        }
        assert_eq!(Keys::new("a*[b]?\\").pattern(), "a\\*\\[b\\]\\?\\\\:*");
    }
}
