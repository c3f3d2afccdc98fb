//! A session with one socket, whichever venue's language it speaks.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Message,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use super::{
    VenueKind,
    clock::span,
    feed::{Delivery, Feed},
    http::TIMER_MIN,
    script::Script,
    state::Venue,
};

/// What a session does without being asked, and when.
mod duties;
/// How a session ends.
mod end;

use duties::Duties;
use end::End;
pub(super) use end::reset;

/// Trades that are repeated after a connect, where they are.
pub(super) const SNAPSHOT: usize = 50;
/// A client that takes nothing for so long is left, by the machine's clock.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// A session looks after its duties at least so often, by the machine's clock.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// An answer comes so much after the data when data are early.
const ANSWER_NS: i64 = 2_000_000_000;

/// What a client is told because of what it said.
pub(super) enum Reply {
    /// At once.
    Now(String),
    /// At once, or later where a script has data first.
    Answer(String),
}

/// What a venue says to a client, frame by frame.
pub(super) trait Dialect: Send {
    /// After the connect.
    fn greet(&mut self, _feed: &mut Feed) -> Vec<String> {
        Vec::new()
    }

    /// What a text of the client does, and what is answered.
    fn hear(&mut self, text: &str, feed: &mut Feed) -> Vec<Reply>;

    /// Frames of these trades.
    fn trades(&mut self, deliveries: &[Delivery]) -> Vec<String>;

    /// What is said without a trade when the last frame was sent at `sent_ns`.
    fn pulse(&mut self, _now_ns: i64, _sent_ns: i64, _feed: &Feed) -> Vec<String> {
        Vec::new()
    }

    /// When that is due next.
    fn pulse_ns(&self, _sent_ns: i64) -> Option<i64> {
        None
    }

    /// What is said before a node of the venue goes away.
    fn shutdown_notice(&self) -> Option<String> {
        None
    }
}

/// A session; times are those of the venue's clock without a skew.
pub(super) struct Session {
    venue: Arc<Venue>,
    stream: WebSocketStream<TcpStream>,
    dialect: Box<dyn Dialect>,
    feed: Feed,
    duties: Duties,
    /// When the last frame was sent.
    sent_ns: i64,
    /// Messages of the last second.
    messages: VecDeque<i64>,
    /// Answers that wait, and until when.
    later: VecDeque<(i64, String)>,
}

impl Session {
    pub(super) fn new(
        venue: Arc<Venue>,
        stream: WebSocketStream<TcpStream>,
        dialect: Box<dyn Dialect>,
    ) -> Self {
        let now_ns = venue.clock.now_ns();
        let has_streams = venue.kind == VenueKind::Binance;
        Self {
            feed: Feed::new(Arc::clone(&venue)),
            duties: Duties::new(venue.faults.count(), now_ns, has_streams),
            venue,
            stream,
            dialect,
            sent_ns: now_ns,
            messages: VecDeque::new(),
            later: VecDeque::new(),
        }
    }

    /// Until it ends, by whomever.
    pub(super) async fn run(mut self) {
        let end = match self.talk().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        end.of(&self.venue, self.stream).await;
    }

    async fn talk(&mut self) -> Result<std::convert::Infallible, End> {
        let mut changes = self.venue.changes();
        for text in self.dialect.greet(&mut self.feed) {
            self.send(Message::text(text)).await?;
        }
        loop {
            self.turn().await?;
            let idle = self.idle();
            tokio::select! {
                biased;
                message = self.stream.next() => {
                    let message = message.and_then(Result::ok).ok_or(End::Gone)?;
                    self.hear(message).await?;
                }
                _ = changes.changed() => {}
                () = tokio::time::sleep(idle) => {}
            }
        }
    }

    /// Whatever is due.
    async fn turn(&mut self) -> Result<(), End> {
        self.look_after().await?;
        self.deliver().await?;
        let now_ns = self.venue.clock.now_ns();
        while self.later.front().is_some_and(|answer| answer.0 <= now_ns) {
            if let Some((_, text)) = self.later.pop_front() {
                self.send(Message::text(text)).await?;
            }
        }
        for text in self.dialect.pulse(now_ns, self.sent_ns, &self.feed) {
            self.send(Message::text(text)).await?;
        }
        self.flush().await
    }

    /// Until something is due, by the machine's clock.
    fn idle(&self) -> Duration {
        let now_ns = self.venue.clock.now_ns();
        let pulse_ns = self.dialect.pulse_ns(self.sent_ns);
        let answer_ns = self.later.front().map(|answer| answer.0);
        let times = [pulse_ns, answer_ns, self.duties.next_ns()];
        let waits = times.into_iter().flatten().map(|time_ns| span(time_ns - now_ns));
        let wait = waits.chain(self.feed.due_in()).min().unwrap_or(IDLE_MAX);
        self.venue.clock.wall(wait).clamp(TIMER_MIN, IDLE_MAX)
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        let now_ns = self.venue.clock.now_ns();
        if self.venue.checks.message(&mut self.messages, now_ns) {
            return Err(End::Close(1008, "Too many requests"));
        }
        match message {
            Message::Text(text) => {
                self.duties.has_spoken();
                let delay_ns = if self.venue.plays(Script::EarlyData) { ANSWER_NS } else { 0 };
                for reply in self.dialect.hear(&text, &mut self.feed) {
                    match reply {
                        Reply::Answer(text) if delay_ns > 0 => {
                            self.later.push_back((now_ns + delay_ns, text));
                        }
                        Reply::Answer(text) | Reply::Now(text) => {
                            self.send(Message::text(text)).await?;
                        }
                    }
                }
                Ok(())
            }
            Message::Pong(payload) => {
                self.duties.pong(&payload);
                Ok(())
            }
            Message::Close(_) => Err(End::Left),
            Message::Binary(_) | Message::Ping(_) | Message::Frame(_) => Ok(()),
        }
    }

    async fn deliver(&mut self) -> Result<(), End> {
        let deliveries = self.feed.due();
        if deliveries.is_empty() {
            return Ok(());
        }
        let copies = if self.venue.plays(Script::Duplicates) { 2 } else { 1 };
        let is_odd = self.venue.plays(Script::OddFrames);
        for text in self.dialect.trades(&deliveries) {
            for _ in 0..copies {
                if is_odd {
                    self.send_oddly(&text).await?;
                } else {
                    self.send(Message::text(text.clone())).await?;
                }
            }
        }
        Ok(())
    }

    /// With a field that nobody knows, in three fragments.
    async fn send_oddly(&mut self, text: &str) -> Result<(), End> {
        let text = text.replacen('{', "{\"unheard_of\":{\"a\":[1,null]},", 1);
        let third = text.len() / 3;
        let pieces = [&text[..third], &text[third..2 * third], &text[2 * third..]];
        for (index, piece) in pieces.into_iter().enumerate() {
            let code = if index == 0 { Data::Text } else { Data::Continue };
            self.send_raw(code, piece.as_bytes(), index == 2).await?;
        }
        Ok(())
    }

    async fn send_raw(&mut self, code: Data, bytes: &[u8], is_last: bool) -> Result<(), End> {
        let bytes = Bytes::copy_from_slice(bytes);
        self.send(Message::Frame(Frame::message(bytes, OpCode::Data(code), is_last))).await
    }

    /// Not sent for sure before the next [`Self::flush`].
    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.sent_ns = self.venue.clock.now_ns();
        let sent = timeout(WRITE_MAX, self.stream.feed(message)).await;
        sent.map_err(|_| End::Reset)?.map_err(|_| End::Gone)
    }

    async fn flush(&mut self) -> Result<(), End> {
        let flushed = timeout(WRITE_MAX, self.stream.flush()).await;
        flushed.map_err(|_| End::Reset)?.map_err(|_| End::Gone)
    }
}
