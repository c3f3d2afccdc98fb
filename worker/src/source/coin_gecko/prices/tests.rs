//! Recorded and damaged bodies to prices, omissions and errors.

use proptest::prelude::*;

use super::*;

/// One call for one coin, as CoinGecko's documentation records it.
const RECORDED: &str = r#"{"bitcoin":{"usd":76975,"usd_market_cap":1542226908349.8406,"usd_24h_vol":29096603418.89408,"usd_24h_change":-1.4093297098441402,"last_updated_at":1779092258}}"#;

fn ids(asked: &[&str]) -> Vec<String> {
    asked.iter().map(|id| (*id).to_owned()).collect()
}

fn answer(body: &str, asked: &[&str]) -> Answer {
    read(body.as_bytes(), &ids(asked)).unwrap()
}

fn error(body: &str) -> ReadError {
    read(body.as_bytes(), &ids(&["bitcoin", "ethereum"])).unwrap_err()
}

fn lack(coin: &str) -> Option<Lack> {
    let body = format!(r#"{{"bitcoin":{coin}}}"#);
    answer(&body, &["bitcoin"]).omissions.first().map(|omission| omission.lack)
}

fn price(id: &str, price: &str, last_updated_at: i64) -> Price {
    Price {
        id: id.to_owned(),
        price: price.into(),
        volume_24h: None,
        market_cap: None,
        price_change_24h: None,
        last_updated_at,
    }
}

#[test]
fn a_recorded_answer_gives_its_text_unchanged() {
    let read = answer(RECORDED, &["bitcoin"]);
    let expected = Price {
        volume_24h: Some("29096603418.89408".into()),
        market_cap: Some("1542226908349.8406".into()),
        price_change_24h: Some("-1.4093297098441402".into()),
        ..price("bitcoin", "76975", 1_779_092_258)
    };
    assert_eq!(read, Answer { prices: vec![expected], omissions: vec![] });
    assert_eq!(read.prices[0].event_time_ns(), 1_779_092_258_000_000_000);
}

#[test]
fn a_number_is_never_rewritten() {
    for text in [
        "1e-8",
        "1E+2",
        "0.00000001",
        "0.1",
        "0",
        "-0.0",
        "-3",
        "9007199254740993",
        "0.30000000000000004441",
        "123456789012345678901234567890.123456789012345678901234567890",
    ] {
        let body = format!("{{\"a\" : {{ \"usd\" : {text}\n, \"last_updated_at\":1 }} }}");
        assert_eq!(answer(&body, &["a"]).prices, [price("a", text, 1)]);
    }
}

#[test]
fn a_coin_without_price_or_time_is_named_with_what_it_lacks() {
    for (coin, expected) in [
        (r#"{"usd":1,"last_updated_at":2}"#, None),
        ("{}", Some(Lack::Price)),
        ("null", Some(Lack::Coin)),
        (r#"{"usd":null,"last_updated_at":2}"#, Some(Lack::Price)),
        (r#"{"eur":1,"last_updated_at":2}"#, Some(Lack::Price)),
        (r#"{"usd":1}"#, Some(Lack::Time)),
        (r#"{"usd":1,"last_updated_at":null}"#, Some(Lack::Time)),
        (r#"{"usd":1,"last_updated_at":1.5}"#, Some(Lack::WholeTime)),
        (r#"{"usd":1,"last_updated_at":1e9}"#, Some(Lack::WholeTime)),
        (r#"{"usd":1,"last_updated_at":0}"#, Some(Lack::WholeTime)),
        (r#"{"usd":1,"last_updated_at":-5}"#, Some(Lack::WholeTime)),
        (r#"{"usd":1,"last_updated_at":1779092258000}"#, Some(Lack::WholeTime)),
        (r#"{"usd":1,"last_updated_at":99999999999999999999}"#, Some(Lack::WholeTime)),
    ] {
        assert_eq!(lack(coin), expected, "{coin}");
    }
}

#[test]
fn ids_that_coingecko_leaves_out_are_named_in_the_order_asked() {
    let read = answer(RECORDED, &["matic-network", "bitcoin", "bitcoin", "no-such-coin"]);
    assert_eq!(read.prices.len(), 1);
    let named: Vec<_> = read.omissions.iter().map(|omission| omission.id.as_str()).collect();
    assert_eq!(named, ["matic-network", "no-such-coin"]);
    assert_eq!(answer("{}", &["bitcoin"]).omissions[0].lack, Lack::Coin);
    assert_eq!(answer("{}", &[]), Answer::default());
}

#[test]
fn null_figures_are_none_and_do_not_hide_the_price() {
    let body =
        r#"{"bitcoin":{"usd":1,"usd_market_cap":null,"usd_24h_vol":null,"last_updated_at":2}}"#;
    assert_eq!(answer(body, &["bitcoin"]).prices, [price("bitcoin", "1", 2)]);
}

#[test]
fn text_that_no_record_holds_is_not_taken() {
    let long = "1".repeat(TEXT_LENGTH_MAX + 1);
    assert_eq!(lack(&format!(r#"{{"usd":{long},"last_updated_at":2}}"#)), Some(Lack::ShortPrice));
    let body = format!(r#"{{"a":{{"usd":1,"usd_24h_vol":{long},"last_updated_at":2}}}}"#);
    assert_eq!(answer(&body, &["a"]).prices, [price("a", "1", 2)]);
}

#[test]
fn coins_that_were_not_asked_for_are_passed_over() {
    let body = r#"{"x":[1,{"y":2}],"a":{"usd":1,"new":{"z":[]},"last_updated_at":2},"b":7}"#;
    let read = answer(body, &["a"]);
    assert_eq!(read, Answer { prices: vec![price("a", "1", 2)], omissions: vec![] });
}

#[test]
fn an_id_may_be_written_with_escapes_and_be_named_status_or_error() {
    let body =
        r#"{"status":{"usd":0.02,"last_updated_at":2},"\u0065rror":{"usd":3,"last_updated_at":4}}"#;
    let read = answer(body, &["status", "error"]);
    assert_eq!(read.prices, [price("status", "0.02", 2), price("error", "3", 4)]);
}

#[test]
fn other_bodies_are_one_error_that_says_what_to_do() {
    let deep = format!(r#"{{"a":{}"#, "[".repeat(900_000));
    let huge = format!("{{{}}}", " ".repeat(BODY_BYTES_MAX));
    for (body, expected) in [
        (
            "",
            "the answer is not json from byte 0 on; it was cut off, or endpoints.rest is not coingecko's",
        ),
        (
            "<!DOCTYPE html><html>",
            "the answer is a page, not json; a proxy or firewall stands before coingecko, let this machine pass it",
        ),
        ("[]", "the answer is a list, not an object of prices; check endpoints.rest"),
        ("null", "the answer is null, not an object of prices; check endpoints.rest"),
        ("\"a\"", "the answer is a text, not an object of prices; check endpoints.rest"),
        (
            r#"{"bitcoin":76975}"#,
            "\"bitcoin\" is a number, not an object of numbers; check endpoints.rest",
        ),
        (
            r#"{"bitcoin":{"usd":"76975","last_updated_at":1}}"#,
            "\"usd\" of \"bitcoin\" is a text, not a number; check endpoints.rest",
        ),
        (
            r#"{"bitcoin":{"usd":1,"usd_24h_vol":true,"last_updated_at":1}}"#,
            "\"usd_24h_vol\" of \"bitcoin\" is true or false, not a number; check endpoints.rest",
        ),
        (
            r#"{"bitcoin":{"usd":1,"last_updated_at":"1"}}"#,
            "\"last_updated_at\" of \"bitcoin\" is a text, not a number; check endpoints.rest",
        ),
        (
            r#"{"bitcoin":{},"bitcoin":{}}"#,
            "the answer has \"bitcoin\" twice, so that neither counts; ask again",
        ),
        (
            r#"{"bitcoin":{"usd":1,"\u0075sd":2,"last_updated_at":1}}"#,
            "the answer has \"usd\" twice, so that neither counts; ask again",
        ),
        (
            r#"{"error":"coin not found"}"#,
            "coingecko answers \"coin not found\"; see docs.coingecko.com/docs/errors-and-rate-limits",
        ),
        (
            deep.as_str(),
            "the answer nests more than 32 deep; check that endpoints.rest is coingecko's",
        ),
        (
            huge.as_str(),
            "the answer has more than 1048576 bytes; check that endpoints.rest is coingecko's",
        ),
    ] {
        assert_eq!(error(body).to_string(), expected);
    }
}

#[test]
fn json_that_is_nearly_right_is_an_error() {
    for body in [
        "{",
        r#"{"bitcoin":{"usd":1,"last_updated_at":2}"#,
        r#"{"bitcoin":{"usd":1,"last_updated_at":2}}}"#,
        r#"{"bitcoin":{"usd":1,"last_updated_at":2}}{}"#,
        r#"{"bitcoin":{"usd":01,"last_updated_at":2}}"#,
        r#"{"bitcoin":{"usd":1.,"last_updated_at":2}}"#,
        r#"{"bitcoin":{"usd":.5,"last_updated_at":2}}"#,
        r#"{"bitcoin":{"usd":+1,"last_updated_at":2}}"#,
        r#"{"bitcoin":{"usd":1e,"last_updated_at":2}}"#,
        r#"{"bitcoin":{"usd":1.2.3,"last_updated_at":2}}"#,
        r#"{"bitcoin":{"usd":NaN,"last_updated_at":2}}"#,
        r#"{"bitcoin":{"usd":1,"last_updated_at":2,}}"#,
        r#"{'bitcoin':{"usd":1,"last_updated_at":2}}"#,
        "\u{feff}{}",
    ] {
        assert!(matches!(error(body), ReadError::ReadJson { .. }), "{body}");
    }
    let bytes = b"{\"bitcoin\":{\"usd\":1,\"x\":\"\xff\",\"last_updated_at\":2}}";
    assert_eq!(read(bytes, &[]), Err(ReadError::ReadJson { offset: 25 }));
}

#[test]
fn a_refusal_is_read_in_every_recorded_shape() {
    let limit =
        "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing";
    for (body, code, message) in [
        (format!(r#"{{"status":{{"error_code":429,"error_message":"{limit}"}}}}"#), Some(429), limit),
        (r#"{"error_code":10010,"status":{"error_message":"root"}}"#.into(), Some(10010), "root"),
        (r#"{"error_code":10011,"error_message":"root"}"#.into(), Some(10011), "root"),
        (r#"{"status":{"timestamp":"2026-05-17T01:39:44.892+00:00","error_code":"10002","error_message":"API Key Missing"}}"#.into(), Some(10002), "API Key Missing"),
        (r#"{"error":{"status":{"error_code":10012,"error_message":"past"}}}"#.into(), Some(10012), "past"),
        (r#"{"error":"Missing parameter vs_currencies"}"#.into(), None, "Missing parameter vs_currencies"),
        ("error code: 1020\n".into(), Some(1020), "error code: 1020"),
    ] {
        let expected = Refusal { code, message: message.to_owned() };
        assert_eq!(refusal(body.as_bytes()), Some(expected), "{body}");
    }
    for body in ["", "<html>1020</html>", "{}", "[]", RECORDED, r#"{"status":{"status":{"a":1}}}"#]
    {
        assert_eq!(refusal(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn a_refusal_with_status_200_carries_its_code() {
    let body = r#"{"status":{"error_code":429,"error_message":"slow\ndown"}}"#;
    let expected = ReadError::RefusePrices { code: Some(429), message: "slowdown".to_owned() };
    assert_eq!(error(body), expected);
    assert!(expected.to_string().contains("(code 429)"));
}

/// JSON numbers in all forms.
fn number_text() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?"
}

fn coin() -> impl Strategy<Value = (String, Option<String>, i64)> {
    (number_text(), proptest::option::of(number_text()), 1..4_000_000_000_i64)
}

/// A body of these coins, and what it should give.
fn body_of(coins: &[(String, Option<String>, i64)]) -> (String, Vec<String>, Answer) {
    let (mut coin_texts, mut asked, mut answer) = (vec![], vec![], Answer::default());
    for (index, (text, volume, time)) in coins.iter().enumerate() {
        let id = format!("coin-{index}");
        let sent = volume.as_deref().unwrap_or("null");
        coin_texts.push(format!(
            r#""{id}":{{"usd":{text},"usd_24h_vol":{sent},"last_updated_at":{time}}}"#
        ));
        if text.len() <= TEXT_LENGTH_MAX {
            let held = volume.as_deref().filter(|volume| volume.len() <= TEXT_LENGTH_MAX);
            answer
                .prices
                .push(Price { volume_24h: held.map(Box::from), ..price(&id, text, *time) });
        } else {
            answer.omissions.push(Omission { id: id.clone(), lack: Lack::ShortPrice });
        }
        asked.push(id);
    }
    (format!("{{{}}}", coin_texts.join(",")), asked, answer)
}

/// Every price stands in the body, with its coin and its time.
fn check_stands_in(body: &[u8], answer: &Answer) {
    let body = String::from_utf8_lossy(body);
    for price in &answer.prices {
        assert!(body.contains(&*price.price) && body.contains(&price.last_updated_at.to_string()));
        for figure in [&price.volume_24h, &price.market_cap, &price.price_change_24h] {
            assert!(figure.as_deref().is_none_or(|figure| body.contains(figure)));
        }
    }
}

proptest! {
    #[test]
    fn any_numbers_come_out_as_they_went_in(coins in prop::collection::vec(coin(), 0..6)) {
        let (body, asked, expected) = body_of(&coins);
        prop_assert_eq!(read(body.as_bytes(), &asked), Ok(expected));
    }

    #[test]
    fn a_body_cut_anywhere_gives_no_price(
        coins in prop::collection::vec(coin(), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let (body, asked, _) = body_of(&coins);
        prop_assert!(read(&body.as_bytes()[..cut.index(body.len())], &asked).is_err());
    }

    #[test]
    fn a_damaged_body_gives_an_error_or_what_stands_in_it(
        coins in prop::collection::vec(coin(), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (body, asked, _) = body_of(&coins);
        let mut bytes = body.into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(answer) = read(&bytes, &asked) {
            check_stands_in(&bytes, &answer);
            prop_assert_eq!(answer.prices.len() + answer.omissions.len(), asked.len());
        }
        prop_assert_eq!(refusal(&bytes), None);
    }

    #[test]
    fn random_bytes_never_give_a_price_that_is_not_in_them(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        json in "[\\[\\]{}:,\"a0-9.eE+ \\\\-]{0,80}",
    ) {
        for body in [bytes.as_slice(), json.as_bytes()] {
            if let Ok(answer) = read(body, &ids(&["a", "0"])) {
                check_stands_in(body, &answer);
            }
            prop_assert_eq!(refusal(body), None);
        }
    }
}
