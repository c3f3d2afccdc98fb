//! The candles of a running server: `GET /api/v1/candles/{symbol}`, cursor by cursor.

use anyhow::anyhow;
use market::candle::Candle;
use reqwest::{Client, Url};
use serde::Deserialize;

use super::pages::Question;
use crate::commands::http::{self, Answer};
use crate::failure::Failure;

#[derive(Deserialize)]
struct Page {
    data: Vec<Candle>,
    next_cursor: Option<String>,
}

/// A server, and how far it was read.
pub(super) struct Server {
    client: Client,
    url: Url,
    cursor: Option<String>,
}

impl Server {
    pub(super) fn new(address: &str, symbol: &str) -> Result<Self, Failure> {
        let mut url = http::parse_url(address, "--server")?;
        let client = http::client(&url)?;
        url.path_segments_mut()
            .map_err(|()| anyhow!("cannot ask \"{address}\" for candles"))?
            .pop_if_empty()
            .extend(["api", "v1", "candles", symbol]);
        Ok(Self { client, url, cursor: None })
    }

    /// The next page, oldest candle first, and whether there are more pages. Without a start,
    /// pages go from the newest backward.
    pub(super) async fn ask(
        &mut self,
        question: &Question,
        start_ms: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<Candle>, bool), Failure> {
        let mut url = self.url.clone();
        let fixed = [
            ("interval", Some(question.interval.to_string())),
            ("format", Some("json".to_owned())),
            ("limit", Some(limit.to_string())),
            ("source", question.source.clone()),
            ("start", start_ms.map(|time| time.to_string())),
            ("end", question.end_ms.map(|time| time.to_string())),
            ("cursor", self.cursor.take()),
        ];
        for (name, value) in fixed {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        match http::get_json::<Page>(&self.client, url).await? {
            Answer::Found(page) => {
                let more = page.next_cursor.is_some() && !page.data.is_empty();
                self.cursor = page.next_cursor;
                Ok((page.data, more))
            }
            Answer::Refused(status, words) => Err(http::refused(&self.url, status, &words)),
            Answer::Silent(error) => Err(http::silent(&self.url, &error)),
        }
    }
}
