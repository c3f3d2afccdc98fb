//! Where the next page begins, as an opaque text: the open time of the last candle, and a
//! fingerprint of the question, so that a cursor is never used with another one.

use crate::problem::Problem;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
const DIGITS: usize = 16;

/// A fingerprint of a question; the same in every version and process.
pub(super) fn fingerprint(question: &str) -> u64 {
    question.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
}

pub(super) fn encode(open_time_ms: i64, fingerprint: u64) -> String {
    format!("{open_time_ms:016x}{fingerprint:016x}")
}

/// The open time of the last candle of the page before.
pub(super) fn decode(text: &str, fingerprint: u64) -> Result<i64, Problem> {
    let halves = text.split_at_checked(DIGITS).filter(|_| text.len() == 2 * DIGITS);
    let parsed = halves.and_then(|(time, print)| {
        let time = u64::from_str_radix(time, 16).ok()?.cast_signed();
        Some((time, u64::from_str_radix(print, 16).ok()?))
    });
    match parsed {
        Some((time, print)) if print == fingerprint => Ok(time),
        Some(_) => Err(Problem::bad_request(
            "invalid-cursor",
            "this cursor belongs to another question; \
             keep every parameter but limit as it was, or leave the cursor out",
        )),
        None => {
            let detail = format!("cursor \"{text}\" is none of ours; leave it out to begin anew");
            Err(Problem::bad_request("invalid-cursor", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_comes_back_and_belongs_to_one_question() {
        for time in [0, 1_723_075_200_000, -60_000, i64::MIN, i64::MAX] {
            assert_eq!(decode(&encode(time, 7), 7), Ok(time));
            assert_eq!(decode(&encode(time, 7), 8).unwrap_err().code(), "invalid-cursor");
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in
            ["", "abc", "zz000000000000000000000000000007", "é000000000000000000000000000007"]
        {
            assert_eq!(decode(text, 7).unwrap_err().code(), "invalid-cursor", "{text}");
        }
    }
}
