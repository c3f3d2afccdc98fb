//! Windows that are not stored, because they are not covered. Only between stored candles:
//! nothing is made up before the first or after the last one. What is filled in says
//! `complete: false`.

use market::candle::Candle;
use market::decimal::Decimal;
use market::interval::Interval;

use super::params::Fill;
use crate::store::{OpenTimes, Walk};

/// The range that was asked for, and the stored candles on both sides of it.
pub(super) struct Neighbours {
    /// The newest stored candle before the range.
    pub(super) before: Option<Candle>,
    /// The oldest stored candle after the range.
    pub(super) after: Option<Candle>,
    pub(super) times: OpenTimes,
}

/// Fills the windows between `candles`, which stand in the order of `walk`, up to `limit` in all.
pub(super) fn fill(
    candles: Vec<Candle>,
    neighbours: &Neighbours,
    interval: Interval,
    walk: Walk,
    how: Fill,
    limit: usize,
) -> Vec<Candle> {
    let Some(model) = candles.first().or(neighbours.before.as_ref()).cloned() else {
        return candles;
    };
    let Some((first, end)) = windows(&candles, neighbours, interval, walk) else {
        return candles;
    };
    let blank = |open_time_ms: i64, close: Option<Decimal>| {
        let close = close.filter(|_| how == Fill::Previous);
        blank_candle(&model, interval, open_time_ms, close)
    };
    let mut filled = Vec::with_capacity(limit.min(candles.len() * 2));
    let mut rows = candles.into_iter().peekable();
    match walk {
        Walk::Forward => {
            let mut time = first;
            let mut close = neighbours.before.as_ref().and_then(|candle| candle.close);
            while time < end && filled.len() < limit {
                let stored = rows.next_if(|row| row.open_time_ms == time);
                close = stored.as_ref().map_or(close, |row| row.close);
                filled.push(stored.unwrap_or_else(|| blank(time, close)));
                time = interval.close_time_ms(time);
            }
        }
        Walk::Backward => {
            let mut time = interval.open_time_ms(end - 1);
            while time >= first && filled.len() < limit {
                let stored = rows.next_if(|row| row.open_time_ms == time);
                let earlier = rows.peek().or(neighbours.before.as_ref());
                let close = earlier.and_then(|candle| candle.close);
                filled.push(stored.unwrap_or_else(|| blank(time, close)));
                time = interval.open_time_ms(time - 1);
            }
        }
    }
    filled
}

/// The open times `[first, end)` to walk, or `None` where nothing is stored around.
fn windows(
    candles: &[Candle],
    neighbours: &Neighbours,
    interval: Interval,
    walk: Walk,
) -> Option<(i64, i64)> {
    let (oldest, newest) = match walk {
        Walk::Forward => (candles.first(), candles.last()),
        Walk::Backward => (candles.last(), candles.first()),
    };
    let first = match (&neighbours.before, neighbours.times.from_ms) {
        (Some(_), Some(from_ms)) => {
            let open = interval.open_time_ms(from_ms);
            if open == from_ms { open } else { interval.close_time_ms(open) }
        }
        _ => oldest?.open_time_ms,
    };
    let end = match (&neighbours.after, neighbours.times.to_ms) {
        (Some(_), Some(to_ms)) => to_ms,
        _ => newest?.close_time_ms,
    };
    Some((first, end))
}

fn blank_candle(
    model: &Candle,
    interval: Interval,
    open_time_ms: i64,
    close: Option<Decimal>,
) -> Candle {
    Candle {
        symbol: model.symbol.clone(),
        source: model.source.clone(),
        interval,
        open_time_ms,
        close_time_ms: interval.close_time_ms(open_time_ms),
        open: close,
        high: close,
        low: close,
        close,
        volume: None,
        quote_volume: None,
        taker_buy_volume: None,
        taker_buy_quote_volume: None,
        vwap: None,
        trade_count: None,
        first_id: None,
        last_id: None,
        first_event_ns: None,
        last_event_ns: None,
        closed: true,
        complete: false,
        revision: 0,
        samples: None,
        sma_20: None,
        sma_50: None,
        ema_20: None,
        trend: None,
    }
}
