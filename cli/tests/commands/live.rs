//! Asking about a pipeline that runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::harness::{Running, binary, run, spec, wait_for};
use crate::world::{ask, refused};

const MARKET: &str = "simulated: {prefill: 3m, ticksPerSecond: 200, symbols: [{symbol: BTC, \
                      instrument: BTCUSDT}, {symbol: ETH, instrument: ETHUSDT}]}";

#[test]
fn running_pipeline_is_seen_by_status_tail_candles_and_alerts() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let running = Running::start(run(&spec(dir.path(), MARKET), &data_dir));
    let (admin, url) = (format!("http://{}", running.admin), format!("http://{}", running.url));
    let status = wait_for("both series", || {
        let said = ask(&["status", "--admin", &admin]);
        (said.out.contains("BTC:venue") && !said.out.contains("nothing so far")).then_some(said)
    });
    assert_eq!(status.code, 0, "{status:?}");
    assert!(status.out.starts_with("pipeline test: running, ready\n"), "{status:?}");

    let tail = ask(&["tail", "ETH", "--admin", &admin, "--max", "3"]);
    assert_eq!((tail.code, tail.err.as_str()), (0, "3 records\n"), "{tail:?}");
    assert_eq!(tail.out.lines().filter(|line| line.contains("  ETH    venue ")).count(), 3);
    let first =
        ask(&["tail", "--admin", &admin, "--from-beginning", "--max", "1", "--format", "json"]);
    let first: serde_json::Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!((&first["offset"], &first["record"]["mark"]), (&0.into(), &"start".into()));

    let minutes = |place: &[&str]| {
        let fixed = ["candles", "ETH", "--format", "csv", "--limit", "2", "--end"];
        let said = ask(&[&fixed[..], place].concat());
        assert_eq!(said.code, 0, "{said:?}");
        said.out
    };
    let csv = wait_for("two closed minutes", || {
        let said = ask(&["candles", "ETH", "--format", "csv", "--server", &url]);
        (said.out.lines().filter(|line| line.contains(",true,")).count() >= 2).then_some(said.out)
    });
    let end = crate::harness::rows(&csv)[1]["close_time_ms"].clone();
    let data = data_dir.to_str().unwrap();
    assert_eq!(minutes(&[&end, "--server", &url]), minutes(&[&end, "--data-dir", data]));
    assert_eq!(minutes(&[&end, "--server", &url]).lines().count(), 3);

    refused(&["tail", "DOGE", "--admin", &admin], 2, "use one of BTC ETH");
    refused(&["candles", "DOGE", "--server", &url], 2, "is not a symbol of this pipeline");
    refused(&["status", "--admin", &url], 2, "as the admin address that");
}

#[test]
fn tail_ends_with_a_count_at_ctrl_c_and_with_the_pipeline() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(run(&spec(dir.path(), MARKET), &dir.path().join("data")));
    let admin = format!("http://{}", running.admin);
    wait_for("the series", || {
        ask(&["status", "--admin", &admin]).out.contains("BTC:").then_some(())
    });
    let start = || {
        let mut command = binary();
        command.args(["tail", "--admin", &admin]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        let reading = std::thread::spawn(move || {
            lines.read_to_end(&mut Vec::new()).unwrap();
        });
        (child, reading)
    };
    let (interrupted, reading) = start();
    let pid = interrupted.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    let output = interrupted.wait_with_output().unwrap();
    reading.join().unwrap();
    let said = crate::harness::text(&output.stderr);
    assert!(output.status.success() && said.trim_end().ends_with(" records"), "{said}");

    let (left, reading) = start();
    drop(running);
    let output = left.wait_with_output().unwrap();
    reading.join().unwrap();
    let said = crate::harness::text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with("pipeline \"test\" has stopped\n"), "{said}");
}

#[test]
fn pipeline_that_does_not_run_is_said_to_be_silent() {
    for command in ["status", "tail"] {
        refused(
            &[command, "--admin", "http://127.0.0.1:1"],
            1,
            "nothing answers at http://127.0.0.1:1",
        );
    }
}
