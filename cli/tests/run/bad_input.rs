//! Every bad input is one clear sentence and the right exit code, and nothing is lost by it.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use worker::topic::{Producer, ProducerSettings};

use crate::harness::{Running, binary, candles_text, get, rows, run, spec, text, wait_for, write};

/// The command ends with this code and says all of this.
fn check(command: &mut Command, code: i32, sentences: &[&str]) {
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for sentence in sentences {
        assert!(said.contains(sentence), "\"{sentence}\" is not in: {said}");
    }
}

fn archive(dir: &Path, path: &Path) -> std::path::PathBuf {
    let symbols = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
    spec(dir, &format!("archive: {{path: \"{}\", {symbols}}}", path.display()))
}

/// Ten minutes of trades, one each second.
fn trades() -> String {
    let row = |id: u64| {
        let time_ms = 1_723_075_200_000 + id * 1_000;
        format!("{id},100.5,0.{:03},0,{time_ms},True,True\n", id % 999 + 1)
    };
    (1..=600).map(row).collect()
}

#[test]
fn an_invalid_spec_says_path_and_remedy_for_each_problem() {
    let dir = TempDir::new().unwrap();
    let yaml = "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\nmetadata: {name: t}\n\
        spec: {sources: [{name: a, simulated: {symbols: [{symbol: BTC, instrument: X}]}}], \
        candles: {intervals: [1m, 5m, 7m]}, storge: {}}\n";
    let path = write(&dir.path().join("bad.yaml"), yaml);
    let sentences =
        ["spec.candles.intervals[2]: \"7m\" is not an interval; use one of 1m 3m", "storge"];
    check(&mut run(&path, dir.path()), 2, &sentences);
    check(&mut run(Path::new("nowhere.yaml"), dir.path()), 2, &["nowhere.yaml"]);
}

#[test]
fn a_missing_archive_says_which() {
    let dir = TempDir::new().unwrap();
    let spec = archive(dir.path(), &dir.path().join("BTCUSDT-trades-2024-08-08.zip"));
    check(&mut run(&spec, dir.path()), 2, &["BTCUSDT-trades-2024-08-08.zip"]);
}

#[test]
fn a_venue_that_this_version_cannot_read_is_refused_with_those_that_it_can() {
    let dir = TempDir::new().unwrap();
    let symbols = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
    let spec = spec(dir.path(), &format!("binanceUsdm: {{{symbols}}}"));
    check(&mut run(&spec, dir.path()), 2, &["binanceUsdm", "coinbase", "archive"]);
}

#[test]
fn a_truncated_zip_loses_nothing_that_stands_before_the_damage() {
    let dir = TempDir::new().unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options: zip::write::SimpleFileOptions = Default::default();
    zip.start_file("BTCUSDT-trades-part.csv", options).unwrap();
    zip.write_all(trades().as_bytes()).unwrap();
    let whole = zip.finish().unwrap().into_inner();
    let path = dir.path().join("BTCUSDT-trades-part.zip");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let spec = archive(dir.path(), &path);
    check(run(&spec, dir.path()).arg("--until-end"), 1, &["BTCUSDT-trades-part.zip"]);
    let candles = rows(&candles_text(dir.path(), "BTC", "1m"));
    assert!(candles.len() > 1, "what stood before the damage was folded");
    assert!(candles[1..candles.len() - 1].iter().all(|row| row["complete"] == "true"));
}

#[test]
fn a_port_in_use_says_which_flag_chooses_another() {
    let dir = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    for (flag, listen, admin) in
        [("--listen", &*address, free), ("--admin-listen", free, &*address)]
    {
        let mut command = binary();
        command.args(["run", "--listen", listen, "--admin-listen", admin, "--data-dir"]);
        check(command.arg(dir.path()), 1, &[&address, flag]);
    }
}

#[test]
fn a_damaged_data_directory_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("pipeline.db");
    std::fs::write(&file, b"this is no database, it is a letter to a friend").unwrap();
    let mut command = binary();
    command.args(["run", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir"]);
    check(command.arg(dir.path()), 1, &["pipeline.db"]);
    assert!(std::fs::read(&file).unwrap().starts_with(b"this is no database"));
}

#[test]
fn a_second_run_on_the_same_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    let symbols = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
    let spec = spec(dir.path(), &format!("simulated: {{prefill: 1m, {symbols}}}"));
    let _running = Running::start(run(&spec, dir.path()));
    check(&mut run(&spec, dir.path()), 1, &["in use"]);
}

#[test]
fn a_full_disk_stops_the_run_with_a_sentence_and_keeps_what_is_stored() {
    let dir = TempDir::new().unwrap();
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: mounting a small disk needs root");
        return;
    }
    let symbols = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
    let source = format!(
        "simulated: {{ticksPerSecond: 10, startTime: \"2024-08-08T00:00:00Z\", ticks: 2000000, {symbols}}}"
    );
    let spec = spec(dir.path(), &source);
    let output = run(&spec, &disk).arg("--until-end").output().unwrap();
    let kept = std::fs::metadata(disk.join("pipeline.db")).map(|file| file.len());
    let candles = candles_text(&disk, "BTC", "1m");
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("full"), "{}", text(&output.stderr));
    assert!(kept.unwrap() > 0);
    assert!(rows(&candles).len() > 10, "what was stored can be read");
}

#[test]
fn each_bad_record_is_counted_kept_and_blocks_nothing() {
    let dir = TempDir::new().unwrap();
    let symbols = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
    let spec = spec(dir.path(), &format!("simulated: {{prefill: 1m, {symbols}}}"));
    let running = Running::start(run(&spec, dir.path()));
    let status = wait_for("the broker's address", || {
        let status = get(&running.admin, "/status").ok()?;
        let status: serde_json::Value = serde_json::from_str(&status).ok()?;
        status["brokers"].is_string().then_some(status)
    });
    let folded = || {
        let metrics = get(&running.admin, "/metrics").ok()?;
        let name = "crypto_pipeline_records_folded_total ";
        metrics.lines().find_map(|line| line.strip_prefix(name))?.parse::<u64>().ok()
    };
    // The series' first record fixes its id space: it has to be one of its own.
    wait_for("the series' own records", || folded().filter(|folded| *folded > 0));
    let trade = |change: (&str, &str)| {
        let record = "{\"schema\":2,\"kind\":\"trade\",\"symbol\":\"BTC\",\"source\":\"venue\",\
            \"message_id\":\"simulated:BTCUSDT:t:1\",\"price\":\"1\",\"size\":\"1\",\"trade_id\":1,\
            \"event_time_ns\":1723161599812000000}";
        assert!(record.contains(change.0), "{}", change.0);
        record.replace(change.0, change.1)
    };
    let bad = [
        ("parse", "this is no record".to_owned()),
        ("schema", trade(("\"symbol\":\"BTC\"", "\"symbol\":\"NOPE\""))),
        ("space", trade((":t:1", ":a:1"))),
        ("price", trade(("\"price\":\"1\"", "\"price\":\"-1\""))),
        ("size", trade(("\"size\":\"1\"", "\"size\":\"0\""))),
        ("range", trade(("\"price\":\"1\"", "\"price\":\"0.0000000000001\""))),
        ("event_time", trade(("1723161599812000000", "\"soon\""))),
    ];
    let settings = ProducerSettings {
        brokers: status["brokers"].as_str().unwrap().to_owned(),
        topic: status["topic"].as_str().unwrap().to_owned(),
        partitions: 12,
        extra: Vec::new(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut producer = Producer::open(&settings, None).unwrap();
        for (_, record) in &bad {
            producer.send(b"BTC", record.as_bytes()).await.unwrap();
        }
        producer.flush().await.unwrap();
    });
    for (reason, record) in &bad {
        let metric = format!("crypto_pipeline_dead_letters_total{{reason=\"{reason}\"}} 1");
        wait_for(&format!("the dead letter of {record}"), || {
            get(&running.admin, "/metrics").ok()?.contains(&metric).then_some(())
        });
    }
    let before = wait_for("the count of records", folded);
    wait_for("trades after the bad records", || folded().filter(|now| *now > before));
}

#[test]
fn rows_with_absurd_times_close_nothing_and_lose_nothing_else() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("BTCUSDT-trades-part.csv");
    let first = "0,100,1,0,soon,True,True\n";
    let last = "601,100,1,0,4878835200000,True,True\n";
    std::fs::write(&path, format!("{first}{}{last}", trades())).unwrap();
    let spec = archive(dir.path(), &path);
    check(run(&spec, dir.path()).arg("--until-end"), 0, &["stopped"]);
    let candles = rows(&candles_text(dir.path(), "BTC", "1m"));
    assert_eq!(candles.len(), 11, "ten minutes and an open one, and no year 2124");
    assert!(candles[1..10].iter().all(|row| row["complete"] == "true"));
}
