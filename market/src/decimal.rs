//! Exact decimals: fixed-point `i128`, checked, no float anywhere.
//!
//! [`Decimal`] holds prices, sizes and sums of sizes at 1e-12; [`Notional`] holds Σ price · size
//! at 1e-18. Printing drops trailing zeros and loses nothing.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Runs of digits, eight bytes at a time.
pub(crate) mod digits;
/// Text to units.
mod parse;

use parse::{check_all_digits, parse_digits, parse_short, round_at};

/// Prices, sizes and sums of sizes: units of 1e-12.
pub type Decimal = Fixed<12>;
/// Σ price · size: units of 1e-18.
pub type Notional = Fixed<18>;

/// A tick's price or size is below 10^14.
pub const TICK_BOUND: Decimal = Fixed(10_i128.pow(26));
/// Σ size is below 10^26.
pub const VOLUME_BOUND: Decimal = Fixed(10_i128.pow(38));
/// Σ price · size is below 10^20.
pub const NOTIONAL_BOUND: Notional = Fixed(10_i128.pow(38));

/// Any value is smaller than this many units, so that a sum of two never overflows silently.
const UNITS_BOUND: i128 = 10_i128.pow(38);
const EXPONENT_MAX: i64 = 400;

/// Why a text is not one of our decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not `[-]digits[.digits]`.
    #[error("is not a decimal number")]
    Parse,
    /// More decimals than the type holds, trailing zeros aside.
    #[error("has more decimals than can be kept exactly")]
    TooManyDecimals,
    /// Too large.
    #[error("is too large")]
    TooLarge,
}

/// A decimal number of `SCALE` decimals, exact.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Fixed<const SCALE: u32>(i128);

impl<const SCALE: u32> Fixed<SCALE> {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// How many units make one.
    pub const ONE_UNITS: i128 = 10_i128.pow(SCALE);

    /// The number of 10^-SCALE units.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// A decimal of so many 10^-SCALE units, or `None` where it is not below 10^38.
    #[must_use]
    pub const fn from_units(units: i128) -> Option<Self> {
        if units > -UNITS_BOUND && units < UNITS_BOUND { Some(Self(units)) } else { None }
    }

    /// Reads `[-]digits[.digits]`. Trailing zeros do not count as decimals.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is no such number or cannot be held exactly.
    #[inline]
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let units = match parse_short(digits, SCALE) {
            Some(units) => units,
            None => parse_digits(digits, SCALE)?,
        };
        let units = i128::try_from(units).map_err(|_| DecimalError::TooLarge)?;
        Self::from_units(if negative { -units } else { units }).ok_or(DecimalError::TooLarge)
    }

    /// The sum, or `None` where it is not below 10^38 units.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Self::from_units(units),
            None => None,
        }
    }

    /// The difference, or `None` where it is not below 10^38 units.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Self::from_units(units),
            None => None,
        }
    }
}

impl Decimal {
    /// Reads a tick's price or size: exact, and below 10^14.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is no such number.
    #[inline]
    pub fn parse_tick(text: &str) -> Result<Self, DecimalError> {
        let value = Self::parse(text)?;
        if value < TICK_BOUND && value.0 > -TICK_BOUND.0 {
            Ok(value)
        } else {
            Err(DecimalError::TooLarge)
        }
    }

    /// Reads a quote's price: exponents allowed, rounded half to even at 12 decimals, below 10^14.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is no number or too large.
    pub fn parse_rounded(text: &str) -> Result<Self, DecimalError> {
        let (negative, unsigned) =
            text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => {
                let exponent = unsigned[at + 1..].trim_start_matches('+');
                let exponent: i64 = exponent.parse().map_err(|_| DecimalError::Parse)?;
                (&unsigned[..at], exponent)
            }
            None => (unsigned, 0),
        };
        if !(-EXPONENT_MAX..=EXPONENT_MAX).contains(&exponent) {
            return Err(DecimalError::TooLarge);
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let has_fraction = mantissa.contains('.');
        let well_formed = !whole.is_empty() && (!has_fraction || !fraction.is_empty());
        if !well_formed {
            return Err(DecimalError::Parse);
        }
        let digits = [whole.as_bytes(), fraction.as_bytes()].concat();
        check_all_digits(&digits)?;
        let point = i64::try_from(whole.len()).map_err(|_| DecimalError::TooLarge)? + exponent;
        let units = round_at(&digits, point + 12)?;
        let units = i128::try_from(units).map_err(|_| DecimalError::TooLarge)?;
        if units >= TICK_BOUND.0 {
            return Err(DecimalError::TooLarge);
        }
        Ok(Self(if negative { -units } else { units }))
    }

    /// The exact product: price · size.
    ///
    /// # Errors
    /// [`DecimalError::TooManyDecimals`] beyond 18 decimals, [`DecimalError::TooLarge`] from 10^20 on.
    pub fn notional(self, size: Self) -> Result<Notional, DecimalError> {
        // Six of the 24 decimals of the product have to be zeros. Most prices have no more than
        // six decimals, so that they can be taken from the price before multiplying.
        if let (Ok(price), Ok(size)) = (u64::try_from(self.0), u64::try_from(size.0))
            && price % 1_000_000 == 0
        {
            let units = i128::from(price / 1_000_000) * i128::from(size);
            return Notional::from_units(units).ok_or(DecimalError::TooLarge);
        }
        wide_notional(self.0, size.0)
    }
}

/// The product of any two decimals: takes the six superfluous factors of ten out of both first.
fn wide_notional(price: i128, size: i128) -> Result<Notional, DecimalError> {
    let negative = (price < 0) != (size < 0);
    let (mut price, mut size) = (price.unsigned_abs(), size.unsigned_abs());
    if price == 0 || size == 0 {
        return Ok(Notional::ZERO);
    }
    for factor in [2, 5] {
        for _ in 0..6 {
            if price % factor == 0 {
                price /= factor;
            } else if size % factor == 0 {
                size /= factor;
            } else {
                return Err(DecimalError::TooManyDecimals);
            }
        }
    }
    let units = price.checked_mul(size).ok_or(DecimalError::TooLarge)?;
    let units = i128::try_from(units).map_err(|_| DecimalError::TooLarge)?;
    Notional::from_units(if negative { -units } else { units }).ok_or(DecimalError::TooLarge)
}

impl Notional {
    /// `self / volume`, truncated at 12 decimals; `None` where volume is not above zero.
    #[must_use]
    pub fn per_volume(self, volume: Decimal) -> Option<Decimal> {
        let divisor = u128::try_from(volume.0).ok().filter(|divisor| *divisor > 0)?;
        let dividend = self.0.unsigned_abs();
        let whole = (dividend / divisor).checked_mul(1_000_000)?;
        let units = i128::try_from(whole + scaled_quotient(dividend % divisor, divisor)).ok()?;
        Decimal::from_units(if self.0 < 0 { -units } else { units })
    }
}

/// `remainder · 10^6 / divisor` in long binary division, since the product may pass 128 bits.
/// `remainder < divisor < 10^38`, so that doubling never overflows.
fn scaled_quotient(remainder: u128, divisor: u128) -> u128 {
    let (mut quotient, mut rest) = (0_u128, 0_u128);
    for bit in (0..20).rev() {
        quotient *= 2;
        rest *= 2;
        if rest >= divisor {
            rest -= divisor;
            quotient += 1;
        }
        if (1_000_000_u128 >> bit) & 1 == 1 {
            rest += remainder;
            if rest >= divisor {
                rest -= divisor;
                quotient += 1;
            }
        }
    }
    quotient
}

impl<const SCALE: u32> fmt::Display for Fixed<SCALE> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let one = Self::ONE_UNITS.unsigned_abs();
        let (whole, mut fraction) = (units / one, units % one);
        if self.0 < 0 {
            formatter.write_str("-")?;
        }
        write!(formatter, "{whole}")?;
        if fraction == 0 {
            return Ok(());
        }
        let mut width = SCALE as usize;
        while fraction % 10 == 0 {
            fraction /= 10;
            width -= 1;
        }
        write!(formatter, ".{fraction:0width$}")
    }
}

impl<const SCALE: u32> fmt::Debug for Fixed<SCALE> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<const SCALE: u32> std::str::FromStr for Fixed<SCALE> {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text)
    }
}

/// Text for people and JSON, units for compact binary forms.
impl<const SCALE: u32> Serialize for Fixed<SCALE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de, const SCALE: u32> Deserialize<'de> for Fixed<SCALE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            Self::parse(&text).map_err(|error| de::Error::custom(format!("\"{text}\" {error}")))
        } else {
            let units = i128::deserialize(deserializer)?;
            Self::from_units(units).ok_or_else(|| de::Error::custom(DecimalError::TooLarge))
        }
    }
}

#[cfg(test)]
mod tests;
