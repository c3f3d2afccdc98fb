use super::making::Text;

/// Of live sources.
mod live;

pub(super) use live::*;

pub(super) const RECORDS_READ: Text = Text {
    name: "records_read_total",
    unit: "records",
    meaning: "Records of the ticks topic that were read: trades, quotes, marks, and what is none",
    high: "is the load; per second and CPU it says what a member can take",
};
pub(super) const RECORDS_FOLDED: Text = Text {
    name: "records_folded_total",
    unit: "records",
    meaning: "Ticks and marks that were folded into windows",
    high: "is good; far below the records read: look at duplicates and dead letters",
};
pub(super) const DUPLICATES: Text = Text {
    name: "duplicates_total",
    unit: "records",
    meaning: "Ticks that had been folded before; without effect",
    high: "for minutes: two producers send the same series, or one restarts again and again",
};
pub(super) const DEAD_LETTERS: Text = Text {
    name: "dead_letters_total",
    unit: "records",
    meaning: "Records that could not be folded, by reason; `late` came after `allowedLateness`",
    high: "read the header `dlq.detail` in the dead-letter topic; `late`: a producer is behind, \
           or `candles.allowedLateness` is too short for the source",
};
pub(super) const BATCH_RECORDS: Text = Text {
    name: "batch_records",
    unit: "records",
    meaning: "Records that were read together; 1,024 is the most",
    high: "at 1,024 all the time: there is more to read than is folded, look at the lag",
};
pub(super) const REVISIONS: Text = Text {
    name: "revisions_total",
    unit: "candles",
    meaning: "Closed candles that a later record changed",
    high: "trades come late or out of order: look at the source",
};
pub(super) const UNEXPLAINED_GAPS: Text = Text {
    name: "unexplained_gaps_total",
    unit: "gaps",
    meaning: "Holes in the ids of a series that no source had explained when they were seen",
    high: "trades are missing between the venue and the topic: look at the producer's log",
};
pub(super) const VOUCH_BROKEN: Text = Text {
    name: "vouch_broken_total",
    unit: "trades",
    meaning: "Trades that came after a mark that vouched for their time",
    high: "a source vouches too early; its candles get revisions",
};
pub(super) const CANDLES_WRITTEN: Text = Text {
    name: "candles_written_total",
    unit: "candles",
    meaning: "Candles committed to the store, revisions included",
    high: "while catching up that is normal",
};
pub(super) const COMMIT_SECONDS: Text = Text {
    name: "commit_seconds",
    unit: "seconds",
    meaning: "How long the store took for a commit, tries included",
    high: "above 0.1: the database is slow; candles come that much later",
};
pub(super) const COMMIT_RETRIES: Text = Text {
    name: "commit_retries_total",
    unit: "tries",
    meaning: "Commits that the store did not take at once",
    high: "the database is away or refuses: the log has the sentence",
};
pub(super) const FENCED_COMMITS: Text = Text {
    name: "fenced_commits_total",
    unit: "partitions",
    meaning: "Commits of a partition that another claim had overtaken; nothing of it was written",
    high: "more than one for each member that was paused or cut off: members take each other for \
           dead, look at CPU and network",
};
pub(super) const CHECKPOINT_BYTES: Text = Text {
    name: "checkpoint_bytes_total",
    unit: "bytes",
    meaning: "Bytes of series states committed",
    high: "per commit and series above 64 KiB: a series keeps many holes, look at its coverage",
};
pub(super) const REBALANCES: Text = Text {
    name: "rebalances_total",
    unit: "events",
    meaning: "What the consumer group decided: partitions `assigned`, `revoked`, or `lost` to \
              others without a word before",
    high: "`lost`: a loop stalled for longer than the session, look at CPU and at the network to \
           Kafka; `assigned`: members come and go",
};
pub(super) const LAG_RECORDS: Text = Text {
    name: "lag_records",
    unit: "records",
    meaning: "Records of a partition that are not folded: end of the log less next offset",
    high: "and rising: more members, or see `reading_paused`",
};
pub(super) const RECORD_DELAY_SECONDS: Text = Text {
    name: "record_delay_seconds",
    unit: "seconds",
    meaning: "How long ago the last folded record was appended; 0 at the end of the log. What \
              acts on delay uses this",
    high: "above 1: the member is behind; more members, or see `reading_paused`",
};
pub(super) const LAG_SECONDS: Text = Text {
    name: "lag_seconds",
    unit: "seconds",
    meaning: "The largest record delay of any partition of this member",
    high: "as `record_delay_seconds`",
};
pub(super) const CHECKPOINT_AGE_SECONDS: Text = Text {
    name: "checkpoint_age_seconds",
    unit: "seconds",
    meaning: "Since when something folded waits to be committed; 0 when everything folded is \
              stored",
    high: "above 2: the database does not take commits; a kill now would fold that much again",
};
pub(super) const PARTITIONS_OWNED: Text = Text {
    name: "partitions_owned",
    unit: "partitions",
    meaning: "Partitions that this member has claimed",
    high: "far above the others: the group is still settling",
};
pub(super) const PARTITIONS_WAITING: Text = Text {
    name: "partitions_waiting",
    unit: "partitions",
    meaning: "Partitions that the group gave this member and that are not claimed yet",
    high: "for seconds: the database or Kafka cannot be asked, the log says which",
};
pub(super) const SERIES_OWNED: Text = Text {
    name: "series_owned",
    unit: "series",
    meaning: "Series of the partitions that this member has claimed",
    high: "is the load",
};
pub(super) const SERIES_UNSHOWN: Text = Text {
    name: "series_unshown",
    unit: "series",
    meaning: "Series beyond the 200 (`SERIES_SHOWN_MAX`) of which this member shows metrics and \
              status one by one",
    high: "is no fault; `/api/v1/symbols` has them all",
};
pub(super) const WATERMARK_DELAY_SECONDS: Text = Text {
    name: "watermark_delay_seconds",
    unit: "seconds",
    meaning: "How far the event time of a series is behind the clock. Shown, never acted on",
    high: "of one series: its market is quiet or its source is down; of all: see `lag_seconds`",
};
pub(super) const COVERAGE_SECONDS: Text = Text {
    name: "coverage_seconds",
    unit: "seconds",
    meaning: "Event time of a series in which every trade is known: from the first vouch to the \
              watermark, less its gaps",
    high: "is good; growing slower than the clock: trades are missing",
};
pub(super) const SERIES_GAPS: Text = Text {
    name: "series_gaps",
    unit: "gaps",
    meaning: "Holes and lost ranges that a series keeps in mind",
    high: "candles there are `complete: false`: look at the producer's log",
};
pub(super) const WINDOWS_OPEN: Text = Text {
    name: "windows_open",
    unit: "windows",
    meaning: "Windows of all 15 intervals that have ticks and are not closed",
    high: "is 1 to 15 for each series; more: a series waits for what a source has not vouched for",
};
pub(super) const PUBLISH_BACKLOG: Text = Text {
    name: "publish_backlog_publications",
    unit: "publications",
    meaning: "Committed candles, alerts and feed states that wait for Redis; 16,384 is the most, \
              beyond it they are read from the store again",
    high: "Redis is slow or away: the log has the sentence",
};
pub(super) const PUBLISH_UP: Text = Text {
    name: "publish_up",
    unit: "0 or 1",
    meaning: "Whether Redis can be reached and is caught up; 1 too where there is none",
    high: "is good; 0: live readers see nothing new, the store goes on",
};
pub(super) const READING_PAUSED: Text = Text {
    name: "reading_paused",
    unit: "0 or 1",
    meaning: "Whether reading waits because what is folded could not be committed",
    high: "for seconds: the database is slow or away; reading goes on by itself",
};
pub(super) const READING_PAUSED_SECONDS: Text = Text {
    name: "reading_paused_seconds",
    unit: "seconds",
    meaning: "How long reading has been waiting; 0 when it does not",
    high: "as `reading_paused`",
};
pub(super) const COMMIT_UNDER_WAY_SECONDS: Text = Text {
    name: "commit_under_way_seconds",
    unit: "seconds",
    meaning: "How long the commit under way has been; 0 when there is none",
    high: "above 1: the database does not answer",
};
pub(super) const LOOP_AGE_SECONDS: Text = Text {
    name: "loop_age_seconds",
    unit: "seconds",
    meaning: "Since when the loop has not turned; `/livez` fails above 30",
    high: "the process hangs: take a stack before it is restarted",
};
pub(super) const RECORDS_SENT: Text = Text {
    name: "records_sent_total",
    unit: "records",
    meaning: "Records of a source that were handed to the Kafka client, by kind: `tick` or `mark`",
    high: "is the load",
};
pub(super) const RECORDS_ACKNOWLEDGED: Text = Text {
    name: "records_acknowledged_total",
    unit: "records",
    meaning: "Records that all in-sync replicas have",
    high: "is good; falling behind the records sent: Kafka is slow or away",
};
pub(super) const RECORDS_IN_FLIGHT: Text = Text {
    name: "records_in_flight",
    unit: "records",
    meaning: "Records that were sent and are not acknowledged; 100,000 a source is the most. \
              After a kill at most so many are sent twice",
    high: "Kafka is slow or away; at the most the source waits, nothing is lost",
};
pub(super) const PRODUCER_QUEUE_BYTES: Text = Text {
    name: "producer_queue_bytes",
    unit: "bytes",
    meaning: "Bytes in the Kafka client's queue; 32 MiB a source is the most",
    high: "as `records_in_flight`",
};
pub(super) const SOURCES_FAILED: Text = Text {
    name: "sources_failed",
    unit: "sources",
    meaning: "Sources of this producer that have an error now",
    high: "`/status` and the log have the sentence; those that Kafka stopped are tried again",
};
pub(super) const SOURCE_EVENT_DELAY_SECONDS: Text = Text {
    name: "source_event_delay_seconds",
    unit: "seconds",
    meaning: "How long ago the newest trade happened that was sent of a symbol (at most 200)",
    high: "the market is quiet, or the source is behind or down",
};
pub(super) const BROKER_UP: Text = Text {
    name: "broker_up",
    unit: "0 or 1",
    meaning: "Whether Kafka answered when it was last asked, every 5 s",
    high: "is good; 0: the producer is not ready, what it sends waits in its queue",
};

pub(super) const SPANS: Text = Text {
    name: "spans",
    unit: "spans",
    meaning: "Spans of sampled records since the start: `exported` to the collector, or `dropped` because it was \
              slow, away or refused them",
    high: "`dropped`: the collector does not keep up; lower `observability.otlp.sampleRatio`",
};
