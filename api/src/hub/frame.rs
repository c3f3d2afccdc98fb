//! Frames: serialized once, shared by everyone they go to.

use axum::extract::ws::Utf8Bytes;
use market::candle::Candle;
use market::publication::{Latest, Publication};
use market::symbol::Symbol;
use serde::Serialize;

use super::channel::Channel;
use crate::state::rfc3339;

/// One text on its way to clients.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) text: Utf8Bytes,
    pub(crate) delivery: Delivery,
}

/// What may become of a frame whose client is slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It has to arrive.
    Kept,
    /// The client asked for it just now.
    Answer,
    /// A newer one of the same channel takes its place.
    LastValue(Channel),
}

/// A publication with its channel.
#[derive(Serialize)]
struct Tagged<'a> {
    channel: &'a str,
    #[serde(flatten)]
    publication: &'a Publication,
}

/// The frame of a publication on `/ws/v1`.
pub(crate) fn publication_text(
    channel: &Channel,
    publication: &Publication,
) -> serde_json::Result<Utf8Bytes> {
    let text = serde_json::to_string(&Tagged { channel: &channel.to_string(), publication })?;
    Ok(text.into())
}

/// A publication's frame as a part of a snapshot: the same with `"snapshot":true`.
pub(crate) fn snapshot_text(frame: &Utf8Bytes) -> Utf8Bytes {
    let fields = frame.as_str().strip_prefix('{').unwrap_or_default();
    format!(r#"{{"snapshot":true,{fields}"#).into()
}

/// Says that publications of a channel were missed; a snapshot follows.
/// A channel's text holds nothing that JSON would have to escape.
pub(crate) fn reset_text(channel: &Channel) -> Utf8Bytes {
    format!(r#"{{"type":"reset","channel":"{channel}"}}"#).into()
}

/// The `data` of the reference's price frames.
pub(crate) fn latest_text(candle: &Candle) -> serde_json::Result<Utf8Bytes> {
    Ok(serde_json::to_string(&Latest::of(candle))?.into())
}

/// What a client of the reference's prices begins with; `data` is [`latest_text`].
pub(crate) fn initial_data_text(symbol: &Symbol, data: &str, now_ms: i64) -> Utf8Bytes {
    let timestamp = rfc3339(now_ms);
    // A symbol and a time hold nothing that JSON would have to escape.
    format!(
        r#"{{"type":"initial_data","symbol":"{symbol}","data":{data},"timestamp":"{timestamp}"}}"#
    )
    .into()
}

/// A new price for clients of the reference's prices; `data` is [`latest_text`].
pub(crate) fn price_update_text(symbol: &Symbol, data: &str, now_ms: i64) -> Utf8Bytes {
    let timestamp = rfc3339(now_ms);
    format!(
        r#"{{"type":"price_update","symbol":"{symbol}","data":{data},"timestamp":"{timestamp}","source":"live"}}"#
    )
    .into()
}
