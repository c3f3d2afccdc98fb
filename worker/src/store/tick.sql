-- Ticks as they stood on the topic, where the spec asks for them; added to a database of an
-- earlier release when it is opened.
CREATE TABLE IF NOT EXISTS tick (
  series_id        INTEGER NOT NULL REFERENCES series,
  event_time_ns    INTEGER NOT NULL,
  receive_time_ns  INTEGER,
  price            TEXT    NOT NULL,
  size             TEXT,
  side             TEXT,
  trade_id         INTEGER,
  first_id         INTEGER,
  last_id          INTEGER,
  message_id       TEXT    NOT NULL,
  recovered        INTEGER NOT NULL CHECK (recovered IN (0, 1)),
  volume_24h       TEXT,
  market_cap       TEXT,
  price_change_24h TEXT,
  source_gen       INTEGER NOT NULL,
  topic_offset     INTEGER NOT NULL,
  PRIMARY KEY (series_id, event_time_ns, source_gen, topic_offset)
) STRICT, WITHOUT ROWID;
