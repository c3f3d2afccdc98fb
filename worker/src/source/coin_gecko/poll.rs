//! Asking CoinGecko.

use std::sync::Arc;
use std::time::Duration;

use market::pipeline::Plan;
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use serde::Deserialize;

use super::pace::Outcome;
use super::prices::{self, Answer, ReadError};
use crate::source::clock::SourceClock;
use crate::source::live::{Host, Need};

/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(20);
/// The longest list of coins that is read.
const LIST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Who asks, and for what.
pub(super) struct Poll {
    pub(super) http: Client,
    /// `https://host/api/v3`, without a slash at the end.
    pub(super) base: String,
    pub(super) plan: Plan,
    /// Shown nowhere.
    pub(super) key: Option<HeaderValue>,
    pub(super) ids: Vec<String>,
    pub(super) etag: Option<HeaderValue>,
    pub(super) host: Arc<Host>,
    pub(super) clock: SourceClock,
}

/// What a poll gave.
pub(super) enum Polled {
    /// Prices, maybe of some coins only.
    Prices(Answer),
    /// Nothing is new.
    Unchanged,
    /// No prices.
    Failed {
        /// What it means for the next call.
        outcome: Failure,
        /// What was said.
        detail: String,
    },
}

/// An [`Outcome`] that owns its words.
pub(super) enum Failure {
    Status { status: u16, code: Option<u32>, retry_after: Option<String> },
    Timeout,
    Transport,
    Unreadable,
}

impl Failure {
    pub(super) fn as_outcome(&self) -> Outcome<'_> {
        match self {
            Self::Status { status, code, retry_after } => {
                let (status, code, retry_after) = (*status, *code, retry_after.as_deref());
                Outcome::Status { status, code, retry_after }
            }
            Self::Timeout => Outcome::Timeout,
            Self::Transport => Outcome::Transport,
            Self::Unreadable => Outcome::Unreadable,
        }
    }
}

#[derive(Deserialize)]
struct ListedCoin {
    id: String,
}

type Answered = (StatusCode, HeaderMap, Vec<u8>);

impl Poll {
    /// The prices of all coins.
    pub(super) async fn prices(&mut self) -> Polled {
        let path = format!(
            "/simple/price?ids={}&vs_currencies=usd&precision=full&include_market_cap=true\
             &include_24hr_vol=true&include_24hr_change=true&include_last_updated_at=true",
            self.ids.join("%2C")
        );
        let etag = self.etag.clone();
        let (status, headers, body) = match self.get(&path, etag, prices::BODY_BYTES_MAX).await {
            Ok(answered) => answered,
            Err(outcome) => return Polled::Failed { outcome, detail: String::new() },
        };
        if status == StatusCode::NOT_MODIFIED {
            return Polled::Unchanged;
        }
        if status != StatusCode::OK {
            return Polled::Failed {
                outcome: refused(status, &headers, &body),
                detail: said(&body),
            };
        }
        match prices::read(&body, &self.ids) {
            Ok(answer) => {
                self.etag = headers.get(ETAG).cloned();
                Polled::Prices(answer)
            }
            Err(error) => {
                let detail = error.to_string();
                let outcome = match error {
                    ReadError::RefusePrices { code, .. } => {
                        let retry_after = retry_after(&headers);
                        Failure::Status { status: status.as_u16(), code, retry_after }
                    }
                    _ => Failure::Unreadable,
                };
                Polled::Failed { outcome, detail }
            }
        }
    }

    /// The ids of all coins.
    pub(super) async fn list(&self) -> Result<Vec<String>, Failure> {
        let (status, headers, body) = self.get("/coins/list", None, LIST_BYTES_MAX).await?;
        if status != StatusCode::OK {
            return Err(refused(status, &headers, &body));
        }
        let coins: Vec<ListedCoin> =
            crate::source::live::json::body(&body).map_err(|_| Failure::Unreadable)?;
        Ok(coins.into_iter().map(|coin| coin.id).collect())
    }

    async fn get(
        &self,
        path: &str,
        etag: Option<HeaderValue>,
        most: usize,
    ) -> Result<Answered, Failure> {
        self.host.take(Need::Call(1)).await;
        let call = self.call(path, etag, most);
        match tokio::time::timeout(self.clock.wall(CALL_MAX), call).await {
            Ok(Ok(answered)) => Ok(answered),
            Ok(Err(error)) if error.is_timeout() => Err(Failure::Timeout),
            Ok(Err(_)) => Err(Failure::Transport),
            Err(_) => Err(Failure::Timeout),
        }
    }

    async fn call(
        &self,
        path: &str,
        etag: Option<HeaderValue>,
        most: usize,
    ) -> Result<Answered, reqwest::Error> {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            let name = match self.plan {
                Plan::Pro => "x-cg-pro-api-key",
                Plan::Demo | Plan::Keyless => "x-cg-demo-api-key",
            };
            request = request.header(name, key.clone());
        }
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let mut response = request.send().await?;
        let mut body = Vec::new();
        while body.len() <= most
            && let Some(chunk) = response.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), std::mem::take(response.headers_mut()), body))
    }
}

fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let code = prices::refusal(body).and_then(|refusal| refusal.code);
    Failure::Status { status: status.as_u16(), code, retry_after: retry_after(headers) }
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The beginning of what was answered.
fn said(body: &[u8]) -> String {
    const SHOWN_CHARS_MAX: usize = 160;
    String::from_utf8_lossy(body).chars().take(SHOWN_CHARS_MAX).collect()
}
