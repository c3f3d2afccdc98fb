use super::{MILLI_NS, write_fields};
use crate::venue::{
    VenueKind,
    faults::Page,
    http::{Request, Response},
    refusal::too_many_calls,
    script::Script,
    state::Venue,
    tape::TapeTrade,
};

const LIMIT: usize = 500;
const LIMIT_MAX: usize = 1_000;
/// How far an overlapping page begins too early.
const OVERLAP: u64 = 10;
/// Until a repair that a script refuses may be tried again.
const REPAIR_SECONDS: u64 = 2;
/// Names near those of the instruments that there are.
const OTHERS: [&str; 6] = ["BTCUSD", "BTCUSDC", "BTCFDUSD", "ETHUSDC", "ETHBTC", "BTCSTUSDT"];
const QUOTES: [&str; 9] = ["USDT", "USDC", "FDUSD", "TUSD", "USD", "EUR", "BTC", "ETH", "BNB"];

/// What a call of this path weighs.
pub(in crate::venue) fn weight(path: &str) -> u64 {
    match path {
        "/api/v3/aggTrades" => 4,
        "/api/v3/exchangeInfo" => 20,
        _ => 1,
    }
}

/// Answers a call; the weight used is told with every answer.
pub(in crate::venue) fn answer(venue: &Venue, request: &Request) -> Response {
    match request.path.as_str() {
        "/api/v3/aggTrades" => trades(venue, request),
        "/api/v3/exchangeInfo" => information(venue, request),
        "/api/v3/time" => {
            let now_ms = venue.stamp_ns() / MILLI_NS;
            Response::json(200, format!("{{\"serverTime\":{now_ms}}}"))
        }
        "/api/v3/ping" => Response::json(200, "{}".to_owned()),
        _ => Response::page(404, "<html><body>404 Not Found</body></html>"),
    }
}

fn error(code: i32, message: &str) -> Response {
    Response::json(400, format!("{{\"code\":{code},\"msg\":\"{message}\"}}"))
}

fn trades(venue: &Venue, request: &Request) -> Response {
    let page = venue.faults.page(venue.clock.now_ns());
    if page == Page::Refused {
        return too_many_calls(VenueKind::Binance, Some(REPAIR_SECONDS));
    }
    let Some(symbol) = request.parameter("symbol") else {
        return error(
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        );
    };
    let from_id: Option<u64> = request.number("fromId");
    let start_ms: Option<i64> = request.number("startTime");
    let end_ms: Option<i64> = request.number("endTime");
    let limit = request.number("limit").unwrap_or(LIMIT).min(LIMIT_MAX);
    if from_id.is_some() && (start_ms.is_some() || end_ms.is_some()) {
        return error(-1128, "Combination of optional parameters invalid.");
    }
    let market = venue.market();
    if !market.tape.trades.contains_key(symbol) {
        return error(-1121, "Invalid symbol.");
    }
    let happened = market.happened(symbol);
    let end = end_ms.map_or(happened.len(), |end_ms| {
        happened.partition_point(|trade| trade.event_ns / MILLI_NS <= end_ms)
    });
    let overlap = if page == Page::Overlapping { OVERLAP } else { 0 };
    let begin = match (from_id, start_ms) {
        (Some(id), _) => happened.partition_point(|trade| trade.id < id.saturating_sub(overlap)),
        (None, Some(start_ms)) => {
            happened.partition_point(|trade| trade.event_ns / MILLI_NS < start_ms)
        }
        (None, None) => end.saturating_sub(limit),
    };
    let rows = happened.get(begin..end).unwrap_or_default();
    let rows = if page == Page::Empty { &[] } else { &rows[..rows.len().min(limit)] };
    Response::json(200, written(rows))
}

fn written(rows: &[TapeTrade]) -> String {
    let mut body = String::from("[");
    for (index, trade) in rows.iter().enumerate() {
        body.push_str(if index == 0 { "{" } else { ",{" });
        write_fields(&mut body, trade, trade.event_ns / MILLI_NS);
        body.push('}');
    }
    body.push(']');
    body
}

fn information(venue: &Venue, request: &Request) -> Response {
    let now_ns = venue.clock.now_ns();
    let halted = venue.faults.has(Script::Maintenance, now_ns);
    let broken = venue.faults.hit(Script::Delist, now_ns);
    let mut all: Vec<String> = venue.market().tape.instruments().map(str::to_owned).collect();
    for other in OTHERS {
        if !all.iter().any(|symbol| symbol == other) {
            all.push(other.to_owned());
        }
    }
    let one = request.parameter("symbol").map(|symbol| vec![symbol.to_owned()]);
    let asked = match request.parameter("symbols").map(serde_json::from_str::<Vec<String>>) {
        Some(Ok(symbols)) => Some(symbols),
        Some(Err(_)) => return error(-1100, "Illegal characters found in parameter 'symbols'."),
        None => one,
    };
    if asked.iter().flatten().any(|symbol| !all.contains(symbol)) {
        return error(-1121, "Invalid symbol.");
    }
    let entries = asked.unwrap_or(all).into_iter().map(|symbol| {
        let status = match &broken {
            _ if halted => "HALT",
            Some(broken) if *broken == symbol => "BREAK",
            _ => "TRADING",
        };
        entry(&symbol, status)
    });
    let entries: Vec<String> = entries.collect();
    let body = format!(
        "{{\"timezone\":\"UTC\",\"serverTime\":{},\"rateLimits\":[{{\"rateLimitType\":\
         \"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":6000}}],\
         \"exchangeFilters\":[],\"symbols\":[{}]}}",
        venue.stamp_ns() / MILLI_NS,
        entries.join(",")
    );
    Response::json(200, body)
}

fn entry(symbol: &str, status: &str) -> String {
    let quote = QUOTES.into_iter().find(|quote| symbol.ends_with(quote)).unwrap_or_default();
    let base = symbol.strip_suffix(quote).unwrap_or(symbol);
    format!(
        "{{\"symbol\":\"{symbol}\",\"status\":\"{status}\",\"baseAsset\":\"{base}\",\
         \"baseAssetPrecision\":8,\"quoteAsset\":\"{quote}\",\"quotePrecision\":8,\
         \"isSpotTradingAllowed\":true,\"permissions\":[]}}"
    )
}
