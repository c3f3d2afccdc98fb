//! The embedded store: the file `pipeline.db` of a data directory, with one writer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use market::candle::Candle;
use market::interval::Interval;
use market::symbol::Series;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::store::{Claim, Owner, StoreError};

/// Candles to rows and back.
mod candles;
/// One transaction behind the fence.
mod commit;
/// A directory to a connection: lock, owner, version, damage.
mod open;
/// Series and what they had in mind.
mod series;

#[cfg(test)]
mod tests;

pub use open::FILE_NAME;

/// The version of `schema.sql`.
pub const SCHEMA_VERSION: i64 = 1;

/// The embedded store. At most one process has a data directory open.
///
/// Futures of its methods are not cancel-safe: after a dropped [`SqliteStore::commit`] ask
/// [`SqliteStore::was_applied`].
pub struct SqliteStore {
    // Fields drop in this order: the directory is free when the connection is gone.
    connection: SqliteConnection,
    lock: open::DirectoryLock,
    path: PathBuf,
    owner: Owner,
    in_transaction: bool,
    series: HashMap<Series, Registered>,
    claims: HashMap<i32, Claimed>,
}

struct Registered {
    id: i64,
    partition: i32,
}

struct Claimed {
    topic: String,
    source_gen: i64,
}

impl SqliteStore {
    /// Opens the data of `owner` in `data_dir`, or begins it where there is none.
    ///
    /// # Errors
    /// [`StoreError`], with what to do in its text. Nothing is changed then.
    pub async fn open(data_dir: &Path, owner: Owner) -> Result<Self, StoreError> {
        let lock = open::DirectoryLock::take(data_dir)?;
        let path = data_dir.join(open::FILE_NAME);
        let connection = open::connect(&path, &owner).await?;
        Ok(Self {
            connection,
            lock,
            path,
            owner,
            in_transaction: false,
            series: HashMap::new(),
            claims: HashMap::new(),
        })
    }

    /// Closes the file and frees the directory.
    ///
    /// # Errors
    /// [`StoreError`] where the file could not be closed; what was committed is stored.
    pub async fn close(self) -> Result<(), StoreError> {
        let Self { connection, lock, path, .. } = self;
        let closed = connection.close().await.map_err(|error| StoreError::of(&path, error));
        drop(lock);
        closed
    }

    /// Claims the partitions of a topic with fresh tokens, sorted by partition.
    ///
    /// A new `source_id` is a new generation: it begins at offset 0, and the states go on.
    ///
    /// # Errors
    /// [`StoreError`] of the file.
    pub async fn claim(
        &mut self,
        topic: &str,
        partitions: &[i32],
        source_id: &str,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut partitions = partitions.to_vec();
        partitions.sort_unstable();
        self.begin().await?;
        let claimed = self.claim_all(topic, &partitions, source_id).await;
        let claims = self.end(claimed).await?;
        for claim in &claims {
            let claimed = Claimed { topic: topic.into(), source_gen: claim.source_gen };
            self.claims.insert(claim.partition, claimed);
        }
        Ok(claims)
    }

    async fn claim_all(
        &mut self,
        topic: &str,
        partitions: &[i32],
        source_id: &str,
    ) -> Result<Vec<Claim>, StoreError> {
        // SQLite's random() is seeded by the operating system.
        const SQL: &str = "INSERT INTO partition AS p (partition, topic, source_id, source_gen, \
             claim, token, next_offset, commit_seq, published_seq) \
             VALUES (?1, ?2, ?3, ?4, 1, random(), 0, 0, 0) \
             ON CONFLICT (partition) DO UPDATE SET topic = excluded.topic, \
             source_id = excluded.source_id, claim = p.claim + 1, token = excluded.token, \
             source_gen = excluded.source_gen, \
             next_offset = iif(p.source_id = excluded.source_id, p.next_offset, 0) \
             RETURNING partition, token, claim, source_gen, next_offset, commit_seq";
        // One generation for all partitions: a series may move to another one with their number.
        const GENERATION: &str = "SELECT coalesce(max(source_gen) FILTER (WHERE source_id = ?1), \
             max(source_gen) + 1, 1) FROM partition";
        let generation = sqlx::query_scalar(GENERATION).bind(source_id);
        let generation: Result<i64, _> = generation.fetch_one(&mut self.connection).await;
        let generation = generation.map_err(|error| StoreError::of(&self.path, error))?;
        let mut claims = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let query = sqlx::query(SQL).bind(partition).bind(topic).bind(source_id);
            let query = query.bind(generation);
            let row = query.fetch_one(&mut self.connection).await;
            let claim = row.and_then(|row| {
                Ok(Claim {
                    partition: row.try_get(0)?,
                    token: row.try_get(1)?,
                    claim: row.try_get(2)?,
                    source_gen: row.try_get(3)?,
                    next_offset: row.try_get(4)?,
                    commit_seq: row.try_get(5)?,
                })
            });
            claims.push(claim.map_err(|error| StoreError::of(&self.path, error))?);
        }
        Ok(claims)
    }

    /// Whether a commit whose answer was lost is stored: `commit_seq` is what it had to match.
    ///
    /// # Errors
    /// [`StoreError`] of the file.
    pub async fn was_applied(
        &mut self,
        partition: i32,
        token: i64,
        commit_seq: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM partition WHERE partition = ? AND token = ? \
             AND commit_seq = ?)";
        self.rollback_left().await;
        let query = sqlx::query_scalar(SQL).bind(partition).bind(token).bind(commit_seq + 1);
        let applied = query.fetch_one(&mut self.connection).await;
        applied.map_err(|error| StoreError::of(&self.path, error))
    }

    /// Keeps a value under a name, unless the name has one, and returns the one that is kept.
    ///
    /// # Errors
    /// [`StoreError`] of the file.
    pub async fn remember_once(&mut self, name: &str, value: &str) -> Result<String, StoreError> {
        const SQL: &str = "INSERT INTO remembered (name, value) VALUES (?, ?) \
             ON CONFLICT (name) DO UPDATE SET value = value RETURNING value";
        let query = sqlx::query_scalar(SQL).bind(name).bind(value);
        let kept = query.fetch_one(&mut self.connection).await;
        kept.map_err(|error| StoreError::of(&self.path, error))
    }

    /// The value that is kept under a name.
    ///
    /// # Errors
    /// [`StoreError`] of the file.
    pub async fn recall(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT value FROM remembered WHERE name = ?";
        let value = sqlx::query_scalar(SQL).bind(name).fetch_optional(&mut self.connection).await;
        value.map_err(|error| StoreError::of(&self.path, error))
    }

    /// The stored closed 1m candles that open in `[from_ms, to_ms)`, in order.
    ///
    /// # Errors
    /// [`StoreError`] of the file.
    pub async fn closed_minutes(
        &mut self,
        series: &Series,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Candle>, StoreError> {
        let mut minutes = self.candles(series, Interval::M1, from_ms, to_ms).await?;
        minutes.retain(|candle| candle.closed);
        Ok(minutes)
    }

    fn damaged(&self, detail: String) -> StoreError {
        StoreError::ReadDatabase { path: self.path.clone(), detail }
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        self.rollback_left().await;
        self.in_transaction = true;
        self.execute("BEGIN IMMEDIATE").await
    }

    /// Commits what succeeded; else nothing of it is stored.
    async fn end<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let ended = match result {
            Ok(value) => self.execute("COMMIT").await.map(|()| value),
            Err(error) => Err(error),
        };
        if ended.is_ok() {
            self.in_transaction = false;
        }
        self.rollback_left().await;
        ended
    }

    /// Ends a transaction that failed or whose future was dropped. SQLite may have rolled it back
    /// already; then the statement fails, and that is fine.
    async fn rollback_left(&mut self) {
        if self.in_transaction {
            let _ = self.execute("ROLLBACK").await;
            self.in_transaction = false;
        }
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let done = sqlx::query(sql).execute(&mut self.connection).await;
        done.map(|_| ()).map_err(|error| StoreError::of(&self.path, error))
    }
}
