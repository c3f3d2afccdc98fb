//! Text to units, exactly or rounded.

use super::{DecimalError, digits};

/// Reads `digits[.digits]` where both parts fit 64 bits, as nearly always; `None` for all others,
/// good or bad.
pub(super) fn parse_short(text: &[u8], scale: u32) -> Option<u128> {
    let (whole, length) = digits::leading(text);
    if length == 0 {
        return None;
    }
    let one = 10_u64.checked_pow(scale)?;
    let units = u128::from(whole) * u128::from(one);
    let [b'.', rest @ ..] = &text[length..] else {
        return (length == text.len()).then_some(units);
    };
    let (fraction, decimals) = digits::leading(rest);
    if decimals == 0 || decimals < rest.len() {
        return None;
    }
    let unused = scale.checked_sub(u32::try_from(decimals).ok()?)?;
    Some(units + u128::from(fraction * 10_u64.pow(unused)))
}

/// Reads `digits[.digits]` as a number of 10^-scale units.
pub(super) fn parse_digits(text: &[u8], scale: u32) -> Result<u128, DecimalError> {
    let mut units: u128 = 0;
    let mut index = 0;
    while let Some(digit) = digit_at(text, index) {
        units = push_digit(units, digit)?;
        index += 1;
    }
    if index == 0 {
        return Err(DecimalError::Parse);
    }
    let mut decimals = 0;
    if index < text.len() {
        if text[index] != b'.' || index + 1 == text.len() {
            return Err(DecimalError::Parse);
        }
        for position in index + 1..text.len() {
            let digit = digit_at(text, position).ok_or(DecimalError::Parse)?;
            if decimals < scale {
                units = push_digit(units, digit)?;
                decimals += 1;
            } else if digit != 0 {
                check_all_digits(&text[position..])?;
                return Err(DecimalError::TooManyDecimals);
            }
        }
    }
    units.checked_mul(10_u128.pow(scale - decimals)).ok_or(DecimalError::TooLarge)
}

fn digit_at(text: &[u8], index: usize) -> Option<u8> {
    text.get(index).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)
}

fn push_digit(units: u128, digit: u8) -> Result<u128, DecimalError> {
    // The common case stays in 64 bits, where a multiplication is one instruction.
    if let Ok(small) = u64::try_from(units)
        && small < u64::MAX / 10 - 1
    {
        return Ok(u128::from(small * 10 + u64::from(digit)));
    }
    units
        .checked_mul(10)
        .and_then(|units| units.checked_add(u128::from(digit)))
        .ok_or(DecimalError::TooLarge)
}

pub(super) fn check_all_digits(text: &[u8]) -> Result<(), DecimalError> {
    if text.iter().all(u8::is_ascii_digit) { Ok(()) } else { Err(DecimalError::Parse) }
}

/// Rounds the digits before position `keep` half to even; beyond the digits there are zeros.
pub(super) fn round_at(digits: &[u8], keep: i64) -> Result<u128, DecimalError> {
    let Ok(keep) = usize::try_from(keep) else {
        return Ok(0);
    };
    let mut units = 0;
    for index in 0..keep {
        match digits.get(index) {
            Some(digit) => units = push_digit(units, digit - b'0')?,
            None if units == 0 => break,
            None => units = push_digit(units, 0)?,
        }
    }
    let rest = digits.get(keep..).unwrap_or_default();
    let above_half = match rest {
        [] => false,
        [b'5', tail @ ..] => tail.iter().any(|digit| *digit != b'0') || units % 2 == 1,
        [first, ..] => *first > b'5',
    };
    Ok(units + u128::from(above_half))
}
