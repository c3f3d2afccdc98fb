//! Runs of digits, eight bytes at a time.

/// Every byte of a word set to this one.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The number that the leading digits of the text make, and how many they are. No digits, or more
/// than 64 bits hold, are a length of 0.
#[inline(always)]
pub(crate) fn leading(text: &[u8]) -> (u64, usize) {
    let Some((chunk, rest)) = text.split_first_chunk() else {
        return one_by_one(0, text).unwrap_or_default();
    };
    let (value, length) = leading_of_eight(*chunk);
    if length < 8 { (value, length) } else { longer(value, rest).unwrap_or_default() }
}

/// Goes on after eight digits that make this number.
#[inline(always)]
fn longer(first: u64, text: &[u8]) -> Option<(u64, usize)> {
    let Some((chunk, rest)) = text.split_first_chunk() else {
        let (value, length) = one_by_one(first, text)?;
        return Some((value, 8 + length));
    };
    let (second, length) = leading_of_eight(*chunk);
    let value = first * POWERS_OF_TEN[length] + second;
    if length < 8 {
        return Some((value, 8 + length));
    }
    let (value, length) = one_by_one(value, rest)?;
    Some((value, 16 + length))
}

/// Goes on after a number; `None` beyond 64 bits.
#[inline(never)]
fn one_by_one(mut value: u64, text: &[u8]) -> Option<(u64, usize)> {
    for (length, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Some((value, length));
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some((value, text.len()))
}

/// The number of exactly so many digits, at most 19. A length that the compiler knows makes what
/// comes after it independent of the digits.
#[inline(always)]
pub(crate) fn exactly<const LENGTH: usize>(text: &[u8; LENGTH]) -> Option<u64> {
    const { assert!(LENGTH < 20, "64 bits hold 19 digits") };
    let (words, tail) = text.as_chunks();
    let mut value = 0;
    for word in words {
        let (part, length) = leading_of_eight(*word);
        value = value * POWERS_OF_TEN[8] + part;
        if length < 8 {
            return None;
        }
    }
    for byte in tail {
        let digit = byte.wrapping_sub(b'0');
        value = value * 10 + u64::from(digit);
        if digit > 9 {
            return None;
        }
    }
    Some(value)
}

const POWERS_OF_TEN: [u64; 9] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

#[inline(always)]
fn leading_of_eight(text: [u8; 8]) -> (u64, usize) {
    // The first character is the lowest byte. A digit becomes 0 to 9, anything else more.
    let digits = u64::from_le_bytes(text) ^ all(b'0');
    let others = (((digits & all(0x7f)) + all(0x80 - 10)) | digits) & all(0x80);
    let count = others.trailing_zeros() / 8;
    // Shifts the digits to the end of the word, with zeros in front of them.
    let digits = digits.checked_shl(64 - 8 * count).unwrap_or(0);
    // Neighbours are joined: eight digits, four numbers below 100, two below 10^4, one.
    let pairs = (digits.wrapping_mul((10 << 8) + 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul((100 << 16) + 1) >> 16) & 0x0000_ffff_0000_ffff;
    let value = fours.wrapping_mul((10_000 << 32) + 1) >> 32;
    (value, count as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn leading_digits_are_those_of_the_standard_parser(text in "[0-9]{0,22}[^0-9]?[0-9]{0,9}") {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            let expected = digits.parse().map_or((0, 0), |value| (value, digits.len()));
            prop_assert_eq!(leading(text.as_bytes()), expected);
        }

        #[test]
        fn a_fixed_length_reads_nothing_but_digits(digits in "[0-9]{19}", at in 0..25_usize, byte: u8) {
            let mut text = *digits.as_bytes().first_chunk::<19>().unwrap();
            if let Some(place) = text.get_mut(at) {
                *place = byte;
            }
            let expected = std::str::from_utf8(&text).ok().filter(|text| !text.contains('+'));
            prop_assert_eq!(exactly(&text), expected.and_then(|text| text.parse().ok()));
        }
    }

    #[test]
    fn no_byte_but_a_digit_counts_as_one() {
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
            for at in 0..8 {
                let mut text = *b"12345678";
                text[at] = byte;
                let expected = [0, 1, 12, 123, 1_234, 12_345, 123_456, 1_234_567][at];
                assert_eq!(leading(&text), (expected, at), "{byte} at {at}");
            }
        }
        assert_eq!(leading(b"18446744073709551615"), (u64::MAX, 20));
        assert_eq!(leading(b"18446744073709551616"), (0, 0));
    }
}
