use super::order_type;
use crate::venue::{
    VenueKind,
    faults::Page,
    http::{Request, Response},
    refusal::too_many_calls,
    script::Script,
    state::Venue,
    tape::TapeTrade,
    text::padded,
};

const COUNT_MAX: usize = 1_000;
const SECOND_NS: i64 = 1_000_000_000;
/// What is below is in seconds, as Kraken takes it.
const SECONDS_BELOW: i64 = 1_000_000_000_000;
/// How far an overlapping page begins too early.
const OVERLAP_NS: i64 = SECOND_NS;
/// Assets whose names are older than the rule that they are what everybody calls them.
const OLD: [&str; 9] = ["XBT", "ETH", "LTC", "XRP", "XLM", "XMR", "ZEC", "ETC", "XDG"];
const MONEY: [&str; 6] = ["USD", "EUR", "GBP", "CAD", "JPY", "AUD"];
/// Names near those of the pairs that there are.
const OTHERS: [&str; 4] = ["BTC/EUR", "ETH/EUR", "ETH/BTC", "BTC/USDT"];

/// Answers a call; an error is in the body.
pub(in crate::venue) fn answer(venue: &Venue, request: &Request) -> Response {
    match request.path.as_str() {
        "/0/public/AssetPairs" => pairs(venue, request),
        "/0/public/Trades" => trades(venue, request),
        "/0/public/Time" => {
            let seconds = venue.stamp_ns() / SECOND_NS;
            result(&format!("{{\"unixtime\":{seconds}}}"))
        }
        _ => error("EGeneral:Unknown method"),
    }
}

fn result(result: &str) -> Response {
    Response::json(200, format!("{{\"error\":[],\"result\":{result}}}"))
}

fn error(error: &str) -> Response {
    Response::json(200, format!("{{\"error\":[\"{error}\"]}}"))
}

/// What REST calls a pair of `BTC/USD`.
struct Pair {
    /// `XXBTZUSD`.
    key: String,
    /// `XBTUSD`.
    altname: String,
    /// `XBT/USD`.
    wsname: String,
    /// `XXBT`.
    base: String,
    /// `ZUSD`.
    quote: String,
}

impl Pair {
    fn of(symbol: &str) -> Self {
        let (base, quote) = symbol.split_once('/').unwrap_or((symbol, ""));
        let (base, quote) = (own_name(base), own_name(quote));
        let (altname, wsname) = (format!("{base}{quote}"), format!("{base}/{quote}"));
        let (long_base, long_quote) = (long_name(base), long_name(quote));
        let is_old = long_base != base && long_quote != quote && base != "XDG";
        let key = if is_old { format!("{long_base}{long_quote}") } else { altname.clone() };
        Self { key, altname, wsname, base: long_base, quote: long_quote }
    }

    fn is_called(&self, name: &str) -> bool {
        [&self.key, &self.altname, &self.wsname].iter().any(|own| **own == name)
    }
}

fn own_name(asset: &str) -> &str {
    match asset {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    }
}

fn long_name(asset: &str) -> String {
    if OLD.contains(&asset) {
        format!("X{asset}")
    } else if MONEY.contains(&asset) {
        format!("Z{asset}")
    } else {
        asset.to_owned()
    }
}

fn pairs(venue: &Venue, request: &Request) -> Response {
    let now_ns = venue.clock.now_ns();
    let halted = venue.faults.has(Script::Maintenance, now_ns);
    let gone = venue.faults.hit(Script::Delist, now_ns);
    let mut all: Vec<String> = venue.market().tape.instruments().map(str::to_owned).collect();
    all.extend(OTHERS.map(str::to_owned));
    all.sort();
    all.dedup();
    let asked: Option<Vec<&str>> = request.parameter("pair").map(|list| list.split(',').collect());
    let unknown = |name: &&str| !all.iter().any(|symbol| Pair::of(symbol).is_called(name));
    if asked.iter().flatten().any(unknown) {
        return error("EQuery:Unknown asset pair");
    }
    let mut entries = Vec::new();
    for symbol in &all {
        let Pair { key, altname, wsname, base, quote } = &Pair::of(symbol);
        let is_asked = |name: &&str| Pair::of(symbol).is_called(name);
        if asked.as_ref().is_some_and(|asked| !asked.iter().any(is_asked)) {
            continue;
        }
        let is_closed = halted || gone.as_ref() == Some(symbol);
        let status = if is_closed { "cancel_only" } else { "online" };
        entries.push(format!(
            "\"{key}\":{{\"altname\":\"{altname}\",\"wsname\":\"{wsname}\",\"aclass_base\":\
             \"currency\",\"base\":\"{base}\",\"aclass_quote\":\"currency\",\"quote\":\"{quote}\",\
             \"pair_decimals\":5,\"lot_decimals\":8,\"status\":\"{status}\"}}"
        ));
    }
    result(&format!("{{{}}}", entries.join(",")))
}

/// Ascending, after `since`.
fn trades(venue: &Venue, request: &Request) -> Response {
    let page = venue.faults.page(venue.clock.now_ns());
    if page == Page::Refused {
        return too_many_calls(VenueKind::Kraken, None);
    }
    let Some(name) = request.parameter("pair") else {
        return error("EGeneral:Invalid arguments");
    };
    let market = venue.market();
    let mut symbols = market.tape.trades.keys();
    let Some(symbol) = symbols.find(|symbol| Pair::of(symbol).is_called(name)) else {
        return error("EQuery:Unknown asset pair");
    };
    let since = request.number::<i64>("since");
    let since_ns = since.map(|since| if since < SECONDS_BELOW { since * SECOND_NS } else { since });
    let count = request.number("count").unwrap_or(COUNT_MAX).clamp(1, COUNT_MAX);
    let overlap_ns = if page == Page::Overlapping { OVERLAP_NS } else { 0 };
    let happened = market.happened(symbol);
    let begin = match since_ns {
        Some(since_ns) => happened.partition_point(|trade| trade.event_ns <= since_ns - overlap_ns),
        None => happened.len().saturating_sub(count),
    };
    let rows = &happened[begin..happened.len().min(begin.saturating_add(count))];
    let rows = if page == Page::Empty { &[] } else { rows };
    let last_ns = rows.last().map(|trade| trade.event_ns).or(since_ns).unwrap_or(market.now_ns);
    let rows: Vec<String> = rows.iter().map(row).collect();
    let key = Pair::of(symbol).key;
    result(&format!("{{\"{key}\":[{}],\"last\":\"{last_ns}\"}}", rows.join(",")))
}

fn row(trade: &TapeTrade) -> String {
    let TapeTrade { id, price, size, taker_buys, event_ns, .. } = trade;
    let (price, size) = (padded(price, 5), padded(size, 8));
    let (seconds, part) = (event_ns / SECOND_NS, event_ns % SECOND_NS / 100);
    let side = if *taker_buys { "b" } else { "s" };
    let order = &order_type(*id)[..1];
    format!("[\"{price}\",\"{size}\",{seconds}.{part:07},\"{side}\",\"{order}\",\"\",{id}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_the_names_that_kraken_gives_them() {
        let names = [
            ("BTC/USD", "XXBTZUSD", "XBTUSD"),
            ("ETH/BTC", "XETHXXBT", "ETHXBT"),
            ("BTC/USDT", "XBTUSDT", "XBTUSDT"),
            ("SOL/USD", "SOLUSD", "SOLUSD"),
            ("DOGE/USD", "XDGUSD", "XDGUSD"),
        ];
        for (symbol, key, altname) in names {
            let pair = Pair::of(symbol);
            assert_eq!((pair.key.as_str(), pair.altname.as_str()), (key, altname));
        }
        assert_eq!(Pair::of("BTC/USD").wsname, "XBT/USD");
    }
}
