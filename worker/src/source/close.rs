//! A close match for a misspelt name.

use std::cmp::Reverse;

/// A name shorter than this is no beginning of another.
const PREFIX_CHARS_MIN: usize = 3;
/// One letter in three may be wrong, at most so many.
const DISTANCE_MAX: usize = 3;

/// The known name that was probably meant: one that differs in case, separators or Kraken's
/// currency names alone (`XBT/USD` is `BTC-USD`), else by a few letters, else one that begins
/// with it or that it begins with. Of equals the first; `None` where nothing is near.
pub(super) fn closest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain_wanted = plain(wanted);
    known
        .filter_map(|name| Some((nearness(wanted, &plain_wanted, name)?, name)))
        .min_by_key(|(nearness, _)| *nearness)
        .map(|(_, name)| name)
}

/// How two names are alike, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Same,
    SameLetters,
    SameCurrencies,
    /// By so many letters, with so many more or fewer, after so many equal ones.
    Letters(usize, usize, Reverse<usize>),
    /// The known name goes on.
    Beginning,
    /// The wanted name goes on, after so many letters.
    End(Reverse<usize>),
}

fn nearness(wanted: &str, plain_wanted: &str, name: &str) -> Option<Nearness> {
    if name == wanted {
        return Some(Nearness::Same);
    }
    if name.eq_ignore_ascii_case(wanted) {
        return Some(Nearness::SameLetters);
    }
    let plain_name = plain(name);
    if plain_name == plain_wanted {
        return Some(Nearness::SameCurrencies);
    }
    by_letters(plain_wanted, &plain_name).or_else(|| by_beginning(plain_wanted, &plain_name))
}

fn by_letters(wanted: &str, name: &str) -> Option<Nearness> {
    let length = wanted.chars().count();
    let more = length.abs_diff(name.chars().count());
    let allowed = (length / 3).min(DISTANCE_MAX);
    // What differs more in length is not worth comparing.
    let distance = (more <= allowed).then(|| strsim::osa_distance(wanted, name))?;
    let equal = wanted.chars().zip(name.chars()).take_while(|(one, other)| one == other).count();
    (distance <= allowed).then_some(Nearness::Letters(distance, more, Reverse(equal)))
}

fn by_beginning(wanted: &str, name: &str) -> Option<Nearness> {
    let shorter = wanted.len().min(name.len());
    if shorter < PREFIX_CHARS_MIN {
        return None;
    }
    if name.starts_with(wanted) {
        return Some(Nearness::Beginning);
    }
    wanted.starts_with(name).then_some(Nearness::End(Reverse(name.len())))
}

/// Without case, separators and Kraken's own names of currencies.
fn plain(name: &str) -> String {
    let letters = name.to_ascii_uppercase().replace(['/', '-', '_', ' '], "");
    letters.replace("XBT", "BTC").replace("XDG", "DOGE")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINANCE: [&str; 7] =
        ["ETHBTC", "BTCUSDT", "ETHUSDT", "BTCUSDC", "DOGEUSDT", "BTCUSD", "1000SHIBUSDT"];
    const COINBASE: [&str; 4] = ["ETH-USD", "BTC-USD", "BTC-EUR", "SOL-USD"];
    const KRAKEN: [&str; 4] = ["XBT/USD", "ETH/USD", "BTC/USDT", "DOGE/USD"];
    const COINS: [&str; 6] = [
        "bitcoin",
        "bitcoin-cash",
        "ethereum",
        "matic-network",
        "polygon-ecosystem-token",
        "solana",
    ];

    fn check(known: &[&str], cases: &[(&str, Option<&str>)]) {
        for (wanted, expected) in cases {
            assert_eq!(closest(wanted, known.iter().copied()), *expected, "{wanted}");
        }
    }

    #[test]
    fn a_name_that_is_known_is_itself() {
        check(&BINANCE, &BINANCE.map(|name| (name, Some(name))));
    }

    #[test]
    fn case_separators_and_currency_names_come_before_letters() {
        check(&BINANCE, &[("btcusdt", Some("BTCUSDT")), ("BTC-USDT", Some("BTCUSDT"))]);
        check(&COINBASE, &[("XBT/USD", Some("BTC-USD")), ("btcusd", Some("BTC-USD"))]);
        check(&KRAKEN, &[("BTC/USD", Some("XBT/USD")), ("XDGUSD", Some("DOGE/USD"))]);
        check(&COINS, &[("Bitcoin", Some("bitcoin")), ("bitcoin cash", Some("bitcoin-cash"))]);
    }

    #[test]
    fn a_few_wrong_letters_find_the_name_first_listed() {
        check(
            &BINANCE,
            &[
                ("BTCUSDX", Some("BTCUSDT")),
                ("BCTUSDT", Some("BTCUSDT")),
                ("BTCUDST", Some("BTCUSDT")),
                ("ETHUSTD", Some("ETHUSDT")),
            ],
        );
        check(&COINS, &[("ethereun", Some("ethereum")), ("bitcon", Some("bitcoin"))]);
    }

    #[test]
    fn a_beginning_finds_what_goes_on_and_the_other_way_round() {
        check(&BINANCE, &[("DOGE", Some("DOGEUSDT")), ("BTCUSDTPERP", Some("BTCUSDT"))]);
        check(
            &COINS,
            &[("matic", Some("matic-network")), ("polygon", Some("polygon-ecosystem-token"))],
        );
    }

    #[test]
    fn what_is_far_from_all_finds_nothing() {
        check(&BINANCE, &[("", None), ("X", None), ("ZZZ", None), ("litecoin", None)]);
        check(&COINS, &[("é", None), ("dogecoin", None)]);
        check(&[], &[("BTCUSDT", None)]);
    }
}
