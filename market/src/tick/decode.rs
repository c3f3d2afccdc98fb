//! Bytes to records. Every bad input is a named error; nothing is guessed.
//!
//! Records that our own producers wrote are read by [`super::canonical`]; all others go through
//! a JSON parser. Both give the same record.

use super::error::{DecodeError, TradeIdentity, Undecodable};
use super::field::{
    Fields, clip, event_time, integer, no_price, no_size, number_text, optional, present, price,
    raw_text, required, rounded_price, sentence, size, text_of,
};
use super::mark::{Ids, Mark, MarkKind, Start, UsdBasis};
use super::{Quote, RECORD_LENGTH_MAX, REFERENCE_SOURCE, Record, Side, Tick, Trade, canonical};
use crate::publication::FeedState;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Reads one record.
///
/// # Errors
/// [`Undecodable`] names what is wrong, and which trade's id is lost by it.
pub fn decode(bytes: &[u8]) -> Result<Record<'_>, Box<Undecodable<'_>>> {
    if bytes.len() > RECORD_LENGTH_MAX {
        let error = DecodeError::BoundRecord { length: bytes.len() };
        return Err(Box::new(Undecodable { error, trade: None }));
    }
    match canonical::trade(bytes) {
        Some(trade) => Ok(Record::Tick(Tick::Trade(trade))),
        None => decode_json(bytes),
    }
}

/// Reads one record with the JSON parser only.
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_json(bytes: &[u8]) -> Result<Record<'_>, Box<Undecodable<'_>>> {
    let unparsed = |detail: String| {
        let detail = detail.lines().next().unwrap_or_default().to_owned();
        Box::new(Undecodable { error: DecodeError::ParseJson { detail }, trade: None })
    };
    // The parser looks into lazily read fields only later, and trusts them to be text.
    let text = std::str::from_utf8(bytes).map_err(|error| unparsed(error.to_string()))?;
    let fields: Fields<'_> =
        sonic_rs::from_str(text).map_err(|error| unparsed(error.to_string()))?;
    let identity = fields.identity();
    fields.record().map_err(|error| Box::new(Undecodable { error, trade: identity }))
}

impl<'a> Fields<'a> {
    fn identity(&self) -> Option<TradeIdentity<'a>> {
        if self.kind.as_deref() != Some("trade") {
            return None;
        }
        Some(TradeIdentity {
            symbol: self.symbol.clone()?,
            source: self.source.clone()?,
            trade_id: self.trade_id?,
            message_id: self.message_id.clone()?,
            event_time_ns: self.event_time_ns.as_ref().and_then(integer),
        })
    }

    fn record(self) -> Result<Record<'a>, DecodeError> {
        match self.schema {
            None | Some(1) => self.foreign_quote().map(|quote| Record::Tick(Tick::Quote(quote))),
            Some(2) => match self.kind.as_deref() {
                Some("trade") => self.trade().map(|trade| Record::Tick(Tick::Trade(trade))),
                Some("quote") => self.quote().map(|quote| Record::Tick(Tick::Quote(quote))),
                Some("mark") => self.mark().map(Record::Mark),
                Some(word) => Err(DecodeError::ReadWord { field: "kind", word: clip(word) }),
                None => Err(DecodeError::ReadField { field: "kind" }),
            },
            Some(schema) => Err(DecodeError::ReadSchema { schema }),
        }
    }

    fn trade(self) -> Result<Trade<'a>, DecodeError> {
        let executions = match (self.first_id, self.last_id) {
            (Some(first), Some(last)) if first <= last => Some((first, last)),
            (None, None) => None,
            _ => return Err(DecodeError::ReadField { field: "first_id" }),
        };
        let side = match self.side.as_deref() {
            None => None,
            Some("buy") => Some(Side::Buy),
            Some("sell") => Some(Side::Sell),
            Some(word) => return Err(DecodeError::ReadWord { field: "side", word: clip(word) }),
        };
        Ok(Trade {
            symbol: required(self.symbol, "symbol")?,
            source: required(self.source, "source")?,
            coin_id: optional(self.coin_id, "coin_id")?,
            price: price(text_of(self.price.as_ref()).ok_or_else(no_price)?)?,
            size: size(text_of(self.size.as_ref()).ok_or_else(no_size)?)?,
            usd: self.price_usd.is_some(),
            side,
            trade_id: self.trade_id,
            executions,
            event_time_ns: event_time(self.event_time_ns.as_ref(), "event_time_ns", 1)?,
            receive_time_ns: self.receive_time_ns,
            producer_id: optional(self.producer_id, "producer_id")?.unwrap_or_default(),
            message_id: required(self.message_id, "message_id")?,
            recovered: self.recovered,
            future: self.future,
        })
    }

    fn quote(self) -> Result<Quote<'a>, DecodeError> {
        Ok(Quote {
            symbol: required(self.symbol, "symbol")?,
            source: required(self.source, "source")?,
            coin_id: optional(self.coin_id, "coin_id")?,
            price: rounded_price(text_of(self.price.as_ref()).ok_or_else(no_price)?)?,
            volume_24h: number_text(self.volume_24h.as_ref(), "volume_24h")?,
            market_cap: number_text(self.market_cap.as_ref(), "market_cap")?,
            price_change_24h: number_text(self.price_change_24h.as_ref(), "price_change_24h")?,
            event_time_ns: event_time(self.event_time_ns.as_ref(), "event_time_ns", 1)?,
            receive_time_ns: self.receive_time_ns,
            producer_id: optional(self.producer_id, "producer_id")?.unwrap_or_default(),
            message_id: required(self.message_id, "message_id")?,
            foreign: false,
        })
    }

    /// The reference's ten fields: a quote whose event time is `last_updated`, in seconds.
    fn foreign_quote(self) -> Result<Quote<'a>, DecodeError> {
        let text = self.price_usd.as_ref().map(raw_text).ok_or_else(no_price)?;
        Ok(Quote {
            symbol: required(self.symbol, "symbol")?,
            source: REFERENCE_SOURCE.into(),
            coin_id: optional(self.coin_id, "coin_id")?,
            price: rounded_price(text)?,
            volume_24h: number_text(self.volume_24h.as_ref(), "volume_24h")?,
            market_cap: number_text(self.market_cap.as_ref(), "market_cap")?,
            price_change_24h: number_text(self.price_change_24h.as_ref(), "price_change_24h")?,
            event_time_ns: event_time(
                self.last_updated.as_ref(),
                "last_updated",
                NANOS_PER_SECOND,
            )?,
            receive_time_ns: None,
            producer_id: optional(self.producer_id, "producer_id")?.unwrap_or_default(),
            message_id: optional(self.message_id, "message_id")?.unwrap_or_default(),
            foreign: true,
        })
    }

    fn mark(self) -> Result<Mark<'a>, DecodeError> {
        let word = required(self.mark.clone(), "mark")?;
        let kind = match word.as_ref() {
            "start" => MarkKind::Start(self.start()?),
            "live" => MarkKind::Live {
                complete_to_ns: present(self.complete_to_ns, "complete_to_ns")?,
                next_id: self.next_id,
            },
            "lost" => MarkKind::Lost {
                from_id: present(self.from_id, "from_id")?,
                to_id: present(self.to_id.filter(|to| Some(*to) >= self.from_id), "to_id")?,
                from_ns: present(self.from_ns, "from_ns")?,
                to_ns: present(self.to_ns.filter(|to| Some(*to) >= self.from_ns), "to_ns")?,
                reason: required(self.reason.clone(), "reason")?,
            },
            "void" => MarkKind::Void {
                from_id: present(self.from_id, "from_id")?,
                to_id: present(self.to_id.filter(|to| Some(*to) >= self.from_id), "to_id")?,
            },
            "state" => MarkKind::State {
                state: feed_state(&required(self.state.clone(), "state")?)?,
                reason: sentence(self.reason.clone(), "reason")?,
            },
            "end" => MarkKind::End,
            word => return Err(DecodeError::ReadWord { field: "mark", word: clip(word) }),
        };
        Ok(Mark {
            symbol: required(self.symbol, "symbol")?,
            source: required(self.source, "source")?,
            epoch: present(self.epoch, "epoch")?,
            producer_id: optional(self.producer_id, "producer_id")?.unwrap_or_default(),
            kind,
        })
    }

    fn start(&self) -> Result<Start<'a>, DecodeError> {
        let ids = match required(self.ids.clone(), "ids")?.as_ref() {
            "dense" => Ids::Dense,
            "none" => Ids::None,
            word => return Err(DecodeError::ReadWord { field: "ids", word: clip(word) }),
        };
        let next_id = match ids {
            Ids::Dense => Some(present(self.next_id, "next_id")?),
            Ids::None => None,
        };
        let usd_basis = match required(self.usd_basis.clone(), "usd_basis")?.as_ref() {
            "par" => UsdBasis::Par,
            "none" => UsdBasis::None,
            word => return Err(DecodeError::ReadWord { field: "usd_basis", word: clip(word) }),
        };
        Ok(Start {
            from_ns: present(self.from_ns, "from_ns")?,
            next_id,
            ids,
            space: required(self.space.clone(), "space")?,
            venue: required(self.venue.clone(), "venue")?,
            instrument: required(self.instrument.clone(), "instrument")?,
            base: required(self.base.clone(), "base")?,
            quote: required(self.quote.clone(), "quote")?,
            usd_basis,
        })
    }
}

fn feed_state(word: &str) -> Result<FeedState, DecodeError> {
    Ok(match word {
        "up" => FeedState::Up,
        "down" => FeedState::Down,
        "repairing" => FeedState::Repairing,
        "halted" => FeedState::Halted,
        word => return Err(DecodeError::ReadWord { field: "state", word: clip(word) }),
    })
}
