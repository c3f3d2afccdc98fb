use super::side;
use crate::venue::{
    VenueKind,
    faults::Page,
    http::{Request, Response},
    refusal::too_many_calls,
    script::Script,
    state::Venue,
    tape::TapeTrade,
    text::rfc3339_us,
};

const LIMIT_MAX: usize = 1_000;
/// How far an overlapping page begins too late.
const OVERLAP: u64 = 10;
/// Names near those of the products that there are.
const OTHERS: [&str; 4] = ["BTC-USDC", "BTC-EUR", "ETH-BTC", "ETH-EUR"];

/// Answers a call.
pub(in crate::venue) fn answer(venue: &Venue, request: &Request) -> Response {
    let rest = request.path.strip_prefix("/products").map(|rest| rest.trim_matches('/'));
    match rest.map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
        Some(("", "")) => products(venue),
        Some((product, "trades")) => trades(venue, product, request),
        _ if request.path == "/time" => {
            let time_ns = venue.stamp_ns();
            let (iso, seconds) = (rfc3339_us(time_ns), time_ns / 1_000_000_000);
            Response::json(200, format!("{{\"iso\":\"{iso}\",\"epoch\":{seconds}.0}}"))
        }
        _ => not_found(),
    }
}

fn not_found() -> Response {
    Response::json(404, r#"{"message":"NotFound"}"#.to_owned())
}

fn products(venue: &Venue) -> Response {
    let now_ns = venue.clock.now_ns();
    let halted = venue.faults.has(Script::Maintenance, now_ns);
    let gone = venue.faults.hit(Script::Delist, now_ns);
    let mut all: Vec<String> = venue.market().tape.instruments().map(str::to_owned).collect();
    all.extend(OTHERS.map(str::to_owned));
    all.sort();
    all.dedup();
    let entries: Vec<String> = all
        .iter()
        .map(|id| {
            let (base, quote) = id.split_once('-').unwrap_or((id, ""));
            let is_gone = gone.as_ref() == Some(id);
            let status = if is_gone { "delisted" } else { "online" };
            let disabled = halted || is_gone;
            format!(
                "{{\"id\":\"{id}\",\"base_currency\":\"{base}\",\"quote_currency\":\"{quote}\",\
                 \"status\":\"{status}\",\"trading_disabled\":{disabled}}}"
            )
        })
        .collect();
    Response::json(200, format!("[{}]", entries.join(",")))
}

/// Newest first; `after` is the id that pages continue behind.
fn trades(venue: &Venue, product: &str, request: &Request) -> Response {
    let page = venue.faults.page(venue.clock.now_ns());
    if page == Page::Refused {
        return too_many_calls(VenueKind::Coinbase, None);
    }
    let market = venue.market();
    if !market.tape.trades.contains_key(product) {
        return not_found();
    }
    let overlap = if page == Page::Overlapping { OVERLAP } else { 0 };
    let after = request.number::<u64>("after").map_or(u64::MAX, |id| id.saturating_add(overlap));
    let limit = request.number("limit").unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
    let happened = market.happened(product);
    let older = &happened[..happened.partition_point(|trade| trade.id < after)];
    let rows = &older[older.len().saturating_sub(limit)..];
    let rows = if page == Page::Empty { &[] } else { rows };
    let body: Vec<String> = rows.iter().rev().map(row).collect();
    let response = Response::json(200, format!("[{}]", body.join(",")));
    match (rows.last(), rows.first()) {
        (Some(newest), Some(oldest)) => {
            response.with("CB-BEFORE", newest.id).with("CB-AFTER", oldest.id)
        }
        _ => response,
    }
}

fn row(trade: &TapeTrade) -> String {
    let TapeTrade { id, price, size, event_ns, .. } = trade;
    let (side, time) = (side(trade), rfc3339_us(*event_ns));
    format!(
        "{{\"trade_id\":{id},\"side\":\"{side}\",\"size\":\"{size}\",\"price\":\"{price}\",\
         \"time\":\"{time}\"}}"
    )
}
