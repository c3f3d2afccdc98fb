//! CoinGecko: prices that are polled, from a cache.

use std::fmt::Write;

use super::{
    dice::word,
    http::{Request, Response, Shape},
    refusal,
    script::Script,
    state::Venue,
    tape::CoinUpdate,
};

const SECOND_NS: i64 = 1_000_000_000;
/// How long a copy is kept, and how long for a paid key.
const CACHE_SECONDS: i64 = 60;
const PAID_CACHE_SECONDS: i64 = 20;
/// How old the copy is that a script answers from.
const OLD_SECONDS: i64 = 250;
const DEMO_KEY: &str = "x-cg-demo-api-key";
const PAID_KEY: &str = "x-cg-pro-api-key";
/// Coins near those that there are.
const OTHERS: [(&str, &str, &str); 3] = [
    ("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin"),
    ("matic-network", "matic", "Polygon"),
    ("polygon-ecosystem-token", "pol", "POL (ex-MATIC)"),
];

/// What a script makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copied {
    Fresh,
    /// From long ago.
    Old,
    NoVolume,
    /// The document ends too early.
    CutText,
    /// The connection ends too early.
    CutBody,
    /// As the one before, if the client has that.
    Same,
}

/// Answers a call.
pub(super) fn answer(venue: &Venue, request: &Request) -> Response {
    let now_ns = venue.clock.now_ns();
    if let Some((refusal, until_ns)) = venue.faults.refusal(now_ns) {
        return refusal::scripted(venue.kind, refusal, until_ns, now_ns);
    }
    if let Some(answer) = wrong_key(venue, request) {
        return answer;
    }
    match request.path.trim_end_matches('/') {
        "/api/v3/simple/price" => price(venue, request),
        "/api/v3/coins/list" => list(venue),
        "/api/v3/ping" => Response::json(200, r#"{"gecko_says":"(V3) To the Moon!"}"#.to_owned()),
        _ => Response::json(404, r#"{"error":"Incorrect path"}"#.to_owned()),
    }
}

fn wrong_key(venue: &Venue, request: &Request) -> Option<Response> {
    let key = venue.key.as_deref()?;
    let sent = request.header(DEMO_KEY).or_else(|| request.header(PAID_KEY));
    let (code, message) = match sent {
        Some(sent) if sent == key => return None,
        Some(_) => (10_005, "API Key is invalid"),
        None => (10_002, "API Key Missing"),
    };
    let status = format!("{{\"error_code\":{code},\"error_message\":\"{message}\"}}");
    Some(Response::json(401, format!("{{\"status\":{status}}}")))
}

fn list(venue: &Venue) -> Response {
    let market = venue.market();
    let own = market.tape.updates.keys().map(|id| (id.as_str(), id.as_str(), id.as_str()));
    let entries = own.chain(OTHERS).map(|(id, symbol, name)| {
        format!("{{\"id\":\"{id}\",\"symbol\":\"{symbol}\",\"name\":\"{name}\"}}")
    });
    Response::json(200, format!("[{}]", entries.collect::<Vec<String>>().join(",")))
}

fn price(venue: &Venue, request: &Request) -> Response {
    let Some(currencies) = request.parameter("vs_currencies") else {
        return Response::json(422, r#"{"error":"Missing parameter vs_currencies"}"#.to_owned());
    };
    let Some(ids) = request.parameter("ids") else {
        let error = r#"{"error":"Missing parameter ids, names or symbols"}"#;
        return Response::json(422, error.to_owned());
    };
    let copied = match venue.faults.turn(Script::StaleCache, venue.clock.now_ns()) {
        None => Copied::Fresh,
        Some(turn) => {
            [Copied::Old, Copied::NoVolume, Copied::CutText, Copied::CutBody, Copied::Same]
                [usize::try_from(turn % 5).unwrap_or(0)]
        }
    };
    let seconds = venue.market().now_ns / SECOND_NS;
    let is_paid = request.header(PAID_KEY).is_some();
    let kept = if is_paid { PAID_CACHE_SECONDS } else { CACHE_SECONDS };
    let age = if copied == Copied::Old { OLD_SECONDS } else { seconds % kept };
    let has_usd = currencies.split(',').any(|currency| currency.eq_ignore_ascii_case("usd"));
    let ids: Vec<&str> = if has_usd { ids.split(',').collect() } else { Vec::new() };
    let body = prices(venue, request, &ids, seconds - age, copied);
    let tag = format!("W/\"{:032x}\"", word(&body));
    let known = request.header("if-none-match");
    let is_same = known == Some(&tag) || known.is_some() && copied == Copied::Same;
    let mut response = Response::json(if is_same { 304 } else { 200 }, body)
        .with("Cache-Control", "max-age=30, public, must-revalidate, s-maxage=60")
        .with("ETag", if is_same { known.unwrap_or_default() } else { &tag })
        .with("CF-Cache-Status", if age == 0 { "EXPIRED" } else { "HIT" });
    if age > 0 {
        response = response.with("Age", age);
    }
    match copied {
        _ if is_same => response.body.clear(),
        Copied::CutText => response.body.truncate(response.body.len() / 2),
        Copied::CutBody => response.shape = Shape::Cut,
        Copied::Fresh | Copied::Old | Copied::NoVolume | Copied::Same => {}
    }
    response
}

/// What was known at that second; ids that nobody knows are left out.
fn prices(
    venue: &Venue,
    request: &Request,
    ids: &[&str],
    at_seconds: i64,
    copied: Copied,
) -> String {
    let gone = venue.faults.hit(Script::Delist, venue.clock.now_ns());
    let market = venue.market();
    let mut body = String::from("{");
    for id in ids.iter().filter(|id| gone.as_deref() != Some(**id)) {
        let updates = market.tape.updates.get(*id).map_or(&[][..], Vec::as_slice);
        let known = updates.partition_point(|update| update.last_updated_at <= at_seconds);
        if let Some(update) = known.checked_sub(1).map(|index| &updates[index]) {
            let comma = if body.len() > 1 { "," } else { "" };
            let fields = fields(request, update, copied == Copied::NoVolume);
            // Writing to a text does not fail.
            let _ = write!(body, "{comma}\"{id}\":{{{fields}}}");
        }
    }
    body.push('}');
    body
}

fn fields(request: &Request, update: &CoinUpdate, has_no_volume: bool) -> String {
    let wants = |name: &str| request.parameter(name) == Some("true");
    let is_full = request.parameter("precision").is_some();
    let usd = if is_full { &update.usd } else { rounded(&update.usd) };
    let mut fields = format!("\"usd\":{usd}");
    let mut add = |name: &str, value: &str| {
        fields.push_str(&format!(",\"{name}\":{value}"));
    };
    if wants("include_market_cap") {
        add("usd_market_cap", &update.usd_market_cap);
    }
    if wants("include_24hr_vol") {
        add("usd_24h_vol", if has_no_volume { "null" } else { &update.usd_24h_vol });
    }
    if wants("include_24hr_change") {
        add("usd_24h_change", &update.usd_24h_change);
    }
    if wants("include_last_updated_at") {
        add("last_updated_at", &update.last_updated_at.to_string());
    }
    fields
}

/// Without `precision` a price has two decimals; the rest is cut off.
fn rounded(price: &str) -> &str {
    match price.find('.') {
        Some(point) => &price[..price.len().min(point + 3)],
        None => price,
    }
}
