//! A reader of the Redis stream that stays through everything.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use e2e::oracle::CandleKey;

use market::publication::Publication;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands as _, AsyncConnectionConfig, RedisError};
use runtime::clock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::stage::{Candles, key_of};

/// Entries that are read at once, and how long a read waits for one.
const PAGE: usize = 2_000;
const BLOCK_MS: usize = 200;
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Between tries to connect.
const RETRY_WAIT: Duration = Duration::from_millis(100);

/// One life of a Redis: what was read of it.
#[derive(Default)]
struct Life {
    run_id: String,
    last_id: String,
    seqs: BTreeMap<String, u64>,
}

/// What a reader was told.
#[derive(Default)]
pub(crate) struct Told {
    /// The last version of each candle.
    pub(crate) candles: Candles,
    /// When it was told of each first.
    pub(crate) first: BTreeMap<CandleKey, Instant>,
}

/// The reader.
pub(crate) struct Follower {
    stop: CancellationToken,
    task: JoinHandle<Told>,
}

impl Follower {
    /// Reads the stream of this prefix from its beginning.
    pub(crate) fn start(url: &str, prefix: &str) -> Self {
        let stop = CancellationToken::new();
        let client = redis::Client::open(url).unwrap();
        let (stream, until) = (format!("{prefix}:stream"), stop.clone());
        let task = tokio::spawn(async move {
            let (mut life, mut told) = (Life::default(), Told::default());
            loop {
                let ended = until.is_cancelled();
                let read = follow(&client, &stream, &until, &mut life, &mut told).await;
                match read {
                    Ok(()) if ended => return told,
                    Ok(()) => {}
                    Err(_) => tokio::time::sleep(RETRY_WAIT).await,
                }
            }
        });
        Self { stop, task }
    }

    /// Reads to the end.
    pub(crate) async fn end(self) -> Told {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

/// Reads on one connection, until nothing is left after `until`.
async fn follow(
    client: &redis::Client,
    stream: &str,
    until: &CancellationToken,
    life: &mut Life,
    told: &mut Told,
) -> Result<(), RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_MAX))
        .set_response_timeout(Some(ANSWER_MAX));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let run_id = run_id(&mut connection).await?;
    if life.run_id != run_id {
        // It has forgotten everything, and so its numbers begin again.
        *life = Life { run_id, last_id: "0".into(), seqs: BTreeMap::new() };
    }
    let options = StreamReadOptions::default().count(PAGE).block(BLOCK_MS);
    loop {
        let ended = until.is_cancelled();
        let reply: Option<StreamReadReply> =
            connection.xread_options(&[stream], &[&life.last_id], &options).await?;
        let entries: Vec<StreamId> =
            reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect();
        if entries.is_empty() && ended {
            return Ok(());
        }
        for entry in entries {
            take(&entry, life, told);
            life.last_id = entry.id;
        }
    }
}

fn take(entry: &StreamId, life: &mut Life, told: &mut Told) {
    let channel: String = entry.get("channel").unwrap();
    let seq: u64 = entry.get("seq").unwrap();
    let json: String = entry.get("json").unwrap();
    let last = life.seqs.insert(channel.clone(), seq);
    assert!(last.is_none_or(|last| last < seq), "{channel} goes from {last:?} to {seq}");
    if let Publication::Candle { candle, .. } = serde_json::from_str(&json).unwrap() {
        told.first.entry(key_of(&candle)).or_insert_with(clock::monotonic);
        told.candles.insert(key_of(&candle), candle);
    }
}

async fn run_id(connection: &mut MultiplexedConnection) -> Result<String, RedisError> {
    let info: String = redis::cmd("INFO").arg("server").query_async(connection).await?;
    let found = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    Ok(found.unwrap_or_default().trim().to_owned())
}
