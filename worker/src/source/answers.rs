//! Whether a venue can be reached from here.

use std::time::Duration;

use market::pipeline::{Plan, SourceKind, SourceSpec};
use reqwest::{StatusCode, Url};

use super::SourceError;
use super::live::{client, endpoint};

/// Asks a source's venue for something small. Sources that are no venues answer always.
///
/// # Errors
/// A sentence, when it does not answer within `wait`, or refuses this address.
pub async fn answers(spec: &SourceSpec, wait: Duration) -> Result<(), String> {
    let url = match small_question(spec) {
        Ok(Some(url)) => url,
        Ok(None) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let asked = async {
        let client = client(&url).map_err(|error| error.to_string())?;
        let answer = client.get(url.clone()).send().await;
        answer.map(|answer| answer.status()).map_err(|_| "cannot be reached".to_owned())
    };
    match tokio::time::timeout(wait, asked).await {
        Ok(Ok(status)) if status.is_success() => Ok(()),
        Ok(Ok(StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS)) => {
            Err("does not serve this place (451)".to_owned())
        }
        Ok(Ok(status)) => Err(format!("refuses ({})", status.as_u16())),
        Ok(Err(reason)) => Err(reason),
        Err(_) => Err(format!("does not answer within {} s", wait.as_secs())),
    }
}

/// What is quick to answer and costs next to nothing.
fn small_question(spec: &SourceSpec) -> Result<Option<Url>, SourceError> {
    let (written, host, path) = match spec.kind() {
        Some(SourceKind::Binance(venue)) => {
            (&venue.endpoints.rest, "https://data-api.binance.vision", "/api/v3/ping")
        }
        Some(SourceKind::Coinbase(venue)) => {
            (&venue.endpoints.rest, "https://api.exchange.coinbase.com", "/time")
        }
        Some(SourceKind::Kraken(venue)) => {
            (&venue.endpoints.rest, "https://api.kraken.com", "/0/public/Time")
        }
        Some(SourceKind::CoinGecko(gecko)) if gecko.plan() != Plan::Pro => {
            (&gecko.endpoints.rest, "https://api.coingecko.com/api/v3", "/ping")
        }
        _ => return Ok(None),
    };
    let base = endpoint(written.as_deref().unwrap_or(host), ["https", "http"])?;
    let base = base.as_str().trim_end_matches('/');
    Ok(Some(endpoint(&format!("{base}{path}"), ["https", "http"])?))
}
