//! Seeded numbers: a function of their arguments, the same on every machine.

use std::time::Duration;

/// A share of one, in units of 1e-9.
const SHARE_ONE: u64 = 1_000_000_000;

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
    let product = u128::from(roll(words)) * u128::from(bound);
    u64::try_from(product >> 64).unwrap_or(0)
}

/// A word for a text.
pub(super) fn word(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A share from 0 to 1, exact to 1e-9; what is outside counts as 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share(u64);

impl Share {
    pub(super) fn new(share: f64) -> Self {
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        let units = Duration::try_from_secs_f64(share).unwrap_or_default().as_nanos();
        Self(u64::try_from(units).unwrap_or(SHARE_ONE))
    }

    /// Whether these words fall into the share.
    pub(super) fn holds(self, words: &[u64]) -> bool {
        below(SHARE_ONE, words) < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_is_the_same_everywhere_and_depends_on_every_word() {
        assert_eq!(roll(&[1, 2, 3]), roll(&[1, 2, 3]));
        let rolls = [roll(&[]), roll(&[0]), roll(&[0, 0]), roll(&[0, 1]), roll(&[1, 0])];
        for (index, one) in rolls.iter().enumerate() {
            assert!(!rolls[index + 1..].contains(one));
        }
    }

    #[test]
    fn a_share_holds_that_part_of_many() {
        for (share, least, most) in [(0.0, 0, 0), (0.25, 2_400, 2_600), (1.0, 10_000, 10_000)] {
            let held = (0..10_000).filter(|n| Share::new(share).holds(&[7, *n])).count();
            assert!((least..=most).contains(&held), "{share}: {held}");
        }
        assert_eq!(Share::new(f64::NAN), Share::new(0.0));
        assert_eq!(Share::new(2.0), Share::new(1.0));
    }
}
