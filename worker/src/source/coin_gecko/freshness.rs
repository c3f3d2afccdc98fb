//! Which prices are news: per coin, only one whose `last_updated_at` is later than all before.
//!
//! A venue's cache may answer with an older price than a poll ago; a coin may be renamed and no
//! longer be answered for. What is passed over is counted.

use std::collections::HashMap;

use market::decimal::Decimal;

use super::prices::{Answer, Lack, Price};

/// A coin is down after so many answers in a row without a price that can be published.
pub(in crate::source) const MISSES_MAX: u32 = 3;
/// A price that is later than now by more is not believed, in nanoseconds. It would hide all
/// prices before it.
pub(in crate::source) const AHEAD_NS_MAX: i64 = 60_000_000_000;

/// Something to write down for one coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) enum Change {
    /// A price that is later than all before it.
    Quote(Price),
    /// The coin is answered for, for the first time or again.
    Up {
        /// CoinGecko's id of the coin.
        id: String,
    },
    /// The coin is not answered for any more.
    Down(Outage),
}

/// A coin that has no price that can be published. Its text is for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub(in crate::source) struct Outage {
    /// CoinGecko's id of the coin.
    pub(in crate::source) id: String,
    /// What is wrong.
    pub(in crate::source) miss: Miss,
}

/// Why an answer had no price of a coin that can be published. Its text fits a `state` mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::source) enum Miss {
    /// The coin was never answered for.
    #[error("coingecko does not know this id; look it up at coingecko.com")]
    Unknown,
    /// The coin was answered for, and is no longer.
    #[error("coingecko no longer answers for this id; look for its new id")]
    Gone,
    /// No price, or none with a readable time.
    #[error("coingecko sends no price with a time; see if the coin trades")]
    Incomplete,
    /// Zero, below, or outside what a record holds.
    #[error("the price is not above zero or too large; use another source")]
    Unfit,
    /// Later than now.
    #[error("the price is from the future; set the clock of this machine")]
    Ahead,
}

impl Outage {
    fn sentence(&self) -> String {
        let id = &self.id;
        match self.miss {
            Miss::Unknown => {
                format!("coingecko does not know \"{id}\"; look its id up at coingecko.com")
            }
            Miss::Gone => {
                format!("coingecko no longer answers for \"{id}\"; look for its new id")
            }
            Miss::Incomplete => format!(
                "coingecko sends no price of \"{id}\" with a time; see whether it still trades"
            ),
            Miss::Unfit => format!(
                "the price of \"{id}\" is not above zero or too large; take it from another source"
            ),
            Miss::Ahead => {
                format!("the price of \"{id}\" is from the future; set the clock of this machine")
            }
        }
    }
}

/// What became of the coins that were asked for, summed over all answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::source) struct Counts {
    /// Published.
    pub(in crate::source) published: u64,
    /// The same time and price as before.
    pub(in crate::source) unchanged: u64,
    /// The same time as before with another price; the first one stands.
    pub(in crate::source) conflicts: u64,
    /// An older time than before.
    pub(in crate::source) older: u64,
    /// Left out of the answer.
    pub(in crate::source) absent: u64,
    /// Without a price, or without a readable time.
    pub(in crate::source) incomplete: u64,
    /// Not above zero, or nothing that a record holds.
    pub(in crate::source) unfit: u64,
    /// Too far in the future.
    pub(in crate::source) ahead: u64,
}

/// What is known of each coin of one feed.
#[derive(Debug, Clone)]
pub(in crate::source) struct Freshness {
    coins: Vec<Coin>,
    counts: Counts,
}

#[derive(Debug, Clone)]
struct Coin {
    id: String,
    newest: Option<Newest>,
    /// Answers in a row without a price that can be published.
    misses: u32,
    state: State,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    last_updated_at: i64,
    /// `None` where an earlier process published it.
    price: Option<Decimal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Up,
    Down(Miss),
}

impl Freshness {
    /// Nothing is known of these coins, each named by CoinGecko's id, once.
    #[must_use]
    pub(in crate::source) fn new(ids: impl IntoIterator<Item = String>) -> Self {
        let coins = ids.into_iter().map(Coin::new).collect();
        Self { coins, counts: Counts::default() }
    }

    /// Goes on after a price that an earlier process published, of that `last_updated_at` in
    /// seconds since the epoch.
    pub(in crate::source) fn go_on(&mut self, id: &str, last_updated_at: i64) {
        if let Some(coin) = self.coins.iter_mut().find(|coin| coin.id == id) {
            coin.newest = Some(Newest { last_updated_at, price: None });
        }
    }

    /// What is to be written down after an answer that came at `now_ns`, in nanoseconds since the
    /// epoch. Polls without an answer, and those that say "unchanged", are not told.
    #[must_use]
    pub(in crate::source) fn publish(&mut self, answer: Answer, now_ns: i64) -> Vec<Change> {
        let mut changes = vec![];
        let lacks: HashMap<_, _> =
            answer.omissions.into_iter().map(|one| (one.id, one.lack)).collect();
        let mut prices: HashMap<_, _> =
            answer.prices.into_iter().map(|price| (price.id.clone(), price)).collect();
        for coin in &mut self.coins {
            let found = match prices.remove(&coin.id) {
                Some(price) => coin.look_at(price, now_ns, &mut self.counts),
                None => Err(coin.miss(lacks.get(&coin.id).copied(), &mut self.counts)),
            };
            match found {
                Ok(quote) => {
                    changes.extend(coin.up());
                    changes.extend(quote.map(Change::Quote));
                }
                Err(miss) => changes.extend(coin.missed(miss)),
            }
        }
        changes
    }

    /// What became of the coins so far.
    #[must_use]
    pub(in crate::source) const fn counts(&self) -> Counts {
        self.counts
    }

    /// The coins that CoinGecko does not know.
    pub(in crate::source) fn unknown(&self) -> impl Iterator<Item = &str> {
        let unknown = |coin: &&Coin| coin.state == State::Down(Miss::Unknown);
        self.coins.iter().filter(unknown).map(|coin| coin.id.as_str())
    }
}

impl Coin {
    const fn new(id: String) -> Self {
        Self { id, newest: None, misses: 0, state: State::Starting }
    }

    /// The price if it is news, `None` if it is not.
    fn look_at(
        &mut self,
        price: Price,
        now_ns: i64,
        counts: &mut Counts,
    ) -> Result<Option<Price>, Miss> {
        let Some(value) = value(&price.price) else {
            counts.unfit += 1;
            return Err(Miss::Unfit);
        };
        if price.event_time_ns() > now_ns.saturating_add(AHEAD_NS_MAX) {
            counts.ahead += 1;
            return Err(Miss::Ahead);
        }
        let last_updated_at = price.last_updated_at;
        match self.newest {
            Some(newest) if last_updated_at < newest.last_updated_at => counts.older += 1,
            Some(newest) if last_updated_at == newest.last_updated_at => {
                let same = newest.price.is_none_or(|first| first == value);
                *if same { &mut counts.unchanged } else { &mut counts.conflicts } += 1;
            }
            Some(_) | None => {
                counts.published += 1;
                self.newest = Some(Newest { last_updated_at, price: Some(value) });
                return Ok(Some(price));
            }
        }
        Ok(None)
    }

    fn miss(&self, lack: Option<Lack>, counts: &mut Counts) -> Miss {
        match lack {
            None | Some(Lack::Coin) => {
                counts.absent += 1;
                if self.newest.is_some() { Miss::Gone } else { Miss::Unknown }
            }
            Some(Lack::ShortPrice) => {
                counts.unfit += 1;
                Miss::Unfit
            }
            Some(Lack::Price | Lack::Time | Lack::WholeTime) => {
                counts.incomplete += 1;
                Miss::Incomplete
            }
        }
    }

    fn up(&mut self) -> Option<Change> {
        self.misses = 0;
        let before = std::mem::replace(&mut self.state, State::Up);
        (before != State::Up).then(|| Change::Up { id: self.id.clone() })
    }

    fn missed(&mut self, miss: Miss) -> Option<Change> {
        self.misses = self.misses.saturating_add(1);
        // CoinGecko does not know the id: more answers would say the same.
        let certain = miss == Miss::Unknown || self.misses >= MISSES_MAX;
        if !certain || matches!(self.state, State::Down(_)) {
            return None;
        }
        self.state = State::Down(miss);
        Some(Change::Down(Outage { id: self.id.clone(), miss }))
    }
}

/// The value of a price that a record holds.
fn value(price: &str) -> Option<Decimal> {
    Decimal::parse_rounded(price).ok().filter(|price| *price > Decimal::ZERO)
}

#[cfg(test)]
mod tests;
