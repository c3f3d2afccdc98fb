use std::sync::Arc;
use std::time::Duration;

use market::publication::Publication;
use tracing::Span;

use super::link::{BATCH_MESSAGES_MAX, Published, RedisLink, RedisSettings};
use super::message::{Message, Standing};
use super::queue::{Committed, PublishedTo};
use super::{PublishError, Shared};

/// The wait before the second try to reach Redis; it doubles.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(50);
/// The longest wait before another try.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(5);

/// Publishes what waits, one batch at a time.
pub(super) struct Task {
    shared: Arc<Shared>,
    settings: RedisSettings,
    link: Option<RedisLink>,
    /// That of the last connection.
    run_id: Option<String>,
    sending: Option<Sending>,
    wait: Duration,
}

/// A commit on its way.
struct Sending {
    messages: Vec<Message>,
    sent: usize,
    published_to: Vec<PublishedTo>,
    /// Ends with this.
    _span: Option<Span>,
}

impl Task {
    pub(super) const fn new(shared: Arc<Shared>, settings: RedisSettings) -> Self {
        let wait = RETRY_WAIT_MIN;
        Self { shared, settings, link: None, run_id: None, sending: None, wait }
    }

    /// Ends when it is to close and nothing waits, or Redis is away and nothing is on its way.
    pub(super) async fn run(mut self) {
        loop {
            if let Err(error) = self.turn().await {
                self.lose_link(&error);
                if self.shared.queue().closing && self.sending.is_none() {
                    return;
                }
                tokio::time::sleep(self.wait).await;
                self.wait = (self.wait * 2).min(RETRY_WAIT_MAX);
                continue;
            }
            if self.sending.is_some() || self.shared.queue().has_work() {
                continue;
            }
            if self.shared.queue().closing {
                return;
            }
            self.shared.wake.notified().await;
        }
    }

    /// Connects if need be, and sends one batch, of a commit if there is one.
    async fn turn(&mut self) -> Result<(), PublishError> {
        if self.link.is_none() {
            self.connect().await?;
        }
        if self.sending.is_none() {
            self.sending = self.shared.queue().take_commit().map(Sending::of);
        }
        let Some(sending) = &self.sending else {
            let bars = self.shared.queue().take_open_bars();
            for batch in encode(&bars).chunks(BATCH_MESSAGES_MAX) {
                publish(&mut self.link, batch).await?;
                self.wait = RETRY_WAIT_MIN;
            }
            return Ok(());
        };
        let end = (sending.sent + BATCH_MESSAGES_MAX).min(sending.messages.len());
        let batch = sending.messages.get(sending.sent..end).unwrap_or_default();
        let published = publish(&mut self.link, batch).await?;
        if published.refused > 0 {
            tracing::debug!(refused = published.refused, "published before, or overtaken");
        }
        self.wait = RETRY_WAIT_MIN;
        if let Some(sending) = &mut self.sending {
            sending.sent = end;
        }
        if let Some(done) = self.sending.take_if(|sending| sending.sent == sending.messages.len()) {
            self.shared.queue().finish(done.published_to);
        }
        Ok(())
    }

    /// Connects, and notices a server that has lost its memory.
    pub(super) async fn connect(&mut self) -> Result<(), PublishError> {
        let link = RedisLink::connect(&self.settings).await?;
        let is_another = self.run_id.as_deref().is_some_and(|run_id| run_id != link.run_id());
        if link.is_first() || is_another {
            self.forget();
        }
        self.run_id = Some(link.run_id().to_owned());
        self.link = Some(link);
        self.shared.queue().up = true;
        tracing::info!(address = self.settings.address(), "publishing to Redis");
        Ok(())
    }

    fn forget(&mut self) {
        self.sending = None;
        self.shared.queue().forget();
    }

    /// After an error nobody knows what a connection still holds.
    pub(super) fn lose_link(&mut self, error: &PublishError) {
        self.link = None;
        if matches!(error, PublishError::FindOwner { .. }) {
            self.forget();
        }
        let was_up = std::mem::replace(&mut self.shared.queue().up, false);
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        if was_up || self.wait == RETRY_WAIT_MIN {
            tracing::warn!(error = %error, cause, "not publishing; trying again");
        } else {
            tracing::debug!(error = %error, cause, "not publishing; trying again");
        }
    }
}

impl Sending {
    fn of(commit: Committed) -> Self {
        let messages = encode(&commit.publications);
        Self { messages, sent: 0, published_to: commit.published_to, _span: commit.span }
    }
}

async fn publish(
    link: &mut Option<RedisLink>,
    batch: &[Message],
) -> Result<Published, PublishError> {
    match link {
        Some(link) if !batch.is_empty() => link.publish(batch).await,
        Some(_) | None => Ok(Published { taken: 0, refused: 0 }),
    }
}

fn encode(publications: &[(Standing, Publication)]) -> Vec<Message> {
    let encoded = publications.iter().filter_map(|(standing, publication)| {
        let message = Message::of(*standing, publication);
        message.inspect_err(|error| tracing::error!(error = %error, "not published")).ok()
    });
    encoded.collect()
}
