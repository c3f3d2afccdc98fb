-- The embedded store. Names, types and meanings are those of the PostgreSQL schema, except that
-- decimals are TEXT (exact, trailing zeros dropped) and times are INTEGER (unit in the name).

-- Whose data this is; another pipeline's directory is refused.
CREATE TABLE owner (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  prefix         TEXT    NOT NULL,
  name           TEXT    NOT NULL,
  schema_version INTEGER NOT NULL
) STRICT;

-- One row per (symbol, source). Exactly one series of a symbol is its primary one.
CREATE TABLE series (
  series_id      INTEGER PRIMARY KEY,
  symbol         TEXT    NOT NULL,
  source         TEXT    NOT NULL,
  kind           TEXT    NOT NULL CHECK (kind IN ('trade', 'quote')),
  venue          TEXT    NOT NULL,
  instrument     TEXT    NOT NULL,
  primary_source INTEGER NOT NULL CHECK (primary_source IN (0, 1)),
  UNIQUE (symbol, source)
) STRICT;

-- What a partition must remember of each series: versioned bytes.
CREATE TABLE series_state (
  series_id INTEGER PRIMARY KEY REFERENCES series,
  version   INTEGER NOT NULL,
  state     BLOB    NOT NULL,
  -- The generation that began it from nothing: candles of older ones are not simply replaced.
  born_gen  INTEGER NOT NULL
) STRICT;

CREATE TABLE candle (
  series_id              INTEGER NOT NULL REFERENCES series,
  interval               TEXT    NOT NULL,
  open_time_ms           INTEGER NOT NULL,
  close_time_ms          INTEGER NOT NULL,
  open                   TEXT,
  high                   TEXT,
  low                    TEXT,
  close                  TEXT,
  volume                 TEXT,
  quote_volume           TEXT,
  taker_buy_volume       TEXT,
  taker_buy_quote_volume TEXT,
  vwap                   TEXT,
  trade_count            INTEGER,
  first_id               INTEGER,
  last_id                INTEGER,
  first_event_ns         INTEGER,
  last_event_ns          INTEGER,
  closed                 INTEGER NOT NULL CHECK (closed IN (0, 1)),
  complete               INTEGER NOT NULL CHECK (complete IN (0, 1)),
  revision               INTEGER NOT NULL,
  samples                INTEGER,
  sma_20                 REAL,
  sma_50                 REAL,
  ema_20                 REAL,
  trend                  TEXT,
  -- The highest offset of any record that changed it, within its generation of the topic.
  source_gen             INTEGER NOT NULL,
  last_offset            INTEGER NOT NULL,
  -- The number of its last publication in its channel.
  seq                    INTEGER NOT NULL,
  PRIMARY KEY (series_id, interval, open_time_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
  alert_id             TEXT    PRIMARY KEY,
  series_id            INTEGER NOT NULL REFERENCES series,
  alert_type           TEXT    NOT NULL,
  rule                 TEXT    NOT NULL,
  price_change_percent REAL    NOT NULL,
  open_price           TEXT,
  close_price          TEXT,
  window_start_ms      INTEGER NOT NULL,
  window_end_ms        INTEGER NOT NULL,
  event_time_ns        INTEGER NOT NULL,
  severity             TEXT    NOT NULL,
  z_score              REAL,
  topic_partition      INTEGER NOT NULL,
  topic_offset         INTEGER NOT NULL,
  seq                  INTEGER NOT NULL
) STRICT;
CREATE INDEX alert_by_time ON alert (event_time_ns);

-- The fence: a commit must match token and commit_seq.
CREATE TABLE partition (
  partition     INTEGER PRIMARY KEY,
  topic         TEXT    NOT NULL,
  source_id     TEXT    NOT NULL,
  source_gen    INTEGER NOT NULL,
  claim         INTEGER NOT NULL,
  token         INTEGER NOT NULL,
  next_offset   INTEGER NOT NULL,
  commit_seq    INTEGER NOT NULL,
  published_seq INTEGER NOT NULL
) STRICT;

-- Known holes in a series that became final.
CREATE TABLE gap (
  series_id INTEGER NOT NULL REFERENCES series,
  from_id   INTEGER NOT NULL,
  to_id     INTEGER NOT NULL,
  from_ns   INTEGER NOT NULL,
  to_ns     INTEGER NOT NULL,
  reason    TEXT    NOT NULL,
  PRIMARY KEY (series_id, from_id, to_id)
) STRICT, WITHOUT ROWID;

-- The last state of each series' feed.
CREATE TABLE feed (
  series_id    INTEGER PRIMARY KEY REFERENCES series,
  state        TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  watermark_ns INTEGER NOT NULL,
  seq          INTEGER NOT NULL
) STRICT;

-- Records that could not be folded, with their original bytes.
CREATE TABLE dead_letter (
  source_gen   INTEGER NOT NULL,
  partition    INTEGER NOT NULL,
  "offset"     INTEGER NOT NULL,
  topic        TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  detail       TEXT    NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  worker       TEXT    NOT NULL,
  key          BLOB,
  value        BLOB    NOT NULL,
  PRIMARY KEY (source_gen, partition, "offset")
) STRICT;

-- What was chosen once and is kept, such as the start instant of a simulated market.
CREATE TABLE remembered (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
