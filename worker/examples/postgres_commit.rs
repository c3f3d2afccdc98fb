//! What a commit costs: `DATABASE_URL=… cargo run --release -p worker --example postgres_commit`.
//!
//! Four partitions with one state of 1 KiB each, and so many new candles of five intervals: 0, 50,
//! 200, 500 and 1,000, or as many as the arguments say.
#![expect(clippy::print_stdout, reason = "the figures are the result")]

use std::time::Duration;

use market::candle::Candle;
use market::interval::{Interval, MINUTE_MS};
use market::symbol::{Series, SeriesKind, SourceName, Symbol};
use runtime::clock;
use worker::migrate::{MigrateOptions, Retention, drop_all, migrate};
use worker::store::postgres::{PartitionClaim, schema_name};
use worker::store::{
    CandleRow, Commit, Owner, PartitionProgress, PostgresOptions, PostgresStore, SeriesInfo,
    SeriesState,
};

type Failure = Box<dyn std::error::Error>;

const PARTITIONS: i32 = 4;
const COMMITS: i64 = 1_000;
const STATE_BYTES: usize = 1_024;
const INTERVALS: [Interval; 5] =
    [Interval::M1, Interval::M5, Interval::M15, Interval::H1, Interval::D1];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let prefix = format!("bench-{}", std::process::id());
    let target = PostgresOptions {
        url: std::env::var("DATABASE_URL")?,
        root_ca_file: None,
        schema: schema_name(&prefix),
        application_name: "bench".into(),
        owner: Owner { prefix, name: "bench".into() },
        namespace: String::new(),
    };
    let now_ms = clock::now_ns().div_euclid(1_000_000);
    let (writer_url, reader_url, retention) = (None, None, Retention::default());
    let options = MigrateOptions { target: target.clone(), writer_url, reader_url, retention };
    migrate(&options, now_ms).await?;
    let measured = measure(&target, now_ms).await;
    drop_all(&target).await?;
    measured
}

async fn measure(target: &PostgresOptions, now_ms: i64) -> Result<(), Failure> {
    let mut store = PostgresStore::connect(target.clone()).await?;
    let series = (0..PARTITIONS * 10).map(info).collect::<Result<Vec<_>, _>>()?;
    store.register_series(&series).await?;
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let mut claims = store.claim("bench-prices", &partitions, "a").await?;
    let mut made = 0;
    println!("candles  least  p50 ms  p95 ms  p99 ms");
    let sizes: Vec<usize> =
        std::env::args().skip(1).map(|size| size.parse()).collect::<Result<_, _>>()?;
    for candles in if sizes.is_empty() { vec![0, 50, 200, 500, 1_000] } else { sizes } {
        let mut times = Vec::new();
        for _ in 0..COMMITS {
            let commit = commit(&claims, &series, now_ms, made, candles);
            made += candles;
            let begun = clock::monotonic();
            store.commit(&commit).await?;
            times.push(clock::monotonic().duration_since(begun));
            for claim in &mut claims {
                claim.claim.commit_seq += 1;
            }
        }
        times.sort_unstable();
        let at = |percent: usize| -> Duration { times[(times.len() - 1) * percent / 100] };
        let [least, p50, p95, p99] = [0, 50, 95, 99].map(|percent| at(percent).as_secs_f64() * 1e3);
        println!("{candles:7}  {least:5.2}  {p50:6.2}  {p95:6.2}  {p99:6.2}");
    }
    Ok(())
}

fn info(index: i32) -> Result<SeriesInfo, Failure> {
    let series =
        Series { symbol: Symbol::new(&format!("S{index}"))?, source: SourceName::new("bench")? };
    let (kind, venue, instrument) = (SeriesKind::Trade, "simulated".into(), format!("S{index}USD"));
    let partition = index % PARTITIONS;
    Ok(SeriesInfo { series, kind, venue, instrument, primary: true, partition })
}

fn commit(
    claims: &[PartitionClaim],
    series: &[SeriesInfo],
    now_ms: i64,
    made: usize,
    candles: usize,
) -> Commit {
    let progress = |claim: &PartitionClaim| PartitionProgress {
        partition: claim.claim.partition,
        token: claim.claim.token,
        commit_seq: claim.claim.commit_seq,
        next_offset: claim.claim.commit_seq + 1,
    };
    let state = |info: &SeriesInfo| SeriesState {
        series: info.series.clone(),
        version: 1,
        bytes: vec![7; STATE_BYTES],
    };
    Commit {
        partitions: claims.iter().map(progress).collect(),
        states: series.iter().take(claims.len()).map(state).collect(),
        candles: (made..made + candles).map(|index| candle(series, now_ms, index)).collect(),
        ..Commit::default()
    }
}

/// The next window of each series and interval in turn, from some months ago.
fn candle(series: &[SeriesInfo], now_ms: i64, index: usize) -> CandleRow {
    let series = &series[index % series.len()].series;
    let index = index / 40;
    let interval = INTERVALS[index % INTERVALS.len()];
    let minutes = i64::try_from(index / INTERVALS.len()).unwrap_or(0);
    let open_time_ms = now_ms.div_euclid(MINUTE_MS) * MINUTE_MS + minutes * MINUTE_MS;
    let price = market::decimal::Decimal::from_units(61_685_990_000_000_000);
    let candle = Candle {
        symbol: series.symbol.clone(),
        source: series.source.clone(),
        interval,
        open_time_ms,
        close_time_ms: open_time_ms + MINUTE_MS,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: price,
        quote_volume: market::decimal::Notional::from_units(1_234_567_890_123_456_789_012),
        taker_buy_volume: price,
        taker_buy_quote_volume: market::decimal::Notional::from_units(1_234_567_890_123_456_789),
        vwap: price,
        trade_count: Some(1_234),
        first_id: Some(3_084_512_345),
        last_id: Some(3_084_513_345),
        first_event_ns: Some(open_time_ms * 1_000_000),
        last_event_ns: Some(open_time_ms * 1_000_000),
        closed: true,
        complete: true,
        revision: 0,
        samples: None,
        sma_20: Some(61_685.9),
        sma_50: Some(61_685.9),
        ema_20: Some(61_685.9),
        trend: None,
    };
    CandleRow { candle, last_offset: 1, seq: 1 }
}
