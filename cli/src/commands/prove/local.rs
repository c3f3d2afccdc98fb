//! The files of a directory.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::checksum::{self, EXTENSION};
use super::{Day, Kind, Taken};
use crate::failure::Failure;

/// How a file may be stored, the exchange's own form first.
const EXTENSIONS: [&str; 3] = [".zip", ".csv", ".csv.gz"];

/// The file of that day, or else every recorded part of it (`…-2024-08-08T2354.csv.gz`).
pub(super) fn find(dir: &Path, day: &Day<'_>, kind: Kind) -> Result<Vec<Taken>, Failure> {
    let names = names(dir)?;
    let stem = day.stem(kind);
    let whole = EXTENSIONS.iter().map(|extension| format!("{stem}{extension}"));
    let mut found: Vec<String> = whole.filter(|name| names.contains(name)).take(1).collect();
    if found.is_empty() {
        let begin = format!("{stem}T");
        let is_part = |name: &&String| {
            name.starts_with(&begin) && EXTENSIONS.iter().any(|extension| name.ends_with(extension))
        };
        found = names.iter().filter(is_part).cloned().collect();
    }
    if found.is_empty() {
        return Err(Failure::settings(missing(dir, day, kind, &names)));
    }
    found.iter().map(|name| take(dir, name)).collect()
}

fn names(dir: &Path) -> Result<Vec<String>, Failure> {
    let refuse = |error: std::io::Error| {
        Failure::settings(format!("cannot read the directory \"{}\": {error}", dir.display()))
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(refuse)? {
        names.push(entry.map_err(refuse)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn take(dir: &Path, name: &str) -> Result<Taken, Failure> {
    let path = dir.join(name);
    let beside = dir.join(format!("{name}{EXTENSION}"));
    let verified = beside.is_file();
    if verified {
        let text = fs::read_to_string(&beside)
            .with_context(|| format!("cannot read \"{}\"", beside.display()))?;
        checksum::verify(&path, &text)?;
    }
    Ok(Taken { path, verified })
}

/// What is not there, and what is.
fn missing(dir: &Path, day: &Day<'_>, kind: Kind, names: &[String]) -> String {
    let (dir, stem) = (dir.display(), day.stem(kind));
    let mut sentence = format!("\"{dir}\" has no {stem}.zip, .csv or .csv.gz");
    let begin = format!("{}-", day.instrument);
    let date = format!("-{}", day.date);
    let mut kinds: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_prefix(&begin)?.split_once(&date).map(|(kind, _)| kind))
        .collect();
    kinds.dedup();
    if !kinds.is_empty() {
        sentence.push_str(&format!("; of that day it has {}", kinds.join(" ")));
    }
    match kind {
        Kind::Trades => sentence.push_str("; --aggregate takes the aggTrades file"),
        Kind::Candles(_) => sentence.push_str("; --interval chooses other candles"),
        Kind::Aggregates => {}
    }
    sentence
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;
    use market::interval::Interval;

    use super::*;
    use crate::commands::prove::Venue;

    const DAY: Day<'_> =
        Day { venue: Venue::Binance, instrument: "BTCUSDT", date: Date::constant(2024, 8, 8) };

    fn found(names: &[&str], kind: Kind) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), "abc").unwrap();
        }
        match find(dir.path(), &DAY, kind) {
            Ok(files) => Ok(files
                .iter()
                .map(|file| file.path.file_name().unwrap().to_string_lossy().into_owned())
                .collect()),
            Err(Failure::Settings(sentences)) => Err(sentences[0].clone()),
            Err(Failure::Failed(error, _)) => Err(error.to_string()),
        }
    }

    #[test]
    fn file_of_the_day_wins_over_recorded_parts_of_it() {
        let parts = ["BTCUSDT-trades-2024-08-08T2354.csv.gz", "BTCUSDT-trades-2024-08-08T12.csv"];
        let others = ["BTCUSDT-trades-2024-08-09.zip", "BTCUSDT-trades-2024-08-08T1.txt"];
        assert_eq!(
            found(&[&parts[..], &others].concat(), Kind::Trades).unwrap(),
            [parts[1], parts[0]]
        );
        let whole = "BTCUSDT-trades-2024-08-08.csv";
        assert_eq!(found(&[parts[0], whole], Kind::Trades).unwrap(), [whole]);
    }

    #[test]
    fn file_that_is_not_there_is_named_with_what_is() {
        let sentence =
            found(&["BTCUSDT-5m-2024-08-08.zip"], Kind::Candles(Interval::M1)).unwrap_err();
        assert!(sentence.contains("has no BTCUSDT-1m-2024-08-08.zip"), "{sentence}");
        assert!(sentence.contains("of that day it has 5m; --interval chooses"), "{sentence}");
    }

    #[test]
    fn checksum_beside_a_file_is_compared() {
        let names = ["BTCUSDT-trades-2024-08-08.zip", "BTCUSDT-trades-2024-08-08.zip.CHECKSUM"];
        assert!(found(&names, Kind::Trades).unwrap_err().contains("is no SHA-256"));
    }
}
