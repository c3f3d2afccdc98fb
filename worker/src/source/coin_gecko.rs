//! Quotes of CoinGecko: one poll for all coins, as often as the plan allows.
//!
//! ```text
//! Pace (when) ─▶ poll ─▶ prices (what) ─▶ Freshness (what is new) ─▶ quotes and states
//! ```
//!
//! A quote vouches for nothing. Its event time is the venue's `last_updated_at`, and it is sent
//! only when that advances. Source: <https://docs.coingecko.com>.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use market::publication::FeedState;

use super::clock::SourceClock;
use super::dice::roll;
use super::{
    BATCH_RECORDS_MAX, Emission, Event, Flow, Listing, Look, Source, SourceError, SourceQuote,
    SymbolLook,
};

/// Which prices are news.
mod freshness;
/// One entry of the spec as a source.
mod open;
/// When the next call may be made.
mod pace;
/// Asking.
mod poll;
/// What an answer holds.
mod prices;
/// What it says of its coins.
mod said;

use freshness::{Change, Counts, Freshness};
pub(super) use open::{CoinGeckoOptions, open};
use pace::{Feed, Outcome, Pace};
use poll::{Poll, Polled};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// The longest sleep before looking again, so that a clock that is set has an effect.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// Another wait than a computed one of no time: the clock may be a little behind.
const SLEEP_MIN: Duration = Duration::from_millis(5);

/// A coin.
struct Coin {
    id: String,
    state: Option<(FeedState, String)>,
    /// When its state was said last.
    said_ns: i64,
    quotes: u64,
    started_hour: Option<i64>,
}

/// CoinGecko's quotes.
pub(super) struct CoinGecko {
    listings: Vec<Listing>,
    coins: Vec<Coin>,
    pace: Pace,
    poll: Poll,
    freshness: Freshness,
    /// Why all coins are down, while they are.
    down_because: Option<String>,
    /// Whether the next call asks which coins there are.
    wants_list: bool,
    has_list: bool,
    stale_ns: i64,
    seed: u64,
    ready: VecDeque<Emission>,
    clock: SourceClock,
    look: Arc<Mutex<Look>>,
}

impl CoinGecko {
    async fn advance(&mut self, batch: &mut Vec<Emission>) -> Flow {
        while self.ready.is_empty() {
            let now_ns = self.clock.now_ns();
            self.turn(now_ns);
            if !self.ready.is_empty() {
                break;
            }
            if self.pace.start(now_ns) {
                self.call().await;
            } else {
                let next_ns = self.pace.next_at_ns().unwrap_or(i64::MAX);
                let wait_ns = next_ns.saturating_sub(now_ns).max(0).unsigned_abs();
                let wait = Duration::from_nanos(wait_ns).clamp(SLEEP_MIN, SLEEP_MAX);
                self.clock.sleep(wait).await;
            }
        }
        let count = self.ready.len().min(BATCH_RECORDS_MAX);
        batch.extend(self.ready.drain(..count));
        Flow::More
    }

    /// Makes the call that the pace has let be made.
    async fn call(&mut self) {
        if self.wants_list {
            return self.call_list().await;
        }
        let polled = self.poll.prices().await;
        let now_ns = self.clock.now_ns();
        let random = roll(&[self.seed, self.pace.calls()]);
        match polled {
            Polled::Prices(answer) => {
                self.pace.finish(Outcome::Fresh, now_ns, random);
                self.take_feed(now_ns);
                for change in self.freshness.publish(answer, now_ns) {
                    self.take(change, now_ns);
                }
            }
            Polled::Unchanged => {
                self.pace.finish(Outcome::Unchanged, now_ns, random);
                self.take_feed(now_ns);
            }
            Polled::Failed { outcome, detail } => {
                tracing::debug!(detail, "coingecko gave no prices");
                self.pace.finish(outcome.as_outcome(), now_ns, random);
                self.take_feed(now_ns);
            }
        }
        self.show();
    }

    /// Asks which coins there are, for those that are not known.
    async fn call_list(&mut self) {
        (self.wants_list, self.has_list) = (false, true);
        let listed = self.poll.list().await;
        let now_ns = self.clock.now_ns();
        let random = roll(&[self.seed, self.pace.calls()]);
        match listed {
            Ok(ids) => {
                self.pace.finish(Outcome::Unchanged, now_ns, random);
                let unknown: Vec<_> = self.freshness.unknown().map(str::to_owned).collect();
                for id in unknown {
                    let known = ids.iter().map(String::as_str);
                    if let Some(close) = super::close::closest(&id, known) {
                        let reason =
                            format!("coingecko has no \"{id}\"; did you mean \"{close}\"?");
                        self.say(&id, FeedState::Down, &reason, now_ns);
                    }
                }
            }
            Err(outcome) => self.pace.finish(outcome.as_outcome(), now_ns, random),
        }
    }

    /// What the pace says of the feed is true of every coin.
    fn take_feed(&mut self, now_ns: i64) {
        let reason = match self.pace.feed() {
            Feed::Starting => return,
            Feed::Up => return self.undo_down(now_ns),
            Feed::Down(trouble) | Feed::Refused(trouble) => trouble.to_string(),
        };
        let ids: Vec<_> = self.coins.iter().map(|coin| coin.id.clone()).collect();
        for id in ids {
            self.say(&id, FeedState::Down, &reason, now_ns);
        }
        self.down_because = Some(reason);
    }

    /// Coins that were down only because all were are up again.
    fn undo_down(&mut self, now_ns: i64) {
        let Some(reason) = self.down_because.take() else { return };
        let down = Some((FeedState::Down, reason));
        let ids = self.coins.iter().filter(|coin| coin.state == down && coin.quotes > 0);
        let ids: Vec<_> = ids.map(|coin| coin.id.clone()).collect();
        for id in ids {
            self.say(&id, FeedState::Up, "", now_ns);
        }
    }

    fn take(&mut self, change: Change, now_ns: i64) {
        match change {
            Change::Up { id } => self.say(&id, FeedState::Up, "", now_ns),
            Change::Down(outage) => {
                tracing::warn!(%outage, "a coin has no quotes");
                self.say(&outage.id, FeedState::Down, &outage.to_string(), now_ns);
                self.wants_list |= !self.has_list && outage.miss == freshness::Miss::Unknown;
            }
            Change::Quote(price) => {
                let Some(index) = self.coins.iter().position(|coin| coin.id == price.id) else {
                    return;
                };
                self.coins[index].quotes += 1;
                self.say(&price.id, FeedState::Up, "", now_ns);
                let event_time_ns = price.event_time_ns();
                let quote = SourceQuote {
                    price: price.price,
                    volume_24h: price.volume_24h,
                    market_cap: price.market_cap,
                    price_change_24h: price.price_change_24h,
                    event_time_ns,
                    receive_time_ns: Some(now_ns),
                };
                self.ready.push_back(Emission { listing: index, event: Event::Quote(quote) });
            }
        }
    }

    /// Shows how it is.
    fn show(&self) {
        let symbols = self.coins.iter().zip(&self.listings).map(|(coin, listing)| SymbolLook {
            symbol: listing.series.symbol.clone(),
            state: coin.state.as_ref().map(|(state, _)| *state),
            ticks: coin.quotes,
            duplicates: 0,
            gaps: 0,
            repaired: 0,
            lost: 0,
        });
        let Counts { conflicts, incomplete, unfit, ahead, .. } = self.freshness.counts();
        let look = Look {
            frames_unreadable: conflicts + incomplete + unfit + ahead,
            rest_left: self.poll.host.left(),
            symbols: symbols.collect(),
            ..Look::default()
        };
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = look;
    }
}

impl Source for CoinGecko {
    fn listings(&self) -> &[Listing] {
        &self.listings
    }

    fn look(&self) -> Option<Arc<Mutex<Look>>> {
        Some(Arc::clone(&self.look))
    }

    fn next<'a>(
        &'a mut self,
        batch: &'a mut Vec<Emission>,
    ) -> BoxFuture<'a, Result<Flow, SourceError>> {
        Box::pin(async move { Ok(self.advance(batch).await) })
    }
}
