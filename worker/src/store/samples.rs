//! Rows of every kind, for the tests of both stores.

use market::alert::{Alert, AlertRule, AlertType, Severity};
use market::candle::{Candle, Trend};
use market::coverage::Gap;
use market::interval::Interval;
use market::publication::{Feed, FeedState};
use market::symbol::{Series, SeriesKind, SourceName, Symbol};

use crate::store::{
    AlertRow, CandleRow, Claim, Commit, DeadLetter, FeedRow, GapRow, Owner, PartitionProgress,
    SeriesInfo, SeriesState,
};

pub(super) const MINUTE_MS: i64 = 60_000;

pub(super) fn owner() -> Owner {
    Owner { prefix: "crypto".into(), name: "crypto".into() }
}

pub(super) fn series(symbol: &str) -> Series {
    Series { symbol: Symbol::new(symbol).unwrap(), source: SourceName::new("binance").unwrap() }
}

pub(super) fn info(symbol: &str, partition: i32) -> SeriesInfo {
    SeriesInfo {
        series: series(symbol),
        kind: SeriesKind::Trade,
        venue: "binance".into(),
        instrument: format!("{symbol}USDT"),
        primary: true,
        partition,
    }
}

/// A closed and whole minute of BTC, every field set.
pub(super) fn candle(minute: i64) -> Candle {
    Candle {
        symbol: series("BTC").symbol,
        source: series("BTC").source,
        interval: Interval::M1,
        open_time_ms: minute * MINUTE_MS,
        close_time_ms: (minute + 1) * MINUTE_MS,
        open: Some("61685.99".parse().unwrap()),
        high: Some("99999999999999.999999999999".parse().unwrap()),
        low: Some("0.000000000001".parse().unwrap()),
        close: Some("61686".parse().unwrap()),
        volume: Some("99999999999999999999999999".parse().unwrap()),
        quote_volume: Some("99999999999999999999.999999999999999999".parse().unwrap()),
        taker_buy_volume: Some("0".parse().unwrap()),
        taker_buy_quote_volume: Some("0.000000000000000001".parse().unwrap()),
        vwap: Some("61685.123456789012".parse().unwrap()),
        trade_count: Some(3),
        first_id: Some(3_084_512_345),
        last_id: Some(u64::MAX),
        first_event_ns: Some(1_723_161_599_812_000_001),
        last_event_ns: Some(i64::MAX),
        closed: true,
        complete: true,
        revision: u32::MAX,
        samples: None,
        sma_20: Some(0.1 + 0.2),
        sma_50: Some(f64::MIN_POSITIVE),
        ema_20: Some(-1.0 / 3.0),
        trend: Some(Trend::Flat),
    }
}

pub(super) fn state(bytes: &[u8]) -> SeriesState {
    SeriesState { series: series("BTC"), version: 1, bytes: bytes.to_vec() }
}

pub(super) fn progress(claim: &Claim, commit_seq: i64, next_offset: i64) -> PartitionProgress {
    let (partition, token) = (claim.partition, claim.token);
    PartitionProgress { partition, token, commit_seq, next_offset }
}

pub(super) fn commit_of(
    claim: &Claim,
    commit_seq: i64,
    candle: Candle,
    last_offset: i64,
) -> Commit {
    Commit {
        partitions: vec![progress(claim, commit_seq, last_offset + 1)],
        states: vec![state(&last_offset.to_le_bytes())],
        candles: vec![CandleRow { candle, last_offset, seq: 1 }],
        ..Commit::default()
    }
}

pub(super) fn alert() -> AlertRow {
    let alert = Alert {
        alert_id: "BTC:binance:price_change:up:1m:0".into(),
        symbol: series("BTC").symbol,
        source: series("BTC").source,
        alert_type: AlertType::PriceSpike,
        rule: AlertRule::PriceChange,
        price_change_percent: 6.1,
        open_price: Some("1".parse().unwrap()),
        close_price: None,
        window_start: jiff::Timestamp::UNIX_EPOCH,
        window_end: jiff::Timestamp::from_millisecond(MINUTE_MS).unwrap(),
        timestamp: jiff::Timestamp::from_nanosecond(1_723_161_599_812_000_001).unwrap(),
        severity: Severity::Low,
        z_score: None,
    };
    AlertRow { alert, partition: 3, offset: 9, seq: 1 }
}

/// One row of everything.
pub(super) fn full_commit(claim: &Claim) -> Commit {
    let mut commit = commit_of(claim, 0, candle(1), 9);
    commit.candles.extend((2..100).map(|minute| CandleRow {
        candle: candle(minute),
        last_offset: 9,
        seq: 2,
    }));
    commit.alerts.push(alert());
    let gap =
        Gap { from_id: 5, to_id: 6, from_ns: 1, to_ns: 2, lost: true, reason: "refused".into() };
    commit.gaps.push(GapRow { series: series("BTC"), gap });
    let feed = Feed {
        series: series("BTC"),
        state: FeedState::Down,
        reason: "no connection".into(),
        watermark_ns: 7,
    };
    commit.feeds.push(FeedRow { feed, seq: 1, changed: true });
    commit.dead_letters.push(DeadLetter {
        partition: 3,
        offset: 8,
        reason: "parse",
        detail: "expected value".into(),
        timestamp_ms: 5,
        key: None,
        value: b"{".to_vec(),
    });
    commit
}
