use std::sync::Mutex;

use api::{ApiState, PostgresSettings, RedisSettings, ServerSettings};
use market::alert::Alert;
use market::candle::Candle;
use market::interval::Interval;
use market::publication::{Feed, Publication};
use redis::Connection;
use tokio::sync::Mutex as AsyncMutex;
use worker::migrate::{MigrateOptions, Retention, migrate};
use worker::store::postgres::schema_name;
use worker::store::{
    AlertRow, CandleRow, Commit, CommitOutcome, FeedRow, Owner, PartitionProgress, PostgresOptions,
    PostgresStore, SeriesInfo,
};

use crate::tape::{NOW_MS, SERIES, SeriesOf, series};

/// All rows are of one partition.
const PARTITION: i32 = 0;

/// The servers: a schema that the worker has made and writes, and a Redis that a test writes.
pub(crate) struct Backend {
    writer: AsyncMutex<Writer>,
    postgres: PostgresSettings,
    redis: RedisSettings,
    psql: Psql,
}

struct Writer {
    store: PostgresStore,
    token: i64,
    commit_seq: i64,
    next_offset: i64,
}

type Psql = Box<dyn Fn(&str) -> String + Send + Sync>;

impl Backend {
    pub(crate) const IS_DEMO: bool = false;
    /// What `/health` calls the two.
    pub(crate) const SERVICES: [&str; 2] = ["postgresql", "redis"];

    /// A schema and keys of its own on the servers that all tests share.
    pub(crate) async fn new() -> Self {
        let postgres = e2e::servers::postgres();
        let psql = Box::new(|sql: &str| postgres.psql("postgres", sql));
        Self::on(&postgres.url("postgres"), psql, &e2e::servers::redis().url()).await
    }

    /// The same on servers of a test's own.
    pub(crate) async fn on(postgres_url: &str, psql: Psql, redis_url: &str) -> Self {
        let prefix = e2e::servers::prefix("api");
        let target = PostgresOptions {
            url: postgres_url.to_owned(),
            root_ca_file: None,
            schema: schema_name(&prefix),
            application_name: "worker-0".to_owned(),
            owner: Owner { prefix: prefix.clone(), name: "majors".to_owned() },
            namespace: String::new(),
        };
        let options = MigrateOptions {
            target: target.clone(),
            writer_url: None,
            reader_url: None,
            retention: Retention::default(),
        };
        migrate(&options, NOW_MS).await.unwrap();
        let mut store = PostgresStore::connect(target.clone()).await.unwrap();
        store.register_series(&infos(&SERIES)).await.unwrap();
        let claims = store.claim("majors-prices", &[PARTITION], "source").await.unwrap();
        let (token, commit_seq) = (claims[0].claim.token, claims[0].claim.commit_seq);
        Self {
            writer: AsyncMutex::new(Writer { store, token, commit_seq, next_offset: 0 }),
            postgres: PostgresSettings {
                url: target.url,
                root_ca_file: None,
                schema: target.schema,
                application_name: "api-0".to_owned(),
            },
            redis: RedisSettings { url: redis_url.to_owned(), root_ca_file: None, prefix },
            psql,
        }
    }

    pub(crate) fn settings(&self) -> ServerSettings {
        ServerSettings {
            postgres: self.postgres.clone(),
            redis: self.redis.clone(),
            pipeline: "majors".to_owned(),
            demo: Self::IS_DEMO,
            intervals: vec![Interval::M1, Interval::M5],
            now_ns: || NOW_MS * 1_000_000,
        }
    }

    pub(crate) async fn open_api(&self) -> ApiState {
        ApiState::connect(self.settings()).await.unwrap()
    }

    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher_at(&self.redis.url)
    }

    /// One that takes another way to the same server.
    pub(crate) fn publisher_at(&self, url: &str) -> Publisher {
        let client = redis::Client::open(url).unwrap();
        let connection = Mutex::new(client.get_connection().unwrap());
        Publisher { connection, prefix: self.redis.prefix.clone() }
    }

    pub(crate) async fn put_series(&self, series: &[SeriesOf<'_>]) {
        self.writer.lock().await.store.register_series(&infos(series)).await.unwrap();
    }

    pub(crate) async fn put_candles(&self, candles: &[(Candle, u64)]) {
        let row = |(candle, seq): &(Candle, u64)| CandleRow {
            candle: candle.clone(),
            last_offset: 0,
            seq: *seq,
        };
        let candles = candles.iter().map(row).collect();
        self.commit(Commit { candles, ..Commit::default() }).await;
    }

    pub(crate) async fn put_feed(&self, feed: &Feed, seq: u64) {
        let feeds = vec![FeedRow { feed: feed.clone(), seq, changed: true }];
        self.commit(Commit { feeds, ..Commit::default() }).await;
    }

    pub(crate) async fn put_alert(&self, alert: &Alert, seq: u64) {
        let row = AlertRow { alert: alert.clone(), partition: PARTITION, offset: 1, seq };
        self.commit(Commit { alerts: vec![row], ..Commit::default() }).await;
    }

    async fn commit(&self, mut commit: Commit) {
        let mut writer = self.writer.lock().await;
        let writer = &mut *writer;
        writer.next_offset += 1;
        for row in &mut commit.candles {
            row.last_offset = writer.next_offset;
        }
        commit.partitions = vec![PartitionProgress {
            partition: PARTITION,
            token: writer.token,
            commit_seq: writer.commit_seq,
            next_offset: writer.next_offset,
        }];
        let outcome = writer.store.commit(&commit).await.unwrap();
        assert_eq!(outcome, CommitOutcome::Applied);
        writer.commit_seq += 1;
    }

    pub(crate) async fn drop_table(&self, table: &str) {
        (self.psql)(&format!("DROP TABLE {}.{table} CASCADE", self.postgres.schema));
    }

    /// Takes the tables away, under another name.
    pub(crate) fn rename_schema(&self, suffix: &str) {
        let schema = &self.postgres.schema;
        (self.psql)(&format!("ALTER SCHEMA {schema} RENAME TO {schema}_{suffix}"));
    }

    /// Brings them back.
    pub(crate) fn rename_schema_back(&self, suffix: &str) {
        let schema = &self.postgres.schema;
        (self.psql)(&format!("ALTER SCHEMA {schema}_{suffix} RENAME TO {schema}"));
    }

    pub(crate) fn set_schema_version(&self, version: i64) {
        let schema = &self.postgres.schema;
        (self.psql)(&format!("UPDATE {schema}.owner SET schema_version = {version}"));
    }
}

/// Publishes in the form of the contract.
pub(crate) struct Publisher {
    connection: Mutex<Connection>,
    prefix: String,
}

impl Publisher {
    pub(crate) fn publish(&self, publication: &Publication) {
        let json = serde_json::to_string(publication).unwrap();
        match publication {
            Publication::OpenBar { .. } => {
                self.run("PUBLISH", "live", &[&json]);
            }
            Publication::Candle { seq, .. }
            | Publication::Alert { seq, .. }
            | Publication::Feed { seq, .. } => {
                let (channel, seq) = (publication.channel(), seq.to_string());
                self.run("XADD", "stream", &["*", "channel", &channel, "seq", &seq, "json", &json]);
            }
        }
    }

    /// A command on a key of the pipeline.
    pub(crate) fn run(&self, command: &str, key: &str, arguments: &[&str]) {
        let mut connection = self.connection.lock().unwrap();
        let mut command = redis::cmd(command);
        command.arg(format!("{}:{key}", self.prefix)).arg(arguments);
        command.exec(&mut connection).unwrap();
    }
}

fn infos(all: &[SeriesOf<'_>]) -> Vec<SeriesInfo> {
    let info = |of: &SeriesOf<'_>| SeriesInfo {
        series: series(of.symbol, of.source),
        kind: of.kind,
        venue: of.venue.to_owned(),
        instrument: of.instrument.to_owned(),
        primary: of.primary,
        partition: PARTITION,
    };
    all.iter().map(info).collect()
}
