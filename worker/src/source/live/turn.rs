//! What happens as time passes: connections, questions to REST, what is shown.

use std::sync::{Arc, PoisonError};

use super::ask::{Answer, Unanswered};
use super::lines::Turned;
use super::search::Search;
use super::sequencer::{Counts, NANOS_PER_SECOND};
use super::venue::Listed;
use super::{ASKED_MAX, Asking, Instrument, LiveSource, PATIENT_MAX, Refused, TURN_EVERY};
use crate::source::{Look, SymbolLook, close};

/// How long a connection waits for the list.
const LIST_WAIT_NS: i64 = 20 * NANOS_PER_SECOND;
/// How often the venue's list is read.
const LIST_EVERY_NS: i64 = 86_400 * NANOS_PER_SECOND;
/// How often while it lacks an instrument, which may only be halted.
const UNLISTED_AGAIN_NS: i64 = 300 * NANOS_PER_SECOND;
/// When it is asked for again, if it was not given.
const LIST_AGAIN_NS: i64 = 60 * NANOS_PER_SECOND;

impl LiveSource {
    /// A connection ended.
    pub(super) async fn close(&mut self, spare: bool) {
        let now_ns = self.clock.now_ns();
        let Some(reason) = self.lines.close(spare, now_ns).await else { return };
        let name = self.venue.facts().name;
        tracing::info!(venue = name, reason, "a connection ended");
        if spare {
            return;
        }
        let reason = format!("the connection to {name} is lost: {reason}");
        for index in 0..self.instruments.len() {
            if self.instruments[index].refused.is_none() {
                let reason = reason.as_str();
                self.tell(index, |sequencer, out| sequencer.disconnect(reason, now_ns, out));
            }
        }
        self.halt(None, now_ns);
        // The spare connection, where there was one, counts now.
        self.connect_carried(now_ns);
    }

    fn connect_carried(&mut self, now_ns: i64) {
        for index in 0..self.instruments.len() {
            if self.lines.carries(index) {
                self.tell(index, |sequencer, _| sequencer.connect(now_ns));
            }
        }
    }

    /// Why REST gives nothing is written down where it is new.
    pub(super) fn note_unanswered(&mut self, index: usize, answer: &Result<Answer, Unanswered>) {
        let Err(unanswered) = answer else { return };
        let reason = unanswered.to_string();
        let instrument = &mut self.instruments[index];
        if instrument.unanswered != reason {
            let named = &self.listings[index].instrument;
            tracing::warn!(instrument = named, reason, "trades are not given by REST");
            instrument.unanswered = reason;
        }
    }

    pub(super) fn turn_if_due(&mut self) {
        let now_ns = self.clock.now_ns();
        let every_ns = i64::try_from(TURN_EVERY.as_nanos()).unwrap_or(i64::MAX);
        // A clock that was set back stops nothing.
        let was_set_back = now_ns < self.turned_ns;
        if !was_set_back && now_ns < self.turned_ns.saturating_add(every_ns) {
            return;
        }
        self.turned_ns = now_ns;
        if now_ns >= self.opened_ns.saturating_add(LIST_WAIT_NS) {
            self.lines.may_connect();
        }
        if self.list_after_ns.is_some_and(|after_ns| now_ns >= after_ns) {
            self.list_after_ns = None;
            let rest = Arc::clone(&self.rest);
            self.list.spawn(async move { rest.list().await });
        }
        self.forgive(now_ns);
        let deaf = self.instruments.iter().any(|instrument| instrument.sequencer.is_deaf());
        if deaf {
            self.lines.replace("it is silent about trades that REST has");
        }
        let open = self.instruments.iter().enumerate();
        let open: Vec<_> = open
            .filter(|(_, instrument)| instrument.refused.is_none())
            .map(|(index, _)| (index, self.listings[index].instrument.as_str()))
            .collect();
        if self.lines.turn(now_ns, &open) == Turned::Replaced {
            self.connect_carried(now_ns);
        }
        let heard_ns = self.lines.heard_ns();
        let vouched_ns =
            heard_ns.zip(self.skew.most_ns()).map(|(heard, most)| heard.saturating_sub(most));
        for index in 0..self.instruments.len() {
            let vouched_ns = vouched_ns.filter(|_| self.lines.carries(index));
            self.tell(index, |sequencer, out| sequencer.turn(now_ns, vouched_ns, out));
        }
        self.show();
    }

    /// Shows how it is.
    fn show(&self) {
        let symbols = self.instruments.iter().zip(&self.listings).map(|(instrument, listing)| {
            let Counts { ticks, duplicates, gaps, repaired, lost } = instrument.sequencer.counts;
            let (symbol, state) = (listing.series.symbol.clone(), instrument.sequencer.state());
            SymbolLook { symbol, state, ticks, duplicates, gaps, repaired, lost }
        });
        let look = Look {
            reconnects: self.lines.reconnects,
            frames_unreadable: self.lines.unreadable,
            queued: self.lines.queued(),
            rest_left: self.rest.host.left(),
            skew_ns: self.skew.least_ns(),
            symbols: symbols.collect(),
        };
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = look;
    }

    /// Asks REST what the sequencers want to know.
    pub(super) fn ask(&mut self) {
        let now_ns = self.clock.now_ns();
        let first = usize::try_from(self.turned_ns.rem_euclid(1_000_003)).unwrap_or(0);
        for turn in 0..self.instruments.len() {
            if self.answers.len() >= ASKED_MAX {
                return;
            }
            let index = (first + turn) % self.instruments.len();
            let instrument = &mut self.instruments[index];
            let patient = instrument.sequencer.is_patient();
            let patients = self.asking.values().filter(|asking| asking.patient).count();
            if instrument.refused.is_some() || (patient && patients >= PATIENT_MAX) {
                continue;
            }
            let Some(ask) = instrument.sequencer.ask(now_ns) else { continue };
            let (rest, rest_name) = (Arc::clone(&self.rest), instrument.rest_name.clone());
            let task = self.answers.spawn(async move {
                let search = Search { rest: &rest, rest_name: &rest_name, patient };
                search.answer(ask).await
            });
            self.asking.insert(task.id(), Asking { instrument: index, patient });
        }
    }

    /// Instruments that were refused for a while are tried again.
    fn forgive(&mut self, now_ns: i64) {
        for instrument in &mut self.instruments {
            if let Some(Refused::Until(until_ns)) = instrument.refused
                && now_ns >= until_ns
            {
                instrument.refused = None;
            }
        }
    }

    /// What the venue lists tells how REST calls instruments, and which there are not.
    pub(super) fn take_list(&mut self, listed: Result<Vec<Listed>, Unanswered>) {
        let listed = match listed {
            Ok(listed) => listed,
            Err(unanswered) => {
                let name = self.venue.facts().name;
                tracing::warn!(venue = name, reason = %unanswered, "its instruments are not known");
                self.list_after_ns = Some(self.clock.now_ns().saturating_add(LIST_AGAIN_NS));
                self.lines.may_connect();
                return;
            }
        };
        for index in 0..self.instruments.len() {
            if self.instruments[index].refused == Some(Refused::Always) {
                continue;
            }
            let wanted = self.listings[index].instrument.clone();
            match listed.iter().find(|listed| listed.instrument == wanted) {
                Some(Listed { closed: Some(reason), .. }) => {
                    let name = self.venue.facts().name;
                    let reason = format!("{name} does not trade \"{wanted}\": {reason}");
                    self.refuse(index, Refused::Unlisted, &reason);
                }
                Some(listed) => {
                    let instrument = &mut self.instruments[index];
                    instrument.rest_name.clone_from(&listed.rest_name);
                    if instrument.refused == Some(Refused::Unlisted) {
                        instrument.refused = None;
                    }
                }
                None => {
                    let known = listed.iter().map(|listed| listed.instrument.as_str());
                    let reason = unknown(self.venue.facts().name, &wanted, known);
                    self.refuse(index, Refused::Unlisted, &reason);
                }
            }
        }
        let unlisted = |of: &Instrument| of.refused == Some(Refused::Unlisted);
        let again_ns = match self.instruments.iter().any(unlisted) {
            true => UNLISTED_AGAIN_NS,
            false => LIST_EVERY_NS,
        };
        self.list_after_ns = Some(self.clock.now_ns().saturating_add(again_ns));
        self.lines.may_connect();
    }
}

/// A sentence about an instrument that the venue does not have.
fn unknown<'a>(venue: &str, wanted: &str, known: impl Iterator<Item = &'a str>) -> String {
    match close::closest(wanted, known) {
        Some(close) => format!("{venue} has no \"{wanted}\"; did you mean \"{close}\"?"),
        None => format!("{venue} has no \"{wanted}\"; look its name up in the venue's list"),
    }
}
