//! `WS /ws/prices/{symbol|ALL}`: the frames of the reference.

use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Utf8Bytes, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use crate::connection::{self, Protocol, close};
use crate::hub::{Channel, Client};
use crate::lookup::find_series;
use crate::problem::Problem;
use crate::state::{ApiState, rfc3339};

const ALL: &str = "ALL";
/// The longest reason that a close frame carries is 123 bytes.
const REASON_CHARS_MAX: usize = 100;

/// The protocol of the reference.
pub(crate) struct Prices {
    state: ApiState,
    symbol: String,
}

pub(crate) async fn get_prices(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    State(state): State<ApiState>,
    Path(symbol): Path<String>,
) -> Result<Response, Problem> {
    connection::upgrade(upgrade, state.clone(), Prices::new(state, symbol))
}

impl Prices {
    pub(crate) fn new(state: ApiState, symbol: String) -> Self {
        Self { state, symbol }
    }

    async fn channel(&self) -> Result<(Channel, String), Problem> {
        if self.symbol.eq_ignore_ascii_case(ALL) {
            return Ok((Channel::AllPrices, ALL.to_owned()));
        }
        let all = self.state.store.series().await?;
        let symbol = find_series(&all, &self.symbol, None)?.series.symbol.clone();
        Ok((Channel::Prices(symbol.clone()), symbol.to_string()))
    }

    fn timestamp(&self) -> String {
        rfc3339(self.state.now_ms())
    }
}

impl Protocol for Prices {
    const IDLE: Duration = Duration::from_secs(30);

    async fn begin(&mut self, client: &mut Client) -> Option<CloseFrame> {
        let (channel, symbol) = match self.channel().await {
            Ok(found) => found,
            Err(problem) => {
                let reason: String = problem.detail().chars().take(REASON_CHARS_MAX).collect();
                return Some(close(close_code::POLICY, reason));
            }
        };
        let greeting = json!({
            "type": "connection",
            "message": format!("Connected to {symbol} price stream"),
            "symbol": symbol,
            "timestamp": self.timestamp(),
            "mode": "event_driven",
        });
        let watched = client.watch(vec![channel], greeting.to_string()).await;
        watched
            .err()
            .map(|error| close(close_code::AGAIN, Problem::from(error).detail().to_owned()))
    }

    async fn request(&mut self, client: &mut Client, text: &str) {
        let request: Option<Value> = serde_json::from_str(text).ok();
        if request.is_some_and(|request| request["type"] == "ping") {
            let pong = json!({"type": "pong", "timestamp": self.timestamp()});
            client.answer(pong.to_string());
        }
    }

    fn idle(&mut self) -> Utf8Bytes {
        let keepalive = json!({
            "type": "keepalive",
            "timestamp": self.timestamp(),
            "connections": self.state.hub.clients(),
        });
        keepalive.to_string().into()
    }
}
