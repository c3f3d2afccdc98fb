//! How venues say no.

use super::{VenueKind, http::Response, script::Refusal};

const SECOND_NS: i64 = 1_000_000_000;
const PAGE: &str = "<!DOCTYPE html><html><head><title>Access denied | Error 1015</title></head>\
                    <body><h1>You are being rate limited</h1></body></html>";
const RESTRICTED: &str = r#"{"code":0,"msg":"Service unavailable from a restricted location according to 'b. Eligibility' in https://www.binance.com/en/terms. Please contact customer service if you believe you received this message in error."}"#;

/// Too many calls; Kraken says so with 200.
pub(super) fn too_many_calls(venue: VenueKind, seconds: Option<u64>) -> Response {
    match venue {
        VenueKind::Kraken => {
            Response::json(200, r#"{"error":["EGeneral:Too many requests"]}"#.to_owned())
        }
        VenueKind::Binance | VenueKind::Coinbase | VenueKind::CoinGecko => too_many(venue, seconds),
    }
}

/// 429, with a time to wait or without.
pub(super) fn too_many(venue: VenueKind, seconds: Option<u64>) -> Response {
    let body = match venue {
        VenueKind::Binance => {
            r#"{"code":-1003,"msg":"Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."}"#
        }
        VenueKind::Coinbase => r#"{"message":"Public rate limit exceeded"}"#,
        VenueKind::Kraken => r#"{"error":["EGeneral:Too many requests"]}"#,
        VenueKind::CoinGecko => {
            r#"{"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing to subscribe to our API plans for higher rate limits."}}"#
        }
    };
    let response = Response::json(429, body.to_owned());
    match seconds {
        Some(seconds) => response.with("Retry-After", seconds),
        None => response,
    }
}

/// 418: who ignored a refusal is banned until then.
pub(super) fn banned(seconds: u64, now_ns: i64) -> Response {
    let until_ms = now_ns / 1_000_000 + i64::try_from(seconds).unwrap_or(0) * 1_000;
    let body = format!(
        "{{\"code\":-1003,\"msg\":\"Way too much request weight used; IP banned until {until_ms}. \
         Please use WebSocket Streams for live updates to avoid bans.\"}}"
    );
    Response::json(418, body).with("Retry-After", seconds)
}

/// The refusal of a script that lasts until then.
pub(super) fn scripted(venue: VenueKind, refusal: Refusal, until_ns: i64, now_ns: i64) -> Response {
    match refusal {
        Refusal::TooMany(seconds) => too_many(venue, seconds),
        Refusal::Banned => {
            let seconds = (until_ns - now_ns).max(0) / SECOND_NS + 1;
            banned(u64::try_from(seconds).unwrap_or(1), now_ns)
        }
        Refusal::Forbidden => Response::page(403, "<html><body>403 Forbidden</body></html>"),
        Refusal::Restricted => Response::json(451, RESTRICTED.to_owned()),
        Refusal::Page => Response::page(429, PAGE),
    }
}
