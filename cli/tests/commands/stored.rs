//! Reading what a run has stored.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::harness::{binary, rows, write};
use crate::world::{DAY_MS, ask, data_dir, refused};

#[test]
fn candles_are_answered_as_csv_json_and_table_in_the_range_that_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = data_dir(dir.path());
    let data = data_dir.to_str().unwrap();
    let csv = ask(&["candles", "BTC", "--format", "csv", "--data-dir", data]);
    let all = rows(&csv.out);
    assert_eq!((csv.code, all.len()), (0, 12), "{csv:?}");
    assert!(csv.out.starts_with("symbol,source,interval,open_time_ms,close_time_ms,open,"));
    assert_eq!((&*all[1]["open"], &*all[1]["close"], &*all[1]["volume"]), ("103", "105", "1.5"));
    assert_eq!((&*all[1]["complete"], &*all[1]["sma_50"]), ("true", ""));
    assert_eq!(all[11]["closed"], "false");

    let (start, end) = (DAY_MS + 120_000, "2024-08-08T02:05:00+02:00");
    let start = start.to_string();
    let times = |arguments: &[&str]| -> Vec<i64> {
        let fixed = ["candles", "BTC", "--format", "csv", "--data-dir", data];
        let said = ask(&[&fixed[..], arguments].concat());
        assert_eq!(said.code, 0, "{said:?}");
        rows(&said.out)
            .iter()
            .map(|row| (row["open_time_ms"].parse::<i64>().unwrap() - DAY_MS) / 60_000)
            .collect()
    };
    assert_eq!(times(&["--start", &start, "--end", end]), [2, 3, 4]);
    assert_eq!(times(&["--limit", "2"]), [10, 11]);
    assert_eq!(times(&["--limit", "2", "--start", &start]), [2, 3]);
    assert_eq!(times(&["--limit", "2", "--end", end]), [3, 4]);

    let json = ask(&["candles", "BTC", "--format", "json", "--limit", "1", "--data-dir", data]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[0]["open_time_ms"], DAY_MS + 11 * 60_000);
    assert_eq!(json[0]["open"], "133");

    let table = ask(&["candles", "BTC", "--data-dir", data]);
    assert!(table.out.starts_with("BTC from venue, 1m candles, UTC\n"), "{table:?}");
    assert!(table.out.lines().all(|line| line.chars().count() <= 100), "{table:?}");
    assert!(table.out.trim_end().ends_with("open"), "{table:?}");
}

#[test]
fn reader_that_stops_early_ends_the_command_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    // Far more than a pipe holds.
    let source = "simulated: {startTime: \"2024-08-08T00:00:00Z\", prefill: 1h, ticks: 300000, \
                  ticksPerSecond: 1, symbols: [{symbol: BTC, instrument: BTCUSDT}]}";
    let data_dir = dir.path().join("data");
    crate::harness::run_until_end(&crate::harness::spec(dir.path(), source), &data_dir);
    let mut command = binary();
    command.args(["candles", "BTC", "--format", "csv", "--data-dir"]).arg(&data_dir);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("symbol,source,"));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &[][..]));
}

#[test]
fn names_and_times_that_are_wrong_are_told_with_the_right_ones() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = data_dir(dir.path());
    let data = data_dir.to_str().unwrap();
    let (nowhere, empty) = (dir.path().join("nowhere"), dir.path().to_str().unwrap());
    let nowhere = nowhere.to_str().unwrap();
    for (arguments, words) in [
        (&["candles", "DOGE", "--data-dir", data][..], "\"DOGE\" is not a symbol of this pipeline"),
        (&["candles", "DOGE", "--data-dir", data], "use one of BTC"),
        (&["candles", "BTC", "--source", "krake", "--data-dir", data], "is not a source of BTC"),
        (&["candles", "BTC", "--data-dir", nowhere], "does not exist"),
        (&["candles", "BTC", "--data-dir", empty], "is no data directory of a pipeline"),
        (&["candles", "BTC", "--interval", "7m"], "use one of 1m 3m 5m"),
        (&["candles", "BTC", "--start", "2024-08-08T00:00:00"], "RFC 3339 with a zone"),
        (&["candles", "BTC", "--start", "2", "--end", "1"], "swap them"),
        (&["candles", "BTC", "--limit", "0"], "0 is not in 1..="),
        (&["candles", "BTC", "--server", "localhost"], "is not an address"),
        (&["alerts", "DOGE", "--data-dir", data], "use one of BTC"),
        (&["alerts", "--data-dir", nowhere], "does not exist"),
        (&["alerts", "--type", "crash"], "price-drop"),
    ] {
        refused(arguments, 2, words);
    }
    refused(&["candles", "BTC", "--server", "http://127.0.0.1:1"], 1, "nothing answers at");
    let broken = dir.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    write(&broken.join("pipeline.db"), &"no database ".repeat(1_000));
    refused(&["candles", "BTC", "--data-dir", broken.to_str().unwrap()], 1, "store");
}

#[test]
fn alerts_are_filtered_and_counted_with_their_place_on_the_topic() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("BTCUSDT-trades-2024-08-08T0000.csv");
    // Up by 6 %, a minute later down by 50 %.
    let rows = [(1, "100", 0), (2, "106", 1_000), (3, "100", 60_000), (4, "50", 61_000)];
    let csv: String = rows
        .iter()
        .map(|(id, price, ms)| format!("{id},{price},1,{price},{},True,True\n", DAY_MS + ms))
        .collect();
    write(&file, &csv);
    let source = format!(
        "archive: {{path: {}, symbols: [{{symbol: BTC, instrument: BTCUSDT}}]}}",
        file.display()
    );
    let data_dir = dir.path().join("data");
    crate::harness::run_until_end(&crate::harness::spec(dir.path(), &source), &data_dir);
    let data = data_dir.to_str().unwrap();
    let shown = |arguments: &[&str]| {
        let said = ask(&[&["alerts", "--data-dir", data][..], arguments].concat());
        assert_eq!(said.code, 0, "{said:?}");
        (said.out.lines().map(str::to_owned).collect::<Vec<_>>(), said.err)
    };
    let (lines, count) = shown(&["BTC"]);
    assert_eq!((lines.len(), count.as_str()), (2, "2 alerts\n"), "{lines:?}");
    assert!(lines[0].contains("PRICE_SPIKE   LOW     100 → 106 +6.00 %"), "{lines:?}");
    assert!(lines[1].contains("PRICE_DROP    HIGH    100 → 50 -50.00 %"), "{lines:?}");
    assert!(lines[1].starts_with('[') && lines[1].contains(" @ "), "{lines:?}");
    let one = (vec![lines[1].clone()], "1 alert\n".to_owned());
    assert_eq!(shown(&["--type", "price-drop"]), one);
    assert_eq!(shown(&["--severity", "HIGH", "--from-beginning"]), one);
    assert_eq!(shown(&["--severity", "medium"]).1, "0 alerts\n");
}

#[test]
fn validate_counts_what_is_valid_and_tells_every_problem() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let demo = format!("{examples}/demo.yaml");
    let said = ask(&["validate", &demo]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with(&format!("{demo}: valid for a local run, 2 sources, ")));
    let cluster = format!("{examples}/cluster-full.yaml");
    let said = ask(&["validate", &cluster, "--target", "cluster"]);
    assert!(said.code == 0 && said.out.contains("valid for a cluster, "), "{said:?}");

    let dir = tempfile::tempdir().unwrap();
    let wrong = "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
                 metadata: {name: wrong}\nspec:\n  candles: {intervals: [1m, 7m]}\n  \
                 sources: [{name: a, simulated: {symbols: []}}]\n";
    let file = write(&dir.path().join("wrong.yaml"), wrong);
    let file = file.to_str().unwrap();
    refused(&["validate", file], 2, "spec.candles.intervals[1]: \"7m\" is not an interval");
    refused(&["validate", file], 2, "spec.sources[0].simulated.symbols");
    refused(&["validate", "no-such.yaml"], 2, "cannot read \"no-such.yaml\"");
    refused(&["validate", &demo, "--target", "cluster"], 2, "spec");
}

#[test]
fn shells_get_a_script_that_knows_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let said = ask(&["completions", shell]);
        assert_eq!(said.code, 0, "{said:?}");
        for name in ["run", "candles", "prove", "validate", "status", "tail", "alerts"] {
            assert!(said.out.contains(name), "{name} for {shell}");
        }
    }
    refused(&["completions", "tcsh"], 2, "bash");
}
