//! Asking servers: a running pipeline, or a site with public files.

use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::{Client, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::failure::Failure;

const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// A server that says nothing for this long has failed.
const READ_WAIT: Duration = Duration::from_secs(30);

/// What a server answered.
pub(crate) enum Answer<T> {
    Found(T),
    /// Not what was asked for: the status, and its own words where it has some.
    Refused(StatusCode, String),
    /// Nothing answers there.
    Silent(anyhow::Error),
}

/// Reads an address, such as that of `flag`.
pub(crate) fn parse_url(text: &str, flag: &str) -> Result<Url, Failure> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            Failure::settings(format!(
                "\"{text}\" is not an address; write {flag} as one such as http://127.0.0.1:8000"
            ))
        })
}

/// A path below an address.
pub(crate) fn at(origin: &Url, path: &str) -> Url {
    let mut url = origin.clone();
    url.set_path(&format!("{}{path}", origin.path().trim_end_matches('/')));
    url
}

/// Asks for a JSON document, which has to be there.
pub(crate) async fn fetch<T: DeserializeOwned>(client: &Client, url: Url) -> Result<T, Failure> {
    match get_json(client, url.clone()).await? {
        Answer::Found(answer) => Ok(answer),
        Answer::Refused(status, words) => Err(refused(&url, status, &words)),
        Answer::Silent(error) => Err(silent(&url, &error)),
    }
}

/// A client for this address: through the proxy of the environment, except to this machine.
pub(crate) fn client(url: &Url) -> Result<Client, Failure> {
    // Fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("crypto-pipeline/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WAIT)
        .read_timeout(READ_WAIT);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        // No certificate is looked at, and a small machine may have none.
        builder = builder.tls_certs_only([]);
    }
    Ok(builder.build().context("cannot set up an HTTP client")?)
}

/// Asks for a JSON document.
pub(crate) async fn get_json<T: DeserializeOwned>(
    client: &Client,
    url: Url,
) -> Result<Answer<T>, Failure> {
    let response = match client.get(url.clone()).send().await {
        Ok(response) => response,
        Err(error) => return Ok(Answer::Silent(error.without_url().into())),
    };
    let status = response.status();
    let body = match response.bytes().await {
        Ok(body) => body,
        Err(error) => return Ok(Answer::Silent(error.without_url().into())),
    };
    if !status.is_success() {
        let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
        let text = String::from_utf8_lossy(&body);
        let words = detail.unwrap_or_else(|| text.lines().next().unwrap_or_default());
        return Ok(Answer::Refused(status, words.to_owned()));
    }
    let parsed = serde_json::from_slice(&body);
    Ok(Answer::Found(parsed.with_context(|| {
        format!("{url} does not answer as a crypto-pipeline of this version does")
    })?))
}

/// A refusal as a failure: what was asked for was wrong, or the server is in trouble.
pub(crate) fn refused(url: &Url, status: StatusCode, words: &str) -> Failure {
    if status.is_client_error() && !words.is_empty() {
        Failure::settings(words)
    } else {
        anyhow!("{url} answered {status}: {words}").into()
    }
}

/// Nothing answered, as a failure that says what to look at.
pub(crate) fn silent(url: &Url, error: &anyhow::Error) -> Failure {
    let origin = url.origin().ascii_serialization();
    let cause = error.root_cause().to_string().to_lowercase();
    anyhow!("nothing answers at {origin} ({cause}); is `crypto-pipeline run` running?").into()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_asked_without_a_proxy() {
        for (text, expected) in [
            ("http://127.0.0.1:8000", true),
            ("http://localhost", true),
            ("http://[::1]:9090/status", true),
            ("https://data.binance.vision", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(text).unwrap()), expected, "{text}");
        }
    }
}
