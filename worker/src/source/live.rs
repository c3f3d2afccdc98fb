//! Venues that are read from sockets, with nothing missed.
//!
//! ```text
//! venue ─▶ Line (task: reads, stamps, enqueues) ─▶ LiveSource ─▶ Sequencer of each instrument ─▶ records
//!                                                    │   ▲
//!                                       what to ask  ▼   │ pages
//!                                                 Search (tasks) ─▶ Rest, within the Host's limits
//! ```
//!
//! [`LiveSource`] alone owns the state; it moves while it is asked for records. When nobody asks,
//! the queue of the connection fills up, the connection ends, and ids tell what was missed.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::Url;
use tokio::task::{self, JoinSet};
use tokio::time::Interval;

use super::clock::SourceClock;
use super::{BATCH_RECORDS_MAX, Emission, Event, Flow, Listing, Look, Source, SourceError};

/// What is asked of REST, and what it answers.
mod ask;
/// Binance spot.
mod binance;
/// Coinbase Exchange.
mod coinbase;
/// One WebSocket connection.
mod connection;
/// What connections bring.
mod frames;
/// Trades that are held back.
mod held;
/// Text of a venue as values.
pub(super) mod json;
/// Kraken spot.
mod kraken;
/// How often a host may be asked.
mod limiter;
/// The connections of a source, and which of them counts.
mod lines;
/// One entry of the spec as a source.
mod open;
/// The REST side.
mod rest;
/// From a question to pages.
mod search;
/// The trades of one instrument, in order.
mod sequencer;
/// How far our clock is from the venue's.
mod skew;
/// What happens as time passes.
mod turn;
/// What is particular to a venue.
mod venue;

use ask::{Answer, Unanswered};
use connection::Note;
use held::HeldBytes;
use limiter::Hosts;
pub(super) use limiter::{Host, HostLimits, Need};
use lines::Lines;
pub(super) use open::{LiveOptions, VenueName, client, endpoint, open};
use rest::Rest;
use sequencer::{NANOS_PER_SECOND, Sequencer};
use skew::Skew;
use venue::{Frame, Listed, Names, Venue};

/// How often time passes for the sequencers.
const TURN_EVERY: Duration = Duration::from_millis(250);
/// The shortest turn on the wall.
const TURN_WALL_MIN: Duration = Duration::from_millis(10);
/// Records are handed on at once, but at most once in such a time: in a burst every wakeup and every
/// request to Kafka is for many of them.
const PACE: Duration = Duration::from_millis(5);
/// Notes of a connection that are taken at once.
const NOTES_MAX: usize = 512;
/// Questions to REST at once, of one source; some of them are kept for those that cannot wait.
const ASKED_MAX: usize = 4;
const PATIENT_MAX: usize = 2;
/// A trade that happened so much after its receipt is marked as of the future.
const FUTURE_NS: i64 = 60 * NANOS_PER_SECOND;

/// What all live sources of a process share; a cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    hosts: Hosts,
    held_bytes: Arc<HeldBytes>,
    keys: Arc<Keys>,
}

/// Secrets of venues; their `Debug` shows none.
#[derive(Default)]
struct Keys {
    coin_gecko: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Shared {
    /// With the key of CoinGecko, where there is one.
    #[must_use]
    pub fn with_keys(coin_gecko: Option<String>) -> Self {
        let coin_gecko = coin_gecko.filter(|key| !key.is_empty());
        Self { keys: Arc::new(Keys { coin_gecko }), ..Self::default() }
    }

    /// The host of an address, as all of this process know it.
    pub(super) fn host(
        &self,
        url: &Url,
        limits: HostLimits,
        clock_and_producers: (&SourceClock, u32),
    ) -> Arc<Host> {
        let port = url.port_or_known_default().unwrap_or(0);
        let name = format!("{}:{port}", url.host_str().unwrap_or(""));
        self.hosts.host(&name, limits, clock_and_producers)
    }

    pub(super) fn coin_gecko_key(&self) -> Option<&str> {
        self.keys.coin_gecko.as_deref()
    }
}

/// One instrument.
struct Instrument {
    sequencer: Sequencer,
    /// As REST calls it.
    rest_name: String,
    /// Whether it is not read, for the venue refuses it.
    refused: Option<Refused>,
    /// Why REST gave nothing when it was last asked.
    unanswered: String,
}

/// Until when an instrument is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Until the venue lists it.
    Unlisted,
    /// Until this time, in nanoseconds since the epoch: then it is tried again.
    Until(i64),
    /// As long as the spec names it.
    Always,
}

/// A question that is under way.
#[derive(Debug, Clone, Copy)]
struct Asking {
    /// Index of the instrument.
    instrument: usize,
    /// Whether it may wait for others.
    patient: bool,
}

/// A venue's trades.
pub(super) struct LiveSource {
    listings: Vec<Listing>,
    instruments: Vec<Instrument>,
    names: Names,
    venue: Arc<dyn Venue>,
    rest: Arc<Rest>,
    lines: Lines,
    answers: JoinSet<Result<Answer, Unanswered>>,
    asking: HashMap<task::Id, Asking>,
    list: JoinSet<Result<Vec<Listed>, Unanswered>>,
    list_after_ns: Option<i64>,
    ready: VecDeque<Emission>,
    pace: Interval,
    opened_ns: i64,
    turned_ns: i64,
    notes: Vec<Note>,
    frames: Vec<Frame>,
    events: Vec<Event>,
    clock: SourceClock,
    skew: Arc<Skew>,
    look: Arc<Mutex<Look>>,
}

/// What happened next.
enum Happened {
    Notes { spare: bool },
    Closed { spare: bool },
    Answered(usize, Result<Answer, Unanswered>),
    Listed(Result<Vec<Listed>, Unanswered>),
    Turn,
}

impl LiveSource {
    async fn advance(&mut self, batch: &mut Vec<Emission>) -> Flow {
        if self.ready.is_empty() && self.lines.queued() < NOTES_MAX {
            self.pace.tick().await;
        }
        while self.ready.is_empty() {
            match self.wait().await {
                Happened::Notes { spare } => self.take_notes(spare),
                Happened::Closed { spare } => self.close(spare).await,
                Happened::Answered(index, answer) => {
                    let now_ns = self.clock.now_ns();
                    self.note_unanswered(index, &answer);
                    self.tell(index, |sequencer, out| sequencer.answer(answer, now_ns, out));
                }
                Happened::Listed(listed) => self.take_list(listed),
                Happened::Turn => {}
            }
            self.turn_if_due();
            self.ask();
        }
        let count = self.ready.len().min(BATCH_RECORDS_MAX);
        batch.extend(self.ready.drain(..count));
        Flow::More
    }

    async fn wait(&mut self) -> Happened {
        self.notes.clear();
        let wall = self.clock.wall(TURN_EVERY).max(TURN_WALL_MIN);
        tokio::select! {
            (spare, count) = self.lines.receive(&mut self.notes, NOTES_MAX) => match count {
                0 => Happened::Closed { spare },
                _ => Happened::Notes { spare },
            },
            Some(answered) = self.answers.join_next_with_id() => {
                let (id, answer) = match answered {
                    Ok(answered) => answered,
                    Err(error) => (error.id(), Err(unfinished(&error))),
                };
                match self.asking.remove(&id) {
                    Some(asking) => Happened::Answered(asking.instrument, answer),
                    None => Happened::Turn,
                }
            }
            Some(listed) = self.list.join_next() => {
                Happened::Listed(listed.unwrap_or_else(|error| Err(unfinished(&error))))
            }
            () = tokio::time::sleep(wall) => Happened::Turn,
        }
    }

    /// Lets a sequencer speak.
    fn tell<R>(
        &mut self,
        index: usize,
        told: impl FnOnce(&mut Sequencer, &mut Vec<Event>) -> R,
    ) -> Option<R> {
        let instrument = self.instruments.get_mut(index)?;
        let answer = told(&mut instrument.sequencer, &mut self.events);
        let emissions = self.events.drain(..).map(|event| Emission { listing: index, event });
        self.ready.extend(emissions);
        Some(answer)
    }
}

fn unfinished(error: &task::JoinError) -> Unanswered {
    Unanswered::Again { reason: format!("a question was not finished: {error}") }
}

impl Source for LiveSource {
    fn listings(&self) -> &[Listing] {
        &self.listings
    }

    fn look(&self) -> Option<Arc<Mutex<Look>>> {
        Some(Arc::clone(&self.look))
    }

    fn next<'a>(
        &'a mut self,
        batch: &'a mut Vec<Emission>,
    ) -> BoxFuture<'a, Result<Flow, SourceError>> {
        Box::pin(async move { Ok(self.advance(batch).await) })
    }
}
