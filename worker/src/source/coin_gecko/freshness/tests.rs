//! Answers to changes.

use proptest::prelude::*;

use super::super::prices::{Omission, read};
use super::*;

const BTC: &str = "bitcoin";
const MATIC: &str = "matic-network";
const T: i64 = 1_779_092_258;

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

fn answer(prices: &[Price]) -> Answer {
    Answer { prices: prices.to_vec(), omissions: vec![] }
}

fn lacking(id: &str, lack: Lack) -> Answer {
    Answer { prices: vec![], omissions: vec![Omission { id: id.to_owned(), lack }] }
}

fn down(id: &str, miss: Miss) -> Change {
    Change::Down(Outage { id: id.to_owned(), miss })
}

fn up(id: &str) -> Change {
    Change::Up { id: id.to_owned() }
}

fn of(id: &str) -> Freshness {
    Freshness::new([id.to_owned()])
}

/// What one coin's price at that second and of that time changes.
fn poll(freshness: &mut Freshness, text: &str, last_updated_at: i64) -> Vec<Change> {
    let now_ns = (T + 30) * 1_000_000_000;
    freshness.publish(answer(&[price(BTC, text, last_updated_at)]), now_ns)
}

#[test]
fn a_price_is_published_only_when_its_time_advances() {
    let mut freshness = of(BTC);
    assert_eq!(poll(&mut freshness, "100", T), [up(BTC), Change::Quote(price(BTC, "100", T))]);
    assert_eq!(poll(&mut freshness, "100", T), []);
    assert_eq!(poll(&mut freshness, "100.0", T), []);
    assert_eq!(poll(&mut freshness, "99", T - 60), []);
    assert_eq!(poll(&mut freshness, "100", T + 1), [Change::Quote(price(BTC, "100", T + 1))]);
    let expected = Counts { published: 2, unchanged: 2, older: 1, ..Counts::default() };
    assert_eq!(freshness.counts(), expected);
}

#[test]
fn of_two_prices_of_one_time_the_first_stands_and_the_second_is_counted() {
    let mut freshness = of(BTC);
    assert_eq!(poll(&mut freshness, "100", T).len(), 2);
    assert_eq!(poll(&mut freshness, "101", T), []);
    assert_eq!(poll(&mut freshness, "101", T), []);
    assert_eq!(poll(&mut freshness, "1e2", T), []);
    let counts = freshness.counts();
    assert_eq!((counts.conflicts, counts.unchanged, counts.published), (2, 1, 1));
}

#[test]
fn a_coin_that_vanishes_for_three_answers_is_down_and_comes_back_up() {
    let mut freshness = of(MATIC);
    let first = price(MATIC, "0.38", T);
    assert_eq!(freshness.publish(answer(&[first]), T * 1_000_000_000).len(), 2);
    let now_ns = (T + 900) * 1_000_000_000;
    let absent = || lacking(MATIC, Lack::Coin);
    assert_eq!(freshness.publish(absent(), now_ns), []);
    assert_eq!(freshness.publish(absent(), now_ns), []);
    assert_eq!(freshness.publish(absent(), now_ns), [down(MATIC, Miss::Gone)]);
    assert_eq!(freshness.publish(absent(), now_ns), []);
    let outage = Outage { id: MATIC.to_owned(), miss: Miss::Gone };
    assert_eq!(
        outage.to_string(),
        "coingecko no longer answers for \"matic-network\"; look for its new id"
    );
    let back = price(MATIC, "0.39", T + 880);
    let changes = freshness.publish(answer(std::slice::from_ref(&back)), now_ns);
    assert_eq!(changes, [up(MATIC), Change::Quote(back)]);
    assert_eq!(freshness.counts().absent, 4);
}

#[test]
fn two_misses_and_an_answer_begin_the_count_anew() {
    let mut freshness = of(BTC);
    assert_eq!(poll(&mut freshness, "100", T).len(), 2);
    for _ in 0..5 {
        for _ in 0..2 {
            assert_eq!(freshness.publish(lacking(BTC, Lack::Coin), 0), []);
        }
        // Answered for, though without news.
        assert_eq!(poll(&mut freshness, "100", T), []);
    }
}

#[test]
fn a_coin_that_was_never_answered_for_is_down_at_once() {
    let mut freshness = of("bitcon");
    let changes = freshness.publish(lacking("bitcon", Lack::Coin), 0);
    assert_eq!(changes, [down("bitcon", Miss::Unknown)]);
    // An answer that does not name the coin at all says as much.
    assert_eq!(of(BTC).publish(Answer::default(), 0), [down(BTC, Miss::Unknown)]);
    // One that an earlier process published is known.
    let mut freshness = of(BTC);
    freshness.go_on(BTC, T);
    assert_eq!(freshness.publish(lacking(BTC, Lack::Coin), 0), []);
}

#[test]
fn what_a_record_cannot_hold_is_skipped_counted_and_down_after_three() {
    for text in ["0", "-0.0", "-1", "0e5", "1e-13", "1e14", "1e999"] {
        let mut freshness = of(BTC);
        assert_eq!(poll(&mut freshness, text, T), [], "{text}");
        assert_eq!(poll(&mut freshness, text, T + 1), [], "{text}");
        assert_eq!(poll(&mut freshness, text, T + 2), [down(BTC, Miss::Unfit)], "{text}");
        assert_eq!(freshness.counts().unfit, 3, "{text}");
        // It hides nothing: a good price of an earlier time is news.
        assert_eq!(poll(&mut freshness, "1e-12", T).len(), 2, "{text}");
    }
    for (lack, miss) in [
        (Lack::Price, Miss::Incomplete),
        (Lack::Time, Miss::Incomplete),
        (Lack::WholeTime, Miss::Incomplete),
        (Lack::ShortPrice, Miss::Unfit),
    ] {
        let mut freshness = of(BTC);
        let changes: Vec<_> =
            (0..4).flat_map(|_| freshness.publish(lacking(BTC, lack), 0)).collect();
        assert_eq!(changes, [down(BTC, miss)]);
        assert_eq!(freshness.counts().incomplete + freshness.counts().unfit, 4);
    }
}

#[test]
fn a_price_from_the_future_hides_no_later_one() {
    let mut freshness = of(BTC);
    assert_eq!(poll(&mut freshness, "100", T + 91), []);
    assert_eq!(freshness.counts().ahead, 1);
    assert_eq!(poll(&mut freshness, "100", T + 90).len(), 2);
    let mut freshness = of(BTC);
    let changes: Vec<_> = (0..3).flat_map(|_| poll(&mut freshness, "1", T + 99)).collect();
    assert_eq!(changes, [down(BTC, Miss::Ahead)]);
}

#[test]
fn a_restart_goes_on_after_what_was_published() {
    let mut freshness = of(BTC);
    freshness.go_on(BTC, T);
    freshness.go_on("other", T);
    assert_eq!(poll(&mut freshness, "100", T), [up(BTC)]);
    assert_eq!(poll(&mut freshness, "101", T), []);
    assert_eq!(poll(&mut freshness, "101", T + 1).len(), 1);
    assert_eq!(freshness.counts().conflicts, 0);
}

#[test]
fn a_coins_changes_do_not_depend_on_the_others() {
    let ids = [BTC.to_owned(), MATIC.to_owned()];
    let body = br#"{"bitcoin":{"usd":76975,"last_updated_at":1779092258}}"#;
    let mut freshness = Freshness::new(ids.clone());
    let changes = freshness.publish(read(body, &ids).unwrap(), T * 1_000_000_000);
    let quote = Change::Quote(price(BTC, "76975", T));
    assert_eq!(changes, [up(BTC), quote, down(MATIC, Miss::Unknown)]);
}

#[test]
fn every_reason_fits_a_state_mark() {
    for miss in [Miss::Unknown, Miss::Gone, Miss::Incomplete, Miss::Unfit, Miss::Ahead] {
        let text = miss.to_string();
        assert!(text.len() <= market::tick::TEXT_LENGTH_MAX, "{text}");
        assert!(Outage { id: BTC.to_owned(), miss }.to_string().contains("\"bitcoin\""));
    }
}

proptest! {
    #[test]
    fn published_times_only_grow_and_every_answer_is_counted_once(
        polls in prop::collection::vec((0..6_u8, T..T + 200, 0..3_u32), 0..200),
    ) {
        let mut freshness = of(BTC);
        let (mut newest, mut is_up, mut published) = (i64::MIN, None, 0);
        for (kind, time, text) in &polls {
            let answer = match kind {
                0 => lacking(BTC, Lack::Coin),
                1 => lacking(BTC, Lack::Price),
                _ => answer(&[price(BTC, &text.to_string(), *time)]),
            };
            for change in freshness.publish(answer, (T + 100) * 1_000_000_000) {
                match change {
                    Change::Quote(quote) => {
                        prop_assert!(is_up == Some(true) && quote.last_updated_at > newest);
                        newest = quote.last_updated_at;
                        published += 1;
                    }
                    Change::Up { .. } => prop_assert_ne!(is_up.replace(true), Some(true)),
                    Change::Down(_) => prop_assert_ne!(is_up.replace(false), Some(false)),
                }
            }
        }
        let counts = freshness.counts();
        prop_assert_eq!(counts.published, published);
        let passed_over = counts.unchanged + counts.conflicts + counts.older;
        let missed = counts.absent + counts.incomplete + counts.unfit + counts.ahead;
        let all = published + passed_over + missed;
        prop_assert_eq!(all, polls.len() as u64);
    }
}
