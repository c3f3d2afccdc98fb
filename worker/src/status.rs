//! What `/status` says of a worker. Others rely on these names: `docs/status.md` is written from
//! these types.

use schemars::JsonSchema;
use serde::Serialize;

/// The page that describes them.
#[cfg(test)]
mod page;

/// What a worker does now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It waits for a server at its start.
    #[default]
    Starting,
    /// It works.
    Running,
}

/// One member of the group of aggregators.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AggregatorStatus {
    /// The pipeline's name.
    pub pipeline: String,
    /// `aggregator`.
    pub role: &'static str,
    /// The version of the program.
    pub version: &'static str,
    /// The version of the settings that the operator gave; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_version: Option<String>,
    /// Who it is in claims, logs and dead letters.
    pub worker: String,
    /// `starting` or `running`.
    pub phase: Phase,
    /// Why it is not ready, in one sentence; null when it is.
    pub unready: Option<String>,
    /// Its place in the consumer group.
    pub group: GroupStatus,
    /// The sum of its partitions' `lag_records`, of those where it is known.
    pub lag_records: i64,
    /// The largest `record_delay_ms` of its partitions.
    pub record_delay_ms: i64,
    /// Why and since when it reads nothing; null when it reads.
    pub paused: Option<PausedStatus>,
    /// How long the commit under way has been; null when there is none.
    pub commit_under_way_ms: Option<u64>,
    /// What is published live; null where there is no Redis.
    pub publish: Option<PublishStatus>,
    /// Each partition that the group gave it, by number.
    pub partitions: Vec<PartitionStatus>,
    /// How many series its partitions have.
    pub series_count: usize,
    /// Windows of all intervals that have ticks and are not closed.
    pub windows_open: usize,
    /// The first 200 of its series, in the order of the spec.
    pub series: Vec<SeriesStatus>,
}

/// A member's place in its consumer group, as the Kafka client sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupStatus {
    /// How it is with the group's coordinator: `up`, or what is done to reach it.
    pub state: String,
    /// How it is with joining: `steady`, or what is under way.
    pub join_state: String,
    /// How often the group was shared out anew since the start.
    pub rebalances: u64,
}

/// Why nothing is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PausedStatus {
    /// In one sentence.
    pub reason: String,
    /// For how long.
    pub for_ms: u64,
}

/// How publishing is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PublishStatus {
    /// Whether Redis can be reached and is caught up.
    pub up: bool,
    /// Publications that wait for it.
    pub backlog: usize,
}

/// One partition that the group gave to this member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PartitionStatus {
    /// Its number.
    pub partition: i32,
    /// Whether it is claimed; where it is not, offsets and what depends on them are null.
    pub claimed: bool,
    /// How many times it was claimed so far, by anybody; the last one is ours.
    pub claim: Option<i64>,
    /// How many commits it has.
    pub commit_seq: Option<i64>,
    /// The last commit that is known to be published.
    pub published_seq: Option<i64>,
    /// The first offset that is not folded.
    pub next_offset: Option<i64>,
    /// The offset that the next record will have; null until Kafka has told.
    pub end_offset: Option<i64>,
    /// Records that are not folded.
    pub lag_records: Option<i64>,
    /// How long ago the last folded record was appended; 0 at the end of the log; null while
    /// nothing was folded.
    pub record_delay_ms: Option<i64>,
    /// The lowest watermark of its series, in nanoseconds since the epoch.
    pub watermark_min_ns: Option<i64>,
    /// The highest watermark of its series, in nanoseconds since the epoch.
    pub watermark_max_ns: Option<i64>,
    /// Since its last commit, or its claim.
    pub commit_age_ms: Option<u64>,
    /// Whether something is folded that is not committed.
    pub uncommitted: bool,
    /// Why it is not read, in one sentence; null when it is.
    pub paused: Option<String>,
    /// How many series it has.
    pub series_count: usize,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeriesStatus {
    /// Its symbol.
    pub symbol: String,
    /// Its source.
    pub source: String,
    /// The partition of its symbol.
    pub partition: i32,
    /// Its watermark in nanoseconds since the epoch; null before its first record.
    pub watermark_ns: Option<i64>,
    /// Event time in which every trade is known.
    pub coverage_ms: i64,
    /// Holes and lost ranges that it keeps in mind.
    pub gaps: usize,
    /// What its source says: `up`, `down`, `repairing`, `halted` or `ended`; null before it does.
    pub feed: Option<&'static str>,
}

/// One producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProducerStatus {
    /// The pipeline's name.
    pub pipeline: String,
    /// `producer`.
    pub role: &'static str,
    /// The version of the program.
    pub version: &'static str,
    /// The version of the settings that the operator gave; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_version: Option<String>,
    /// Which share of the instruments it has, as `i/n`.
    pub shard: String,
    /// Why it is not ready, in one sentence; null when it is.
    pub unready: Option<String>,
    /// Each source that has one of its instruments, by name.
    pub sources: Vec<SourceState>,
}

/// One source of a producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// Whether it has sent everything.
    pub drained: bool,
    /// Why it does not send, in one sentence; null when it does.
    pub error: Option<String>,
    /// How far a finite source is, in its own steps; null for others.
    pub done: Option<u64>,
    /// How many steps it has.
    pub total: Option<u64>,
    /// Records sent and not acknowledged.
    pub in_flight: u64,
    /// Each of its symbols.
    pub symbols: Vec<SymbolState>,
}

/// One symbol of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SymbolState {
    /// The symbol.
    pub symbol: String,
    /// What the venue calls it.
    pub instrument: String,
    /// What the source said last: `starting`, `up`, `down`, `repairing`, `halted` or `ended`.
    pub state: &'static str,
    /// Event time of the newest trade that was sent, in nanoseconds since the epoch.
    pub last_event_ns: Option<i64>,
}
