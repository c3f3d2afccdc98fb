//! How far the group is in the ticks topic, by what is committed.

use std::time::Duration;

use market::pipeline::Pipeline;
use tokio_util::sync::CancellationToken;

use super::{ClusterError, Servers};
use crate::spec::partitions_of;
use crate::store::PostgresStore;
use crate::topic::admin::blocking;
use crate::topic::log::read_to_end;
use crate::topic::{Connection, topics_of};

/// Between looks at what is committed.
const LOOK_WAIT: Duration = Duration::from_millis(200);

/// Where each partition of a pipeline's ticks topic ends.
///
/// # Errors
/// [`ClusterError::UseTopic`].
pub async fn ends(
    pipeline: &Pipeline,
    kafka: &Connection,
) -> Result<Vec<(i32, i64)>, ClusterError> {
    let (kafka, topic) = (kafka.clone(), topics_of(pipeline).ticks);
    let all: Vec<_> =
        (0..partitions_of(&pipeline.spec)).map(|partition| (partition, None)).collect();
    Ok(blocking(move || read_to_end(&kafka, &topic, &all, |_| {})).await?)
}

/// How many records before these ends are not committed yet.
///
/// # Errors
/// [`ClusterError::UseStore`].
pub async fn backlog(
    pipeline: &Pipeline,
    store: &mut PostgresStore,
    ends: &[(i32, i64)],
) -> Result<i64, ClusterError> {
    let committed = store.next_offsets(&topics_of(pipeline).ticks).await?;
    let left = ends.iter().map(|(partition, end)| {
        let next = committed.iter().find(|(number, _)| number == partition);
        (end - next.map_or(0, |(_, offset)| (*offset).max(0))).max(0)
    });
    Ok(left.sum())
}

/// Returns when the group has committed all that the ticks topic has now, or when told to stop.
///
/// # Errors
/// [`ClusterError::UseTopic`], [`ClusterError::UseStore`].
pub async fn await_folded(
    pipeline: &Pipeline,
    servers: &Servers,
    stop: &CancellationToken,
) -> Result<(), ClusterError> {
    let ends = ends(pipeline, &servers.kafka).await?;
    let options = servers.postgres(pipeline, &servers.database_url);
    let mut store = PostgresStore::connect(options).await?;
    while !stop.is_cancelled() {
        match backlog(pipeline, &mut store, &ends).await {
            Ok(0) => return Ok(()),
            Err(ClusterError::UseStore(error)) if !error.is_retryable() => return Err(error.into()),
            // A store that is away comes back.
            Ok(_) | Err(ClusterError::UseStore(_)) => {}
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_WAIT) => {}
        }
    }
    Ok(())
}
