//! Records to bytes: the canonical JSON of schema 2, fields in the order of the contract.

use super::{Ids, Mark, MarkKind, Quote, Start, Trade, UsdBasis};
use crate::decimal::Decimal;

const NANOS_PER_MICRO: i64 = 1_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

pub(super) fn trade(trade: &Trade<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"schema\":2,\"kind\":\"trade\"");
    text(out, "symbol", &trade.symbol);
    text(out, "source", &trade.source);
    if let Some(coin_id) = &trade.coin_id {
        text(out, "coin_id", coin_id);
    }
    price_usd(out, trade.usd.then_some(trade.price.value));
    out.extend_from_slice(b",\"volume_24h\":null,\"market_cap\":null,\"price_change_24h\":null");
    times(out, trade.event_time_ns);
    text(out, "producer_id", &trade.producer_id);
    text(out, "message_id", &trade.message_id);
    text(out, "price", &trade.price.text);
    text(out, "size", &trade.size.text);
    if let Some(side) = trade.side {
        text(out, "side", side.as_str());
    }
    if let Some(id) = trade.trade_id {
        integer(out, "trade_id", id);
    }
    if let Some((first, last)) = trade.executions {
        integer(out, "first_id", first);
        integer(out, "last_id", last);
    }
    integer(out, "event_time_ns", trade.event_time_ns);
    if let Some(receive_time_ns) = trade.receive_time_ns {
        integer(out, "receive_time_ns", receive_time_ns);
    }
    if trade.recovered {
        out.extend_from_slice(b",\"recovered\":true");
    }
    if trade.future {
        out.extend_from_slice(b",\"future\":true");
    }
    out.push(b'}');
}

pub(super) fn quote(quote: &Quote<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"schema\":2,\"kind\":\"quote\"");
    text(out, "symbol", &quote.symbol);
    text(out, "source", &quote.source);
    if let Some(coin_id) = &quote.coin_id {
        text(out, "coin_id", coin_id);
    }
    price_usd(out, Some(quote.price.value));
    number(out, "volume_24h", quote.volume_24h.as_deref());
    number(out, "market_cap", quote.market_cap.as_deref());
    number(out, "price_change_24h", quote.price_change_24h.as_deref());
    times(out, quote.event_time_ns);
    text(out, "producer_id", &quote.producer_id);
    text(out, "message_id", &quote.message_id);
    text(out, "price", &quote.price.text);
    integer(out, "event_time_ns", quote.event_time_ns);
    if let Some(receive_time_ns) = quote.receive_time_ns {
        integer(out, "receive_time_ns", receive_time_ns);
    }
    out.push(b'}');
}

pub(super) fn mark(mark: &Mark<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"schema\":2,\"kind\":\"mark\"");
    let name = match &mark.kind {
        MarkKind::Start(_) => "start",
        MarkKind::Live { .. } => "live",
        MarkKind::Lost { .. } => "lost",
        MarkKind::Void { .. } => "void",
        MarkKind::State { .. } => "state",
        MarkKind::End => "end",
    };
    text(out, "mark", name);
    text(out, "symbol", &mark.symbol);
    text(out, "source", &mark.source);
    integer(out, "epoch", mark.epoch);
    match &mark.kind {
        MarkKind::Start(start) => start_fields(start, out),
        MarkKind::Live { complete_to_ns, next_id } => {
            integer(out, "complete_to_ns", *complete_to_ns);
            if let Some(next_id) = next_id {
                integer(out, "next_id", *next_id);
            }
        }
        MarkKind::Lost { from_id, to_id, from_ns, to_ns, reason } => {
            integer(out, "from_id", *from_id);
            integer(out, "to_id", *to_id);
            integer(out, "from_ns", *from_ns);
            integer(out, "to_ns", *to_ns);
            text(out, "reason", reason);
        }
        MarkKind::Void { from_id, to_id } => {
            integer(out, "from_id", *from_id);
            integer(out, "to_id", *to_id);
        }
        MarkKind::State { state, reason } => {
            text(out, "state", state.as_str());
            text(out, "reason", reason);
        }
        MarkKind::End => {}
    }
    text(out, "producer_id", &mark.producer_id);
    out.push(b'}');
}

fn start_fields(start: &Start<'_>, out: &mut Vec<u8>) {
    integer(out, "from_ns", start.from_ns);
    if let Some(next_id) = start.next_id {
        integer(out, "next_id", next_id);
    }
    let ids = match start.ids {
        Ids::Dense => "dense",
        Ids::None => "none",
    };
    let usd_basis = match start.usd_basis {
        UsdBasis::Par => "par",
        UsdBasis::None => "none",
    };
    text(out, "ids", ids);
    text(out, "space", &start.space);
    text(out, "venue", &start.venue);
    text(out, "instrument", &start.instrument);
    text(out, "base", &start.base);
    text(out, "quote", &start.quote);
    text(out, "usd_basis", usd_basis);
}

fn name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(out: &mut Vec<u8>, field: &str, value: &str) {
    name(out, field);
    out.push(b'"');
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

fn integer(out: &mut Vec<u8>, field: &str, value: impl itoa::Integer) {
    name(out, field);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn number(out: &mut Vec<u8>, field: &str, value: Option<&str>) {
    name(out, field);
    out.extend_from_slice(value.unwrap_or("null").as_bytes());
}

fn price_usd(out: &mut Vec<u8>, price: Option<Decimal>) {
    let text = price.map(|price| price.to_string());
    number(out, "price_usd", text.as_deref());
}

/// `last_updated` in whole seconds and `timestamp` as RFC 3339 with microseconds.
fn times(out: &mut Vec<u8>, event_time_ns: i64) {
    integer(out, "last_updated", event_time_ns.div_euclid(NANOS_PER_SECOND));
    let micros = event_time_ns.div_euclid(NANOS_PER_MICRO);
    let timestamp = jiff::Timestamp::from_microsecond(micros)
        .map_or_else(|_| String::new(), |timestamp| format!("{timestamp:.6}"));
    text(out, "timestamp", &timestamp);
}
