//! Which producer has which instrument: rendezvous hashing. Pure.

use std::fmt;
use std::str::FromStr;

/// One producer of several: `i/n`, from `0/n` to `n-1/n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// Why a text names no shard.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{text}\" is no shard; write i/n with i from 0 to n - 1, such as 0/1 or 2/3")]
pub struct ShardError {
    text: String,
}

impl Shard {
    /// The only one.
    pub const ALL: Self = Self { index: 0, count: 1 };

    /// Which one, from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Of how many.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Whether this producer has the instrument. Each has exactly one owner, and one more
    /// producer takes its share of them from the others, who exchange none.
    #[must_use]
    pub fn owns(self, source: &str, instrument: &str) -> bool {
        let weight = |shard: u32| weight(source, instrument, shard);
        // The lower index wins a tie.
        let own = weight(self.index);
        (0..self.index).all(|other| weight(other) < own)
            && (self.index + 1..self.count).all(|other| weight(other) <= own)
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('/').and_then(|(index, count)| {
            Some(Self { index: index.parse().ok()?, count: count.parse().ok()? })
        });
        parsed
            .filter(|shard| shard.index < shard.count)
            .ok_or_else(|| ShardError { text: text.to_owned() })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

/// How much a shard wants an instrument. Never changes: producers of two versions must agree.
fn weight(source: &str, instrument: &str, shard: u32) -> u64 {
    // FNV-1a, then the finalizer of MurmurHash3, whose output bits depend on all input bits.
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = source.bytes().chain([b'/']).chain(instrument.bytes()).chain([b'/']);
    let hash = bytes
        .chain(shard.to_le_bytes())
        .fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owners(source: &str, instrument: &str, count: u32) -> Vec<u32> {
        (0..count).filter(|index| Shard { index: *index, count }.owns(source, instrument)).collect()
    }

    proptest! {
        #[test]
        fn each_instrument_has_exactly_one_owner(
            source in "[a-z0-9-]{1,20}", instrument in "[A-Z/_-]{1,20}", count in 1..40_u32,
        ) {
            prop_assert_eq!(owners(&source, &instrument, count).len(), 1);
        }

        #[test]
        fn one_more_producer_takes_from_the_others_and_moves_nothing_else(
            source in "[a-z0-9-]{1,20}", instrument in "[A-Z/_-]{1,20}", count in 1..40_u32,
        ) {
            let (before, after) =
                (owners(&source, &instrument, count), owners(&source, &instrument, count + 1));
            prop_assert!(before == after || after == [count]);
        }
    }

    #[test]
    fn one_more_producer_takes_about_its_share() {
        const INSTRUMENTS: usize = 4_000;
        let instruments: Vec<_> = (0..INSTRUMENTS).map(|n| format!("COIN{n}USDT")).collect();
        for count in [1, 2, 3, 7] {
            let taken =
                instruments.iter().filter(|name| owners("binance", name, count + 1) == [count]);
            let (taken, share) = (taken.count(), INSTRUMENTS / (count as usize + 1));
            assert!(taken.abs_diff(share) < share / 5, "{taken} of about {share}");
        }
    }

    /// Producers of two versions must agree.
    #[test]
    fn owners_never_change() {
        let all = [("binance", "BTCUSDT"), ("binance", "ETHUSDT"), ("kraken", "BTC/USD")];
        let found = all.map(|(source, instrument)| owners(source, instrument, 5)[0]);
        assert_eq!(found, [2, 4, 0]);
    }

    #[test]
    fn a_shard_is_written_as_i_of_n() {
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
        assert_eq!("0/1".parse(), Ok(Shard::ALL));
        for text in ["", "1", "1/1", "3/2", "-1/2", "a/b", "0/0", "1/2/3"] {
            assert!(text.parse::<Shard>().unwrap_err().to_string().contains("i/n"), "{text}");
        }
    }
}
