//! Starting, stopping, going on.

use std::time::Duration;

use runtime::clock;
use tempfile::TempDir;

use crate::harness::{
    Running, binary, candles_text, get, rows, run, run_until_end, spec, text, wait_for, write,
};

fn demo(dir: &TempDir) -> std::path::PathBuf {
    let symbols = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
    spec(dir.path(), &format!("simulated: {{ticksPerSecond: 50, prefill: 10m, {symbols}}}"))
}

#[test]
fn ctrl_c_stops_it_cleanly_within_two_seconds_and_a_second_start_goes_on() {
    let dir = TempDir::new().unwrap();
    let spec = demo(&dir);
    for _ in 0..2 {
        let mut running = Running::start(run(&spec, dir.path()));
        wait_for("a closed candle", || {
            let body = get(&running.url, "/api/v1/candles/BTC?interval=5m").ok()?;
            body.contains("\"closed\":true").then_some(())
        });
        running.signal("INT");
        let asked = clock::monotonic();
        let ended = wait_for("its end", || running.child.try_wait().unwrap());
        assert!(ended.success(), "{ended}");
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
}

#[test]
fn the_admin_port_tells_life_readiness_metrics_and_status() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(run(&demo(&dir), dir.path()));
    wait_for("readiness", || {
        let ready = get(&running.admin, "/readyz").ok()?;
        (!ready.contains("starting")).then_some(())
    });
    assert!(get(&running.admin, "/livez").is_ok());
    wait_for("folded records", || {
        let metrics = get(&running.admin, "/metrics").ok()?;
        let folded = metrics
            .lines()
            .find_map(|line| line.strip_prefix("crypto_pipeline_records_folded_total "))?;
        (folded.parse::<f64>().ok()? > 0.0).then_some(())
    });
    let status = get(&running.admin, "/status").unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["pipeline"], "test");
    assert_eq!(status["sources"][0]["name"], "venue");
}

#[test]
fn help_names_every_command_and_flag_with_its_environment() {
    let help = |args: &[&str]| text(&binary().args(args).output().unwrap().stdout);
    let all = help(&["--help"]);
    for command in ["run", "candles", "prove", "validate", "status", "tail", "alerts"] {
        assert!(all.contains(command), "{command}");
    }
    let run = help(&["run", "--help"]);
    for part in ["--data-dir", "CRYPTO_PIPELINE_DATA_DIR", "--until-end", "127.0.0.1:8000"] {
        assert!(run.contains(part), "{part}");
    }
}

#[test]
fn an_interval_that_was_away_gets_its_windows_when_it_is_back() {
    let dir = TempDir::new().unwrap();
    let (whole, added) = (dir.path().join("whole"), dir.path().join("added"));
    let source = "simulated: {startTime: \"2024-08-08T00:00:00Z\", ticks: 50000, \
        symbols: [{symbol: BTC, instrument: BTCUSDT}]}";
    let all = spec(dir.path(), source);
    run_until_end(&all, &whole);
    let minutes_only = std::fs::read_to_string(&all).unwrap();
    let minutes_only = minutes_only.replace("[1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h,", "[1m,");
    let minutes_only =
        minutes_only.replace(" 6h, 8h, 12h, 1d, 3d, 1w, 1M]", "]").replace(",]", "]");
    let minutes_only = write(&dir.path().join("minutes.yaml"), &minutes_only);
    let half = std::fs::read_to_string(&all).unwrap().replace("ticks: 50000", "ticks: 25000");
    run_until_end(&write(&dir.path().join("half.yaml"), &half), &added);
    run_until_end(&minutes_only, &added);
    run_until_end(&all, &added);
    let closed = |dir: &std::path::Path| {
        let mut rows = rows(&candles_text(dir, "BTC", "15m"));
        rows.retain(|row| row["closed"] == "true");
        // Indicators begin anew with the interval.
        for row in &mut rows {
            row.retain(|name, _| !name.starts_with("sma") && name != "ema_20" && name != "trend");
        }
        rows
    };
    assert!(closed(&whole).len() > 3);
    assert_eq!(closed(&whole), closed(&added));
}
