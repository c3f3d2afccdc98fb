//! Kill -9 at random moments: the next start goes on, and all that is stored ends the same.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use market::interval::Interval;
use runtime::clock;
use tempfile::TempDir;

use crate::harness::{Running, candles_text, get, run, run_until_end, spec, wait_for, write};
use crate::stored::Stored;

const KILLS: u32 = 20;
const TICKS: u32 = 1_000_000;
/// A run lives for at most this share of what an undisturbed one takes.
const LIVES: u64 = 12;

/// A finite market of the past, with trades out of order, twice, and too late, and alerts that are
/// raised by little.
fn market(dir: &Path) -> PathBuf {
    let symbols =
        "symbols: [{symbol: BTC, instrument: BTCUSDT}, {symbol: ETH, instrument: ETHUSDT}]";
    let path = spec(
        dir,
        &format!(
            "simulated: {{seed: 11, ticksPerSecond: 20, startTime: \"2024-08-08T00:00:00Z\", \
             ticks: {TICKS}, disorder: 0.1, duplicates: 0.05, lateShare: 0.001, {symbols}}}"
        ),
    );
    let alerts = "  alerts: {priceChangePercent: 0.05, zScore: 2, volumeBurst: 1.2}\n";
    write(&path, &(std::fs::read_to_string(&path).unwrap() + alerts))
}

fn everything(data_dir: &Path) -> String {
    let mut all = String::new();
    for symbol in ["BTC", "ETH"] {
        for interval in Interval::ALL {
            all += &candles_text(data_dir, symbol, interval.as_str());
        }
    }
    all
}

/// A number below `bound` from a seed that a failed test prints.
fn random(seed: u64, bound: u64) -> u64 {
    let mixed = (seed ^ (seed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) % bound
}

fn compare<T: PartialEq + Debug>(
    what: &str,
    whole: impl Iterator<Item = T>,
    killed: impl Iterator<Item = T>,
    seed: u64,
) {
    let (whole, killed): (Vec<T>, Vec<T>) = (whole.collect(), killed.collect());
    assert!(!whole.is_empty(), "there are no {what} to compare");
    for (whole, killed) in whole.iter().zip(&killed) {
        assert_eq!(whole, killed, "{what}, seed {seed}");
    }
    assert_eq!(whole.len(), killed.len(), "{what}, seed {seed}");
}

#[test]
fn a_killed_run_ends_with_the_same_candles_alerts_gaps_and_dead_letters() {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let (whole, killed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let spec = market(whole.path());
    let started = clock::monotonic();
    run_until_end(&spec, whole.path());
    let whole_ms = u64::try_from(started.elapsed().as_millis()).unwrap();

    let mut interrupted = 0;
    for kill in 0..KILLS {
        let mut child =
            run(&spec, killed.path()).arg("--until-end").stderr(Stdio::null()).spawn().unwrap();
        let lives = Duration::from_millis(random(seed.wrapping_add(kill.into()), whole_ms / LIVES));
        let started = clock::monotonic();
        let ended = wait_for("the moment of the kill", || {
            let ended = child.try_wait().unwrap();
            (ended.is_some() || started.elapsed() >= lives).then_some(ended)
        });
        if ended.is_none() {
            child.kill().unwrap();
            interrupted += 1;
        }
        child.wait().unwrap();
    }
    println!("{interrupted} runs of at most {} ms were killed", whole_ms / LIVES);
    assert!(interrupted >= KILLS / 2, "only {interrupted} runs were killed before their end");
    run_until_end(&spec, killed.path());
    let (candles, others) = (everything(whole.path()), everything(killed.path()));
    compare("candles", candles.lines(), others.lines(), seed);
    let (mut whole, killed) = (Stored::read(whole.path()), Stored::read(killed.path()));
    whole.leave_out_what_was_never_sent_to(&killed);
    compare("alerts", whole.alerts.iter(), killed.alerts.iter(), seed);
    compare("gaps", whole.gaps.iter(), killed.gaps.iter(), seed);
    compare("dead letters", whole.dead_letters.iter(), killed.dead_letters.iter(), seed);
}

#[test]
fn a_live_market_makes_up_for_the_time_it_was_killed() {
    let dir = TempDir::new().unwrap();
    let symbols = "symbols: [{symbol: BTC, instrument: BTCUSDT}]";
    let source = format!("simulated: {{seed: 3, ticksPerSecond: 50, prefill: 30m, {symbols}}}");
    let spec = spec(dir.path(), &source);
    let closed = |running: &Running| {
        let body = get(&running.url, "/api/v1/candles/BTC?interval=1m&limit=100").ok()?;
        let body: serde_json::Value = serde_json::from_str(&body).ok()?;
        let data = body["data"].as_array()?.clone();
        (data.len() >= 29).then_some(data)
    };
    let running = Running::start(run(&spec, dir.path()));
    let before = wait_for("the prefill", || closed(&running));
    running.signal("KILL");
    drop(running);
    let running = Running::start(run(&spec, dir.path()));
    let after = wait_for("the same candles", || closed(&running));
    assert_eq!(before[1..20], after[1..20]);
    assert!(after[1..20].iter().all(|candle| candle["complete"] == true));
}
