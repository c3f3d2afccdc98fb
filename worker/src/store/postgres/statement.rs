//! The text of the one statement of a commit.
//!
//! The fence rows are compared and set, and everything else is joined to those that matched, so
//! that a partition that is fenced writes nothing. Rows come as one array per column.

use crate::store::row::CANDLE_GUARD;

/// What an array holds, and what becomes of it.
#[derive(Clone, Copy)]
enum Kind {
    Int4,
    Int8,
    Float8,
    Bool,
    Text,
    Bytes,
    /// Decimals as text, exact.
    Price,
    Notional,
    Number,
    /// Milliseconds since the epoch, a timestamptz.
    Millis,
}

impl Kind {
    const fn array(self) -> &'static str {
        match self {
            Self::Int4 => "int4[]",
            Self::Int8 | Self::Millis => "int8[]",
            Self::Float8 => "float8[]",
            Self::Bool => "bool[]",
            Self::Text | Self::Price | Self::Notional | Self::Number => "text[]",
            Self::Bytes => "bytea[]",
        }
    }

    fn value(self, name: &str) -> String {
        match self {
            Self::Price => format!("u.{name}::numeric(38, 12)"),
            Self::Notional => format!("u.{name}::numeric(38, 18)"),
            Self::Number => format!("u.{name}::numeric"),
            Self::Millis => format!("timestamptz 'epoch' + u.{name} * interval '1 millisecond'"),
            Self::Int4 | Self::Int8 | Self::Float8 | Self::Bool | Self::Text | Self::Bytes => {
                format!("u.{name}")
            }
        }
    }
}

type Columns = &'static [(&'static str, Kind)];

const FENCE: Columns = &[
    ("partition", Kind::Int4),
    ("token", Kind::Int8),
    ("commit_seq", Kind::Int8),
    ("next_offset", Kind::Int8),
];

const STATES: Columns = &[
    ("topic_partition", Kind::Int4),
    ("series_id", Kind::Int8),
    ("version", Kind::Int4),
    ("state", Kind::Bytes),
];

const CANDLES: Columns = &[
    ("topic_partition", Kind::Int4),
    ("series_id", Kind::Int8),
    ("interval", Kind::Text),
    ("open_time", Kind::Millis),
    ("close_time", Kind::Millis),
    ("open", Kind::Price),
    ("high", Kind::Price),
    ("low", Kind::Price),
    ("close", Kind::Price),
    ("volume", Kind::Price),
    ("quote_volume", Kind::Notional),
    ("taker_buy_volume", Kind::Price),
    ("taker_buy_quote_volume", Kind::Notional),
    ("vwap", Kind::Price),
    ("trade_count", Kind::Int8),
    ("first_id", Kind::Int8),
    ("last_id", Kind::Int8),
    ("first_event_ns", Kind::Int8),
    ("last_event_ns", Kind::Int8),
    ("closed", Kind::Bool),
    ("complete", Kind::Bool),
    ("revision", Kind::Int8),
    ("samples", Kind::Int8),
    ("sma_20", Kind::Float8),
    ("sma_50", Kind::Float8),
    ("ema_20", Kind::Float8),
    ("trend", Kind::Text),
    ("last_offset", Kind::Int8),
    ("seq", Kind::Int8),
];

const ALERTS: Columns = &[
    ("topic_partition", Kind::Int4),
    ("series_id", Kind::Int8),
    ("alert_id", Kind::Text),
    ("alert_type", Kind::Text),
    ("rule", Kind::Text),
    ("price_change_percent", Kind::Float8),
    ("open_price", Kind::Price),
    ("close_price", Kind::Price),
    ("window_start", Kind::Millis),
    ("window_end", Kind::Millis),
    ("event_time", Kind::Millis),
    ("event_time_ns", Kind::Int8),
    ("severity", Kind::Text),
    ("z_score", Kind::Float8),
    ("topic_offset", Kind::Int8),
    ("seq", Kind::Int8),
];

const GAPS: Columns = &[
    ("topic_partition", Kind::Int4),
    ("series_id", Kind::Int8),
    ("from_id", Kind::Int8),
    ("to_id", Kind::Int8),
    ("from_ns", Kind::Int8),
    ("to_ns", Kind::Int8),
    ("reason", Kind::Text),
];

const FEEDS: Columns = &[
    ("topic_partition", Kind::Int4),
    ("series_id", Kind::Int8),
    ("state", Kind::Text),
    ("reason", Kind::Text),
    ("watermark_ns", Kind::Int8),
    ("seq", Kind::Int8),
    ("changed", Kind::Bool),
];

const TICKS: Columns = &[
    ("topic_partition", Kind::Int4),
    ("series_id", Kind::Int8),
    ("event_time", Kind::Millis),
    ("event_time_ns", Kind::Int8),
    ("receive_time_ns", Kind::Int8),
    ("price", Kind::Price),
    ("size", Kind::Price),
    ("side", Kind::Text),
    ("trade_id", Kind::Int8),
    ("first_id", Kind::Int8),
    ("last_id", Kind::Int8),
    ("message_id", Kind::Text),
    ("recovered", Kind::Bool),
    ("volume_24h", Kind::Number),
    ("market_cap", Kind::Number),
    ("price_change_24h", Kind::Number),
    ("topic_offset", Kind::Int8),
];

/// What a commit has rows of. Those that it has none of are left out: each insert costs something
/// even for no row. Whatever there is of it, PostgreSQL plans it once per connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Parts {
    pub(super) states: bool,
    pub(super) candles: bool,
    pub(super) alerts: bool,
    pub(super) gaps: bool,
    pub(super) feeds: bool,
    pub(super) ticks: bool,
}

/// An insert of one rowset.
struct Insert {
    table: &'static str,
    columns: Columns,
    /// Columns of the rowset that are not stored.
    unstored: &'static [&'static str],
    /// Columns that the fence row gives.
    more: &'static [(&'static str, &'static str)],
    on_conflict: String,
}

/// `$1` is the topic; fence and rowsets have one parameter per column, in the order of the text.
pub(super) fn statement(parts: Parts) -> String {
    let mut parameters = 1;
    let mut sql = format!(
        "WITH fence AS (UPDATE partition AS p SET next_offset = u.next_offset, \
         commit_seq = p.commit_seq + 1, updated_at = now() FROM {} WHERE p.topic = $1 \
         AND p.partition = u.partition AND p.token = u.token AND p.commit_seq = u.commit_seq \
         RETURNING p.partition, p.source_gen, p.commit_seq)",
        unnest(FENCE, &mut parameters),
    );
    for insert in inserts(parts) {
        let Insert { table, columns, unstored, more, on_conflict } = insert;
        let rows = unnest(columns, &mut parameters);
        let stored = columns.iter().filter(|(column, _)| !unstored.contains(column));
        let (mut names, mut values): (Vec<&str>, Vec<String>) =
            stored.map(|(column, kind)| (*column, kind.value(column))).unzip();
        names.extend(more.iter().map(|(column, _)| *column));
        values.extend(more.iter().map(|(_, value)| (*value).to_owned()));
        let (names, values) = (names.join(", "), values.join(", "));
        sql += &format!(
            ", of_{table} AS (INSERT INTO {table} ({names}) SELECT {values} FROM {rows} \
             JOIN fence ON fence.partition = u.topic_partition ON CONFLICT {on_conflict})",
        );
    }
    sql + " SELECT coalesce(array_agg(partition), '{}') FROM fence"
}

fn inserts(parts: Parts) -> impl Iterator<Item = Insert> {
    let all: [(bool, fn() -> Insert); 6] = [
        (parts.states, states),
        (parts.candles, candles),
        (parts.alerts, alerts),
        (parts.gaps, gaps),
        (parts.feeds, feeds),
        (parts.ticks, ticks),
    ];
    all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, insert)| insert())
}

const WITH_GEN: &[(&str, &str)] = &[("source_gen", "fence.source_gen")];
const WITH_ALL: &[(&str, &str)] =
    &[("source_gen", "fence.source_gen"), ("commit_seq", "fence.commit_seq")];

fn states() -> Insert {
    Insert {
        table: "series_state",
        columns: STATES,
        unstored: &["topic_partition"],
        more: &[("born_gen", "fence.source_gen")],
        on_conflict: "(series_id) DO UPDATE SET version = excluded.version, \
             state = excluded.state"
            .into(),
    }
}

fn candles() -> Insert {
    let on_conflict = candle_update();
    Insert { table: "candle", columns: CANDLES, unstored: &[], more: WITH_ALL, on_conflict }
}

fn alerts() -> Insert {
    let on_conflict = "DO NOTHING".into();
    Insert { table: "alert", columns: ALERTS, unstored: &[], more: WITH_ALL, on_conflict }
}

fn gaps() -> Insert {
    Insert {
        table: "gap",
        columns: GAPS,
        unstored: &["topic_partition"],
        more: &[],
        on_conflict: "(series_id, from_id, to_id) DO UPDATE SET from_ns = excluded.from_ns, \
             to_ns = excluded.to_ns, reason = excluded.reason"
            .into(),
    }
}

fn feeds() -> Insert {
    Insert {
        table: "feed",
        columns: FEEDS,
        unstored: &["changed"],
        // A feed whose watermark alone has moved is not published.
        more: &[("commit_seq", "CASE WHEN u.changed THEN fence.commit_seq ELSE 0 END")],
        on_conflict: "(series_id) DO UPDATE SET state = excluded.state, \
             reason = excluded.reason, watermark_ns = excluded.watermark_ns, \
             seq = excluded.seq, topic_partition = excluded.topic_partition, \
             commit_seq = greatest(feed.commit_seq, excluded.commit_seq)"
            .into(),
    }
}

fn ticks() -> Insert {
    let on_conflict = "DO NOTHING".into();
    Insert { table: "tick", columns: TICKS, unstored: &[], more: WITH_GEN, on_conflict }
}

fn candle_update() -> String {
    const KEY: [&str; 3] = ["series_id", "interval", "open_time"];
    let stored = CANDLES.iter().map(|(column, _)| *column).chain(["source_gen", "commit_seq"]);
    let updates: Vec<String> = stored
        .filter(|column| !KEY.contains(column))
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    let key = KEY.join(", ");
    format!("({key}) DO UPDATE SET {} WHERE {CANDLE_GUARD}", updates.join(", "))
}

/// `unnest($2::int4[], …) AS u(partition, …)`
fn unnest(columns: Columns, parameters: &mut usize) -> String {
    let arrays: Vec<String> = columns
        .iter()
        .map(|(_, kind)| {
            *parameters += 1;
            format!("${parameters}::{}", kind.array())
        })
        .collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    format!("unnest({}) AS u({})", arrays.join(", "), names.join(", "))
}
