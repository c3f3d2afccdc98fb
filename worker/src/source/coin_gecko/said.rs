//! What it says of its coins: `start`, and how the feed is.

use market::publication::FeedState;
use market::tick::{MarkKind, REASON_LENGTH_MAX, Start};

use super::{CoinGecko, NANOS_PER_SECOND};
use crate::source::{Emission, Event};

const NANOS_PER_HOUR: i64 = 3_600 * NANOS_PER_SECOND;

impl CoinGecko {
    /// Says how a coin's feed is, where that is new.
    pub(super) fn say(&mut self, id: &str, state: FeedState, reason: &str, now_ns: i64) {
        let Some(index) = self.coins.iter().position(|coin| coin.id == id) else { return };
        let coin = &mut self.coins[index];
        let said = coin.state.as_ref();
        if said.is_some_and(|(known, why)| *known == state && why == reason) {
            return;
        }
        coin.state = Some((state, reason.to_owned()));
        coin.said_ns = now_ns;
        self.state_mark(index);
    }

    fn state_mark(&mut self, index: usize) {
        let Some((state, reason)) = self.coins[index].state.clone() else { return };
        let end = reason.floor_char_boundary(REASON_LENGTH_MAX);
        let reason = reason[..end].to_owned().into();
        let event = Event::Mark(MarkKind::State { state, reason });
        self.ready.push_back(Emission { listing: index, event });
    }

    /// Says what is due: `start` at first and once an hour, and again that a feed is down.
    pub(super) fn turn(&mut self, now_ns: i64) {
        let hour = now_ns.div_euclid(NANOS_PER_HOUR);
        for index in 0..self.coins.len() {
            let coin = &mut self.coins[index];
            if coin.started_hour != Some(hour) {
                coin.started_hour = Some(hour);
                let event = Event::Mark(MarkKind::Start(self.start(index, now_ns)));
                self.ready.push_back(Emission { listing: index, event });
            }
            let coin = &mut self.coins[index];
            let is_down = matches!(coin.state, Some((FeedState::Down, _)));
            if is_down && now_ns >= coin.said_ns.saturating_add(self.stale_ns) {
                coin.said_ns = now_ns;
                self.state_mark(index);
            }
        }
    }

    fn start(&self, index: usize, now_ns: i64) -> Start<'static> {
        let listing = &self.listings[index];
        Start {
            from_ns: now_ns,
            next_id: None,
            ids: listing.ids,
            space: listing.space.clone().into(),
            venue: listing.venue.clone().into(),
            instrument: listing.instrument.clone().into(),
            base: listing.base.clone().into(),
            quote: listing.quote.clone().into(),
            usd_basis: listing.usd_basis,
        }
    }
}
