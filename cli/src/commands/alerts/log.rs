//! Alerts in the order in which they were committed, from a store or from a running server.

use api::{AlertEntry, Reader};
use reqwest::{Client, Url};
use serde::Deserialize;

use super::Filter;
use crate::commands::http;
use crate::commands::place::unread;
use crate::failure::Failure;

/// Alerts that are read at a time.
const PAGE_ALERTS: usize = 1_000;

/// Where alerts come from.
pub(super) enum Place {
    Store(Reader),
    Server(Server),
}

impl Place {
    /// The symbols of the pipeline.
    pub(super) async fn symbols(&self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Store(reader) => {
                let symbols = reader.symbols().await.map_err(unread)?;
                Ok(symbols.iter().map(ToString::to_string).collect())
            }
            Self::Server(server) => server.symbols().await,
        }
    }

    async fn after(&self, row: i64) -> Result<Vec<AlertEntry>, Failure> {
        match self {
            Self::Store(reader) => reader.alerts_after(row, PAGE_ALERTS).await.map_err(unread),
            Self::Server(server) => server.after(row).await,
        }
    }
}

/// A server that answers `GET /api/v1/alerts/ALL`.
pub(super) struct Server {
    client: Client,
    origin: Url,
}

#[derive(Deserialize)]
struct Page {
    alerts: Vec<AlertEntry>,
}

#[derive(Deserialize)]
struct Symbols {
    symbols: Vec<SymbolEntry>,
}

#[derive(Deserialize)]
struct SymbolEntry {
    symbol: String,
}

impl Server {
    pub(super) fn new(address: &str) -> Result<Self, Failure> {
        let origin = http::parse_url(address, "--server")?;
        Ok(Self { client: http::client(&origin)?, origin })
    }

    async fn symbols(&self) -> Result<Vec<String>, Failure> {
        let url = http::at(&self.origin, "/api/v1/symbols");
        let all: Symbols = http::fetch(&self.client, url).await?;
        Ok(all.symbols.into_iter().map(|entry| entry.symbol).collect())
    }

    async fn after(&self, row: i64) -> Result<Vec<AlertEntry>, Failure> {
        let mut url = http::at(&self.origin, "/api/v1/alerts/ALL");
        url.set_query(Some(&format!("after={row}&limit={PAGE_ALERTS}")));
        let page: Page = http::fetch(&self.client, url).await?;
        Ok(page.alerts)
    }
}

/// The alerts in the order in which they were committed.
pub(super) struct Log {
    pub(super) place: Place,
    pub(super) filter: Filter,
    /// The last one that was read.
    pub(super) row: i64,
}

impl Log {
    /// Those of the next page that are to be shown; `None` when there are no more so far.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<AlertEntry>>, Failure> {
        let mut page = self.place.after(self.row).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.row = last.row;
        page.retain(|entry| self.filter.takes(entry));
        Ok(Some(page))
    }
}
