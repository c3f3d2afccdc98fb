//! When a tick happens: a function of the listing's key and the tick's number.
//!
//! Time is cut into chunks of half an hour with the same number of ticks each. Some chunks have a
//! quiet spell of some minutes; what is left is cut into segments with the same number of ticks
//! but of different length, which makes bursts and lulls. Most ticks share the millisecond of the
//! one before, as executions of one taker order do: 64 of 100, as recorded of BTC.

use super::super::dice::{below, roll};

pub(super) const NANOS_PER_MILLI: i64 = 1_000_000;
/// The length of a chunk.
pub(super) const CHUNK_SECONDS: u64 = 1_800;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
const CHUNK_NS: u64 = CHUNK_SECONDS * NANOS_PER_SECOND;
const SEGMENTS: usize = 64;
const SEGMENTS_WORD: u64 = 64;
/// Segments are 1, 2, 4, 8, 16 or 32 long.
const LENGTHS: u64 = 6;

/// One chunk of so many has a quiet spell.
const QUIET_ONE_IN: u64 = 4;
const QUIET_NS_MIN: u64 = 120 * NANOS_PER_SECOND;
const QUIET_NS_MAX: u64 = 300 * NANOS_PER_SECOND;

/// Of 100 ticks that may share the time of the one before, so many do.
const SHARING_PERCENT: u64 = 68;
/// Every so many ticks one has a time of its own.
const SHARING_MAX: u64 = 16;

const TAG_QUIET: u64 = 11;
const TAG_LENGTH: u64 = 12;
const TAG_SHARING: u64 = 13;
const TAG_WITHIN: u64 = 14;

/// The times of one listing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    key: u64,
    /// Ticks of a chunk.
    per_chunk: u64,
}

/// How one chunk is cut.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    index: u64,
    /// Where each segment begins, and the last ends, without the quiet spell.
    bounds_ns: [u64; SEGMENTS + 1],
    quiet_from_ns: u64,
    quiet_ns: u64,
}

impl Schedule {
    pub(super) fn new(key: u64, per_chunk: u64) -> Self {
        Self { key, per_chunk: per_chunk.max(1) }
    }

    /// The chunk of tick `n`.
    pub(super) fn chunk_of(&self, n: u64) -> Chunk {
        let index = n / self.per_chunk;
        let (mut quiet_from_ns, mut quiet_ns) = (CHUNK_NS, 0);
        if roll(&[self.key, TAG_QUIET, index]).is_multiple_of(QUIET_ONE_IN) {
            let more = below(QUIET_NS_MAX - QUIET_NS_MIN, &[self.key, TAG_QUIET, index, 1]);
            quiet_ns = QUIET_NS_MIN + more;
            quiet_from_ns = below(CHUNK_NS - quiet_ns, &[self.key, TAG_QUIET, index, 2]);
        }
        let mut sums = [0; SEGMENTS + 1];
        let mut sum = 0;
        for (segment, end) in (0_u64..).zip(sums.iter_mut().skip(1)) {
            sum += 1 << below(LENGTHS, &[self.key, TAG_LENGTH, index, segment]);
            *end = sum;
        }
        let bounds_ns = sums.map(|part| scaled(CHUNK_NS - quiet_ns, part, sum));
        Chunk { index, bounds_ns, quiet_from_ns, quiet_ns }
    }

    /// Whether tick `n` is in this chunk.
    pub(super) fn holds(&self, chunk: &Chunk, n: u64) -> bool {
        n / self.per_chunk == chunk.index
    }

    /// The tick whose time tick `n` shares: the last one up to it with a time of its own.
    pub(super) fn leader(&self, n: u64) -> u64 {
        let mut leader = n;
        while !(leader % self.per_chunk).is_multiple_of(SHARING_MAX)
            && roll(&[self.key, TAG_SHARING, leader]) % 100 < SHARING_PERCENT
        {
            leader -= 1;
        }
        leader
    }

    /// The time of a leader since the origin, in whole milliseconds.
    pub(super) fn since_origin_ns(&self, leader: u64, chunk: &Chunk) -> i64 {
        let tick = leader % self.per_chunk;
        // The segment whose first tick is at or before this one.
        let segment = scaled(SEGMENTS_WORD, tick, self.per_chunk);
        let first = |segment: u64| scaled(self.per_chunk, segment, SEGMENTS_WORD);
        let segment = if first(segment + 1) <= tick { segment + 1 } else { segment };
        let (from, to) = (first(segment), first(segment + 1).min(self.per_chunk));
        let bound = |segment: u64| {
            let segment = usize::try_from(segment).unwrap_or(SEGMENTS).min(SEGMENTS);
            chunk.bounds_ns.get(segment).copied().unwrap_or(CHUNK_NS)
        };
        let spacing = bound(segment + 1).saturating_sub(bound(segment)) / (to - from).max(1);
        let within = below(spacing, &[self.key, TAG_WITHIN, leader]);
        let mut at_ns = bound(segment) + spacing * tick.saturating_sub(from) + within;
        if at_ns >= chunk.quiet_from_ns {
            at_ns += chunk.quiet_ns;
        }
        let since_ns = chunk.index.saturating_mul(CHUNK_NS).saturating_add(at_ns);
        let since_ns = i64::try_from(since_ns).unwrap_or(i64::MAX);
        since_ns - since_ns % NANOS_PER_MILLI
    }
}

/// `whole · part / of`, exactly.
fn scaled(whole: u64, part: u64, of: u64) -> u64 {
    let product = u128::from(whole) * u128::from(part) / u128::from(of.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}
