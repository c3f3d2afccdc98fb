//! The exchange's own candles, as its files hold them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use flate2::read::MultiGzDecoder;
use market::decimal::{Decimal, Notional};
use market::interval::Interval;

use super::Taken;
use crate::failure::Failure;

/// A day of one-minute candles is a thousandth of this.
const TEXT_BYTES_MAX: u64 = 256 << 20;
/// Times from here on are microseconds: as milliseconds they would lie in the year 5138.
const MICROS_FROM: i64 = 100_000_000_000_000;
const MICROS_PER_MILLI: i64 = 1_000;
/// open_time open high low close volume close_time quote_volume count taker_buy_volume
/// taker_buy_quote_volume; what follows is of no use.
const COLUMNS: usize = 11;

/// One candle of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Official {
    pub(super) open_time_ms: i64,
    pub(super) open: Decimal,
    pub(super) high: Decimal,
    pub(super) low: Decimal,
    pub(super) close: Decimal,
    pub(super) volume: Decimal,
    pub(super) quote_volume: Notional,
    pub(super) trade_count: u64,
    pub(super) taker_buy_volume: Decimal,
    pub(super) taker_buy_quote_volume: Notional,
}

/// Reads the candles of all files, in the order of their open times.
pub(super) fn read(files: &[Taken], interval: Interval) -> Result<Vec<Official>, Failure> {
    let mut all = BTreeMap::new();
    for file in files {
        let shown = file.path.display();
        let text = text_of(&file.path).with_context(|| format!("cannot read \"{shown}\""))?;
        let candles = parse(&text, interval).with_context(|| format!("\"{shown}\""))?;
        all.extend(candles.into_iter().map(|candle| (candle.open_time_ms, candle)));
    }
    if all.is_empty() {
        return Err(anyhow!("the files of the exchange hold no candles").into());
    }
    Ok(all.into_values().collect())
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let file = File::open(path)?;
    match path.extension().and_then(OsStr::to_str) {
        Some("zip") => {
            let mut archive = zip::ZipArchive::new(file)?;
            for index in 0..archive.len() {
                let member = archive.by_index(index)?;
                if member.name()?.ends_with(".csv") {
                    return bounded(member);
                }
            }
            bail!("there is no .csv file in it")
        }
        Some("gz") => bounded(MultiGzDecoder::new(file)),
        Some(_) | None => bounded(file),
    }
}

fn bounded(reader: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    let length = reader.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
    if u64::try_from(length)? == TEXT_BYTES_MAX {
        bail!(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than a day's candles"));
    }
    Ok(text)
}

/// Reads rows; the first may be a header.
fn parse(text: &str, interval: Interval) -> anyhow::Result<Vec<Official>> {
    let mut candles = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let is_header = index == 0 && line.starts_with(|first: char| first.is_ascii_alphabetic());
        if is_header || line.trim().is_empty() {
            continue;
        }
        let candle = row(line, interval).with_context(|| format!("row {}", index + 1))?;
        candles.push(candle);
    }
    Ok(candles)
}

fn row(line: &str, interval: Interval) -> anyhow::Result<Official> {
    let cells: Vec<&str> = line.trim_end().split(',').map(|cell| cell.trim_matches('"')).collect();
    if cells.len() < COLUMNS {
        bail!("has {} columns; a candle has at least {COLUMNS}", cells.len());
    }
    let decimal = |index: usize| {
        Decimal::parse(cells[index]).with_context(|| format!("\"{}\"", cells[index]))
    };
    let notional = |index: usize| {
        Notional::parse(cells[index]).with_context(|| format!("\"{}\"", cells[index]))
    };
    let open_time_ms = time_ms(cells[0])?;
    // The exchange's close time is the last instant of the window.
    let close_time: i64 = cells[6].parse().with_context(|| format!("\"{}\"", cells[6]))?;
    let close_time_ms = time_ms(&(close_time + 1).to_string())?;
    if interval.open_time_ms(open_time_ms) != open_time_ms
        || interval.close_time_ms(open_time_ms) != close_time_ms
    {
        bail!("is no {interval} candle: it lasts from {open_time_ms} to {close_time_ms} ms");
    }
    Ok(Official {
        open_time_ms,
        open: decimal(1)?,
        high: decimal(2)?,
        low: decimal(3)?,
        close: decimal(4)?,
        volume: decimal(5)?,
        quote_volume: notional(7)?,
        trade_count: cells[8].parse().with_context(|| format!("\"{}\"", cells[8]))?,
        taker_buy_volume: decimal(9)?,
        taker_buy_quote_volume: notional(10)?,
    })
}

/// Milliseconds, or microseconds from 2025 on.
fn time_ms(text: &str) -> anyhow::Result<i64> {
    let time: i64 = text.parse().with_context(|| format!("\"{text}\" is not a time"))?;
    Ok(if time >= MICROS_FROM { time / MICROS_PER_MILLI } else { time })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: &str = "1723161300000,61828.00000000,61860.80000000,61583.22000000,61685.99000000,199.42863000,1723161599999,12304668.02540550,8863,90.18301000,5563967.33325070,0";

    #[test]
    fn header_and_microseconds_are_read_alike() {
        let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore";
        let micros = MILLIS
            .replace("1723161300000", "1723161300000000")
            .replace("1723161599999", "1723161599999999");
        let plain = parse(MILLIS, Interval::M5).unwrap();
        assert_eq!(plain[0].open_time_ms, 1_723_161_300_000);
        assert_eq!(plain[0].trade_count, 8_863);
        assert_eq!(plain[0].quote_volume.to_string(), "12304668.0254055");
        assert_eq!(parse(&format!("{header}\n{micros}\n"), Interval::M5).unwrap(), plain);
    }

    #[test]
    fn row_that_is_no_candle_of_the_interval_is_refused() {
        for (text, interval, words) in [
            (MILLIS, Interval::M1, "is no 1m candle"),
            ("1,2,3", Interval::M5, "has 3 columns"),
            (&MILLIS.replace("61828.0", "abc"), Interval::M5, "is not a decimal number"),
        ] {
            let error = format!("{:#}", parse(text, interval).unwrap_err());
            assert!(error.starts_with("row 1: ") && error.contains(words), "{error}");
        }
    }
}
