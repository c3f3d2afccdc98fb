//! What other producers send, and what is kept as it was sent.

use crate::stage::{Backend, Stage};

const TICKS: u32 = 2_000;
/// 2024-08-08 00:00 UTC.
const BEGIN_S: i64 = 1_723_075_200;

/// A quote as the reference's producers write it: ten fields, no schema.
fn quote(second: i64, price: &str) -> Vec<u8> {
    format!(
        r#"{{"symbol":"BTC","coin_id":"bitcoin","price_usd":{price},"volume_24h":1.5,"market_cap":2.5,"price_change_24h":-0.1,"last_updated":{},"timestamp":"2024-08-08T00:00:00","producer_id":"other","message_id":"m{second}"}}"#,
        BEGIN_S + second
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_of_other_producers_make_candles_of_their_own_and_ticks_are_kept_where_asked() {
    let more = "  storage: {rawTicks: true}\n";
    let stage = Stage::with(Backend::shared(), "foreign", TICKS, more).await;
    let aggregator = stage.aggregator();
    stage.produce(&stage.names.ticks).await;
    let quotes = [quote(0, "10"), quote(30, "12"), quote(59, "11"), quote(63, "13")];
    stage.send(quotes.map(|quote| (b"BTC".to_vec(), quote))).await;
    stage.until_psql(
        "SELECT count(*) = 1 FROM candle JOIN series USING (series_id) \
         WHERE source = 'reference' AND interval = '1m' AND closed AND NOT complete AND open = 10 \
         AND high = 12 AND low = 10 AND close = 11 AND samples = 3 AND volume IS NULL",
    );
    stage.until_psql(
        "SELECT (SELECT count(*) FROM tick JOIN series USING (series_id) WHERE source = 'demo') \
         = (SELECT sum(trade_count) FROM candle JOIN series USING (series_id) \
         WHERE source = 'demo' AND interval = '1m')",
    );
    let kept = "SELECT string_agg(trim_scale(price)::text, ' ' ORDER BY event_time_ns) \
                = '10 12 11 13' FROM tick JOIN series USING (series_id) WHERE source = 'reference'";
    stage.until_psql(kept);
    aggregator.stop();
}
