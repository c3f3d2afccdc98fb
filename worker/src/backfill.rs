//! Windows of an interval that was added later, made once of stored minutes.
//!
//! The engine folds every interval, so that an added one is right from its current window on.
//! Earlier windows are made here: complete only if every minute of them is there and complete.

use market::candle::Candle;
use market::interval::{Interval, MINUTE_MS};

use crate::store::{CandleRow, Claim, Commit, CommitOutcome, PartitionProgress, SeriesInfo};
use crate::store::{SqliteStore, StoreError};

/// Minutes that are read at a time.
const MINUTES_MAX: i64 = 10_000;
/// The offset of a candle that no record of this topic has changed.
const NO_OFFSET: i64 = -1;

/// Minutes of one series in order, on their way to larger windows.
struct Folder {
    interval: Interval,
    window: Option<(Candle, i64)>,
}

impl Folder {
    /// Takes in the next minute. Returns the window that ended before it.
    fn push(&mut self, minute: &Candle) -> Option<Candle> {
        let open_time_ms = self.interval.open_time_ms(minute.open_time_ms);
        match &mut self.window {
            Some((window, minutes)) if window.open_time_ms == open_time_ms => {
                *minutes += 1;
                add(window, minute);
                None
            }
            _ => {
                let close_time_ms = self.interval.close_time_ms(open_time_ms);
                let (interval, revision, trend) = (self.interval, 0, None);
                let (sma_20, sma_50, ema_20) = (None, None, None);
                let window = Candle {
                    interval,
                    open_time_ms,
                    close_time_ms,
                    revision,
                    sma_20,
                    sma_50,
                    ema_20,
                    trend,
                    ..minute.clone()
                };
                self.window.replace((window, 1)).map(whole)
            }
        }
    }
}

/// A window says that it is complete only if no minute of it is missing.
fn whole((window, minutes): (Candle, i64)) -> Candle {
    let all = (window.close_time_ms - window.open_time_ms) / MINUTE_MS == minutes;
    Candle { complete: window.complete && all, ..window }
}

/// Adds a minute to the window around it.
fn add(window: &mut Candle, minute: &Candle) {
    let had_ticks = window.first_event_ns.is_some();
    if minute.first_event_ns.is_some() {
        if !had_ticks {
            (window.open, window.high, window.low) = (minute.open, minute.high, minute.low);
            window.first_event_ns = minute.first_event_ns;
        }
        window.high = window.high.max(minute.high);
        window.low = window.low.min(minute.low).or(window.low);
        window.close = minute.close;
        window.last_event_ns = minute.last_event_ns;
    } else if !had_ticks {
        (window.open, window.high, window.low) = (minute.open, minute.high, minute.low);
        window.close = minute.close;
    }
    window.volume = window.volume.zip(minute.volume).and_then(|(a, b)| a.checked_add(b));
    window.quote_volume =
        window.quote_volume.zip(minute.quote_volume).and_then(|(a, b)| a.checked_add(b));
    window.taker_buy_volume =
        window.taker_buy_volume.zip(minute.taker_buy_volume).and_then(|(a, b)| a.checked_add(b));
    window.taker_buy_quote_volume = window
        .taker_buy_quote_volume
        .zip(minute.taker_buy_quote_volume)
        .and_then(|(a, b)| a.checked_add(b));
    window.vwap =
        window.quote_volume.zip(window.volume).and_then(|(quote, base)| quote.per_volume(base));
    window.trade_count = window.trade_count.zip(minute.trade_count).map(|(a, b)| a + b);
    window.samples = window.samples.zip(minute.samples).map(|(a, b)| a + b);
    window.first_id = window.first_id.into_iter().chain(minute.first_id).min();
    window.last_id = window.last_id.max(minute.last_id);
    window.complete &= minute.complete;
}

/// Writes the closed windows of each interval after the last one stored, as far as the watermarks
/// of the series have come: those of an interval that was not in the spec for a while.
///
/// # Errors
/// [`StoreError`]; what was written stays, and the rest is written at the next start.
pub async fn backfill(
    store: &mut SqliteStore,
    claims: &mut [Claim],
    series: &[(SeriesInfo, i64)],
    intervals: &[Interval],
) -> Result<(), StoreError> {
    for (info, watermark_ms) in series {
        for interval in intervals.iter().copied().filter(|interval| *interval != Interval::M1) {
            let candles = fold(store, info, interval, *watermark_ms).await?;
            let Some(claim) = claims.iter_mut().find(|claim| claim.partition == info.partition)
            else {
                continue;
            };
            if candles.is_empty() {
                continue;
            }
            let row = |candle| CandleRow { candle, last_offset: NO_OFFSET, seq: 0 };
            let progress = PartitionProgress {
                partition: claim.partition,
                token: claim.token,
                commit_seq: claim.commit_seq,
                next_offset: claim.next_offset,
            };
            let commit = Commit {
                partitions: vec![progress],
                candles: candles.into_iter().map(row).collect(),
                ..Commit::default()
            };
            match store.commit(&commit).await? {
                CommitOutcome::Applied => claim.commit_seq += 1,
                CommitOutcome::Fenced { partitions } => {
                    return Err(StoreError::LoseClaim { partitions });
                }
            }
        }
    }
    Ok(())
}

async fn fold(
    store: &mut SqliteStore,
    info: &SeriesInfo,
    interval: Interval,
    watermark_ms: i64,
) -> Result<Vec<Candle>, StoreError> {
    let stored_ms = store.last_close_ms(&info.series, interval).await?;
    let Some(mut from_ms) = stored_ms.or(store.first_minute_ms(&info.series).await?) else {
        return Ok(Vec::new());
    };
    let mut folder = Folder { interval, window: None };
    let mut candles = Vec::new();
    while from_ms < watermark_ms {
        let to_ms = from_ms.saturating_add(MINUTES_MAX * MINUTE_MS).min(watermark_ms);
        for minute in store.closed_minutes(&info.series, from_ms, to_ms).await? {
            candles.extend(folder.push(&minute));
        }
        from_ms = to_ms;
    }
    let last = folder.window.map(whole);
    candles.extend(last.filter(|window| window.close_time_ms <= watermark_ms));
    Ok(candles)
}

#[cfg(test)]
mod tests {
    use market::decimal::Decimal;
    use market::symbol::{SourceName, Symbol};

    use super::*;

    fn minute(at: i64, price: &str, trades: u64, complete: bool) -> Candle {
        let price = Decimal::parse(price).ok();
        let volume = Decimal::parse(&trades.to_string()).unwrap();
        let traded = (trades > 0).then_some(at * MINUTE_MS * 1_000_000);
        Candle {
            symbol: Symbol::new("BTC").unwrap(),
            source: SourceName::new("venue").unwrap(),
            interval: Interval::M1,
            open_time_ms: at * MINUTE_MS,
            close_time_ms: (at + 1) * MINUTE_MS,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Some(volume),
            quote_volume: price.map(|price| price.notional(volume).unwrap()),
            taker_buy_volume: Some(Decimal::ZERO),
            taker_buy_quote_volume: Some(market::decimal::Notional::ZERO),
            vwap: None,
            trade_count: Some(trades),
            first_id: (trades > 0).then_some(u64::try_from(at).unwrap()),
            last_id: (trades > 0).then_some(u64::try_from(at).unwrap()),
            first_event_ns: traded,
            last_event_ns: traded,
            closed: true,
            complete,
            revision: 3,
            samples: None,
            sma_20: None,
            sma_50: None,
            ema_20: None,
            trend: None,
        }
    }

    fn fold_all(minutes: &[Candle]) -> Vec<Candle> {
        let mut folder = Folder { interval: Interval::M3, window: None };
        let mut candles: Vec<Candle> =
            minutes.iter().filter_map(|minute| folder.push(minute)).collect();
        candles.extend(folder.window.map(whole));
        candles
    }

    #[test]
    fn minutes_fold_into_their_window_flat_ones_aside() {
        let minutes = [minute(0, "9", 0, true), minute(1, "12", 2, true), minute(2, "11", 1, true)];
        let [window] = fold_all(&minutes).try_into().unwrap();
        let prices = [window.open, window.high, window.low, window.close];
        assert_eq!(prices.map(|price| price.unwrap().to_string()), ["12", "12", "11", "11"]);
        assert_eq!((window.trade_count, window.complete, window.revision), (Some(3), true, 0));
        assert_eq!((window.first_id, window.last_id), (Some(1), Some(2)));
        assert_eq!(window.quote_volume.unwrap().to_string(), "35");
        assert_eq!((window.open_time_ms, window.close_time_ms), (0, 3 * MINUTE_MS));
    }

    #[test]
    fn a_window_is_complete_only_if_every_minute_is_there_and_complete() {
        let part = fold_all(&[minute(0, "9", 1, true), minute(2, "9", 1, true)]);
        assert!(!part[0].complete);
        let doubtful =
            fold_all(&[minute(0, "9", 1, true), minute(1, "9", 1, false), minute(2, "9", 1, true)]);
        assert!(!doubtful[0].complete);
    }

    #[test]
    fn windows_follow_each_other() {
        let minutes: Vec<Candle> = (0..6).map(|at| minute(at, "9", 1, true)).collect();
        assert_eq!(fold_all(&minutes).len(), 2);
    }
}
