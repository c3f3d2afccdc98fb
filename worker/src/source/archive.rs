//! Files of an exchange's trades, merged by event time and sent at a pace.
//!
//! ```text
//! find ──▶ file ──▶ part ──▶ rows ──▶ series ──▶ tape ──▶ replay
//! (which   (kind,   (bytes)  (text)   (id order, (merged,  (paced)
//!  files)   period)                    marks)     marks)
//! ```
//!
//! Files are read as streams by a thread of their own. A day or month at the end of a file's name
//! vouches for all of it; any other file vouches from just after its first row.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use market::symbol::SourceName;

use super::listing::Instrument;
use super::replay::{Meter, Now, Pace, Replay};
use super::tape::{Boundaries, Items, Merge};
use super::{Positions, SourceError};

/// A file of trades: what it holds, where it begins, what its name vouches for.
mod file;
/// Which files belong to which instrument.
mod find;
/// Answers of Kraken's REST `Trades`.
mod kraken;
/// Text whose lines are bounded.
mod lines;
/// The rows of one file whose ids and times can be true.
mod order;
/// Where the bytes of a file are.
mod part;
/// A line of a file as a row.
mod row;
/// Rows of a file.
mod rows;
/// The files of one series in id order.
mod series;
/// The members of a zip file.
mod zipped;

use file::Form;
use series::ArchiveSeries;

pub use market::pipeline::ArchiveVenue;

/// How a venue's files are written.
const fn form_of(venue: ArchiveVenue) -> Form {
    match venue {
        ArchiveVenue::Binance | ArchiveVenue::BinanceUsdm => Form::Csv,
        ArchiveVenue::Kraken => Form::KrakenJson,
    }
}

/// What to read.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchiveOptions {
    /// The source's name in the spec.
    pub source: SourceName,
    /// Whose files they are.
    pub venue: ArchiveVenue,
    /// One file, or a directory.
    pub path: PathBuf,
    /// How many times faster than it happened; 0 means as fast as possible.
    pub speed: f64,
    /// Which instruments, and what to call them.
    pub symbols: Vec<Instrument>,
}

/// Finds the files, reads the beginning of each, and starts to read them from the positions on.
///
/// # Errors
/// [`SourceError`] names the file and what to do about it. Damage further down a file is an error
/// of [`super::Source::next`], after everything before it was sent.
pub fn open(
    options: &ArchiveOptions,
    positions: &Positions,
    now: Now,
) -> Result<Replay, SourceError> {
    let found = find::find(options)?;
    let pace = Pace::times(options.speed);
    let boundaries = if pace == Pace::Fast { Boundaries::Last } else { Boundaries::Minutes };
    let total = found.iter().flat_map(|found| &found.files).map(|file| file.part.length).sum();
    let done = Arc::new(AtomicU64::new(0));
    let meter = Meter { done: Arc::clone(&done), total: Some(total) };
    let listings: Vec<_> = found.iter().map(|found| found.listing.clone()).collect();
    let next_ids: Vec<_> = listings
        .iter()
        .map(|listing| positions.get(&listing.series).map(|position| position.next_id))
        .collect();
    let merged = listings.clone();
    let merge = move || {
        let series = found.into_iter().zip(next_ids).map(|(found, next_id)| -> Items {
            Box::new(ArchiveSeries::new(found.listing, found.files, next_id, Arc::clone(&done)))
        });
        Merge::new(merged, series.collect(), boundaries)
    };
    let start =
        |cause| SourceError::StartReader { path: options.path.display().to_string(), cause };
    Replay::read(listings, merge, pace, now, meter).map_err(start)
}

#[cfg(test)]
mod tests;
