//! `WS /ws/v1`: many channels on one connection.
//!
//! ```text
//! → {"op":"subscribe","channels":["BTC:binance:5m","BTC:binance:feed"],"id":1}
//! ← {"type":"ack","op":"subscribe","id":1,"subscribed":[…],"rejected":[{"channel","code","detail"}]}
//! ← {"snapshot":true,"type":"candle","channel":…,"seq":…,"candle":…}  the last closed one, the open bar
//! ← {"type":"candle","channel":…,"seq":…,"candle":…}  open_bar, alert, feed likewise
//! ← {"type":"reset","channel":…}   some were missed: read them again; a snapshot follows if it can be read
//! ← {"type":"heartbeat","time":…}  after 15 s without a request; epoch milliseconds
//! ```
//! A channel of which nothing is known yet has no snapshot. Also `unsubscribe`, and `ping`, which is answered `pong`.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Utf8Bytes, WebSocketUpgrade};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::connection::{self, Protocol};
use crate::hub::{Channel, Client};
use crate::lookup::{check_interval, find_series};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::store::StoredSeries;

/// How many channels one connection may watch.
const CHANNELS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Request {
    Subscribe { channels: Vec<String>, id: Option<Value> },
    Unsubscribe { channels: Vec<String>, id: Option<Value> },
    Ping { id: Option<Value> },
}

#[derive(Serialize)]
struct Rejected {
    channel: String,
    code: &'static str,
    detail: String,
}

/// The protocol of many channels.
pub(crate) struct Stream {
    state: ApiState,
}

pub(crate) async fn get_stream(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    State(state): State<ApiState>,
) -> Result<Response, Problem> {
    connection::upgrade(upgrade, state.clone(), Stream::new(state))
}

impl Protocol for Stream {
    const IDLE: Duration = Duration::from_secs(15);

    async fn begin(&mut self, _client: &mut Client) -> Option<CloseFrame> {
        None
    }

    async fn request(&mut self, client: &mut Client, text: &str) {
        match serde_json::from_str(text) {
            Ok(Request::Subscribe { channels, id }) => {
                if let Err(problem) = self.subscribe(client, channels, id.clone()).await {
                    client.answer(error_text(id, problem.code(), problem.detail()));
                }
            }
            Ok(Request::Unsubscribe { channels, id }) => {
                let parsed: Vec<Channel> =
                    channels.iter().filter_map(|text| Channel::parse(text)).collect();
                client.unwatch(&parsed);
                let ack =
                    json!({"type": "ack", "op": "unsubscribe", "id": id, "unsubscribed": channels});
                client.answer(ack.to_string());
            }
            Ok(Request::Ping { id }) => {
                let pong = json!({"type": "pong", "id": id, "time": self.state.now_ms()});
                client.answer(pong.to_string());
            }
            Err(error) => {
                let detail = format!(
                    "this request cannot be read ({error}); send one such as \
                     {{\"op\":\"subscribe\",\"channels\":[\"BTC:binance:1m\"]}}"
                );
                client.answer(error_text(None, "invalid-request", &detail));
            }
        }
    }

    fn idle(&mut self) -> Utf8Bytes {
        let heartbeat = json!({"type": "heartbeat", "time": self.state.now_ms()});
        heartbeat.to_string().into()
    }
}

impl Stream {
    pub(crate) fn new(state: ApiState) -> Self {
        Self { state }
    }

    async fn subscribe(
        &self,
        client: &mut Client,
        channels: Vec<String>,
        id: Option<Value>,
    ) -> Result<(), Problem> {
        let all = self.state.store.series().await?;
        let mut accepted: Vec<Channel> = Vec::new();
        let mut rejected = Vec::new();
        let mut room = CHANNELS_MAX.saturating_sub(client.watching());
        for text in channels {
            let checked = match self.check(&all, &text).await {
                Ok(channel) if accepted.contains(&channel) => continue,
                Ok(channel) if client.watches(&channel) => Ok(channel),
                Ok(channel) => take_place(&mut room).map(|()| channel),
                Err(problem) => Err(problem),
            };
            match checked {
                Ok(channel) => accepted.push(channel),
                Err(problem) => rejected.push(Rejected {
                    channel: text,
                    code: problem.code(),
                    detail: problem.detail().to_owned(),
                }),
            }
        }
        let names: Vec<String> = accepted.iter().map(Channel::to_string).collect();
        let ack = json!({
            "type": "ack", "op": "subscribe", "id": id, "subscribed": names, "rejected": rejected,
        });
        client.watch(accepted, ack.to_string()).await?;
        Ok(())
    }

    async fn check(&self, all: &[StoredSeries], text: &str) -> Result<Channel, Problem> {
        let channel = Channel::parse(text).ok_or_else(|| {
            let detail = format!(
                "\"{text}\" is not a channel; use SYMBOL:source:interval, SYMBOL:source:alerts \
                 or SYMBOL:source:feed"
            );
            Problem::bad_request("unknown-channel", detail)
        })?;
        if let Some(series) = channel.series() {
            let stored = find_series(all, series.symbol.as_str(), Some(series.source.as_str()))?;
            if stored.series != *series {
                let detail = format!("\"{series}\" is written {} here", stored.series);
                return Err(Problem::bad_request("unknown-channel", detail));
            }
            if let Channel::Candles(_, interval) = &channel {
                check_interval(&self.state, stored, *interval).await?;
            }
        }
        Ok(channel)
    }
}

fn take_place(room: &mut usize) -> Result<(), Problem> {
    *room = room.checked_sub(1).ok_or_else(|| {
        let detail = format!("a connection watches at most {CHANNELS_MAX} channels; open another");
        Problem::bad_request("too-many-channels", detail)
    })?;
    Ok(())
}

fn error_text(id: Option<Value>, code: &str, detail: &str) -> String {
    json!({"type": "error", "id": id, "code": code, "detail": detail}).to_string()
}
