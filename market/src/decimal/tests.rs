//! Exact decimals against a big-decimal library.

use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode};
use proptest::prelude::*;

use super::*;

fn big(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap()
}

fn number() -> impl Strategy<Value = String> {
    ("-?", "[0-9]{1,20}", "[0-9]{0,15}").prop_map(|(sign, whole, fraction)| {
        if fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        }
    })
}

fn tick_number() -> impl Strategy<Value = String> {
    ("[0-9]{1,14}", "[0-9]{0,12}").prop_map(|(whole, fraction)| {
        if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") }
    })
}

proptest! {
    #[test]
    fn parses_and_prints_exactly_what_a_big_decimal_reads(text in number()) {
        let expected = big(&text);
        let decimals = expected.normalized().fractional_digit_count();
        match Decimal::parse(&text) {
            Ok(value) => {
                prop_assert_eq!(big(&value.to_string()), expected);
                prop_assert_eq!(Decimal::parse(&value.to_string()), Ok(value));
            }
            Err(error) => {
                prop_assert_eq!(error, DecimalError::TooManyDecimals);
                prop_assert!(decimals > 12);
            }
        }
    }

    #[test]
    fn notional_is_the_exact_product_or_a_refusal(price in tick_number(), size in tick_number()) {
        let product = big(&price) * big(&size);
        let decimals = product.normalized().fractional_digit_count();
        let result = Decimal::parse_tick(&price).unwrap().notional(Decimal::parse_tick(&size).unwrap());
        match result {
            Ok(notional) => prop_assert_eq!(big(&notional.to_string()), product),
            Err(DecimalError::TooManyDecimals) => prop_assert!(decimals > 18),
            Err(error) => {
                prop_assert_eq!(error, DecimalError::TooLarge);
                prop_assert!(product >= big("100000000000000000000"));
            }
        }
    }

    #[test]
    fn vwap_is_truncated_at_twelve_decimals(notional in 0_i128..10_i128.pow(38), volume in 1_i128..10_i128.pow(38)) {
        let notional = Notional::from_units(notional).unwrap();
        let volume = Decimal::from_units(volume).unwrap();
        let expected = (big(&notional.to_string()) / big(&volume.to_string()))
            .with_scale_round(12, RoundingMode::Down);
        match notional.per_volume(volume) {
            Some(vwap) => prop_assert_eq!(big(&vwap.to_string()), expected),
            None => prop_assert!(expected >= big("100000000000000000000000000")),
        }
    }

    #[test]
    fn quotes_round_half_to_even(text in "[0-9]{1,12}(\\.[0-9]{1,18})?([eE][+-]?[0-9])?") {
        let expected = big(&text).with_scale_round(12, RoundingMode::HalfEven);
        match Decimal::parse_rounded(&text) {
            Ok(value) => prop_assert_eq!(big(&value.to_string()), expected),
            Err(error) => {
                prop_assert_eq!(error, DecimalError::TooLarge);
                prop_assert!(expected >= big("100000000000000"));
            }
        }
    }

    #[test]
    fn any_text_parses_or_is_refused(text in "\\PC{0,30}") {
        let _ = Decimal::parse(&text);
        let _ = Decimal::parse_rounded(&text);
    }
}

#[test]
fn trailing_zeros_do_not_count_as_decimals() {
    assert_eq!(Decimal::parse("61685.99000000000000000").unwrap().to_string(), "61685.99");
    assert_eq!(Decimal::parse("0.0000000000001"), Err(DecimalError::TooManyDecimals));
}

#[test]
fn tick_numbers_are_below_ten_to_the_fourteen() {
    assert!(Decimal::parse_tick("99999999999999.999999999999").is_ok());
    assert_eq!(Decimal::parse_tick("100000000000000"), Err(DecimalError::TooLarge));
}

#[test]
fn text_that_is_no_number_is_refused() {
    for text in ["", "-", ".", "1.", ".5", "+1", "1e3", "0x10", "1,5", "NaN", "1.2.3", " 1", "--1"]
    {
        assert_eq!(Decimal::parse(text), Err(DecimalError::Parse), "{text}");
    }
}

#[test]
fn product_of_many_decimals_is_exact_where_it_has_at_most_eighteen() {
    let price = Decimal::parse("0.000000000002").unwrap();
    let size = Decimal::parse("0.500000").unwrap();
    assert_eq!(price.notional(size).unwrap().to_string(), "0.000000000001");
    let size = Decimal::parse("0.0000001").unwrap();
    assert_eq!(price.notional(size), Err(DecimalError::TooManyDecimals));
}

#[test]
fn json_is_text_and_exact() {
    let value = Decimal::parse("0.1").unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), "\"0.1\"");
    assert_eq!(serde_json::from_str::<Decimal>("\"0.1\"").unwrap(), value);
}
