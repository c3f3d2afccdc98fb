//! Our candles against the exchange's own.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use crate::harness::{market_data, write};
use crate::world::{Said, ask, official, refused, trades};

const TRADES: &str = "BTCUSDT-trades-2024-08-08";
const CANDLES: &str = "BTCUSDT-1m-2024-08-08";
const PROVE: [&str; 5] = ["prove", "--instrument", "BTCUSDT", "--date", "2024-08-08"];

fn prove(arguments: &[&str]) -> Said {
    ask(&[&PROVE[..], arguments].concat())
}

/// A day of twelve minutes with trades, and the exchange's candles of it.
fn day(dir: &Path) -> String {
    write(&dir.join(format!("{TRADES}.csv")), &trades(12));
    let candles: String = (0..12).map(official).collect();
    write(&dir.join(format!("{CANDLES}.csv")), &candles);
    candles
}

#[test]
fn recorded_windows_of_the_exchange_are_equal_and_partly_recorded_ones_do_not_count() {
    let Some(data) = market_data() else { return };
    let said = prove(&["--interval", "5m", "--from", data.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("equal       2 of 2 windows, in all 9 fields"), "{said:?}");
    assert!(said.out.contains("incomplete  2: "), "{said:?}");
    let said = prove(&["--from", data.to_str().unwrap()]);
    assert!(said.code == 2 && said.err.contains("of that day it has 5m"), "{said:?}");
}

#[test]
fn file_of_a_day_proves_every_window_of_it() {
    let dir = tempfile::tempdir().unwrap();
    day(dir.path());
    let kept = dir.path().join("kept");
    let kept = kept.to_str().unwrap();
    let from = dir.path().to_str().unwrap();
    let said = prove(&["--from", from, "--data-dir", kept]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("equal       12 of 12 windows"), "{said:?}");
    assert!(!said.out.contains("incomplete"), "{said:?}");
    let candles =
        ask(&["candles", "BTCUSDT", "--data-dir", kept, "--limit", "1", "--format", "csv"]);
    assert!(candles.out.contains("BTCUSDT,binance,1m,"), "{candles:?}");
    let again = [&PROVE[..], &["--from", from, "--data-dir", kept]].concat();
    refused(&again, 2, "is not empty");
}

#[test]
fn window_that_differs_or_is_missing_fails_the_proof_with_both_values() {
    let dir = tempfile::tempdir().unwrap();
    let candles = day(dir.path());
    let from = dir.path().to_str().unwrap();
    let wrong = candles.replace("109.00,111.00,109.00,", "109.00,112.00,109.00,");
    assert_ne!(wrong, candles);
    write(&dir.path().join(format!("{CANDLES}.csv")), &wrong);
    let said = prove(&["--from", from]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("equal       11 of 12 windows"), "{said:?}");
    assert!(said.out.contains("first that does not match: 2024-08-08T00:03:00Z"), "{said:?}");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.out.lines().any(|line| words(line) == "high 112 111"), "{said:?}");
    assert!(said.err.contains("error: 1 windows differ"), "{said:?}");

    let unknown = candles.lines().filter(|line| !line.contains(",109.00,111.00,"));
    let unknown: Vec<&str> = unknown.collect();
    write(&dir.path().join(format!("{CANDLES}.csv")), &unknown.join("\n"));
    let said = prove(&["--from", from]);
    assert!(said.code == 1 && said.out.contains("which the exchange does not have"), "{said:?}");
}

#[test]
fn files_that_cannot_be_used_are_told_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    day(dir.path());
    let from = dir.path().to_str().unwrap();
    for (arguments, words) in [
        (&["--from", from, "--aggregate"][..], "has no BTCUSDT-aggTrades-2024-08-08.zip"),
        (&["--from", "no-such-directory"], "cannot read the directory \"no-such-directory\""),
        (&["--from", from, "--interval", "1w"], "candles from 1m to 1d"),
        (&["--site", "nowhere"], "is not an address"),
    ] {
        refused(&[&PROVE[..], arguments].concat(), 2, words);
    }
    let named = |instrument, date| ["prove", "--instrument", instrument, "--date", date];
    refused(&named("btc-usd", "2024-08-08"), 2, "is not an instrument");
    refused(&named("BTCUSDT", "08.08.2024"), 2, "it is not a day");
    write(&dir.path().join(format!("{TRADES}.csv.CHECKSUM")), &format!("{}  x\n", "0".repeat(64)));
    refused(&[&PROVE[..], &["--from", from]].concat(), 1, "is not the file that was published");
}

#[test]
fn downloaded_files_are_verified_and_a_day_that_is_not_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    day(dir.path());
    for stem in [TRADES, CANDLES] {
        zip(dir.path(), stem);
    }
    let site = serve(dir.path());
    let site = format!("http://{site}/mirror");
    let said = prove(&["--site", &site]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("equal       12 of 12 windows"), "{said:?}");
    assert_eq!(said.out.matches("(checksum verified)").count(), 2, "{said:?}");
    let missing = ["prove", "--instrument", "BTCUSDT", "--date", "2024-08-09", "--site", &site];
    refused(&missing, 2, "a day's files appear on the next day");
    write(&dir.path().join(format!("{TRADES}.zip")), "something else");
    refused(&[&PROVE[..], &["--site", &site]].concat(), 1, "is not the file that was published");
}

/// A zip of one file and its checksum, as the exchange publishes them.
fn zip(dir: &Path, stem: &str) {
    let file = std::fs::File::create(dir.join(format!("{stem}.zip"))).unwrap();
    let mut archive = zip::ZipWriter::new(file);
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file(format!("{stem}.csv"), options).unwrap();
    archive.write_all(&std::fs::read(dir.join(format!("{stem}.csv"))).unwrap()).unwrap();
    archive.finish().unwrap();
    let name = format!("{stem}.zip");
    let sum = Command::new("sha256sum").arg(&name).current_dir(dir).output().unwrap();
    std::fs::write(dir.join(format!("{name}.CHECKSUM")), sum.stdout).unwrap();
}

/// Serves the files of a directory by their names, whatever the path before them.
fn serve(dir: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let dir = dir.to_owned();
    // Ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines =
                BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let path = first.split(' ').nth(1).unwrap_or_default();
            let expected = path.starts_with("/mirror/data/spot/daily/");
            let name = path.rsplit('/').next().unwrap_or_default();
            let (status, body) = match std::fs::read(dir.join(name)) {
                Ok(body) if expected => ("200 OK", body),
                _ => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // The client may be gone.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}
