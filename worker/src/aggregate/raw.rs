//! Ticks kept as they stood on the topic, where the spec asks for them.

use std::borrow::Cow;

use market::symbol::{Series, SourceName, Symbol};
use market::tick::Tick;

use crate::store::RawTick;

/// Ticks that wait for the commit under way before reading stops.
const TICKS_PENDING_MAX: usize = 5_000;

/// What was folded since the last commit.
pub(super) struct RawTicks {
    wanted: bool,
    /// With the partition of each.
    kept: Vec<(i32, RawTick)>,
}

impl RawTicks {
    /// None so far; none ever, unless they are wanted.
    pub(super) const fn new(wanted: bool) -> Self {
        Self { wanted, kept: Vec::new() }
    }

    pub(super) const fn has_room(&self) -> bool {
        self.kept.len() < TICKS_PENDING_MAX
    }

    /// Keeps a tick that was folded from there.
    pub(super) fn keep(&mut self, (partition, offset): (i32, i64), tick: &Tick<'_>) {
        if self.wanted {
            self.kept.extend(raw(offset, tick).map(|raw| (partition, raw)));
        }
    }

    /// These partitions are not ours any more.
    pub(super) fn forget(&mut self, partitions: &[i32]) {
        self.kept.retain(|(partition, _)| !partitions.contains(partition));
    }

    pub(super) fn take(&mut self) -> Vec<RawTick> {
        std::mem::take(&mut self.kept).into_iter().map(|(_, tick)| tick).collect()
    }
}

/// `None` of a name that no series has.
fn raw(offset: i64, tick: &Tick<'_>) -> Option<RawTick> {
    let series = |symbol: &str, source: &str| {
        Some(Series { symbol: Symbol::new(symbol).ok()?, source: SourceName::new(source).ok()? })
    };
    match tick {
        Tick::Trade(trade) => Some(RawTick {
            series: series(&trade.symbol, &trade.source)?,
            offset,
            event_time_ns: trade.event_time_ns,
            receive_time_ns: trade.receive_time_ns,
            price: trade.price.value,
            size: Some(trade.size.value),
            side: trade.side,
            trade_id: trade.trade_id,
            executions: trade.executions,
            message_id: trade.message_id.clone().into_owned(),
            recovered: trade.recovered,
            volume_24h: None,
            market_cap: None,
            price_change_24h: None,
        }),
        Tick::Quote(quote) => {
            let text = |number: Option<&Cow<'_, str>>| number.map(|text| text.clone().into_owned());
            Some(RawTick {
                series: series(&quote.symbol, &quote.source)?,
                offset,
                event_time_ns: quote.event_time_ns,
                receive_time_ns: quote.receive_time_ns,
                price: quote.price.value,
                size: None,
                side: None,
                trade_id: None,
                executions: None,
                message_id: quote.message_id.clone().into_owned(),
                recovered: false,
                volume_24h: text(quote.volume_24h.as_ref()),
                market_cap: text(quote.market_cap.as_ref()),
                price_change_24h: text(quote.price_change_24h.as_ref()),
            })
        }
    }
}
