//! States that another build has stored: gone on from, or refused with a sentence.
//!
//! `stored/version-2.csv` is what a member had in its tables in the middle of the tape. Before the
//! form of a state changes, run the first test with `WRITE_STORED=stored/version-N.csv`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use rdkafka::message::Message as _;

use crate::stage::{Backend, Candles, PARTITIONS, Stage, assert_same, read_topic};

const TICKS: u32 = 2_000;
const VERSION_2: &str = include_str!("stored/version-2.csv");

/// Keys and values of one partition, in order.
type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// The records of the pipeline's source, by partition.
async fn tape(stage: &Stage) -> BTreeMap<i32, Records> {
    let name = format!("{}-tape", stage.names.ticks);
    stage.create_topic(&name, PARTITIONS);
    stage.produce(&name).await;
    let mut tape = BTreeMap::<i32, Records>::new();
    read_topic(&stage.servers.kafka.brokers, &name, PARTITIONS, |record| {
        let [key, value] = [record.key(), record.payload()].map(Option::unwrap_or_default);
        tape.entry(record.partition()).or_default().push((key.to_vec(), value.to_vec()));
    });
    tape
}

async fn send(stage: &Stage, tape: &BTreeMap<i32, Records>) {
    for records in tape.values() {
        stage.send(records.iter().cloned()).await;
    }
}

/// Folds the first half of each partition and writes down what is stored then.
async fn write(stage: &Stage, tape: &BTreeMap<i32, Records>, path: &Path) {
    let half = tape.iter().map(|(of, records)| (*of, records[..records.len() / 2].to_vec()));
    send(stage, &half.collect()).await;
    let aggregator = stage.aggregator();
    stage.folded(&stage.expected().ends);
    aggregator.stop();
    let mut text = String::new();
    let states = "SELECT symbol, source, version, born_gen, encode(state, 'hex') FROM series_state \
                  JOIN series USING (series_id) ORDER BY symbol";
    for row in stage.psql(states).lines() {
        writeln!(text, "state|{row}").unwrap();
    }
    let folded = "SELECT partition, next_offset FROM partition WHERE next_offset > 0 ORDER BY 1";
    for row in stage.psql(folded).lines() {
        writeln!(text, "partition|{row}").unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// Puts into the tables what another build had stored.
fn put(stage: &Stage, example: &str) {
    // It makes the rows that the example fills.
    let aggregator = stage.aggregator();
    stage.until_psql("SELECT count(*) = 12 FROM partition");
    aggregator.stop();
    for line in example.lines() {
        match *line.split('|').collect::<Vec<_>>() {
            ["state", symbol, source, version, born_gen, state] => stage.psql(&format!(
                "INSERT INTO series_state (series_id, version, born_gen, state) SELECT series_id, \
                 {version}, {born_gen}, decode('{state}', 'hex') FROM series \
                 WHERE symbol = '{symbol}' AND source = '{source}'"
            )),
            ["partition", partition, next_offset] => stage.psql(&format!(
                "UPDATE partition SET next_offset = {next_offset}, commit_seq = 1, \
                 published_seq = 1 WHERE partition = {partition}"
            )),
            _ => panic!("not a line of an example: {line}"),
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_build_stored_is_gone_on_from_as_if_nothing_had_happened() {
    let stage = Stage::on(Backend::shared(), "stored", TICKS).await;
    let tape = tape(&stage).await;
    if let Ok(path) = std::env::var("WRITE_STORED") {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers");
        write(&stage, &tape, &folder.join(path)).await;
        return;
    }
    put(&stage, VERSION_2);
    send(&stage, &tape).await;
    let aggregator = stage.aggregator();
    let expected = stage.expected();
    stage.folded(&expected.ends);
    aggregator.stop();
    // The example has no candles: those that were closed before it are not written again.
    let stored = stage.stored();
    let again = expected.candles.iter().filter(|(key, _)| stored.contains_key(*key));
    let again: Candles = again.map(|(key, candle)| (key.clone(), candle.clone())).collect();
    assert_same("stored", &stored, &again);
    let share = (stored.len(), expected.candles.len());
    assert!(share.0 * 3 > share.1 && share.0 < share.1, "{share:?}: the second half is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_build_stored_is_refused_with_a_sentence() {
    let stage = Stage::on(Backend::shared(), "newer", TICKS).await;
    put(&stage, VERSION_2);
    stage.produce(&stage.names.ticks).await;
    stage.psql("UPDATE series_state SET version = 3");
    let (code, log) = stage.aggregator().ended(Duration::from_secs(30));
    assert_eq!(code, Some(3), "{log}");
    assert!(
        log.contains("was written by a newer version (state 3, this version reads up"),
        "{log}"
    );
}
