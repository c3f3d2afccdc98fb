//! The REST side of a venue: one question at a time, within what the venue allows.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AGE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode};

use super::ask::{Row, Unanswered};
use super::connection::chain;
use super::limiter::{Host, Need};
use super::skew::Skew;
use super::venue::{BadBody, Listed, PageAsk, Venue};
use crate::source::clock::SourceClock;
use crate::source::retry_after::{self, date_ns};

/// The longest body that is read.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(15);
/// How long a venue is left alone that asked for it without saying how long.
const BLOCKED: Duration = Duration::from_secs(120);
/// How long a venue is left alone that refuses this address.
const REFUSED: Duration = Duration::from_secs(600);
/// The shortest, where it refuses and asks for no time.
const BLOCKED_MIN: Duration = Duration::from_secs(1);
/// The longest that a venue may ask to be left alone.
const BLOCKED_MAX: Duration = Duration::from_secs(3 * 86_400);
/// How long a venue is left alone that has too many calls, in words instead of a status.
const SLOWED: Duration = Duration::from_secs(5);

/// One venue's REST side.
pub(super) struct Rest {
    pub(super) http: Client,
    /// `https://host`, without a slash at the end.
    pub(super) base: String,
    pub(super) venue: Arc<dyn Venue>,
    pub(super) host: Arc<Host>,
    pub(super) clock: SourceClock,
    pub(super) skew: Arc<Skew>,
}

impl Rest {
    /// The instruments of the venue.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, Unanswered> {
        let need = Need::Call(self.venue.facts().list_weight);
        let body = self.get(self.venue.list_path(), need).await?;
        self.venue.read_list(&body).map_err(|bad| self.bad(bad))
    }

    /// One page of trades, in any order.
    pub(super) async fn page(
        &self,
        ask: PageAsk<'_>,
        patient: bool,
    ) -> Result<Vec<Row>, Unanswered> {
        let weight = self.venue.facts().page_weight;
        let need = if patient { Need::PatientCall(weight) } else { Need::Call(weight) };
        let body = self.get(&self.venue.page_path(ask), need).await?;
        self.venue.read_page(&body).map_err(|bad| self.bad(bad))
    }

    async fn get(&self, path: &str, need: Need) -> Result<Vec<u8>, Unanswered> {
        self.host.take(need).await;
        let answered = tokio::time::timeout(self.clock.wall(CALL_MAX), self.call(path)).await;
        let (status, headers, body) = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(again(&chain(&error.without_url()))),
            Err(_) => {
                let seconds = CALL_MAX.as_secs();
                return Err(again(&format!("no whole answer within {seconds} s")));
            }
        };
        self.note(&headers);
        if status == StatusCode::OK {
            return Ok(body);
        }
        Err(self.refusal(status, &headers, &body))
    }

    async fn call(&self, path: &str) -> Result<(StatusCode, HeaderMap, Vec<u8>), reqwest::Error> {
        let mut response = self.http.get(format!("{}{path}", self.base)).send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_BYTES_MAX {
                break;
            }
        }
        Ok((response.status(), std::mem::take(response.headers_mut()), body))
    }

    /// What the headers tell: the venue's clock, and what was used of its limit.
    fn note(&self, headers: &HeaderMap) {
        let facts = self.venue.facts();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let used = facts.used_header.and_then(text).and_then(|used| used.parse().ok());
        if let Some(used) = used {
            self.host.used(used, facts.rest_allowed / 2.0);
        }
        // A copy that a cache keeps bears the date of when it was made.
        let is_copy = text(AGE.as_str()).is_some_and(|age| age != "0");
        if let Some(date_ns) = text(DATE.as_str()).and_then(date_ns).filter(|_| !is_copy) {
            self.skew.answered(self.clock.now_ns(), date_ns);
        }
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Unanswered {
        let said = self.venue.read_refusal(body);
        let reason = format!("{} answers {status}: {said}", self.venue.facts().name);
        if let Some(wait) = leave_alone(status, headers) {
            self.host.block(wait);
            return Unanswered::Again { reason };
        }
        match status {
            StatusCode::REQUEST_TIMEOUT => Unanswered::Again { reason },
            status if status.is_client_error() => Unanswered::Refused { reason },
            _ => Unanswered::Again { reason },
        }
    }

    fn bad(&self, bad: BadBody) -> Unanswered {
        let name = self.venue.facts().name;
        match bad {
            BadBody::Unreadable(detail) => {
                Unanswered::Again { reason: format!("an answer of {name} is unreadable: {detail}") }
            }
            BadBody::TooMany => {
                self.host.block(SLOWED);
                Unanswered::Again { reason: format!("{name} wants fewer calls") }
            }
            BadBody::Later(said) => Unanswered::Again { reason: format!("{name} says \"{said}\"") },
            BadBody::Refused(said) => {
                Unanswered::Refused { reason: format!("{name} says \"{said}\"") }
            }
        }
    }
}

fn again(reason: &dyn std::fmt::Display) -> Unanswered {
    Unanswered::Again { reason: reason.to_string() }
}

/// For how long the venue wants no call after this status, where so.
pub(super) fn leave_alone(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let otherwise = match status.as_u16() {
        418 | 429 => BLOCKED,
        403 | 451 => REFUSED,
        503 => Duration::ZERO,
        _ => return None,
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    // A date is compared with the venue's own clock.
    let now_ns = text(DATE).and_then(retry_after::date_ns).unwrap_or(0);
    let until_ns = text(RETRY_AFTER).and_then(|text| retry_after::parse(text, now_ns));
    let told = until_ns.map(|until_ns| {
        Duration::from_nanos(until_ns.saturating_sub(now_ns).max(0).unsigned_abs())
    });
    let least = if otherwise.is_zero() { Duration::ZERO } else { BLOCKED_MIN };
    let wait = told.unwrap_or(otherwise).clamp(least, BLOCKED_MAX);
    (wait > Duration::ZERO).then_some(wait)
}
