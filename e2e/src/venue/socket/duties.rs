use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::Data};

use super::{End, Session};
use crate::venue::{VenueKind, clock::nanos, faults::Played, script::Script};

const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * SECOND_NS;
/// Binance pings so often, and wants an answer within so long.
const PING_NS: i64 = 20 * SECOND_NS;
const PONG_NS: i64 = 60 * SECOND_NS;
/// Coinbase and Kraken want to hear something within so long.
const SUBSCRIBE_NS: i64 = 5 * SECOND_NS;
/// Between the notice of a shutdown and the close.
const SHUTDOWN_NS: i64 = 10 * SECOND_NS;
/// Between the first odd frame and the broken one.
const BROKEN_NS: i64 = 5 * SECOND_NS;
const LARGE: usize = 1 << 20;

/// What a session owes its client, or its client it, and when.
pub(super) struct Duties {
    /// Scripts that it has met.
    scripts: usize,
    opened_ns: i64,
    /// Until when the client has to say something.
    speak_ns: Option<i64>,
    ping_ns: Option<i64>,
    /// What was sent with the ping that is not answered, until when it has to be, and whether that
    /// is a rule of the venue.
    pong: Option<(String, i64, bool)>,
    broken_ns: Option<i64>,
    close_ns: Option<i64>,
}

impl Duties {
    /// Of a connection that may have its subscriptions with it and is pinged then.
    pub(super) fn new(scripts: usize, now_ns: i64, is_binance: bool) -> Self {
        Self {
            scripts,
            opened_ns: now_ns,
            speak_ns: (!is_binance).then_some(now_ns + SUBSCRIBE_NS),
            ping_ns: is_binance.then_some(now_ns + PING_NS),
            pong: None,
            broken_ns: None,
            close_ns: None,
        }
    }

    /// The client has said something.
    pub(super) fn has_spoken(&mut self) {
        self.speak_ns = None;
    }

    /// Only what repeats the ping counts.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.pong.take_if(|pong| pong.0.as_bytes() == payload);
    }

    /// When there is something to do next.
    pub(super) fn next_ns(&self) -> Option<i64> {
        let pong_ns = self.pong.as_ref().map(|pong| pong.1);
        let ping_ns = self.ping_ns.filter(|_| self.pong.is_none());
        let times = [self.speak_ns, ping_ns, pong_ns, self.broken_ns, self.close_ns];
        times.into_iter().flatten().min()
    }
}

impl Session {
    /// Meets new scripts, holds the client to its duties, and does what is due.
    pub(super) async fn look_after(&mut self) -> Result<(), End> {
        for played in self.venue.faults.after(self.duties.scripts) {
            self.duties.scripts += 1;
            self.meet(&played).await?;
        }
        let now_ns = self.venue.clock.now_ns();
        self.judge(now_ns)?;
        let is_due = |time_ns: &mut i64| *time_ns <= now_ns;
        if self.duties.broken_ns.take_if(is_due).is_some() {
            self.send_raw(Data::Text, b"{\"type\":\"\xff\xfe\"}", true).await?;
        }
        if self.duties.close_ns.take_if(is_due).is_some() {
            self.flush().await?;
            return Err(End::Close(1012, "Service restart"));
        }
        let pings = self.duties.pong.is_none() && self.duties.ping_ns.take_if(is_due).is_some();
        if pings {
            self.duties.ping_ns = Some(now_ns + PING_NS);
            if !self.venue.plays(Script::NoPings) {
                self.ping(PONG_NS, true).await?;
            }
        }
        Ok(())
    }

    async fn meet(&mut self, played: &Played) -> Result<(), End> {
        match played.script {
            script if script.resets_sockets() => Err(End::Reset),
            Script::Close(1006) | Script::DayEnds => Err(End::Fin),
            Script::Close(code) => Err(End::Close(code, "scripted")),
            Script::Silence => Err(End::Silence(played.until_ns)),
            Script::PongWithin(limit) => self.ping(nanos(limit), false).await,
            Script::Shutdown => {
                if let Some(notice) = self.dialect.shutdown_notice() {
                    self.duties.close_ns = Some(played.from_ns + SHUTDOWN_NS);
                    self.send(Message::text(notice)).await?;
                }
                Ok(())
            }
            Script::OddFrames => {
                self.duties.broken_ns = Some(played.from_ns + BROKEN_NS);
                for padding in [1, LARGE] {
                    let padding = "x".repeat(padding);
                    let name =
                        r#""type":"unheard_of","channel":"unheard_of","stream":"unheard_of""#;
                    let text = format!(
                        "{{{name},\"data\":{{\"e\":\"unheard_of\",\"padding\":\"{padding}\"}}}}"
                    );
                    self.send(Message::text(text)).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Ends the session of a client that does not keep to the rules.
    fn judge(&self, now_ns: i64) -> Result<(), End> {
        let checks = &self.venue.checks;
        let is_late = |until_ns: i64| now_ns > until_ns.saturating_add(checks.grace_ns);
        if self.duties.speak_ns.is_some_and(is_late) {
            checks.breach("nothing was subscribed within 5 s of the connect".to_owned());
            return Err(End::Fin);
        }
        if let Some((_, until_ns, is_rule)) = &self.duties.pong
            && is_late(*until_ns)
        {
            if *is_rule {
                checks.breach("a ping was not answered within 60 s".to_owned());
            }
            return Err(End::Close(1008, "Pong timeout"));
        }
        let is_old = now_ns - self.duties.opened_ns > DAY_NS;
        if is_old && self.venue.kind == VenueKind::Binance { Err(End::Fin) } else { Ok(()) }
    }

    async fn ping(&mut self, within_ns: i64, is_rule: bool) -> Result<(), End> {
        let now_ns = self.venue.clock.now_ns();
        let payload = (self.venue.stamp_ns() / 1_000_000).to_string();
        self.duties.pong = Some((payload.clone(), now_ns + within_ns, is_rule));
        self.send(Message::Ping(payload.into())).await
    }
}
