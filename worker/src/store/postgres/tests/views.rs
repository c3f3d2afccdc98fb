use super::*;
use crate::store::CandleRow;

#[tokio::test]
async fn the_reference_names_and_columns_are_there() {
    let (target, _, _) = open().await;
    for (view, columns) in [
        ("cryptocurrencies", "id,symbol,name,coingecko_id,is_active,created_at,updated_at"),
        (
            "raw_price_data",
            "id,crypto_id,price,volume_24h,market_cap,price_change_24h,timestamp,kafka_offset,\
             kafka_partition,created_at",
        ),
        (
            "price_aggregates_1m",
            "id,crypto_id,window_start,window_end,open_price,high_price,low_price,close_price,\
             avg_price,volume_sum,trade_count,created_at",
        ),
        (
            "price_alerts",
            "id,crypto_id,alert_type,price_change_pct,old_price,new_price,window_start,window_end,\
             severity,created_at",
        ),
        (
            "processing_metadata",
            "id,topic_name,partition_id,last_offset,last_timestamp,consumer_group,updated_at",
        ),
        ("v_latest_prices", "symbol,name,price,volume_24h,market_cap,price_change_24h,timestamp"),
        (
            "v_price_stats_24h",
            "symbol,name,data_points,min_price,max_price,avg_price,median_price,price_stddev",
        ),
    ] {
        let sql = format!(
            "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) \
             FROM information_schema.columns WHERE table_schema = '{}' AND table_name = '{view}'",
            target.schema
        );
        assert_eq!(query(&target, &sql).await, [format!("(\"{columns}\")")], "{view}");
    }
}

#[tokio::test]
async fn the_views_answer_as_the_reference_would() {
    let (target, mut store, claims) = open().await;
    let now_ms: i64 = query(&target, "SELECT (extract(epoch FROM now()) * 1000)::int8").await[0]
        .trim_matches(['(', ')'])
        .parse()
        .unwrap();
    let minute = now_ms / MINUTE_MS;
    let mut commit = full_commit(&claims[0].claim);
    commit.candles.clear();
    for (index, price) in ["100", "101", "102", "104"].iter().enumerate() {
        let price = Some(price.parse().unwrap());
        let candle = Candle {
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Some("1.5".parse().unwrap()),
            ..candle(minute - 10 + i64::try_from(index).unwrap())
        };
        commit.candles.push(CandleRow { candle, last_offset: 9, seq: 1 });
    }
    commit.alerts[0].alert.close_price = Some("2".parse().unwrap());
    commit.ticks.push(tick(4));
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);

    let latest = "SELECT symbol, trim_scale(price), trim_scale(volume_24h), price_change_24h \
         FROM v_latest_prices WHERE symbol = 'BTC'";
    assert_eq!(query(&target, latest).await, ["(BTC,104,6,4.0000)"]);
    let stats = "SELECT symbol, data_points, trim_scale(min_price), trim_scale(max_price), \
         trim_scale(avg_price), median_price FROM v_price_stats_24h";
    assert_eq!(query(&target, stats).await, ["(BTC,4,100,104,101.75,101.5)"]);
    let hour = "SELECT c.symbol, trim_scale(a.open_price), trim_scale(a.avg_price), \
         trim_scale(a.volume_sum), a.trade_count FROM price_aggregates_1m a \
         JOIN cryptocurrencies c ON a.crypto_id = c.id WHERE c.symbol = 'BTC' \
         AND a.window_start >= NOW() - INTERVAL '1 hour' ORDER BY a.window_start DESC LIMIT 1";
    assert_eq!(query(&target, hour).await, ["(BTC,104,104,1.5,3)"]);
    let raw = "SELECT trim_scale(price), kafka_offset, kafka_partition FROM raw_price_data \
         WHERE crypto_id = (SELECT id FROM cryptocurrencies WHERE symbol = 'BTC')";
    assert_eq!(query(&target, raw).await, ["(61685.990000000001,4,3)"]);
    let alerts = "SELECT alert_type, price_change_pct, trim_scale(old_price), \
         trim_scale(new_price), severity FROM price_alerts";
    assert_eq!(query(&target, alerts).await, ["(PRICE_SPIKE,6.1,1,2,LOW)"]);
    let metadata = "SELECT topic_name, partition_id, last_offset FROM processing_metadata \
         ORDER BY partition_id";
    assert_eq!(query(&target, metadata).await, ["(crypto-prices,3,9)", "(crypto-prices,7,-2)"]);
}
