//! Where candles come from, page by page: a data directory or a running server.

use api::{CandleReader, Reader};
use market::candle::Candle;
use market::interval::Interval;

use super::server::Server;
use crate::commands::place::unread;
use crate::failure::Failure;

/// Candles that are held at a time.
const PAGE_CANDLES: usize = 1_000;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) symbol: String,
    pub(super) source: Option<String>,
    pub(super) interval: Interval,
    /// First open time, inclusive.
    pub(super) start_ms: Option<i64>,
    /// Last open time, exclusive.
    pub(super) end_ms: Option<i64>,
    /// Without `start_ms` the newest so many.
    pub(super) limit: Option<usize>,
}

/// Candles, oldest first.
pub(super) struct Pages {
    question: Question,
    place: Place,
    /// How many may still come.
    left: usize,
}

enum Place {
    Store(CandleReader),
    Server(Server),
}

impl Pages {
    pub(super) async fn of_store(question: Question, reader: Reader) -> Result<Self, Failure> {
        let candles = reader
            .candles(&question.symbol, question.source.as_deref(), question.interval)
            .await
            .map_err(unread)?;
        Ok(Self::new(question, Place::Store(candles)))
    }

    pub(super) fn of_server(question: Question, address: &str) -> Result<Self, Failure> {
        let server = Server::new(address, &question.symbol)?;
        Ok(Self::new(question, Place::Server(server)))
    }

    fn new(question: Question, place: Place) -> Self {
        let left = question.limit.unwrap_or(usize::MAX);
        Self { question, place, left }
    }

    /// The next candles; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Candle>>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        let page = match (self.question.limit, self.question.start_ms) {
            (Some(limit), None) => {
                self.left = 0;
                self.newest(limit).await?
            }
            (Some(_) | None, _) => self.oldest().await?,
        };
        Ok((!page.is_empty()).then_some(page))
    }

    async fn oldest(&mut self) -> Result<Vec<Candle>, Failure> {
        let limit = self.left.min(PAGE_CANDLES);
        let (page, more) = match &mut self.place {
            Place::Store(candles) => {
                let Question { start_ms, end_ms, .. } = self.question;
                let page = candles.oldest(start_ms, end_ms, limit).await.map_err(unread)?;
                let more = page.len() == limit;
                (page, more)
            }
            // With a start the server goes forward.
            Place::Server(server) => {
                server.ask(&self.question, Some(self.question.start_ms.unwrap_or(0)), limit).await?
            }
        };
        self.left = if more { self.left.saturating_sub(page.len()) } else { 0 };
        if let (Place::Store(_), Some(last)) = (&self.place, page.last()) {
            self.question.start_ms = Some(last.open_time_ms + 1);
        }
        Ok(page)
    }

    async fn newest(&mut self, limit: usize) -> Result<Vec<Candle>, Failure> {
        let server = match &mut self.place {
            Place::Store(candles) => {
                return candles.newest(self.question.end_ms, limit).await.map_err(unread);
            }
            Place::Server(server) => server,
        };
        let (mut pages, mut left, mut more) = (Vec::new(), limit, true);
        while more && left > 0 {
            let (page, goes_on) = server.ask(&self.question, None, left.min(PAGE_CANDLES)).await?;
            left = left.saturating_sub(page.len());
            more = goes_on;
            pages.push(page);
        }
        Ok(pages.into_iter().rev().flatten().collect())
    }
}
