//! `crypto-pipeline status`: how a running pipeline is doing.

use std::io::{self, Write};

use clap::Args;
use reqwest::Url;
use runtime::clock;
use serde::Deserialize;

use super::http::{self, Answer};
use super::output::Output;
use super::place::Connect;
use super::time;
use crate::failure::Failure;

/// The phase of a pipeline that is past its start.
pub(crate) const RUNNING: &str = "running";

/// By what its servers have.
mod servers;

/// Show how a running pipeline is doing.
///
/// Asks the admin port of `run`, or looks at real servers: how far each series is, and how many
/// records the group has not committed yet.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crypto-pipeline status
  crypto-pipeline status --admin http://127.0.0.1:9091
  crypto-pipeline status --server http://127.0.0.1:8000
  crypto-pipeline status --connect majors.yaml

Exit code: 0 it answers, 1 nothing answers or a source has failed.")]
pub(crate) struct Status {
    #[command(flatten)]
    admin: AdminAddress,
    /// Ask a running server such as http://127.0.0.1:8000 instead of an admin port
    #[arg(long, value_name = "URL", conflicts_with = "connect")]
    server: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

/// Where a running pipeline tells how it is doing.
#[derive(Debug, Args)]
pub(crate) struct AdminAddress {
    /// The admin address of `crypto-pipeline run`
    #[arg(
        long,
        env = "CRYPTO_PIPELINE_ADMIN",
        value_name = "URL",
        default_value = "http://127.0.0.1:9090"
    )]
    admin: String,
}

impl AdminAddress {
    /// Asks for `/status`.
    pub(crate) async fn ask(&self) -> Result<Report, Failure> {
        let url = self.url("/status")?;
        match http::get_json(&http::client(&url)?, url.clone()).await? {
            Answer::Found(report) => Ok(report),
            Answer::Refused(status, _) => Err(Failure::settings(format!(
                "{url} answers {status}; write --admin as the admin address that \
                 `crypto-pipeline run` shows"
            ))),
            Answer::Silent(error) => Err(http::silent(&url, &error)),
        }
    }

    /// Asks `/readyz`: `None` when it is ready, else why not.
    async fn unready(&self) -> Result<Option<String>, Failure> {
        let url = self.url("/readyz")?;
        let answer = http::client(&url)?.get(url.clone()).send().await;
        let response = answer.map_err(|error| http::silent(&url, &error.without_url().into()))?;
        let ready = response.status().is_success();
        let text = response.text().await.unwrap_or_default();
        Ok((!ready).then(|| text.trim().to_owned()))
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        let mut url = http::parse_url(&self.admin, "--admin")?;
        url.set_path(path);
        Ok(url)
    }
}

/// What `/status` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) pipeline: String,
    #[serde(default = "running")]
    pub(crate) phase: String,
    /// Where Kafka listens; absent while it starts.
    pub(crate) brokers: Option<String>,
    pub(crate) topic: Option<String>,
    /// Records of the topic that are not committed yet, where that is known.
    backlog: Option<i64>,
    #[serde(default)]
    sources: Vec<SourceReport>,
    #[serde(default)]
    pub(crate) series: Vec<SeriesReport>,
}

/// What a worker does that says no more.
fn running() -> String {
    RUNNING.to_owned()
}

#[derive(Debug, Deserialize)]
struct SourceReport {
    name: String,
    drained: bool,
    error: Option<String>,
    done: Option<u64>,
    total: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SeriesReport {
    pub(crate) symbol: String,
    source: String,
    #[serde(default)]
    watermark_ns: Option<i64>,
}

impl Status {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (report, ready) = tokio::runtime::Runtime::new()?.block_on(self.ask())?;
        let mut output = Output::new();
        write(&mut output, &report, ready.as_deref(), clock::now_ns())?;
        output.flush()?;
        match report.sources.iter().find(|source| source.error.is_some()) {
            Some(source) => Err(anyhow::anyhow!("source \"{}\" has stopped", source.name).into()),
            None => Ok(()),
        }
    }
}

impl Status {
    /// How it is doing, and whether it is ready, where somebody says that.
    async fn ask(&self) -> Result<(Report, Option<String>), Failure> {
        if let Some(server) = &self.server {
            return Ok((servers::of_api(server).await?, None));
        }
        if let Some(report) = servers::of_servers(&self.connect).await? {
            return Ok((report, None));
        }
        let (report, unready) = (self.admin.ask().await?, self.admin.unready().await?);
        let ready = unready.map_or_else(|| "ready".to_owned(), |why| format!("not ready: {why}"));
        Ok((report, Some(ready)))
    }
}

fn write(
    out: &mut impl Write,
    report: &Report,
    ready: Option<&str>,
    now_ns: i64,
) -> io::Result<()> {
    let ready = ready.map_or_else(String::new, |ready| format!(", {ready}"));
    writeln!(out, "pipeline {}: {}{ready}", report.pipeline, report.phase)?;
    if let (Some(brokers), Some(topic)) = (&report.brokers, &report.topic) {
        writeln!(out, "topic    {topic} at {brokers}")?;
    }
    if let Some(backlog) = report.backlog {
        writeln!(out, "backlog  {backlog} records are not committed yet")?;
    }
    if !report.sources.is_empty() {
        writeln!(out, "\n{:<20}  {:>8}  STATE", "SOURCE", "PROGRESS")?;
    }
    for source in &report.sources {
        let progress = progress(source);
        let state = match (&source.error, source.drained) {
            (Some(error), _) => format!("stopped: {error}"),
            (None, true) => "drained: it has sent everything".to_owned(),
            (None, false) => "running".to_owned(),
        };
        writeln!(out, "{:<20}  {progress:>8}  {state}", source.name)?;
    }
    if !report.series.is_empty() {
        writeln!(out, "\n{:<36}  {:<24}  AGE", "SERIES", "EVENTS UP TO")?;
    }
    for series in &report.series {
        let name = format!("{}:{}", series.symbol, series.source);
        match series.watermark_ns {
            Some(ns) => {
                let age = time::show_age(now_ns.saturating_sub(ns));
                writeln!(out, "{name:<36}  {:<24}  {age}", time::show_ns(ns))?;
            }
            None => writeln!(out, "{name:<36}  nothing so far")?,
        }
    }
    Ok(())
}

/// Whole percent; `-` where the end is not known.
fn progress(source: &SourceReport) -> String {
    match (source.done, source.total) {
        (Some(done), Some(total)) if total > 0 => {
            format!("{} %", u128::from(done) * 100 / u128::from(total))
        }
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn status_shows_progress_errors_and_the_age_of_each_series() {
        let report: Report = serde_json::from_value(json!({
            "pipeline": "majors", "phase": "running", "brokers": "127.0.0.1:1", "topic": "t",
            "sources": [
                {"name": "a", "drained": false, "error": null, "done": 1, "total": 3},
                {"name": "b", "drained": false, "error": "no file", "done": null, "total": null},
            ],
            "series": [
                {"symbol": "BTC", "source": "a", "watermark_ns": 1_723_161_600_000_000_000_i64},
                {"symbol": "ETH", "source": "a", "watermark_ns": null},
            ],
        }))
        .unwrap();
        let mut out = Vec::new();
        write(&mut out, &report, Some("not ready: starting"), 1_723_161_603_000_000_000).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for line in [
            "pipeline majors: running, not ready: starting",
            "topic t at 127.0.0.1:1",
            "a 33 % running",
            "b - stopped: no file",
            "BTC:a 2024-08-09T00:00:00.000Z 3 s",
            "ETH:a nothing so far",
        ] {
            assert!(lines.iter().any(|shown| shown == line), "{line} in {text}");
        }
    }

    #[test]
    fn status_of_a_pipeline_that_starts_is_understood() {
        let text = r#"{"pipeline":"majors","phase":"starting"}"#;
        let report: Report = serde_json::from_str(text).unwrap();
        assert!(report.brokers.is_none() && report.sources.is_empty());
    }
}
