//! `crypto-pipeline prove`: the exchange's trades of one day through the whole path, and the
//! candles that come out against the exchange's own.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use market::interval::Interval;
use market::pipeline::ArchiveVenue;
use market::symbol::Symbol;
use runtime::{shutdown, telemetry};

use super::output::{Output, note};
use super::screen::Screen;
use crate::failure::Failure;

/// A file against its checksum.
mod checksum;
/// Our candles against the exchange's.
mod compare;
/// What the exchange publishes of a day, and what the files are called.
mod day;
/// The files from the exchange's site.
mod download;
/// The files of a directory.
mod local;
/// The exchange's own candles.
mod official;
/// Trades through the whole path.
mod path;
/// What is said at the end.
mod report;

use day::{Day, Kind};

/// Binance's site of public files.
const SITE: &str = "https://data.binance.vision";

/// Prove our candles against the exchange's own, on any day.
///
/// Takes a day's public trades and candles of Binance, downloaded with their checksums or from a
/// directory, sends the trades through the whole path (archive, Kafka, windows, store) and
/// compares every candle in all nine fields.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crypto-pipeline prove --instrument BTCUSDT --date 2024-08-08
  crypto-pipeline prove --venue binance-usdm --instrument ETHUSDT --date 2024-08-08 --interval 5m
  crypto-pipeline prove --instrument BTCUSDT --date 2024-08-08 --from downloads/

The files are those of https://data.binance.vision. HTTPS_PROXY is honoured.
Exit code: 0 every complete candle is equal and none is missing, 1 otherwise.")]
pub(crate) struct Prove {
    /// Whose files
    #[arg(long, value_enum, default_value_t = Venue::Binance)]
    venue: Venue,
    /// What the exchange calls it: BTCUSDT
    #[arg(long, value_name = "NAME")]
    instrument: String,
    /// The day, in UTC: 2024-08-08
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    date: Date,
    /// Which candles: 1m to 1d
    #[arg(long, default_value = "1m")]
    interval: Interval,
    /// Use the aggTrades file, smaller and as exact, instead of the trades file
    #[arg(long)]
    aggregate: bool,
    /// Take the files from this directory (.zip, .csv or .csv.gz) instead of downloading them
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Keep the candles and downloaded files in this new directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A site with the same files
    #[arg(long, env = "CRYPTO_PIPELINE_ARCHIVE_SITE", value_name = "URL", default_value = SITE)]
    site: String,
}

/// Whose files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Venue {
    /// Binance spot
    Binance,
    /// Binance USD-M futures
    BinanceUsdm,
}

impl Venue {
    fn archive(self) -> ArchiveVenue {
        match self {
            Self::Binance => ArchiveVenue::Binance,
            Self::BinanceUsdm => ArchiveVenue::BinanceUsdm,
        }
    }
}

/// One file of the exchange on this machine.
#[derive(Debug)]
struct Taken {
    path: PathBuf,
    /// Whether it was compared with its checksum.
    verified: bool,
}

impl Prove {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let symbol = self.symbol()?;
        if self.interval > Interval::D1 {
            return Err(Failure::settings(format!(
                "a day's files hold candles from 1m to 1d; choose one of them instead of {}",
                self.interval
            )));
        }
        let screen = Screen::new();
        let writer = screen.clone();
        telemetry::init(telemetry::Format::Text, "warn", move || writer.writer(), None)?;
        let runtime = tokio::runtime::Runtime::new()?;
        let ended = runtime.block_on(self.prove(symbol, &screen));
        screen.clear();
        ended
    }

    /// The instrument is its own symbol: nothing has to be guessed.
    fn symbol(&self) -> Result<Symbol, Failure> {
        Symbol::new(&self.instrument).map_err(|_| {
            Failure::settings(format!(
                "\"{}\" is not an instrument; write it as the exchange does, such as BTCUSDT",
                self.instrument
            ))
        })
    }

    async fn prove(&self, symbol: Symbol, screen: &Screen) -> Result<(), Failure> {
        let temporary = tempfile::tempdir().context("cannot make a temporary directory")?;
        let data_dir = self.data_dir(temporary.path())?;
        let stop = shutdown::on_signals()?;
        let day = Day { venue: self.venue, instrument: &self.instrument, date: self.date };
        let kind = if self.aggregate { Kind::Aggregates } else { Kind::Trades };
        let klines = Kind::Candles(self.interval);
        let (trades, candles) = match &self.from {
            Some(dir) => (local::find(dir, &day, kind)?, local::find(dir, &day, klines)?),
            None => {
                let site = download::Site::new(&self.site, &data_dir.join("files"))?;
                tokio::select! {
                    taken = both(&site, &day, kind, klines) => taken?,
                    () = stop.cancelled() => return Err(path::stopped()),
                }
            }
        };
        let official = official::read(&candles, self.interval)?;
        let path = one_path(&trades, temporary.path())?;
        let pipeline = path::pipeline(self.venue.archive(), symbol, &path, self.interval)?;
        let done = path::run(pipeline, &data_dir, self.interval, screen, stop).await?;
        let verdict = compare::compare(&official, &done.candles);
        let mut output = Output::new();
        let about = report::About {
            day: &day,
            interval: self.interval,
            records: done.records,
            files: trades.iter().chain(&candles),
        };
        report::write(&mut output, about, &verdict)?;
        if self.data_dir.is_some() {
            note(&format!("kept in {}", data_dir.display()));
        }
        if verdict.holds() { Ok(()) } else { Err(anyhow!(verdict.to_string()).into()) }
    }

    /// A directory that nothing was folded into before.
    fn data_dir(&self, temporary: &Path) -> Result<PathBuf, Failure> {
        let Some(dir) = &self.data_dir else { return Ok(temporary.join("data")) };
        let is_new = std::fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
        if is_new {
            return Ok(dir.clone());
        }
        Err(Failure::settings(format!(
            "\"{}\" is not empty; name a new directory with --data-dir, or leave it out",
            dir.display()
        )))
    }
}

/// Downloads a file of trades and one of candles.
async fn both(
    site: &download::Site,
    day: &Day<'_>,
    trades: Kind,
    candles: Kind,
) -> Result<(Vec<Taken>, Vec<Taken>), Failure> {
    // The small file first: a day that is not there is told at once.
    let candles = site.take(day, candles).await?;
    Ok((vec![site.take(day, trades).await?], vec![candles]))
}

fn parse_date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "it is not a day; write it as 2024-08-08".to_owned())
}

/// The file, or a directory with just these files.
fn one_path(files: &[Taken], temporary: &Path) -> Result<PathBuf, Failure> {
    if let [one] = files {
        return Ok(one.path.clone());
    }
    let dir = temporary.join("trades");
    std::fs::create_dir(&dir)?;
    for file in files {
        let from = file.path.canonicalize()?;
        if let Some(name) = file.path.file_name() {
            std::os::unix::fs::symlink(from, dir.join(name))?;
        }
    }
    Ok(dir)
}
