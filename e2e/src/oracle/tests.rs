//! What the rules say of a few records, so that the oracle is not believed blindly.

use serde_json::{Value, json};

use super::*;

const MINUTE_NS: i64 = 60_000_000_000;

struct Tape {
    oracle: Oracle,
    offset: i64,
}

impl Tape {
    fn new() -> Self {
        let rules = Rules {
            series: vec![("BTC".into(), "demo".into())],
            intervals: vec![Interval::M1, Interval::M5],
            allowed_lateness_ns: MINUTE_NS,
            price_change_basis_points: 500,
            z_score: 4.0,
            volume_burst: 5.0,
        };
        let mut tape = Self { oracle: Oracle::new(rules), offset: 0 };
        tape.send(json!({
            "kind": "mark", "mark": "start", "epoch": 1, "venue": "v", "instrument": "i",
            "space": "t", "from_ns": 0, "next_id": 1,
        }));
        tape
    }

    fn send(&mut self, mut record: Value) {
        for (name, value) in
            [("schema", json!(2)), ("symbol", json!("BTC")), ("source", json!("demo"))]
        {
            record[name] = value;
        }
        self.oracle.read(0, self.offset, record.to_string().as_bytes());
        self.offset += 1;
    }

    fn trade(&mut self, id: u64, second: i64, price: &str) {
        self.send(json!({
            "kind": "trade", "trade_id": id, "message_id": format!("v:i:t:{id}"), "side": "buy",
            "price": price, "size": "0.5", "event_time_ns": second * 1_000_000_000,
        }));
    }

    fn live(&mut self, next_id: u64, second: i64) {
        self.send(json!({
            "kind": "mark", "mark": "live", "epoch": 1, "next_id": next_id,
            "complete_to_ns": second * 1_000_000_000,
        }));
    }

    /// Close price, complete and revision of each minute.
    fn minutes(self) -> Vec<(Option<String>, bool, u32)> {
        let candles = self.oracle.expected().candles.into_values();
        let minutes = candles.filter(|candle| candle.interval == Interval::M1);
        minutes
            .map(|minute| {
                (minute.close.map(|close| close.to_string()), minute.complete, minute.revision)
            })
            .collect()
    }
}

fn close(price: &str) -> Option<String> {
    Some(price.to_owned())
}

#[test]
fn a_trade_within_lateness_is_one_revision_of_its_minute_and_of_the_flat_one_after_it() {
    let mut tape = Tape::new();
    tape.trade(1, 10, "100");
    tape.trade(3, 120, "102");
    tape.trade(2, 50, "101");
    let expected = [(close("101"), true, 1), (close("101"), true, 1)];
    assert_eq!(tape.minutes(), expected);
}

#[test]
fn a_hole_makes_the_minutes_that_it_touches_incomplete_and_hides_the_price_of_a_flat_one() {
    let mut tape = Tape::new();
    tape.trade(1, 10, "100");
    tape.live(3, 130);
    tape.live(3, 190);
    let expected = [(close("100"), false, 0), (None, false, 0), (None, false, 0)];
    assert_eq!(tape.minutes(), expected);
}

#[test]
fn a_trade_too_late_is_a_dead_letter_and_its_repeat_a_duplicate() {
    let mut tape = Tape::new();
    tape.trade(1, 10, "100");
    tape.trade(3, 130, "102");
    tape.trade(2, 20, "101");
    tape.trade(2, 20, "101");
    tape.trade(3, 130, "102");
    assert_eq!(tape.oracle.expected.dead_letters, BTreeMap::from([((0, 3), "late")]));
    assert_eq!(tape.minutes(), [(close("100"), false, 0), (None, false, 0)]);
}

#[test]
fn a_bad_price_loses_the_id_until_the_right_record_comes() {
    let mut tape = Tape::new();
    tape.trade(1, 10, "100");
    tape.trade(2, 20, "0");
    tape.live(3, 60);
    tape.trade(2, 20, "101");
    assert_eq!(tape.oracle.expected.dead_letters, BTreeMap::from([((0, 2), "price")]));
    assert_eq!(tape.minutes(), [(close("101"), true, 1)]);
}

#[test]
fn a_jump_of_five_percent_within_a_minute_raises_one_alert() {
    let mut tape = Tape::new();
    for (id, price) in [(1, "100"), (2, "104.99"), (3, "105"), (4, "106")] {
        tape.trade(id, i64::try_from(id).unwrap(), price);
    }
    let expected = BTreeSet::from(["BTC:demo:price_change:up:1m:0".to_owned()]);
    assert_eq!(tape.oracle.expected.alerts, expected);
}

#[test]
fn a_wrong_time_of_the_trade_before_does_not_undo_what_was_vouched_for() {
    let mut ids = ids::Ids::default();
    ids.happened(1, 100);
    ids.expect(1);
    ids.fold(1);
    ids.vouch(2, 200);
    ids.happened(2, 10);
    ids.lose(2, 10, 10);
    ids.happened(4, 300);
    ids.expect(4);
    assert_eq!((ids.missing[&3].from_ns, ids.missing[&3].to_ns), (200, 300));
}
