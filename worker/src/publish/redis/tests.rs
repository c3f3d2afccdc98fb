//! On a real server, one for each test.

use std::future::Future;
use std::time::Duration;

use e2e::servers::Redis;
use market::candle::Candle;
use market::decimal::{Decimal, Notional};
use market::interval::{Interval, MINUTE_MS};
use market::publication::{Feed, FeedState, Publication};
use market::symbol::{Series, SourceName, Symbol};
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use redis::{AsyncTypedCommands, Client};

use super::*;

/// Removing the keys of a prefix.
mod drop;
/// The task: a server that is away, slow, or without its memory.
mod feed;
/// What waits.
mod queue;
/// The script: what is taken, and what is refused.
mod script;

/// How long anything is waited for.
const WAIT_MAX: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);
const OWNER: &str = "trading/majors";
const STANDING: Standing = Standing { source_gen: 1, claim: 1, primary: true };

/// A server, and what a test asks of it.
struct Server(Redis);

impl Server {
    fn running() -> Self {
        Self(Redis::private())
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn settings(&self, prefix: &str) -> RedisSettings {
        RedisSettings::new(&self.url(), prefix, OWNER).unwrap()
    }

    async fn link(&self, prefix: &str) -> RedisLink {
        RedisLink::connect(&self.settings(prefix)).await.unwrap()
    }

    /// A connection that looks at what there is.
    async fn look(&self) -> MultiplexedConnection {
        let client = Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Channel and number of all that is in the stream.
    async fn stream(&self, prefix: &str) -> Vec<(String, u64)> {
        let mut look = self.look().await;
        let range = redis::cmd("XRANGE").arg(format!("{prefix}:stream")).arg("-").arg("+").clone();
        let reply: StreamRangeReply = range.query_async(&mut look).await.unwrap();
        let entries = reply.ids.iter();
        entries.map(|entry| (entry.get("channel").unwrap(), entry.get("seq").unwrap())).collect()
    }
}

/// Asks again and again until there is an answer.
async fn until<T, A: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> A) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let answer = tokio::time::timeout(WAIT_MAX, asking).await;
    answer.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

fn on_runtime<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    { runtime }.worker_threads(2).enable_all().build().unwrap().block_on(test)
}

fn candle(symbol: &str, interval: Interval, minute: i64) -> Candle {
    let price = |text: &str| Some(text.parse::<Decimal>().unwrap());
    let open_time_ms = 1_723_075_200_000 + minute * MINUTE_MS;
    Candle {
        symbol: Symbol::new(symbol).unwrap(),
        source: SourceName::new("binance").unwrap(),
        interval,
        open_time_ms,
        close_time_ms: open_time_ms + MINUTE_MS,
        open: price("61685.99"),
        high: price("61700"),
        low: price("61600.5"),
        close: price("61650"),
        volume: price("12.5"),
        quote_volume: Some(price("61650").unwrap().notional(price("12.5").unwrap()).unwrap()),
        taker_buy_volume: price("6"),
        taker_buy_quote_volume: Some(Notional::ZERO),
        vwap: price("61650"),
        trade_count: Some(321),
        first_id: Some(1),
        last_id: Some(321),
        first_event_ns: Some(open_time_ms * 1_000_000),
        last_event_ns: Some(open_time_ms * 1_000_000 + 59_000_000_000),
        closed: true,
        complete: true,
        revision: 0,
        samples: None,
        sma_20: Some(0.1 + 0.2),
        sma_50: None,
        ema_20: None,
        trend: None,
    }
}

fn closed(seq: u64, candle: Candle) -> Publication {
    Publication::Candle { seq, candle }
}

fn open_bar(seq: u64, candle: Candle, event_ns: i64) -> Publication {
    let last_event_ns = Some(event_ns);
    Publication::OpenBar { seq, candle: Candle { closed: false, last_event_ns, ..candle } }
}

fn feed_state(seq: u64) -> Publication {
    let series =
        Series { symbol: Symbol::new("BTC").unwrap(), source: SourceName::new("binance").unwrap() };
    let (state, reason) = (FeedState::Up, String::new());
    Publication::Feed { seq, feed: Feed { series, state, reason, watermark_ns: 0 } }
}

fn message(publication: &Publication) -> Message {
    Message::of(STANDING, publication).unwrap()
}

/// A commit of one 1m candle, the one of this number.
fn commit(seq: u64) -> Committed {
    let minute = i64::try_from(seq).unwrap();
    let publication = closed(seq, candle("BTC", Interval::M1, minute));
    let published_to = PublishedTo { partition: 3, token: 77, commit_seq: minute };
    Committed {
        publications: vec![(STANDING, publication)],
        published_to: vec![published_to],
        span: None,
    }
}
