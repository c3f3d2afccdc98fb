use std::path::PathBuf;
use std::sync::Arc;

use api::{ApiState, Settings};
use market::alert::Alert;
use market::candle::Candle;
use market::interval::Interval;
use market::publication::{Feed, Publication};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};
use tokio::sync::broadcast;

use crate::tape::{NOW_MS, SERIES, SeriesOf};

const SCHEMA: &str = include_str!("../../../worker/src/store/schema.sql");

/// The embedded parts: a SQLite file and a feed in this process.
pub(crate) struct Backend {
    writer: SqlitePool,
    feed: broadcast::Sender<Arc<Publication>>,
    database: PathBuf,
    _directory: tempfile::TempDir,
}

impl Backend {
    pub(crate) const IS_DEMO: bool = true;
    /// What `/health` calls the two.
    pub(crate) const SERVICES: [&str; 2] = ["store", "live"];

    pub(crate) async fn new() -> Self {
        Self::with_feed_capacity(4_096).await
    }

    pub(crate) async fn with_feed_capacity(capacity: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("store.sqlite");
        let options = SqliteConnectOptions::new()
            .filename(&database)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let writer = SqlitePool::connect_with(options).await.unwrap();
        sqlx::raw_sql(SCHEMA).execute(&writer).await.unwrap();
        let (feed, _) = broadcast::channel(capacity);
        let backend = Self { writer, feed, database, _directory: directory };
        backend.put_series(&SERIES).await;
        backend
    }

    pub(crate) async fn open_api(&self) -> ApiState {
        let settings = Settings {
            database: self.database.clone(),
            pipeline: "majors".to_owned(),
            demo: Self::IS_DEMO,
            intervals: vec![Interval::M1, Interval::M5],
            now_ns: || NOW_MS * 1_000_000,
        };
        ApiState::open(settings, self.feed.subscribe()).await.unwrap()
    }

    pub(crate) fn publisher(&self) -> Publisher {
        Publisher(self.feed.clone())
    }

    pub(crate) async fn put_series(&self, series: &[SeriesOf<'_>]) {
        for SeriesOf { symbol, source, kind, venue, instrument, primary } in series {
            let sql = "INSERT INTO series (symbol, source, kind, venue, instrument, \
                       primary_source) VALUES (?, ?, ?, ?, ?, ?)";
            let query = sqlx::query(sql).bind(symbol).bind(source).bind(kind.as_str());
            let query = query.bind(venue).bind(instrument).bind(primary);
            query.execute(&self.writer).await.unwrap();
        }
    }

    pub(crate) async fn put_candles(&self, candles: &[(Candle, u64)]) {
        let mut transaction = self.writer.begin().await.unwrap();
        for (candle, seq) in candles {
            insert(&mut transaction, candle, *seq).await;
        }
        transaction.commit().await.unwrap();
    }

    pub(crate) async fn put_feed(&self, feed: &Feed, seq: u64) {
        let sql = "INSERT INTO feed SELECT series_id, ?, ?, ?, ? FROM series \
                   WHERE symbol = ? AND source = ?";
        let query = sqlx::query(sql).bind(feed.state.as_str()).bind(&feed.reason);
        let query = query.bind(feed.watermark_ns).bind(i64::try_from(seq).unwrap());
        let query = query.bind(feed.series.symbol.as_str()).bind(feed.series.source.as_str());
        query.execute(&self.writer).await.unwrap();
    }

    pub(crate) async fn put_alert(&self, alert: &Alert, seq: u64) {
        let json = serde_json::to_value(alert).unwrap();
        let text = |field: &str| json[field].as_str().map(str::to_owned);
        let sql = "INSERT INTO alert SELECT ?, series_id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1, ? \
                   FROM series WHERE symbol = ? AND source = ?";
        let query = sqlx::query(sql).bind(&alert.alert_id);
        let query = query.bind(text("alert_type")).bind(text("rule"));
        let query = query.bind(alert.price_change_percent);
        let query = query.bind(text("open_price")).bind(text("close_price"));
        let query = query.bind(alert.window_start.as_millisecond());
        let query = query.bind(alert.window_end.as_millisecond());
        let query = query.bind(i64::try_from(alert.timestamp.as_nanosecond()).unwrap());
        let query = query.bind(text("severity")).bind(alert.z_score);
        let query = query.bind(i64::try_from(seq).unwrap());
        let query = query.bind(alert.symbol.as_str()).bind(alert.source.as_str());
        query.execute(&self.writer).await.unwrap();
    }

    pub(crate) async fn drop_table(&self, table: &str) {
        let sql = AssertSqlSafe(format!("DROP TABLE {table}"));
        sqlx::raw_sql(sql).execute(&self.writer).await.unwrap();
    }
}

/// Publishes as the worker does after a commit.
pub(crate) struct Publisher(broadcast::Sender<Arc<Publication>>);

impl Publisher {
    pub(crate) fn publish(&self, publication: &Publication) {
        self.0.send(Arc::new(publication.clone())).unwrap();
    }
}

async fn insert(connection: &mut sqlx::SqliteConnection, candle: &Candle, seq: u64) {
    let json = serde_json::to_value(candle).unwrap();
    let mut query = sqlx::query(
        "INSERT OR REPLACE INTO candle SELECT series_id, \
         ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1, ? \
         FROM series WHERE symbol = ? AND source = ?",
    );
    for field in Candle::FIELDS.iter().skip(2) {
        query = match &json[field] {
            Value::Null => query.bind(None::<i64>),
            Value::Bool(value) => query.bind(*value),
            Value::String(value) => query.bind(value.clone()),
            Value::Number(value) if field.starts_with("sma") || field.starts_with("ema") => {
                query.bind(value.as_f64())
            }
            Value::Number(value) => query.bind(value.as_i64()),
            Value::Array(_) | Value::Object(_) => panic!("a candle is flat"),
        };
    }
    let query = query.bind(i64::try_from(seq).unwrap());
    let query = query.bind(candle.symbol.as_str()).bind(candle.source.as_str());
    query.execute(connection).await.unwrap();
}
