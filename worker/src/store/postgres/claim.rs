use ring::rand::{SecureRandom as _, SystemRandom};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::time::timeout;

use super::{ANSWER_TIMEOUT, Claimed, PostgresError, PostgresStore};
use crate::store::{Claim, StoreError};

/// The `next_offset` of a partition of which nothing was ever folded.
pub const NEVER_FOLDED: i64 = -1;

/// What a claim of one partition gives.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionClaim {
    /// The claim; its `next_offset` is [`NEVER_FOLDED`] before the first commit.
    pub claim: Claim,
    /// The source that `next_offset` counts in. Where it is not the one that is there,
    /// [`PostgresStore::accept_source`] goes on with the new one.
    pub source_id: String,
    /// The last commit whose candles, alerts and feeds are published.
    pub published_seq: i64,
}

impl PostgresStore {
    /// Claims partitions of a topic with fresh tokens, each in a transaction of its own, in order.
    /// Waits for a commit of the old owner that is under way, at most [`super::LOCK_TIMEOUT`].
    ///
    /// A partition that is new begins at [`NEVER_FOLDED`] of `source_id`. Else its stored source
    /// is returned, and it is the caller's to compare. A store writes one topic at a time.
    ///
    /// # Errors
    /// [`PostgresError`]; what was claimed until then is ours, and claiming it again is harmless.
    pub async fn claim(
        &mut self,
        topic: &str,
        partitions: &[i32],
        source_id: &str,
    ) -> Result<Vec<PartitionClaim>, StoreError> {
        // Generations and commits of a new topic go on from those of the old ones, whose rows in
        // candle, alert and feed stay.
        const SQL: &str = "INSERT INTO partition AS p (topic, partition, source_id, source_gen, \
             claim, token, next_offset, commit_seq, published_seq, owner, updated_at) \
             SELECT $1, $2, $3, coalesce(max(source_gen) FILTER (WHERE source_id = $3), \
             max(source_gen) + 1, 1), 1, $4, -1, \
             coalesce(max(commit_seq) FILTER (WHERE topic <> $1), 0), \
             coalesce(max(commit_seq) FILTER (WHERE topic <> $1), 0), $5, now() FROM partition \
             ON CONFLICT (topic, partition) DO UPDATE SET claim = p.claim + 1, \
             token = excluded.token, owner = excluded.owner, updated_at = now() \
             RETURNING partition, token, claim, source_gen, next_offset, commit_seq, source_id, \
             published_seq";
        let mut partitions = partitions.to_vec();
        partitions.sort_unstable();
        let mut claims = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let owner = self.options.application_name.clone();
            let query = sqlx::query(SQL).bind(topic).bind(partition).bind(source_id);
            let query = query.bind(fresh_token()?).bind(owner);
            let mut connection = self.lend().await?;
            let row = timeout(ANSWER_TIMEOUT, query.fetch_one(&mut connection)).await;
            let row = self.give_back(connection, row)?;
            claims.push(claim_of(&row).map_err(|error| self.refused(error))?);
            self.claims.insert(partition, Claimed { topic: topic.into() });
        }
        Ok(claims)
    }

    /// Goes on with another source, or at another offset of the same one: a new generation that
    /// begins at `next_offset`, with the states as they are. `None` when the claim is lost.
    ///
    /// # Errors
    /// [`PostgresError`]; or [`StoreError::FindClaim`] for a partition that was never claimed.
    pub async fn accept_source(
        &mut self,
        partition: i32,
        token: i64,
        source_id: &str,
        next_offset: i64,
    ) -> Result<Option<PartitionClaim>, StoreError> {
        // Partitions that accept the same new source get the same generation.
        const SQL: &str = "UPDATE partition AS p SET source_id = $4, next_offset = $5, \
             source_gen = CASE WHEN p.source_id = $4 THEN g.newest + 1 \
             ELSE coalesce(g.accepted, g.newest + 1) END, updated_at = now() \
             FROM (SELECT max(source_gen) AS newest, \
             max(source_gen) FILTER (WHERE source_id = $4) AS accepted FROM partition) AS g \
             WHERE p.topic = $1 AND p.partition = $2 AND p.token = $3 \
             RETURNING p.partition, p.token, p.claim, p.source_gen, p.next_offset, p.commit_seq, \
             p.source_id, p.published_seq";
        let topic = self.topic_of(partition)?;
        let query = sqlx::query(SQL).bind(topic).bind(partition).bind(token);
        let query = query.bind(source_id).bind(next_offset);
        let mut connection = self.lend().await?;
        let row = timeout(ANSWER_TIMEOUT, query.fetch_optional(&mut connection)).await;
        let row = self.give_back(connection, row)?;
        row.as_ref().map(claim_of).transpose().map_err(|error| self.refused(error))
    }

    /// Whether a commit whose answer was lost is stored: `commit_seq` is what it had to match.
    ///
    /// # Errors
    /// [`PostgresError`]; or [`StoreError::FindClaim`] for a partition that was never claimed.
    pub async fn was_applied(
        &mut self,
        partition: i32,
        token: i64,
        commit_seq: i64,
    ) -> Result<bool, StoreError> {
        // The row lock waits for the commit itself, should the server be still at it.
        const SQL: &str = "SELECT 1 FROM partition WHERE topic = $1 AND partition = $2 \
             AND token = $3 AND commit_seq = $4 FOR UPDATE";
        const WAIT: &str = "SELECT 1 FROM partition WHERE topic = $1 AND partition = $2 FOR UPDATE";
        let topic = self.topic_of(partition)?;
        let wait = sqlx::query(WAIT).bind(topic.clone()).bind(partition);
        let query = sqlx::query(SQL).bind(topic).bind(partition).bind(token).bind(commit_seq + 1);
        let mut connection = self.lend().await?;
        let row = timeout(ANSWER_TIMEOUT, async {
            wait.fetch_optional(&mut connection).await?;
            query.fetch_optional(&mut connection).await
        })
        .await;
        Ok(self.give_back(connection, row)?.is_some())
    }

    /// Up to where each partition of a topic that was ever claimed is committed, or
    /// [`NEVER_FOLDED`].
    ///
    /// # Errors
    /// [`PostgresError`].
    pub async fn next_offsets(&mut self, topic: &str) -> Result<Vec<(i32, i64)>, StoreError> {
        const SQL: &str = "SELECT partition, next_offset FROM partition WHERE topic = $1";
        let mut connection = self.lend().await?;
        let query = sqlx::query_as(SQL).bind(topic.to_owned());
        let rows = timeout(ANSWER_TIMEOUT, query.fetch_all(&mut connection)).await;
        self.give_back(connection, rows)
    }

    pub(super) fn topic_of(&self, partition: i32) -> Result<String, StoreError> {
        let claimed = self.claims.get(&partition);
        claimed.map(|claimed| claimed.topic.clone()).ok_or(StoreError::FindClaim { partition })
    }
}

fn claim_of(row: &PgRow) -> Result<PartitionClaim, sqlx::Error> {
    let claim = Claim {
        partition: row.try_get(0)?,
        token: row.try_get(1)?,
        claim: row.try_get(2)?,
        source_gen: row.try_get(3)?,
        next_offset: row.try_get(4)?,
        commit_seq: row.try_get(5)?,
    };
    Ok(PartitionClaim { claim, source_id: row.try_get(6)?, published_seq: row.try_get(7)? })
}

fn fresh_token() -> Result<i64, StoreError> {
    let mut bytes = [0; size_of::<i64>()];
    SystemRandom::new().fill(&mut bytes).map_err(|_| PostgresError::MakeToken)?;
    Ok(i64::from_ne_bytes(bytes))
}
