//! What was sent of each symbol, for those who look.

use market::publication::FeedState;
use market::symbol::Symbol;
use market::tick::MarkKind;

use crate::source::{Emission, Event, Listing};

/// One symbol of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentSymbol {
    /// Which.
    pub symbol: Symbol,
    /// What the venue calls it.
    pub instrument: String,
    /// What the source said last; `None` before it began.
    pub state: Option<FeedState>,
    /// Event time of the newest trade, in nanoseconds since the epoch.
    pub last_event_ns: Option<i64>,
}

/// What one run of a source has sent: plain numbers, shown once a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Ticks since they were last taken.
    pub(super) ticks: u64,
    /// Marks since they were last taken.
    pub(super) marks: u64,
    /// By listing, in the order of the source.
    pub(super) symbols: Vec<SentSymbol>,
}

impl Sent {
    pub(super) fn of(listings: &[Listing]) -> Self {
        let symbols = listings.iter().map(|listing| SentSymbol {
            symbol: listing.series.symbol.clone(),
            instrument: listing.instrument.clone(),
            state: None,
            last_event_ns: None,
        });
        Self { symbols: symbols.collect(), ..Self::default() }
    }

    pub(super) fn count(&mut self, emission: &Emission) {
        let symbol = self.symbols.get_mut(emission.listing);
        match &emission.event {
            Event::Trade(trade) => {
                self.ticks += 1;
                if let Some(symbol) = symbol {
                    symbol.last_event_ns = symbol.last_event_ns.max(Some(trade.event_time_ns));
                }
            }
            Event::Quote(quote) => {
                self.ticks += 1;
                if let Some(symbol) = symbol {
                    symbol.last_event_ns = symbol.last_event_ns.max(Some(quote.event_time_ns));
                }
            }
            Event::Mark(kind) => {
                self.marks += 1;
                let state = match kind {
                    MarkKind::Start(_) => Some(FeedState::Up),
                    MarkKind::State { state, .. } => Some(*state),
                    MarkKind::End => Some(FeedState::Ended),
                    MarkKind::Live { .. } | MarkKind::Lost { .. } | MarkKind::Void { .. } => None,
                };
                if let (Some(symbol), Some(state)) = (symbol, state) {
                    symbol.state = Some(state);
                }
            }
        }
    }
}
