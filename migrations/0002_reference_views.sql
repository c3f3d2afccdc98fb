-- The names and columns that the reference's clients query, answered from our tables. Only the
-- primary series of a symbol is shown; times are timestamptz, and volumes are traded volumes.

CREATE VIEW cryptocurrencies AS
SELECT series_id AS id,
       symbol,
       symbol AS name,
       (SELECT min(other.instrument) FROM series AS other
        WHERE other.symbol = series.symbol AND other.venue = 'coingecko') AS coingecko_id,
       true AS is_active,
       created_at,
       created_at AS updated_at
FROM series
WHERE primary_source;

CREATE VIEW raw_price_data AS
SELECT hashtextextended(tick.message_id, 0) & 9223372036854775807 AS id,
       tick.series_id AS crypto_id,
       tick.price,
       tick.volume_24h,
       tick.market_cap,
       tick.price_change_24h,
       tick.event_time AS "timestamp",
       tick.topic_offset AS kafka_offset,
       tick.topic_partition AS kafka_partition,
       tick.event_time AS created_at
FROM tick JOIN series USING (series_id)
WHERE series.primary_source;

CREATE VIEW price_aggregates_1m AS
SELECT candle.series_id * 4294967296 + (extract(epoch FROM candle.open_time) / 60)::int8 AS id,
       candle.series_id AS crypto_id,
       candle.open_time AS window_start,
       candle.close_time AS window_end,
       candle.open AS open_price,
       candle.high AS high_price,
       candle.low AS low_price,
       candle.close AS close_price,
       (candle.open + candle.high + candle.low + candle.close) / 4 AS avg_price,
       candle.volume AS volume_sum,
       coalesce(candle.trade_count, candle.samples) AS trade_count,
       candle.close_time AS created_at
FROM candle JOIN series USING (series_id)
WHERE candle.interval = '1m' AND candle.closed AND candle.close IS NOT NULL
  AND series.primary_source;

CREATE VIEW price_alerts AS
SELECT alert.alert_number AS id,
       alert.series_id AS crypto_id,
       alert.alert_type,
       alert.price_change_percent::numeric AS price_change_pct,
       alert.open_price AS old_price,
       alert.close_price AS new_price,
       alert.window_start,
       alert.window_end,
       alert.severity,
       alert.event_time AS created_at
FROM alert JOIN series USING (series_id)
WHERE alert.open_price IS NOT NULL AND alert.close_price IS NOT NULL AND series.primary_source;

CREATE VIEW processing_metadata AS
SELECT row_number() OVER (ORDER BY partition.topic, partition.partition) AS id,
       partition.topic AS topic_name,
       partition.partition AS partition_id,
       partition.next_offset - 1 AS last_offset,
       partition.updated_at AS last_timestamp,
       owner.prefix AS consumer_group,
       partition.updated_at
FROM partition CROSS JOIN owner;

-- The last closed minute, and the day before it: never empty for want of raw ticks.
CREATE VIEW v_latest_prices AS
SELECT c.symbol,
       c.name,
       latest.close_price AS price,
       day.volume AS volume_24h,
       NULL::numeric AS market_cap,
       round((latest.close_price / nullif(day.open_price, 0) - 1) * 100, 4) AS price_change_24h,
       latest.window_end AS "timestamp"
FROM cryptocurrencies AS c
CROSS JOIN LATERAL (
  SELECT close_price, window_end FROM price_aggregates_1m
  WHERE crypto_id = c.id ORDER BY window_start DESC LIMIT 1
) AS latest
CROSS JOIN LATERAL (
  SELECT sum(volume_sum) AS volume,
         (array_agg(open_price ORDER BY window_start))[1] AS open_price
  FROM price_aggregates_1m
  WHERE crypto_id = c.id AND window_start >= latest.window_end - interval '24 hours'
) AS day;

CREATE VIEW v_price_stats_24h AS
SELECT c.symbol,
       c.name,
       count(*) AS data_points,
       min(minute.low_price) AS min_price,
       max(minute.high_price) AS max_price,
       avg(minute.close_price) AS avg_price,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY minute.close_price) AS median_price,
       stddev(minute.close_price) AS price_stddev
FROM cryptocurrencies AS c JOIN price_aggregates_1m AS minute ON minute.crypto_id = c.id
WHERE minute.window_start >= now() - interval '24 hours'
GROUP BY c.id, c.symbol, c.name;
