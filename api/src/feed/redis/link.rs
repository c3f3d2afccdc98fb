//! The connections to one server: one waits for entries of the stream, one for open bars.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, TlsCertificates, cmd,
};
use runtime::certificate;
use tokio::time::timeout;

use super::ledger::{Beginning, Entry, EntryId, Words};
use super::{FeedError, RedisSettings};

/// How long a connection may take.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(2);
/// How long the server waits for an entry before it says that there is none.
const BLOCK_MS: u32 = 1_000;
/// How long an answer may take: what waits for an entry, too.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(3);
/// How many entries are read at a time.
const ENTRIES_MAX: usize = 256;

/// Where the publications of one pipeline are.
#[derive(Clone)]
pub(super) struct Place {
    client: Client,
    address: String,
    stream: String,
    /// A hash that the writer keeps: the last number of each channel.
    numbers: String,
    live: String,
}

impl Place {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, FeedError> {
        // The error of the crate may quote the URL.
        let client = match &settings.root_ca_file {
            Some(path) => {
                let root_cert = fs::read(path)
                    .map_err(|source| FeedError::ReadCertificates { path: path.clone(), source })?;
                let tls = TlsCertificates { client_tls: None, root_cert: Some(root_cert) };
                Client::build_with_tls(settings.url.as_str(), tls)
            }
            None => Client::open(settings.url.as_str()),
        };
        let client = client.map_err(|_| FeedError::ReadUrl)?;
        let name = |name: &str| format!("{}:{name}", settings.prefix);
        Ok(Self {
            address: client.get_connection_info().addr().to_string(),
            client,
            stream: name("stream"),
            numbers: name("seq"),
            live: name("live"),
        })
    }

    /// Host and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn gone(&self) -> FeedError {
        FeedError::KeepServer { address: self.address.clone() }
    }

    fn failed(&self, source: RedisError) -> FeedError {
        let address = self.address.clone();
        let refused = source.kind() == ErrorKind::AuthenticationFailed;
        if refused || certificate::is_refused(&source) {
            return FeedError::EnterServer { address, source };
        }
        FeedError::ReadServer { address, source }
    }
}

/// The connections to one server. After an error they are not used again.
pub(super) struct Link {
    place: Place,
    entries: MultiplexedConnection,
    live: PubSubStream,
    run_id: String,
}

impl Link {
    /// Connects, and hears open bars from now on.
    pub(super) async fn connect(place: &Place) -> Result<Self, FeedError> {
        match timeout(CONNECT_WAIT_MAX, Self::connect_unlimited(place)).await {
            Ok(connected) => connected.map_err(|source| place.failed(source)),
            Err(_) => {
                let (address, waited) = (place.address.clone(), CONNECT_WAIT_MAX);
                Err(FeedError::AwaitServer { address, waited })
            }
        }
    }

    async fn connect_unlimited(place: &Place) -> Result<Self, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WAIT_MAX))
            .set_response_timeout(Some(ANSWER_WAIT_MAX));
        let mut entries =
            place.client.get_multiplexed_async_connection_with_config(&config).await?;
        let info: String = cmd("INFO").arg("server").query_async(&mut entries).await?;
        let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
        let run_id = run_id.unwrap_or_default().trim().to_owned();
        let mut live = place.client.get_async_pubsub().await?;
        live.subscribe(&place.live).await?;
        Ok(Self { place: place.clone(), entries, live: live.into_on_message(), run_id })
    }

    /// Changes when the server starts anew, perhaps without its memory.
    pub(super) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Where the stream stands, and the numbers at the same moment.
    pub(super) async fn begin(&mut self) -> Result<Beginning, FeedError> {
        let mut both = redis::pipe();
        both.atomic();
        both.cmd("XREVRANGE").arg(&self.place.stream).arg("+").arg("-").arg("COUNT").arg(1);
        both.cmd("HGETALL").arg(&self.place.numbers);
        let answer = both.query_async(&mut self.entries).await;
        let (last, numbers): (StreamRangeReply, HashMap<String, u64>) =
            answer.map_err(|source| self.place.failed(source))?;
        let last_id = last.ids.into_iter().next();
        let last_id = last_id.map_or_else(EntryId::before_all, |entry| EntryId(entry.id));
        Ok(Beginning { last_id, numbers })
    }

    /// Whether the stream still has an entry.
    pub(super) async fn has_entry(&mut self, id: &EntryId) -> Result<bool, FeedError> {
        let mut range = cmd("XRANGE");
        range.arg(&self.place.stream).arg(&id.0).arg(&id.0);
        let found: StreamRangeReply = self.call(&range).await?;
        Ok(!found.ids.is_empty())
    }

    async fn call<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, FeedError> {
        let answer = command.query_async(&mut self.entries).await;
        answer.map_err(|source| self.place.failed(source))
    }

    /// The entries after `id`, in batches, until the first error; and the texts of open bars,
    /// until the server is gone.
    pub(super) fn into_streams(
        self,
        id: EntryId,
    ) -> (impl Stream<Item = Result<Vec<Entry>, FeedError>>, impl Stream<Item = String>) {
        let Self { place, entries, live, .. } = self;
        let batches = stream::try_unfold((place, entries, id), async |(place, mut entries, id)| {
            let batch = read_after(&mut entries, &place, &id).await?;
            let id = batch.last().map_or(id, |entry| entry.id.clone());
            Ok(Some((batch, (place, entries, id))))
        });
        let bars = live.filter_map(async |message| message.get_payload().ok());
        (batches, bars)
    }
}

/// The next entries; none when none came for a while.
async fn read_after(
    entries: &mut MultiplexedConnection,
    place: &Place,
    id: &EntryId,
) -> Result<Vec<Entry>, FeedError> {
    let mut read = cmd("XREAD");
    read.arg("COUNT").arg(ENTRIES_MAX).arg("BLOCK").arg(BLOCK_MS);
    read.arg("STREAMS").arg(&place.stream).arg(&id.0);
    let answer: Result<Option<StreamReadReply>, RedisError> = read.query_async(entries).await;
    let streams = answer.map_err(|source| place.failed(source))?.unwrap_or_default().keys;
    Ok(streams.into_iter().flat_map(|stream| stream.ids).map(entry).collect())
}

fn entry(stored: StreamId) -> Entry {
    let words = || {
        let (channel, json) = (stored.get("channel")?, stored.get("json")?);
        let seq: String = stored.get("seq")?;
        Some(Words { channel, seq: seq.parse().ok()?, json })
    };
    Entry { words: words(), id: EntryId(stored.id) }
}
