//! Text of a venue as values. The parser calls itself for each level that it skips, so what nests
//! deeper than any answer is refused before it is read.

use serde::Deserialize;

use super::venue::BadBody;

/// Levels of the deepest answer of any venue, and some more.
pub(in crate::source) const DEPTH_MAX: usize = 32;
/// A shorter text cannot nest so deep that it matters.
const CHECKED_BYTES: usize = 4 * 1024;

/// Reads a frame; `None` where it is something else.
pub(super) fn frame<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    is_flat(text.as_bytes()).then(|| sonic_rs::from_str(text).ok())?
}

/// Reads the body of an answer.
///
/// # Errors
/// [`BadBody::Unreadable`].
pub(in crate::source) fn body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BadBody> {
    if !is_flat(body) {
        return Err(BadBody::Unreadable("it nests too deep".to_owned()));
    }
    sonic_rs::from_slice(body).map_err(|error| {
        let detail = error.to_string();
        BadBody::Unreadable(detail.lines().next().unwrap_or_default().to_owned())
    })
}

/// Whether a text nests no deeper than it may.
pub(in crate::source) fn is_flat(text: &[u8]) -> bool {
    if text.len() <= CHECKED_BYTES {
        return true;
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    text.iter().all(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth <= DEPTH_MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_without_end_is_refused_before_it_is_read() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(frame::<serde::de::IgnoredAny>(&deep).map(|_| ()), None);
        let refused = body::<serde::de::IgnoredAny>(deep.as_bytes()).map(|_| ());
        assert_eq!(refused, Err(BadBody::Unreadable("it nests too deep".to_owned())));
        let quoted = format!("{{\"a\":\"{}\"}}", "[".repeat(10_000));
        assert!(frame::<serde::de::IgnoredAny>(&quoted).is_some());
    }

    #[test]
    fn what_is_short_is_read_however_deep_it_nests() {
        let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
        assert!(frame::<serde::de::IgnoredAny>(&deep).is_some());
    }
}
