-- The tables of a pipeline, in the schema that search_path names.
-- Numbers are exact, `_ns` are nanoseconds since the epoch, ids from 2^63 on are kept as the same
-- 64 bits.

-- Whose data this is; another pipeline's schema is refused.
CREATE TABLE owner (
  id             int4 PRIMARY KEY CHECK (id = 1),
  prefix         text NOT NULL,
  -- Empty outside Kubernetes.
  namespace      text NOT NULL,
  name           text NOT NULL,
  schema_version int8 NOT NULL
);

-- One row per (symbol, source). At most one series of a symbol is its primary one.
CREATE TABLE series (
  series_id      int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  symbol         text NOT NULL,
  source         text NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('trade', 'quote')),
  venue          text NOT NULL,
  instrument     text NOT NULL,
  primary_source bool NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  UNIQUE (symbol, source)
);

-- What a partition must remember of each series: versioned bytes.
CREATE TABLE series_state (
  series_id int8  PRIMARY KEY REFERENCES series,
  version   int4  NOT NULL,
  state     bytea NOT NULL,
  -- The generation that began it from nothing: candles of older ones are not simply replaced.
  born_gen  int8  NOT NULL
) WITH (fillfactor = 50);
-- The bytes are packed already, and rewritten every second.
ALTER TABLE series_state ALTER COLUMN state SET STORAGE EXTERNAL;

-- The fence: a commit must match token and commit_seq.
CREATE TABLE partition (
  topic         text NOT NULL,
  partition     int4 NOT NULL,
  source_id     text NOT NULL,
  source_gen    int8 NOT NULL,
  claim         int8 NOT NULL,
  token         int8 NOT NULL,
  -- The first offset that is not folded; -1 before the first commit.
  next_offset   int8 NOT NULL,
  commit_seq    int8 NOT NULL,
  published_seq int8 NOT NULL,
  -- Who claimed it last.
  owner         text NOT NULL,
  updated_at    timestamptz NOT NULL,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- Candles and raw ticks: hypertables where TimescaleDB is installed, else partitions. 1m candles
-- and ticks lie apart by time, so that old ones can be dropped whole; the default partitions take
-- what no other does, so that no commit fails for want of one. Their series is not checked by a
-- foreign key, which would cost more than the row.
DO $$
DECLARE
  timescale text := (SELECT quote_ident(nspname) FROM pg_extension
    JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb');
  plain bool := timescale IS NULL;
BEGIN
  EXECUTE $sql$
    CREATE TABLE candle (
      series_id              int8 NOT NULL,
      interval               text NOT NULL,
      open_time              timestamptz NOT NULL,
      close_time             timestamptz NOT NULL,
      open                   numeric(38, 12),
      high                   numeric(38, 12),
      low                    numeric(38, 12),
      close                  numeric(38, 12),
      volume                 numeric(38, 12),
      quote_volume           numeric(38, 18),
      taker_buy_volume       numeric(38, 12),
      taker_buy_quote_volume numeric(38, 18),
      vwap                   numeric(38, 12),
      trade_count            int8,
      first_id               int8,
      last_id                int8,
      first_event_ns         int8,
      last_event_ns          int8,
      closed                 bool NOT NULL,
      complete               bool NOT NULL,
      revision               int8 NOT NULL,
      samples                int8,
      sma_20                 float8,
      sma_50                 float8,
      ema_20                 float8,
      trend                  text,
      -- The highest offset of any record that changed it, within its generation of the topic.
      source_gen             int8 NOT NULL,
      last_offset            int8 NOT NULL,
      -- The number of its last publication in its channel.
      seq                    int8 NOT NULL,
      -- The commit that wrote it: published when the partition's published_seq has reached it.
      topic_partition        int4 NOT NULL,
      commit_seq             int8 NOT NULL,
      PRIMARY KEY (series_id, interval, open_time)
    )$sql$ || CASE WHEN plain THEN ' PARTITION BY LIST (interval)' ELSE '' END;
  EXECUTE $sql$
    CREATE TABLE tick (
      series_id        int8 NOT NULL,
      event_time       timestamptz NOT NULL,
      event_time_ns    int8 NOT NULL,
      receive_time_ns  int8,
      price            numeric(38, 12) NOT NULL,
      size             numeric(38, 12),
      side             text,
      trade_id         int8,
      first_id         int8,
      last_id          int8,
      message_id       text NOT NULL,
      recovered        bool NOT NULL,
      volume_24h       numeric,
      market_cap       numeric,
      price_change_24h numeric,
      source_gen       int8 NOT NULL,
      topic_partition  int4 NOT NULL,
      topic_offset     int8 NOT NULL,
      PRIMARY KEY (series_id, event_time, source_gen, topic_partition, topic_offset)
    )$sql$ || CASE WHEN plain THEN ' PARTITION BY RANGE (event_time)' ELSE '' END;
  IF plain THEN
    CREATE TABLE candle_1m PARTITION OF candle FOR VALUES IN ('1m') PARTITION BY RANGE (open_time);
    CREATE TABLE candle_1m_default PARTITION OF candle_1m DEFAULT;
    CREATE TABLE candle_larger PARTITION OF candle DEFAULT;
    CREATE TABLE tick_default PARTITION OF tick DEFAULT;
  ELSE
    EXECUTE format('SELECT %s.create_hypertable(''candle'', ''open_time'', '
      'chunk_time_interval => interval ''7 days'', create_default_indexes => false)', timescale);
    EXECUTE format('SELECT %s.create_hypertable(''tick'', ''event_time'', '
      'chunk_time_interval => interval ''1 day'', create_default_indexes => false)', timescale);
  END IF;
END $$;
CREATE INDEX candle_by_commit ON candle (topic_partition, commit_seq);

CREATE TABLE alert (
  alert_id             text   PRIMARY KEY,
  -- A number for clients that want one.
  alert_number         int8   GENERATED ALWAYS AS IDENTITY,
  series_id            int8   NOT NULL REFERENCES series,
  alert_type           text   NOT NULL,
  rule                 text   NOT NULL,
  price_change_percent float8 NOT NULL,
  open_price           numeric(38, 12),
  close_price          numeric(38, 12),
  window_start         timestamptz NOT NULL,
  window_end           timestamptz NOT NULL,
  event_time           timestamptz NOT NULL,
  event_time_ns        int8   NOT NULL,
  severity             text   NOT NULL,
  z_score              float8,
  source_gen           int8   NOT NULL,
  topic_offset         int8   NOT NULL,
  seq                  int8   NOT NULL,
  topic_partition      int4   NOT NULL,
  commit_seq           int8   NOT NULL
);
CREATE INDEX alert_by_time ON alert (event_time);
CREATE INDEX alert_by_commit ON alert (topic_partition, commit_seq);

-- Known holes in a series that became final.
CREATE TABLE gap (
  series_id int8 NOT NULL REFERENCES series,
  from_id   int8 NOT NULL,
  to_id     int8 NOT NULL,
  from_ns   int8 NOT NULL,
  to_ns     int8 NOT NULL,
  reason    text NOT NULL,
  PRIMARY KEY (series_id, from_id, to_id)
);

-- The last state of each series' feed.
CREATE TABLE feed (
  series_id       int8 PRIMARY KEY REFERENCES series,
  state           text NOT NULL,
  reason          text NOT NULL,
  watermark_ns    int8 NOT NULL,
  seq             int8 NOT NULL,
  topic_partition int4 NOT NULL,
  -- The last commit that changed the state; a moved watermark alone is not published.
  commit_seq      int8 NOT NULL
) WITH (fillfactor = 50);

-- What was chosen once and is kept.
CREATE TABLE remembered (
  name  text PRIMARY KEY,
  value text NOT NULL
);
