//! What is particular to a venue: its frames, its REST answers, its limits. Pure.

use std::collections::HashMap;
use std::time::Duration;

use super::ask::Row;
use super::limiter::HostLimits;
use crate::source::SourceTrade;

/// One thing that a frame says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Frame {
    /// A trade.
    Trade {
        /// Index into the instruments.
        instrument: usize,
        /// The trade.
        trade: SourceTrade,
        /// When the venue sent it, in nanoseconds since the epoch; `None` where that is not known.
        sent_ns: Option<i64>,
    },
    /// The newest trade of an instrument has this id, if it says so.
    Heartbeat {
        /// Index into the instruments.
        instrument: usize,
        /// The id.
        newest_id: Option<u64>,
        /// When the venue sent it.
        sent_ns: Option<i64>,
    },
    /// An instrument is subscribed to.
    Subscribed {
        /// Index into the instruments.
        instrument: usize,
        /// When the venue sent it.
        sent_ns: Option<i64>,
    },
    /// An instrument is refused.
    Refused {
        /// Index into the instruments; `None` for all that were asked for.
        instrument: Option<usize>,
        /// What the venue says.
        reason: String,
    },
    /// Whether the venue trades at all.
    Trading {
        /// Whether it does.
        open: bool,
        /// What it says.
        reason: String,
    },
    /// This connection is about to be closed by the venue.
    Closing,
    /// Nothing that matters here.
    Other,
    /// Not what the venue's frames look like.
    Unreadable,
}

/// Instruments by the name that frames use.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(HashMap<String, usize>);

impl Names {
    /// The names of these instruments, in their order.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self(names.enumerate().map(|(index, name)| (name.to_owned(), index)).collect())
    }

    /// The index of an instrument.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }

    /// Every name with its index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|(name, index)| (name.as_str(), *index))
    }
}

/// One instrument of the venue's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// As frames and the spec call it.
    pub instrument: String,
    /// As REST calls it.
    pub rest_name: String,
    /// Why it cannot be read, where so.
    pub closed: Option<String>,
}

/// From where on trades are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageFrom {
    /// The newest ones.
    Newest,
    /// From this id on, inclusive.
    Id(u64),
    /// From this time on, inclusive, in nanoseconds since the epoch.
    Time(i64),
}

/// One page of trades to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageAsk<'a> {
    /// As REST calls the instrument.
    pub rest_name: &'a str,
    /// From where on.
    pub from: PageFrom,
    /// Most trades, at most [`PAGE_ROWS_MAX`].
    pub rows: u64,
}

/// Most trades of one page, at every venue.
pub(super) const PAGE_ROWS_MAX: u64 = 1_000;

/// What can be asked for besides the newest trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursors {
    /// Ids and times.
    Both,
    /// Ids only.
    Ids,
    /// Times only.
    Times,
}

/// Why a body is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) enum BadBody {
    /// Not what this venue answers.
    Unreadable(String),
    /// The venue wants to be asked less often.
    TooMany,
    /// It cannot answer now.
    Later(String),
    /// It will not answer this question.
    Refused(String),
}

/// What does not change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// As records name it.
    pub name: &'static str,
    /// The time resolution of its trades, in nanoseconds.
    pub unit_ns: i64,
    /// What it allows one address.
    pub limits: HostLimits,
    /// What the venue calls its limit of REST, in the unit of [`HostLimits::rest`].
    pub rest_allowed: f64,
    /// The weight of one page of trades.
    pub page_weight: u32,
    /// The weight of the list of instruments.
    pub list_weight: u32,
    /// After how long without any frame a connection counts as dead.
    pub dead_after: Duration,
    /// What pages can be asked for.
    pub cursors: Cursors,
    /// The socket's host.
    pub socket: &'static str,
    /// The host of REST.
    pub rest: &'static str,
    /// The response header that says what weight was used in this minute.
    pub used_header: Option<&'static str>,
    /// Whether a connection subscribes without being told so for each instrument.
    pub subscribes_by_url: bool,
}

/// One venue.
pub(super) trait Venue: Send + Sync {
    /// What does not change.
    fn facts(&self) -> &'static Facts;

    /// Path and query of the socket for these instruments.
    fn socket_path(&self, instruments: &[&str]) -> String;

    /// What to send once the socket is open.
    fn subscribe(&self, instruments: &[&str]) -> Vec<String>;

    /// Reads one text frame.
    fn read(&self, text: &str, names: &Names, out: &mut Vec<Frame>);

    /// Path and query of the list of instruments.
    fn list_path(&self) -> &'static str;

    /// Reads the list of instruments.
    ///
    /// # Errors
    /// [`BadBody`].
    fn read_list(&self, body: &[u8]) -> Result<Vec<Listed>, BadBody>;

    /// Path and query of a page of trades.
    fn page_path(&self, ask: PageAsk<'_>) -> String;

    /// Reads a page of trades, in any order.
    ///
    /// # Errors
    /// [`BadBody`].
    fn read_page(&self, body: &[u8]) -> Result<Vec<Row>, BadBody>;

    /// What the body of a refusal means, where the status alone does not tell.
    fn read_refusal(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        text.chars().take(REFUSAL_CHARS_MAX).collect()
    }
}

/// What of a refusal is shown.
const REFUSAL_CHARS_MAX: usize = 200;
