//! What is known of a coin: about what it costs, how it is written, how busy it is.

use super::super::dice::below;

/// One coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coin {
    /// The price about which it moves, in units of its last decimal.
    pub price_units: i64,
    pub price_decimals: u32,
    pub size_decimals: u32,
    /// How many ticks it gets beside others.
    pub weight: u64,
}

/// Currency, price in units, decimals of price and size, weight.
const COINS: [(&str, i64, u32, u32, u64); 20] = [
    ("BTC", 6_500_000, 2, 5, 8),
    ("ETH", 320_000, 2, 4, 6),
    ("SOL", 15_000, 2, 3, 4),
    ("BNB", 58_000, 2, 3, 2),
    ("XRP", 5_500, 4, 1, 3),
    ("ADA", 4_500, 4, 1, 2),
    ("DOGE", 12_000, 5, 0, 3),
    ("AVAX", 3_500, 2, 2, 1),
    ("DOT", 7_000, 3, 2, 1),
    ("LINK", 15_000, 3, 2, 2),
    ("LTC", 8_000, 2, 3, 1),
    ("TRX", 12_000, 5, 1, 1),
    ("SHIB", 1_800, 8, 0, 1),
    ("UNI", 8_000, 3, 2, 1),
    ("ATOM", 8_000, 3, 2, 1),
    ("XLM", 11_000, 5, 0, 1),
    ("NEAR", 5_000, 3, 1, 1),
    ("BCH", 40_000, 2, 3, 1),
    ("POL", 6_000, 4, 1, 1),
    ("MATIC", 6_000, 4, 1, 1),
];
/// A price step must stay small beside the price, so that no walk reaches zero.
const UNITS_MIN: u64 = 1_000;

impl Coin {
    /// A known coin, or one that the seed makes up: 0.1 to 1,000 a piece.
    pub(super) fn of(currency: &str, seed: u64) -> Self {
        let known = COINS.iter().find(|(name, ..)| *name == currency);
        if let Some((_, price_units, price_decimals, size_decimals, weight)) = known.copied() {
            return Self { price_units, price_decimals, size_decimals, weight };
        }
        let magnitude = 10_u64.pow(u32::try_from(below(4, &[seed, 0])).unwrap_or(0));
        let units = (UNITS_MIN + below(9 * UNITS_MIN, &[seed, 1])) * magnitude;
        Self {
            price_units: i64::try_from(units).unwrap_or(i64::MAX),
            price_decimals: 4,
            size_decimals: 2,
            weight: 1,
        }
    }
}
