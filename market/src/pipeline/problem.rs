use std::fmt;

/// One thing to put right in a document: where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Where: `spec.candles.intervals[2]`; empty when it is about the whole document.
    pub path: String,
    /// What is wrong and what to write instead, lower case, without a full stop.
    pub sentence: String,
}

impl Problem {
    /// A problem at a path.
    pub fn new(path: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { path: path.into(), sentence: sentence.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            formatter.write_str(&self.sentence)
        } else {
            write!(formatter, "{}: {}", self.path, self.sentence)
        }
    }
}

/// The path of a field: `spec.candles`, or `metadata.labels["a.b/c"]` for a key with more than
/// letters, digits, `-` and `_`.
pub(crate) fn field_path(path: &str, key: &str) -> String {
    let plain = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match (plain, path.is_empty()) {
        (true, true) => key.into(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key:?}]"),
    }
}

/// The path of an entry of a list: `spec.sources[0]`.
pub(crate) fn entry_path(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
