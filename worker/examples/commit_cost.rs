//! What commits cost: many candles at once, and the usual one per second or window.
//!
//! `cargo run -p worker --example commit_cost [-- DIR]`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement, run by hand")]
#![expect(clippy::disallowed_methods, reason = "nothing but this loop looks at the clock")]

use std::time::{Duration, Instant};

use market::candle::{Candle, Trend};
use market::interval::Interval;
use market::symbol::{Series, SourceName, Symbol};
use worker::store::{
    CandleRow, Claim, Commit, CommitOutcome, Owner, PartitionProgress, SeriesInfo, SeriesKind,
    SeriesState, SqliteStore,
};

const PARTITIONS: i32 = 12;
const SERIES: i32 = 40;
const STATE_BYTES: usize = 10_000;

struct Bench {
    store: SqliteStore,
    claims: Vec<Claim>,
    series: Vec<Series>,
    commits: i64,
}

impl Bench {
    async fn open(dir: &std::path::Path) -> Self {
        let owner = Owner { prefix: "cost".into(), name: "cost".into() };
        let mut store = SqliteStore::open(dir, owner).await.unwrap();
        let series: Vec<Series> = (0..SERIES)
            .map(|index| Series {
                symbol: Symbol::new(&format!("COIN{index}")).unwrap(),
                source: SourceName::new("simulated").unwrap(),
            })
            .collect();
        let infos: Vec<SeriesInfo> = (0..)
            .zip(&series)
            .map(|(index, series)| SeriesInfo {
                series: series.clone(),
                kind: SeriesKind::Trade,
                venue: "simulated".into(),
                instrument: series.symbol.as_str().into(),
                primary: true,
                partition: index % PARTITIONS,
            })
            .collect();
        store.register_series(&infos).await.unwrap();
        let partitions: Vec<i32> = (0..PARTITIONS).collect();
        let claims = store.claim("cost-prices", &partitions, "cost").await.unwrap();
        Self { store, claims, series, commits: 0 }
    }

    /// Commits so many states and candles; returns how long it took.
    async fn commit(&mut self, states: usize, candles: impl Iterator<Item = Candle>) -> Duration {
        self.commits += 1;
        let last_offset = self.commits;
        let commit = Commit {
            partitions: self
                .claims
                .iter()
                .map(|claim| PartitionProgress {
                    partition: claim.partition,
                    token: claim.token,
                    commit_seq: claim.commit_seq + last_offset - 1,
                    next_offset: last_offset + 1,
                })
                .collect(),
            states: self.series[..states]
                .iter()
                .map(|series| SeriesState {
                    series: series.clone(),
                    version: 1,
                    bytes: vec![7; STATE_BYTES],
                })
                .collect(),
            candles: candles.map(|candle| CandleRow { candle, last_offset, seq: 1 }).collect(),
            ..Commit::default()
        };
        let begun = Instant::now();
        assert_eq!(self.store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
        begun.elapsed()
    }

    fn candle(&self, minute: i64) -> Candle {
        let index = usize::try_from(minute % i64::from(SERIES)).unwrap();
        let open_time_ms = minute / i64::from(SERIES) * 60_000;
        Candle {
            symbol: self.series[index].symbol.clone(),
            source: self.series[index].source.clone(),
            interval: Interval::M1,
            open_time_ms,
            close_time_ms: open_time_ms + 60_000,
            open: Some("61685.99".parse().unwrap()),
            high: Some("61699.01".parse().unwrap()),
            low: Some("61680.5".parse().unwrap()),
            close: Some("61686".parse().unwrap()),
            volume: Some("12.345678".parse().unwrap()),
            quote_volume: Some("761541.123456789".parse().unwrap()),
            taker_buy_volume: Some("6.1".parse().unwrap()),
            taker_buy_quote_volume: Some("376289.55".parse().unwrap()),
            vwap: Some("61685.123456789012".parse().unwrap()),
            trade_count: Some(345),
            first_id: Some(3_084_512_345),
            last_id: Some(3_084_512_690),
            first_event_ns: Some(1_723_161_599_812_000_001),
            last_event_ns: Some(1_723_161_599_912_000_001),
            closed: true,
            complete: true,
            revision: 0,
            samples: None,
            sma_20: Some(61_685.123),
            sma_50: Some(61_685.456),
            ema_20: Some(61_685.789),
            trend: Some(Trend::Flat),
        }
    }
}

async fn report(bench: &mut Bench, name: &str, commits: i64, states: usize, candles: i64) {
    let mut times = Vec::new();
    for _ in 0..commits {
        let from = bench.commits * candles;
        let rows: Vec<Candle> = (from..from + candles).map(|minute| bench.candle(minute)).collect();
        times.push(bench.commit(states, rows.into_iter()).await);
    }
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let rows = f64::from(i32::try_from(commits * candles).unwrap()) / total.as_secs_f64();
    let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{name}: p50 {median:?}, max {last:?}, {rows:.0} candles/s");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let temporary = tempfile::TempDir::new().unwrap();
    let named = std::env::args().nth(1).map(std::path::PathBuf::from);
    let dir = named.unwrap_or_else(|| temporary.path().to_path_buf());
    let mut bench = Bench::open(&dir).await;
    report(&mut bench, "1,000 candles", 100, 0, 1_000).await;
    report(&mut bench, "40 states of 10 kB and 40 candles", 100, 40, 40).await;
    report(&mut bench, "1 state and 1 candle", 200, 1, 1).await;
}
