//! One connection to Redis, as the owner of one prefix.

use std::fs;
use std::path::Path;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, Script, TlsCertificates};

use super::PublishError;
use super::keys::Keys;
use super::message::Message;

/// How long a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
/// Most messages of one call: it keeps others waiting for some milliseconds.
pub const BATCH_MESSAGES_MAX: usize = 256;
/// About how many publications the stream keeps.
pub const STREAM_LENGTH_MAX: usize = 100_000;
/// How long the reference's last value lasts.
pub const REFERENCE_SECONDS: u64 = 300;

const PUBLISH: &str = include_str!("publish.lua");

/// Where Redis is, and as whom to write.
#[derive(Clone)]
pub struct RedisSettings {
    client: Client,
    keys: Keys,
    owner: String,
}

impl RedisSettings {
    /// Reads the URL, `redis://` or, with TLS, `rediss://`. Nothing is connected.
    ///
    /// # Errors
    /// [`PublishError::ReadUrl`].
    pub fn new(url: &str, prefix: &str, owner: &str) -> Result<Self, PublishError> {
        Self::with_authority(url, None, prefix, owner)
    }

    /// The same, with a file of the certificates that the server's one must lead to, in PEM;
    /// without it those of the system.
    ///
    /// # Errors
    /// [`PublishError::ReadUrl`], [`PublishError::ReadCertificates`].
    pub fn with_authority(
        url: &str,
        ca_file: Option<&Path>,
        prefix: &str,
        owner: &str,
    ) -> Result<Self, PublishError> {
        let client = match ca_file {
            Some(path) => {
                let root_cert = fs::read(path).map_err(|source| {
                    PublishError::ReadCertificates { path: path.to_owned(), source }
                })?;
                let tls = TlsCertificates { client_tls: None, root_cert: Some(root_cert) };
                Client::build_with_tls(url, tls)
            }
            None => Client::open(url),
        };
        // The error of the crate may quote the URL.
        let client = client.map_err(|_| PublishError::ReadUrl)?;
        Ok(Self { client, keys: Keys::new(prefix), owner: owner.to_owned() })
    }

    pub(super) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }
}

impl std::fmt::Debug for RedisSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = formatter.debug_struct("RedisSettings");
        fields.field("address", &self.address()).field("prefix", &self.keys.prefix);
        fields.field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// New ones.
    pub taken: usize,
    /// Ones that are not newer than what is there.
    pub refused: usize,
}

/// One connection to Redis, as the owner of one prefix. After an error it is not used again.
pub struct RedisLink {
    connection: MultiplexedConnection,
    settings: RedisSettings,
    script: Script,
    run_id: String,
    is_first: bool,
}

impl RedisLink {
    /// Connects, and claims the prefix.
    ///
    /// # Errors
    /// [`PublishError`]: another pipeline's prefix is refused.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, PublishError> {
        let address = settings.address();
        let connect = |source| PublishError::connecting(address.clone(), source);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIME_MAX))
            .set_response_timeout(Some(ANSWER_TIME_MAX));
        let connected = settings.client.get_multiplexed_async_connection_with_config(&config);
        let mut link = Self {
            connection: connected.await.map_err(connect)?,
            settings: settings.clone(),
            script: Script::new(PUBLISH),
            run_id: String::new(),
            is_first: false,
        };
        let info: String = link.call(redis::cmd("INFO").arg("server")).await?;
        let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
        link.run_id = run_id.unwrap_or_default().trim().to_owned();
        let (keys, owner) = (&settings.keys, &settings.owner);
        let claim = redis::cmd("SET").arg(&keys.owner).arg(owner).arg("NX").clone();
        link.is_first = link.call::<Option<String>>(&claim).await?.is_some();
        let found: Option<String> = link.call(redis::cmd("GET").arg(&keys.owner)).await?;
        link.check_owner(found.unwrap_or_default())?;
        Ok(link)
    }

    /// Changes when the server starts anew, perhaps without its memory.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Whether nobody had the prefix: the server is new, or has lost its memory.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.is_first
    }

    /// Publishes at most [`BATCH_MESSAGES_MAX`]. What is not newer than what is there is refused,
    /// so that a batch whose answer was lost can be sent again.
    ///
    /// # Errors
    /// [`PublishError`]; some of the batch may be published then.
    pub async fn publish(&mut self, messages: &[Message]) -> Result<Published, PublishError> {
        if messages.len() > BATCH_MESSAGES_MAX {
            let (count, limit) = (messages.len(), BATCH_MESSAGES_MAX);
            return Err(PublishError::BoundBatch { count, limit });
        }
        let keys = &self.settings.keys;
        let mut call = self.script.prepare_invoke();
        call.key(&keys.owner).key(&keys.stream).key(&keys.seq).key(&keys.order);
        call.arg(&self.settings.owner).arg(&keys.live).arg(&keys.updates);
        call.arg(STREAM_LENGTH_MAX).arg(REFERENCE_SECONDS);
        for message in messages {
            let Message { channel, seq, json, order, reference } = message;
            call.key(order.as_ref().map_or(String::new(), |_| keys.latest(channel)));
            call.arg(channel).arg(seq.map_or(String::new(), |seq| seq.to_string())).arg(json);
            let order = order.as_ref();
            let (fence, place) = order.map_or(("", ""), |order| (&order.fence, &order.place));
            call.arg(fence).arg(place);
            match reference {
                Some((symbol, json)) => call.key(keys.reference(symbol)).arg(json),
                None => call.key("").arg(""),
            };
        }
        let answer: Result<(String, usize, usize), RedisError> =
            call.invoke_async(&mut self.connection).await;
        let (owner, taken, refused) = answer.map_err(|source| self.call_error(source))?;
        self.check_owner(owner)?;
        Ok(Published { taken, refused })
    }

    pub(super) async fn call<T: FromRedisValue>(
        &mut self,
        command: &redis::Cmd,
    ) -> Result<T, PublishError> {
        let answer = command.query_async(&mut self.connection).await;
        answer.map_err(|source| self.call_error(source))
    }

    fn call_error(&self, source: RedisError) -> PublishError {
        PublishError::Call { address: self.settings.address(), source }
    }

    fn check_owner(&self, found: String) -> Result<(), PublishError> {
        let (prefix, wanted) = (self.settings.keys.prefix.clone(), self.settings.owner.clone());
        if found == wanted {
            Ok(())
        } else if found.is_empty() {
            Err(PublishError::FindOwner { prefix })
        } else {
            Err(PublishError::RefuseOwner { prefix, found, wanted })
        }
    }
}
