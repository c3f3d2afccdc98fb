//! What is said at the end.

use std::io::{self, Write};

use market::interval::Interval;

use super::compare::{FIELDS, Mismatch, Verdict};
use super::{Day, Taken, Venue};
use crate::commands::time;

/// What was compared.
pub(super) struct About<'a, F> {
    pub(super) day: &'a Day<'a>,
    pub(super) interval: Interval,
    /// Records that went through the path.
    pub(super) records: u64,
    pub(super) files: F,
}

pub(super) fn write<'a>(
    out: &mut impl Write,
    about: About<'_, impl Iterator<Item = &'a Taken>>,
    verdict: &Verdict,
) -> io::Result<()> {
    let Day { venue, instrument, date } = about.day;
    let venue = match venue {
        Venue::Binance => "Binance spot",
        Venue::BinanceUsdm => "Binance USD-M",
    };
    let (interval, records) = (about.interval, about.records);
    writeln!(out, "{instrument} of {venue}, {date}: {interval} candles from {records} records")?;
    for file in about.files {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        let checked = if file.verified { "checksum verified" } else { "no checksum beside it" };
        writeln!(out, "  file        {name} ({checked})")?;
    }
    let Verdict { equal, incomplete, differing, missing, unknown, first } = verdict;
    let counted = equal + differing + missing + unknown;
    writeln!(out, "  equal       {equal} of {counted} windows, in all {FIELDS} fields")?;
    writeln!(out, "  different   {differing}")?;
    writeln!(out, "  missing     {missing}")?;
    if *unknown > 0 {
        writeln!(out, "  not theirs  {unknown}: we have trades there, the exchange has no window")?;
    }
    if *incomplete > 0 {
        writeln!(
            out,
            "  incomplete  {incomplete}: the trades do not cover them in full; we say so, and do not \
             count them"
        )?;
    }
    if let Some((open_time_ms, mismatch)) = first {
        write_first(out, *open_time_ms, mismatch)?;
    }
    out.flush()
}

fn write_first(out: &mut impl Write, open_time_ms: i64, mismatch: &Mismatch) -> io::Result<()> {
    let at = time::show_ms(open_time_ms);
    match mismatch {
        Mismatch::Missing => writeln!(out, "first that does not match: {at}, which we do not have"),
        Mismatch::Unknown => {
            writeln!(out, "first that does not match: {at}, which the exchange does not have")
        }
        Mismatch::Differs(differences) => {
            writeln!(out, "first that does not match: {at}")?;
            writeln!(out, "  {:<22}  {:>24}  {:>24}", "", "EXCHANGE", "OURS")?;
            for difference in differences {
                let (official, ours) = (&difference.official, &difference.ours);
                writeln!(out, "  {:<22}  {official:>24}  {ours:>24}", difference.field)?;
            }
            Ok(())
        }
    }
}
