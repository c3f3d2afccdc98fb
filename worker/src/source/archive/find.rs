//! Which files belong to which instrument.

use std::path::{Path, PathBuf};

use super::super::listing::Instrument;
use super::super::{Listing, SourceError};
use super::file::{Form, TradeFile};
use super::kraken::pair;
use super::part::Part;
use super::rows::Kind;
use super::{ArchiveOptions, ArchiveVenue, form_of};

/// Most files in a directory.
const FILES_MAX: usize = 10_000;

/// One instrument and its files in the order of their first ids.
pub(super) struct Found {
    pub listing: Listing,
    pub files: Vec<TradeFile>,
}

/// All parts under a path, and the files that were left out, each with the reason.
struct Parts {
    parts: Vec<Part>,
    ignored: Vec<String>,
    /// Whether one part was named by itself: then it needs no particular name.
    alone: bool,
}

/// Finds the files of every instrument.
pub(super) fn find(options: &ArchiveOptions) -> Result<Vec<Found>, SourceError> {
    let form = form_of(options.venue);
    let Parts { parts, mut ignored, alone } = parts(options, form)?;
    let mut files: Vec<Vec<TradeFile>> = vec![Vec::new(); options.symbols.len()];
    for part in parts {
        let before = ignored.len();
        let mut taken = false;
        for (instrument, files) in options.symbols.iter().zip(&mut files) {
            let lone = alone && options.symbols.len() == 1;
            let claim = match form {
                Form::Csv => binance_claim(&part, &instrument.instrument, alone, lone),
                Form::KrakenJson => kraken_claim(&part, alone),
            };
            let Some(named) = claim else { continue };
            match TradeFile::peek(&part, form, named)? {
                Some(file) if belongs(&file, instrument) => {
                    files.push(file);
                    taken = true;
                }
                Some(_) => {}
                None => ignored.push(format!("\"{}\" (no rows)", part.label)),
            }
        }
        if !taken && ignored.len() == before {
            ignored.push(format!("\"{}\" (of no instrument that is asked for)", part.label));
        }
    }
    for reason in &ignored {
        tracing::info!(file = reason, "file is not taken");
    }
    let instruments = options.symbols.iter().zip(files);
    instruments.map(|(instrument, files)| found(options, instrument, files, &ignored)).collect()
}

fn found(
    options: &ArchiveOptions,
    instrument: &Instrument,
    mut files: Vec<TradeFile>,
    ignored: &[String],
) -> Result<Found, SourceError> {
    files.sort_by(|one, other| {
        (one.first.id, &one.part.label).cmp(&(other.first.id, &other.part.label))
    });
    let Some(first) = files.first() else {
        return Err(SourceError::MatchFile {
            path: options.path.display().to_string(),
            instrument: instrument.instrument.clone(),
            expected: expected(options.venue, &instrument.instrument),
            ignored: ignored.to_vec(),
        });
    };
    if let Some(other) = files.iter().find(|file| file.kind != first.kind) {
        return Err(SourceError::MixSpaces {
            instrument: instrument.instrument.clone(),
            first: first.part.label.to_string(),
            second: other.part.label.to_string(),
        });
    }
    let space = first.kind.space();
    let listing = instrument.listing(&options.source, options.venue.as_str(), space)?;
    Ok(Found { listing, files })
}

fn expected(venue: ArchiveVenue, instrument: &str) -> String {
    match form_of(venue) {
        Form::Csv => format!(
            "{instrument}-trades-*.csv, .csv.gz or .zip, and {instrument}-aggTrades-* likewise"
        ),
        Form::KrakenJson => {
            format!("*trades*.json or .json.gz with a result for {}", pair(instrument))
        }
    }
}

fn parts(options: &ArchiveOptions, form: Form) -> Result<Parts, SourceError> {
    let path = &options.path;
    let extension = form.extension();
    let kind = std::fs::metadata(path).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => SourceError::FindFile { path: path.display().to_string() },
        _ => SourceError::ReadFile { path: path.display().to_string(), cause },
    })?;
    let mut ignored = Vec::new();
    if !kind.is_dir() {
        let parts = Part::of_file(path, extension)?.unwrap_or_default();
        if parts.is_empty() {
            ignored.push(format!("\"{}\" (no .{extension} file)", path.display()));
        }
        let alone = parts.len() == 1;
        return Ok(Parts { parts, ignored, alone });
    }
    let mut parts = Vec::new();
    for file in directory(path)? {
        match Part::of_file(&file, extension) {
            Ok(Some(found)) if !found.is_empty() => parts.extend(found),
            Ok(_) => ignored.push(format!("\"{}\" (no .{extension} file)", file.display())),
            Err(error) if names_one(&file, options) => return Err(error),
            Err(error) => ignored.push(error.to_string()),
        }
    }
    Ok(Parts { parts, ignored, alone: false })
}

fn directory(path: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let cause = |cause| SourceError::ReadFile { path: path.display().to_string(), cause };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cause)? {
        let entry = entry.map_err(cause)?.path();
        if !entry.is_file() {
            continue;
        }
        if files.len() >= FILES_MAX {
            return Err(SourceError::BoundFiles {
                path: path.display().to_string(),
                limit: FILES_MAX,
            });
        }
        files.push(entry);
    }
    files.sort();
    Ok(files)
}

/// Whether a file is named after one of the instruments.
fn names_one(file: &Path, options: &ArchiveOptions) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    options.symbols.iter().any(|symbol| {
        name.strip_prefix(&symbol.instrument).is_some_and(|rest| rest.starts_with('-'))
    })
}

/// Whether a file may be of this instrument, and the kind that its name tells. By itself
/// (`alone`) it need not tell the kind; as the file of the only instrument (`lone`) it may have
/// any name.
fn binance_claim(part: &Part, instrument: &str, alone: bool, lone: bool) -> Option<Option<Kind>> {
    let rest =
        |stem: &'_ String| Some(stem.strip_prefix(instrument)?.strip_prefix('-')?.to_owned());
    let rests: Vec<_> = part.stems.iter().filter_map(rest).collect();
    let kind = |rest: &String| match rest.split('-').next() {
        Some("trades") => Some(Kind::Trades),
        Some("aggTrades") => Some(Kind::Aggregates),
        _ => None,
    };
    match rests.iter().find_map(kind) {
        Some(kind) => Some(Some(kind)),
        None => (lone || (alone && !rests.is_empty())).then_some(None),
    }
}

fn kraken_claim(part: &Part, alone: bool) -> Option<Option<Kind>> {
    let named = part.stems.iter().any(|stem| stem.to_ascii_lowercase().contains("trades"));
    (alone || named).then_some(Some(Kind::Trades))
}

/// Whether Kraken's own name in the file is that of the instrument.
fn belongs(file: &TradeFile, instrument: &Instrument) -> bool {
    file.key.as_ref().is_none_or(|key| pair(key) == pair(&instrument.instrument))
}
