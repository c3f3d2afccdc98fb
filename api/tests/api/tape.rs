use market::alert::{Alert, AlertRule, AlertType, Severity};
use market::candle::Candle;
use market::interval::{Interval, MINUTE_MS};
use market::publication::{Feed, FeedState, Publication};
use market::symbol::{Series, SeriesKind, SourceName, Symbol};

/// 2024-08-08T00:00:00Z, where every test's tape begins.
pub(crate) const START_MS: i64 = 1_723_075_200_000;
/// Ten seconds after one hour of tape.
pub(crate) const NOW_MS: i64 = START_MS + 60 * MINUTE_MS + 10_000;

/// A series as tests name it.
#[derive(Clone, Copy)]
pub(crate) struct SeriesOf<'a> {
    pub(crate) symbol: &'a str,
    pub(crate) source: &'a str,
    pub(crate) kind: SeriesKind,
    pub(crate) venue: &'a str,
    pub(crate) instrument: &'a str,
    pub(crate) primary: bool,
}

/// The series that every pipeline of these tests has.
pub(crate) const SERIES: [SeriesOf<'static>; 4] = [
    SeriesOf {
        symbol: "BTC",
        source: "binance",
        kind: SeriesKind::Trade,
        venue: "binance",
        instrument: "BTCUSDT",
        primary: true,
    },
    SeriesOf {
        symbol: "BTC",
        source: "kraken",
        kind: SeriesKind::Trade,
        venue: "kraken",
        instrument: "BTC/USD",
        primary: false,
    },
    SeriesOf {
        symbol: "BTC",
        source: "coingecko",
        kind: SeriesKind::Quote,
        venue: "coingecko",
        instrument: "bitcoin",
        primary: false,
    },
    SeriesOf {
        symbol: "ETH",
        source: "binance",
        kind: SeriesKind::Trade,
        venue: "binance",
        instrument: "ETHUSDT",
        primary: true,
    },
];

pub(crate) fn ms(minute: i64) -> i64 {
    START_MS + minute * MINUTE_MS
}

/// The number under which tests publish the candle of a minute.
pub(crate) fn seq_of(minute: i64) -> u64 {
    u64::try_from(minute + 100).unwrap()
}

pub(crate) fn series(symbol: &str, source: &str) -> Series {
    Series { symbol: Symbol::new(symbol).unwrap(), source: SourceName::new(source).unwrap() }
}

/// The closed 1m candle of BTC:binance at a minute; its prices follow from the minute.
pub(crate) fn candle(minute: i64) -> Candle {
    let price = |offset: i64| Some(format!("{}.5", 60_000 + minute + offset).parse().unwrap());
    let id = u64::try_from(minute).unwrap() * 10;
    Candle {
        symbol: Symbol::new("BTC").unwrap(),
        source: SourceName::new("binance").unwrap(),
        interval: Interval::M1,
        open_time_ms: ms(minute),
        close_time_ms: ms(minute + 1),
        open: price(0),
        high: price(3),
        low: price(-2),
        close: price(1),
        volume: Some("1.25".parse().unwrap()),
        quote_volume: Some("75001.000000000000000001".parse().unwrap()),
        taker_buy_volume: Some("0.5".parse().unwrap()),
        taker_buy_quote_volume: Some("30000".parse().unwrap()),
        vwap: price(0),
        trade_count: Some(10),
        first_id: Some(id),
        last_id: Some(id + 9),
        first_event_ns: Some(ms(minute) * 1_000_000),
        last_event_ns: Some(ms(minute + 1) * 1_000_000 - 1),
        closed: true,
        complete: true,
        revision: 0,
        samples: None,
        sma_20: Some(60_000.25),
        sma_50: None,
        ema_20: Some(60_001.0),
        trend: None,
    }
}

pub(crate) fn closed(minute: i64) -> Publication {
    Publication::Candle { seq: seq_of(minute), candle: candle(minute) }
}

pub(crate) fn open_bar(minute: i64, price: &str) -> Publication {
    let mut candle = candle(minute);
    candle.closed = false;
    candle.complete = false;
    candle.close = Some(price.parse().unwrap());
    Publication::OpenBar { seq: seq_of(minute - 1), candle }
}

pub(crate) fn feed_state(seq: u64, state: FeedState) -> Publication {
    let feed = Feed {
        series: series("BTC", "binance"),
        state,
        reason: String::new(),
        watermark_ns: ms(60) * 1_000_000,
    };
    Publication::Feed { seq, feed }
}

/// A feed that was last heard of an hour into the tape.
pub(crate) fn down() -> Feed {
    Feed {
        series: series("BTC", "binance"),
        state: FeedState::Down,
        reason: "no route".to_owned(),
        watermark_ns: ms(60) * 1_000_000,
    }
}

pub(crate) fn alert(seq: u64) -> Publication {
    let time = |minute| jiff::Timestamp::from_millisecond(ms(minute)).unwrap();
    let alert = Alert {
        alert_id: format!("BTC:binance:price_change:up:1m:{}", ms(3)),
        symbol: Symbol::new("BTC").unwrap(),
        source: SourceName::new("binance").unwrap(),
        alert_type: AlertType::PriceSpike,
        rule: AlertRule::PriceChange,
        price_change_percent: 6.1,
        open_price: Some("61685.99".parse().unwrap()),
        close_price: Some("65448.8".parse().unwrap()),
        window_start: time(3),
        window_end: time(4),
        timestamp: time(3),
        severity: Severity::Medium,
        z_score: None,
    };
    Publication::Alert { seq, alert }
}
