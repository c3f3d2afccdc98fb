//! Removing all that a pipeline wrote.

use super::PublishError;
use super::link::{RedisLink, RedisSettings};

/// Keys that one step looks at, and at most about so many that it removes.
const SCAN_KEYS: usize = 500;

/// Removes the keys of a prefix, which has to be ours, and nothing else; the owner's comes last.
/// Returns how many there were. Nothing may publish meanwhile. It may be called again.
///
/// # Errors
/// [`PublishError`]; what is left can be removed later.
pub async fn drop_keys(settings: &RedisSettings) -> Result<usize, PublishError> {
    let mut link = RedisLink::connect(settings).await?;
    let keys = settings.keys();
    let pattern = keys.pattern();
    let (mut cursor, mut removed) = (0_u64, 0);
    // What was there before anybody had the prefix is not ours.
    let mut scanned = link.is_first();
    while !scanned {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(SCAN_KEYS);
        let (next, mut found): (u64, Vec<String>) = link.call(&scan).await?;
        found.retain(|key| keys.is_ours(key));
        for chunk in found.chunks(SCAN_KEYS) {
            removed += link.call::<usize>(redis::cmd("UNLINK").arg(chunk)).await?;
        }
        cursor = next;
        scanned = cursor == 0;
    }
    link.call::<usize>(redis::cmd("UNLINK").arg(&keys.owner)).await?;
    Ok(removed)
}
