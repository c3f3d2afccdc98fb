//! `crypto-pipeline candles`: stored candles as a table, CSV or JSON.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};
use market::interval::Interval;

use super::output::{Output, note};
use super::{place, time};
use crate::failure::Failure;

/// Where candles come from, page by page.
mod pages;
/// The candles of a running server.
mod server;
/// How candles are written.
mod write;

use pages::{Pages, Question};
use write::Writer;

/// Most candles that `--limit` takes: they are held in memory.
const LIMIT_MAX: i64 = 100_000;
/// What a table shows when nothing says how much.
const TABLE_CANDLES: usize = 20;

/// Show stored candles.
///
/// Reads the data directory, also while a pipeline runs on it, or real servers, or asks a running
/// server. Oldest first. Without --start, --end and --limit csv and json hold every candle, a table the newest 20.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crypto-pipeline candles BTC
  crypto-pipeline candles BTC --interval 5m --limit 100
  crypto-pipeline candles BTC --source binance --start 2024-08-08T00:00:00Z --format csv > btc.csv
  crypto-pipeline candles ETH --server http://127.0.0.1:8000 --format json
  crypto-pipeline candles ETH --connect majors.yaml")]
pub(crate) struct Candles {
    /// The symbol, as the pipeline file calls it: BTC
    symbol: String,
    /// Which source, where several have the symbol [default: the first with trades]
    #[arg(long, value_name = "S")]
    source: Option<String>,
    /// 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M
    #[arg(long, default_value = "1m")]
    interval: Interval,
    /// First open time: RFC 3339 with a zone, or epoch milliseconds
    #[arg(long, value_name = "T", value_parser = time::parse_ms, allow_hyphen_values = true)]
    start: Option<i64>,
    /// End of the open times, exclusive
    #[arg(long, value_name = "T", value_parser = time::parse_ms, allow_hyphen_values = true)]
    end: Option<i64>,
    /// At most this many: with --start the oldest from there on, else the newest
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=LIMIT_MAX))]
    limit: Option<u32>,
    /// How they are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Where `run` keeps its data
    #[arg(long, env = "CRYPTO_PIPELINE_DATA_DIR", value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
    /// Ask a running server such as http://127.0.0.1:8000 instead of the data directory
    #[arg(long, value_name = "URL", conflicts_with = "connect")]
    server: Option<String>,
    #[command(flatten)]
    connect: place::Connect,
}

/// How candles are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// All columns, with a header
    Csv,
    /// An array of objects
    Json,
}

impl Candles {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let (Some(start), Some(end)) = (self.start, self.end)
            && start > end
        {
            return Err(Failure::settings("--start lies after --end; swap them"));
        }
        tokio::runtime::Runtime::new()?.block_on(self.show())
    }

    async fn show(self) -> Result<(), Failure> {
        let whole = self.start.is_none() && self.end.is_none() && self.limit.is_none();
        let limit = match self.limit {
            Some(limit) => usize::try_from(limit).ok(),
            None if whole && self.format == Format::Table => Some(TABLE_CANDLES),
            None => None,
        };
        let question = Question {
            symbol: self.symbol,
            source: self.source,
            interval: self.interval,
            start_ms: self.start,
            end_ms: self.end,
            limit,
        };
        let mut pages = match &self.server {
            Some(server) => Pages::of_server(question, server)?,
            None => Pages::of_store(question, self.connect.stored(&self.data_dir).await?).await?,
        };
        let mut output = Output::new();
        let mut writer = Writer::new(self.format);
        let mut candles = 0;
        while let Some(page) = pages.next().await? {
            candles += page.len();
            writer.page(&mut output, &page)?;
            if output.is_closed() {
                return Ok(());
            }
        }
        writer.end(&mut output)?;
        if candles == 0 {
            note("no candles in this range");
        } else if whole && limit == Some(candles) {
            note(&format!("the newest {candles}; --limit, --start and --end choose others"));
        }
        Ok(())
    }
}
