//! The dashboard in a real browser: live, with history, without errors, and without any request
//! that leaves the machine.

use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Running, binary, get, text, wait_for};

/// Milliseconds of the page's own time until it is looked at.
const LOOK_AFTER_MS: &str = "8000";

#[test]
fn the_demo_page_is_live_with_history_and_talks_to_this_machine_only() {
    let Ok(version) = Command::new("chromium").arg("--version").output() else {
        println!("skipped: no chromium on this machine");
        return;
    };
    println!("{}", text(&version.stdout));
    let dir = TempDir::new().unwrap();
    let mut command = binary();
    command.args([
        "run",
        "--demo",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--data-dir",
    ]);
    command.arg(dir.path().join("data"));
    let running = Running::start(command);
    wait_for("six hours of history", || {
        let candles = get(&running.url, "/api/v1/candles/ADA?interval=1h").ok()?;
        (candles.matches("\"closed\":true").count() >= 5).then_some(())
    });
    let budget = format!("--virtual-time-budget={LOOK_AFTER_MS}");
    let profile = format!("--user-data-dir={}", dir.path().join("profile").display());
    let page = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", &profile, &budget])
        .args(["--enable-logging=stderr", "--dump-dom"])
        .arg(format!("http://{}/", running.url))
        .output()
        .unwrap();
    let (dom, log) = (text(&page.stdout), text(&page.stderr));
    for part in ["Demo market:", "<canvas", "simulated ADAUSDT", "VWAP", "role=\"status\">Live<"] {
        assert!(dom.contains(part), "\"{part}\" is not on the page: {dom}");
    }
    let said: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(said.is_empty(), "{said:?}");
}
