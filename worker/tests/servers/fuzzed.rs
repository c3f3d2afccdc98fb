//! Records of any bytes, through a running aggregator.

use std::collections::BTreeMap;

use market::tick::{Record, Tick, decode};
use proptest::prelude::Rng as _;
use proptest::test_runner::TestRng;
use rdkafka::message::Message as _;

use crate::load::{below, dice};
use crate::stage::{PARTITIONS, Stage, read_topic};

const TICKS: u32 = 2_000;
/// Records, unless `FUZZED` says another number.
const FUZZED: u64 = 50_000;
/// Records that are sent at a time.
const PAGE: u64 = 10_000;
/// A mangled tick may happen so much sooner or later: it would close too many windows else.
const HOURS_MAX_NS: i64 = 6 * 3_600_000_000_000;
/// What stands in the place of a number.
const NUMBERS: [&str; 8] =
    ["0", "-1", "1e309", "99999999999999999999999999", "0.0000000000001", "null", "\"\"", "[]"];
/// Reasons that decoding does not give.
const OF_THE_ENGINE: [&str; 7] =
    ["schema", "space", "range", "event_time", "future", "late", "conflict"];

type Sent = (Vec<u8>, Vec<u8>);

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// An index into something that is not empty.
fn index(dice: &mut TestRng, length: usize) -> usize {
    usize::try_from(below(dice, u64::try_from(length).unwrap())).unwrap()
}

/// Bytes as no producer would send them, most of the time.
fn mangled(dice: &mut TestRng, value: &[u8], other: &[u8]) -> Vec<u8> {
    let at = index(dice, value.len());
    let (head, tail) = value.split_at(at);
    match below(dice, 9) {
        0 => [head, &[dice.next_u32().to_le_bytes()[0]], &tail[1..]].concat(),
        1 => head.to_vec(),
        2 => [head, &dice.next_u64().to_le_bytes(), tail].concat(),
        3 => [head, &tail[index(dice, tail.len())..]].concat(),
        4 => [head, &other[index(dice, other.len())..]].concat(),
        5 => {
            let number = NUMBERS[index(dice, NUMBERS.len())].as_bytes();
            let from = tail.iter().position(u8::is_ascii_digit).unwrap_or(0);
            let digits = tail[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            [head, &tail[..from], number, &tail[from + digits..]].concat()
        }
        6 => (0..at).map(|_| dice.next_u32().to_le_bytes()[0]).collect(),
        7 => [value, b" ".repeat(8_192).as_slice()].concat(),
        _ => b"[".repeat(at * 8),
    }
}

/// Whether a record, should it be one after all, is too far away in time, or vouches for anything.
fn reaches_far(value: &[u8], near_ns: i64) -> bool {
    match decode(value) {
        Ok(Record::Mark(_)) => true,
        Ok(Record::Tick(Tick::Trade(trade))) => {
            (trade.event_time_ns - near_ns).abs() > HOURS_MAX_NS
        }
        Ok(Record::Tick(Tick::Quote(quote))) => {
            (quote.event_time_ns - near_ns).abs() > HOURS_MAX_NS
        }
        Err(_) => false,
    }
}

fn event_ns(value: &[u8]) -> Option<i64> {
    match decode(value) {
        Ok(Record::Tick(Tick::Trade(trade))) => Some(trade.event_time_ns),
        Ok(_) | Err(_) => None,
    }
}

/// Every record that cannot be read, and why.
fn unreadable(stage: &Stage) -> (BTreeMap<(i32, i64), String>, BTreeMap<i32, i64>) {
    let (mut bad, mut ends) = (BTreeMap::new(), BTreeMap::new());
    read_topic(&stage.servers.kafka.brokers, &stage.names.ticks, PARTITIONS, |record| {
        let at = (record.partition(), record.offset());
        if let Err(unreadable) = decode(record.payload().unwrap_or_default()) {
            bad.insert(at, unreadable.error.reason().as_str().to_owned());
        }
        ends.insert(at.0, at.1 + 1);
    });
    (bad, ends)
}

#[tokio::test(flavor = "multi_thread")]
async fn mangled_records_are_dead_letters_with_their_reason_and_stop_nothing() {
    let stage = Stage::new("fuzzed", TICKS).await;
    let tape = format!("{}-tape", stage.names.ticks);
    stage.create_topic(&tape, PARTITIONS);
    stage.produce(&tape).await;
    let mut records: Vec<Sent> = Vec::new();
    read_topic(&stage.servers.kafka.brokers, &tape, PARTITIONS, |record| {
        let [key, value] = [record.key(), record.payload()].map(Option::unwrap_or_default);
        records.push((key.to_vec(), value.to_vec()));
    });
    let aggregators = [stage.aggregator(), stage.aggregator()];
    let (mut dice, mut left) = (dice(11), from_environment("FUZZED").unwrap_or(FUZZED));
    while left > 0 {
        let page = (0..left.min(PAGE)).map(|_| {
            let (key, value) = &records[index(&mut dice, records.len())];
            let (_, other) = &records[index(&mut dice, records.len())];
            let bytes = mangled(&mut dice, value, other);
            let near_ns = event_ns(value).filter(|near_ns| !reaches_far(&bytes, *near_ns));
            (key.clone(), if near_ns.is_some() { bytes } else { value.clone() })
        });
        stage.send(page).await;
        left -= left.min(PAGE);
    }
    let (bad, ends) = unreadable(&stage);
    stage.folded(&ends);
    for aggregator in aggregators {
        aggregator.stop();
    }
    let letters = stage.dead_letters();
    for (at, reason) in &bad {
        assert_eq!(letters.get(at), Some(reason), "{at:?}");
    }
    assert!(bad.len() > 1_000, "only {} records are bad", bad.len());
    for (at, reason) in letters.iter().filter(|(at, _)| !bad.contains_key(*at)) {
        assert!(OF_THE_ENGINE.contains(&reason.as_str()), "{at:?} is a dead letter: {reason}");
    }
}
