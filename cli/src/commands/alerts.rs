//! `crypto-pipeline alerts`: what was raised, and where its tick stood on the topic.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use api::AlertEntry;
use clap::{Args, ValueEnum};
use market::alert::{AlertType, Severity};
use runtime::shutdown;

use super::output::{Output, note};
use super::{place, time};
use crate::failure::Failure;

/// Where they come from.
mod log;

use log::{Log, Place, Server};

/// What is shown without `--from-beginning`.
const NEWEST_ALERTS: usize = 20;
/// How often `--follow` looks for new ones.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// Show alerts, the newest last.
///
/// Reads the data directory, also while a pipeline runs on it, or real servers, or asks a running
/// server. The newest 20 are shown, all of them with --from-beginning; with --follow also each new
/// one, until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crypto-pipeline alerts
  crypto-pipeline alerts BTC ETH --type price-drop --from-beginning
  crypto-pipeline alerts --severity high --follow
  crypto-pipeline alerts --server http://127.0.0.1:8000
  crypto-pipeline alerts --connect majors.yaml")]
pub(crate) struct Alerts {
    /// Only these symbols
    #[arg(value_name = "SYMBOL")]
    symbols: Vec<String>,
    /// Only alerts of this type
    #[arg(long = "type", value_name = "T", value_enum, ignore_case = true)]
    alert_type: Option<TypeName>,
    /// Only alerts of this severity
    #[arg(long, value_name = "S", value_enum, ignore_case = true)]
    severity: Option<SeverityName>,
    /// All that are kept, not only the newest 20
    #[arg(long)]
    from_beginning: bool,
    /// Go on with new ones until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Where `run` keeps its data
    #[arg(long, env = "CRYPTO_PIPELINE_DATA_DIR", value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
    /// Ask a running server such as http://127.0.0.1:8000 instead of the data directory
    #[arg(long, value_name = "URL", conflicts_with = "connect")]
    server: Option<String>,
    #[command(flatten)]
    connect: place::Connect,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TypeName {
    #[value(alias = "price_spike")]
    PriceSpike,
    #[value(alias = "price_drop")]
    PriceDrop,
    #[value(alias = "volume_burst")]
    VolumeBurst,
    #[value(alias = "stale_feed")]
    StaleFeed,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SeverityName {
    /// Below 7 %
    Low,
    /// From 7 % on
    Medium,
    /// From 10 % on
    High,
}

/// Which alerts are shown.
struct Filter {
    symbols: Vec<String>,
    alert_type: Option<AlertType>,
    severity: Option<Severity>,
}

impl Alerts {
    pub(crate) fn run(self) -> Result<(), Failure> {
        tokio::runtime::Runtime::new()?.block_on(self.show())
    }

    async fn show(self) -> Result<(), Failure> {
        let place = match &self.server {
            Some(server) => Place::Server(Server::new(server)?),
            None => Place::Store(self.connect.stored(&self.data_dir).await?),
        };
        let symbols = place.symbols().await?;
        check_symbols(&self.symbols, symbols.iter().map(String::as_str))?;
        let stop = shutdown::on_signals()?;
        let (from_beginning, follow) = (self.from_beginning, self.follow);
        let mut log = Log { place, filter: self.filter(), row: 0 };
        let mut output = Output::new();
        let mut newest = VecDeque::with_capacity(NEWEST_ALERTS);
        let mut shown = 0_usize;
        while let Some(entries) = log.next().await? {
            for entry in entries {
                if !from_beginning && newest.len() == NEWEST_ALERTS {
                    newest.pop_front();
                }
                newest.push_back(entry);
            }
            if from_beginning {
                shown += write_all(&mut output, newest.drain(..))?;
            }
        }
        shown += write_all(&mut output, newest.drain(..))?;
        while follow && !output.is_closed() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(FOLLOW_EVERY) => {}
            }
            if let Some(entries) = log.next().await? {
                shown += write_all(&mut output, entries.into_iter())?;
            }
        }
        note(&format!("{shown} alert{}", if shown == 1 { "" } else { "s" }));
        Ok(())
    }

    fn filter(self) -> Filter {
        Filter {
            symbols: self.symbols,
            alert_type: self.alert_type.map(|name| match name {
                TypeName::PriceSpike => AlertType::PriceSpike,
                TypeName::PriceDrop => AlertType::PriceDrop,
                TypeName::VolumeBurst => AlertType::VolumeBurst,
                TypeName::StaleFeed => AlertType::StaleFeed,
            }),
            severity: self.severity.map(|name| match name {
                SeverityName::Low => Severity::Low,
                SeverityName::Medium => Severity::Medium,
                SeverityName::High => Severity::High,
            }),
        }
    }
}

impl Filter {
    fn takes(&self, entry: &AlertEntry) -> bool {
        let alert = &entry.alert;
        (self.symbols.is_empty() || self.symbols.iter().any(|name| name == alert.symbol.as_str()))
            && self.alert_type.is_none_or(|wanted| wanted == alert.alert_type)
            && self.severity.is_none_or(|wanted| wanted == alert.severity)
    }
}

/// Refuses a symbol that the pipeline does not have.
pub(crate) fn check_symbols<'a>(
    asked: &[String],
    known: impl Iterator<Item = &'a str>,
) -> Result<(), Failure> {
    let known: Vec<&str> = known.collect();
    match asked.iter().find(|symbol| !known.contains(&symbol.as_str())) {
        Some(symbol) => Err(Failure::settings(format!(
            "\"{symbol}\" is not a symbol of this pipeline; use one of {}",
            known.join(" ")
        ))),
        None => Ok(()),
    }
}

/// Writes alerts and says how many there were.
fn write_all(out: &mut Output, entries: impl Iterator<Item = AlertEntry>) -> io::Result<usize> {
    let mut shown = 0;
    for entry in entries {
        write(out, &entry)?;
        shown += 1;
    }
    out.flush()?;
    Ok(shown)
}

fn write(out: &mut impl Write, entry: &AlertEntry) -> io::Result<()> {
    let alert = &entry.alert;
    let at = time::show_ms(alert.timestamp.as_millisecond());
    let series = format!("{}:{}", alert.symbol, alert.source);
    let kind = match alert.alert_type {
        AlertType::PriceSpike => "PRICE_SPIKE",
        AlertType::PriceDrop => "PRICE_DROP",
        AlertType::VolumeBurst => "VOLUME_BURST",
        AlertType::StaleFeed => "STALE_FEED",
    };
    let severity = match alert.severity {
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
    };
    let place = format!("[{} @ {}]", entry.partition, entry.offset);
    write!(out, "{place:<14}  {at:<24}  {series:<12}  {kind:<12}  {severity:<6}")?;
    if let (Some(open), Some(close)) = (alert.open_price, alert.close_price) {
        write!(out, "  {open} → {close} {:+.2} %", alert.price_change_percent)?;
    }
    if let Some(z_score) = alert.z_score {
        write!(out, "  z {z_score:+.1}")?;
    }
    writeln!(out)
}
