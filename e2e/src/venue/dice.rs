//! Seeded numbers: a function of their arguments, the same on every machine.

/// A well-mixed number for these words (the finaliser of splitmix64, word by word).
pub(super) fn roll(words: &[u64]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for word in words {
        state = state.wrapping_add(*word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    state
}

/// A number below `bound` (0 where the bound is 0).
pub(super) fn below(bound: u64, words: &[u64]) -> u64 {
    roll(words).checked_rem(bound).unwrap_or(0)
}

/// A span of nanoseconds below `bound_ns`.
pub(super) fn nanos_below(bound_ns: i64, words: &[u64]) -> i64 {
    let bound = u64::try_from(bound_ns).unwrap_or(0);
    i64::try_from(below(bound, words)).unwrap_or(0)
}

/// A word for a text.
pub(super) fn word(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
