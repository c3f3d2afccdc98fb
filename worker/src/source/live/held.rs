use std::sync::atomic::{AtomicUsize, Ordering};

use crate::source::SourceTrade;

/// Bytes of trades that all series of the process hold back together.
const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a map keeps beside an entry.
const ENTRY_BYTES: usize = 32;

/// How many bytes are held back.
#[derive(Debug, Default)]
pub(in crate::source) struct HeldBytes(AtomicUsize);

impl HeldBytes {
    /// What a trade takes.
    pub(super) fn of(trade: &SourceTrade) -> usize {
        size_of::<SourceTrade>() + ENTRY_BYTES + trade.price.len() + trade.size.len()
    }

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.0.load(Ordering::Relaxed).saturating_add(bytes) <= HELD_BYTES_MAX
    }

    pub(super) fn take(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}
