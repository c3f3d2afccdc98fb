//! How a pipeline is doing by what its servers have: tables and topics, or an API in front of them.

use reqwest::{Client, Url};
use serde::Deserialize;
use worker::cluster::ends;
use worker::topic::topics_of;

use super::{Report, SeriesReport};
use crate::commands::http;
use crate::commands::place::{Connect, unread};
use crate::failure::Failure;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// What PostgreSQL and Kafka have of the pipeline of `--connect`; `None` without one.
pub(super) async fn of_servers(connect: &Connect) -> Result<Option<Report>, Failure> {
    let Some(pipeline) = connect.pipeline()? else { return Ok(None) };
    let kafka = connect.kafka(&pipeline).await?;
    let reader = connect.reader(&pipeline).await?;
    let topic = topics_of(&pipeline).ticks;
    let ends = ends(&pipeline, &kafka).await?;
    let committed = reader.next_offsets(&topic).await.map_err(unread)?;
    let left = ends.iter().map(|(partition, end)| {
        let next = committed.iter().find(|(number, _)| number == partition);
        (end - next.map_or(0, |(_, offset)| (*offset).max(0))).max(0)
    });
    let series = reader.watermarks().await.map_err(unread)?.into_iter();
    let series = series.map(|(series, watermark_ns)| SeriesReport {
        symbol: series.symbol.to_string(),
        source: series.source.to_string(),
        watermark_ns,
    });
    Ok(Some(Report {
        pipeline: pipeline.name,
        phase: "on real servers".to_owned(),
        brokers: Some(kafka.brokers),
        topic: Some(topic),
        backlog: Some(left.sum()),
        sources: Vec::new(),
        series: series.collect(),
    }))
}

#[derive(Deserialize)]
struct PipelineInfo {
    name: String,
    series: Vec<SeriesReport>,
    feeds: Vec<SeriesReport>,
}

#[derive(Deserialize)]
struct Health {
    status: String,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Minute>,
}

#[derive(Deserialize)]
struct Minute {
    close_time_ms: i64,
    closed: bool,
}

/// What an API says of its pipeline.
pub(super) async fn of_api(address: &str) -> Result<Report, Failure> {
    let origin = http::parse_url(address, "--server")?;
    let client = http::client(&origin)?;
    let info: PipelineInfo = http::fetch(&client, http::at(&origin, "/api/v1/pipeline")).await?;
    let health: Health = http::fetch(&client, http::at(&origin, "/health")).await?;
    let PipelineInfo { name, mut series, feeds } = info;
    for series in &mut series {
        let feed =
            feeds.iter().find(|feed| feed.symbol == series.symbol && feed.source == series.source);
        series.watermark_ns = match feed.and_then(|feed| feed.watermark_ns) {
            None => last_minute_ns(&client, &origin, series).await?,
            known => known,
        };
    }
    Ok(Report {
        pipeline: name,
        phase: format!("served, {}", health.status),
        brokers: None,
        topic: None,
        backlog: None,
        sources: Vec::new(),
        series,
    })
}

/// Where the last closed minute of a series ends.
async fn last_minute_ns(
    client: &Client,
    origin: &Url,
    series: &SeriesReport,
) -> Result<Option<i64>, Failure> {
    let mut url = http::at(origin, &format!("/api/v1/candles/{}", series.symbol));
    url.set_query(Some(&format!("source={}&interval=1m&limit=2", series.source)));
    let page: Page = http::fetch(client, url).await?;
    let closed = page.data.iter().rev().find(|minute| minute.closed);
    Ok(closed.map(|minute| minute.close_time_ms * NANOS_PER_MILLI))
}
