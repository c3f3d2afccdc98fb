//! What connections bring.

use super::connection::Note;
use super::venue::Frame;
use super::{FUTURE_NS, LiveSource, NANOS_PER_SECOND, Refused};

/// How long an instrument that the venue has refused is not asked for.
const REFUSED_NS: i64 = 300 * NANOS_PER_SECOND;

impl LiveSource {
    pub(super) fn take_notes(&mut self, spare: bool) {
        let notes = std::mem::take(&mut self.notes);
        for note in &notes {
            match note {
                Note::Open => self.opened(spare),
                Note::Alive(at_ns) => self.lines.heard(spare, *at_ns),
                Note::Text(at_ns, text) => {
                    self.lines.heard(spare, *at_ns);
                    let mut frames = std::mem::take(&mut self.frames);
                    self.venue.read(text, &self.names, &mut frames);
                    for frame in frames.drain(..) {
                        self.take_frame(frame, *at_ns, spare);
                    }
                    self.frames = frames;
                }
            }
        }
        self.notes = notes;
    }

    /// A connection is open; where its address subscribes, it carries all instruments.
    fn opened(&mut self, spare: bool) {
        let now_ns = self.clock.now_ns();
        let wanted = self.lines.opened(spare, now_ns);
        if self.venue.facts().subscribes_by_url {
            for index in wanted {
                if self.instruments[index].refused.is_none() {
                    self.subscribed(index, spare, now_ns);
                }
            }
        }
    }

    fn subscribed(&mut self, index: usize, spare: bool, now_ns: i64) {
        if self.lines.subscribed(spare, index) {
            self.tell(index, |sequencer, _| sequencer.connect(now_ns));
        }
    }

    fn take_frame(&mut self, frame: Frame, at_ns: i64, spare: bool) {
        match frame {
            Frame::Trade { instrument, mut trade, sent_ns } => {
                self.measure(at_ns, sent_ns);
                self.lines.brought_data(spare);
                let venue_ns = at_ns.saturating_sub(self.skew.least_ns().unwrap_or(0));
                trade.future = trade.event_time_ns > venue_ns.saturating_add(FUTURE_NS);
                trade.receive_time_ns = Some(at_ns);
                let can_be =
                    self.tell(instrument, |sequencer, out| sequencer.trade(trade, at_ns, out));
                self.lines.unreadable += u64::from(can_be == Some(false));
            }
            Frame::Heartbeat { instrument, newest_id, sent_ns } => {
                self.measure(at_ns, sent_ns);
                self.lines.brought_data(spare);
                if let Some(id) = newest_id {
                    let can_be =
                        self.tell(instrument, |sequencer, out| sequencer.newest(id, at_ns, out));
                    self.lines.unreadable += u64::from(can_be == Some(false));
                }
            }
            Frame::Subscribed { instrument, sent_ns } => {
                self.measure(at_ns, sent_ns);
                self.subscribed(instrument, spare, at_ns);
            }
            // The connection that counts still brings it.
            Frame::Refused { instrument: Some(index), .. }
                if spare && self.lines.carries(index) => {}
            Frame::Refused { instrument: Some(index), reason } => {
                let again_ns = at_ns.saturating_add(REFUSED_NS);
                self.refuse(index, Refused::Until(again_ns), &reason);
            }
            Frame::Refused { instrument: None, reason } => {
                tracing::warn!(venue = self.venue.facts().name, reason, "the venue refuses");
            }
            Frame::Trading { .. } if spare => {}
            Frame::Trading { open, reason } => {
                self.halt((!open).then_some(reason.as_str()), at_ns);
            }
            Frame::Closing => self.lines.replace("the venue is about to close it"),
            Frame::Unreadable => self.lines.unreadable += 1,
            Frame::Other => {}
        }
    }

    fn measure(&self, at_ns: i64, sent_ns: Option<i64>) {
        if let Some(sent_ns) = sent_ns {
            self.skew.received(at_ns, sent_ns);
        }
    }

    /// The venue will not send this instrument.
    pub(super) fn refuse(&mut self, index: usize, refused: Refused, reason: &str) {
        let Some(instrument) = self.instruments.get_mut(index) else { return };
        let now_ns = self.clock.now_ns();
        instrument.refused = Some(refused);
        tracing::warn!(instrument = self.listings[index].instrument, reason, "not read");
        self.tell(index, |sequencer, out| sequencer.disconnect(reason, now_ns, out));
    }

    /// The venue does not trade, for this reason, or does again.
    pub(super) fn halt(&mut self, reason: Option<&str>, now_ns: i64) {
        for index in 0..self.instruments.len() {
            self.tell(index, |sequencer, out| sequencer.halt(reason, now_ns, out));
        }
    }
}
