//! Publications as Redis is sent them. Pure.

use market::candle::Candle;
use market::interval::Interval;
use market::publication::{Latest, Publication};
use market::symbol::Symbol;

use super::PublishError;

/// Digits of the largest 64-bit number, so that texts are ordered as their numbers are.
const DIGITS: usize = 20;

/// Where a publication comes from: who may write after whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The generation of the topic.
    pub source_gen: i64,
    /// How many times the partition was claimed: a lower one is a zombie.
    pub claim: i64,
    /// Whether the series is its symbol's primary one.
    pub primary: bool,
}

/// One publication, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The channel: `SYMBOL:source:interval`, `SYMBOL:source:alerts` or `SYMBOL:source:feed`.
    pub(super) channel: String,
    /// Its number in its channel; an open bar has none of its own.
    pub(super) seq: Option<u64>,
    /// The publication.
    pub(super) json: String,
    /// Of a candle, what the last values are guarded by.
    pub(super) order: Option<Order>,
    /// Of the primary source's closed 1m candle: its symbol, and the reference's form of it.
    pub(super) reference: Option<(Symbol, String)>,
}

/// What makes one last value newer than another, as texts of fixed length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    /// Generation of the topic, claim.
    pub(super) fence: String,
    /// Open time, whether it is closed, revision, time of the last tick.
    pub(super) place: String,
}

impl Message {
    /// What is sent of a publication.
    ///
    /// # Errors
    /// [`PublishError::EncodePublication`]; no publication that the engine makes causes it.
    pub fn of(standing: Standing, publication: &Publication) -> Result<Self, PublishError> {
        let channel = publication.channel();
        let encode = |source| PublishError::EncodePublication { channel: channel.clone(), source };
        let json = serde_json::to_string(publication).map_err(encode)?;
        let (seq, candle) = match publication {
            Publication::Candle { seq, candle } => (Some(*seq), Some(candle)),
            Publication::OpenBar { candle, .. } => (None, Some(candle)),
            Publication::Alert { seq, .. } | Publication::Feed { seq, .. } => (Some(*seq), None),
        };
        let referred = candle
            .filter(|candle| standing.primary && candle.closed && candle.interval == Interval::M1);
        let reference = referred
            .map(|candle| {
                serde_json::to_string(&Latest::of(candle)).map(|json| (candle.symbol.clone(), json))
            })
            .transpose()
            .map_err(encode)?;
        let order = candle.map(|candle| Order::of(standing, candle));
        Ok(Self { channel, seq, json, order, reference })
    }
}

impl Order {
    fn of(standing: Standing, candle: &Candle) -> Self {
        Self {
            fence: digits(standing.source_gen) + &digits(standing.claim),
            place: [
                candle.open_time_ms,
                i64::from(candle.closed),
                i64::from(candle.revision),
                candle.last_event_ns.unwrap_or_default(),
            ]
            .map(digits)
            .concat(),
        }
    }
}

/// A number as digits of fixed length; one before the epoch counts as 0.
fn digits(number: i64) -> String {
    format!("{:0DIGITS$}", number.max(0))
}
