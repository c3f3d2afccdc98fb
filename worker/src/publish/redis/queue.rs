//! What waits to be published. Pure: whoever holds it decides when.
//!
//! Commits wait in their order, a limited number of them. When there is no room, or Redis has lost
//! its memory, commits are refused until the caller has read the store again: a number that is
//! left out would never be taken later. Of open bars only the newest one of a channel waits.

use std::collections::{BTreeMap, VecDeque};

use market::publication::Publication;
use tracing::Span;

use super::message::Standing;

/// Publications of commits that wait; a single commit may have more.
pub const PUBLICATIONS_QUEUED_MAX: usize = 16_384;
/// Commits that wait.
pub const COMMITS_QUEUED_MAX: usize = 1_024;
/// Open bars that wait; further channels are left out.
pub const OPEN_BARS_QUEUED_MAX: usize = 16_384;

/// Up to which commit of a claim all of a partition is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedTo {
    /// The partition.
    pub partition: i32,
    /// The claim's token.
    pub token: i64,
    /// The last commit that is published whole.
    pub commit_seq: i64,
}

/// What one commit wrote.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Committed {
    /// In the order of their numbers within each channel.
    pub publications: Vec<(Standing, Publication)>,
    /// What is published whole once these are.
    pub published_to: Vec<PublishedTo>,
    /// What ends when they are, where the commit is traced.
    pub span: Option<Span>,
}

/// What the caller has to read from the store and hand over again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// All that was committed after `published_seq`.
    Unpublished,
    /// That, and the last 500 closed candles of each channel: Redis has lost its memory.
    Everything,
}

/// One turn of catching up. It ends when another one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// What to hand over.
    pub missing: Missing,
    turn: u64,
}

/// Why a commit is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no room: try again later.
    Full,
    /// Something is missing before it: see [`super::RedisFeed::recovery`].
    Behind,
}

#[derive(Debug)]
pub(super) struct Queue {
    commits: VecDeque<Committed>,
    queued: usize,
    /// Whether a commit was taken out that is not finished.
    sending: bool,
    open_bars: BTreeMap<String, (Standing, Publication)>,
    behind: Option<Missing>,
    turn: u64,
    published_to: BTreeMap<i32, PublishedTo>,
    pub(super) up: bool,
    pub(super) closing: bool,
}

impl Default for Queue {
    /// Behind: nobody knows what was published before.
    fn default() -> Self {
        Self {
            commits: VecDeque::new(),
            queued: 0,
            sending: false,
            open_bars: BTreeMap::new(),
            behind: Some(Missing::Unpublished),
            turn: 0,
            published_to: BTreeMap::new(),
            up: false,
            closing: false,
        }
    }
}

impl Queue {
    /// Takes a commit, or falls behind.
    pub(super) fn offer(&mut self, commit: Committed) -> Result<(), Refusal> {
        if self.behind.is_some() {
            return Err(Refusal::Behind);
        }
        if !self.has_room(&commit) {
            self.fall_behind(Missing::Unpublished);
            return Err(Refusal::Behind);
        }
        self.push(commit);
        Ok(())
    }

    /// What the caller has to hand over: once Redis is there and nothing waits any more, so that
    /// it does not read what is about to be published.
    pub(super) fn recovery(&self) -> Option<Recovery> {
        let idle = self.up && self.commits.is_empty() && !self.sending;
        let missing = self.behind.filter(|_| idle)?;
        Some(Recovery { missing, turn: self.turn })
    }

    /// Takes a part of what was missing.
    pub(super) fn recover(
        &mut self,
        recovery: Recovery,
        commit: Committed,
    ) -> Result<(), (Refusal, Committed)> {
        if recovery.turn != self.turn {
            return Err((Refusal::Behind, commit));
        }
        if !self.has_room(&commit) {
            return Err((Refusal::Full, commit));
        }
        self.push(commit);
        Ok(())
    }

    /// All that was missing is handed over.
    pub(super) fn caught_up(&mut self, recovery: Recovery) -> Result<(), Refusal> {
        if recovery.turn != self.turn {
            return Err(Refusal::Behind);
        }
        self.behind = None;
        Ok(())
    }

    /// Keeps the newest open bar of each channel.
    pub(super) fn open_bars(&mut self, bars: impl Iterator<Item = (Standing, Publication)>) {
        for (standing, bar) in bars {
            let channel = bar.channel();
            if self.open_bars.len() < OPEN_BARS_QUEUED_MAX || self.open_bars.contains_key(&channel)
            {
                self.open_bars.insert(channel, (standing, bar));
            }
        }
    }

    /// The next commit, to be finished with [`Queue::finish`].
    pub(super) fn take_commit(&mut self) -> Option<Committed> {
        let commit = self.commits.pop_front()?;
        self.queued -= commit.publications.len();
        self.sending = true;
        Some(commit)
    }

    /// The commit that was taken out is published.
    pub(super) fn finish(&mut self, published_to: Vec<PublishedTo>) {
        self.sending = false;
        for to in published_to {
            self.published_to.insert(to.partition, to);
        }
    }

    pub(super) fn take_open_bars(&mut self) -> Vec<(Standing, Publication)> {
        std::mem::take(&mut self.open_bars).into_values().collect()
    }

    pub(super) fn take_published_to(&mut self) -> Vec<PublishedTo> {
        std::mem::take(&mut self.published_to).into_values().collect()
    }

    /// Redis has lost its memory: what waits comes after what it has lost.
    pub(super) fn forget(&mut self) {
        self.commits.clear();
        self.queued = 0;
        self.sending = false;
        self.fall_behind(Missing::Everything);
    }

    /// Whether commits are refused until the caller has caught up.
    pub(super) const fn is_behind(&self) -> bool {
        self.behind.is_some()
    }

    /// Publications of commits that wait, those on their way left out.
    pub(super) const fn waiting(&self) -> usize {
        self.queued
    }

    pub(super) fn has_work(&self) -> bool {
        !self.commits.is_empty() || !self.open_bars.is_empty()
    }

    fn fall_behind(&mut self, missing: Missing) {
        self.behind = Some(missing);
        self.turn += 1;
    }

    fn has_room(&self, commit: &Committed) -> bool {
        self.commits.is_empty()
            || (self.commits.len() < COMMITS_QUEUED_MAX
                && self.queued + commit.publications.len() <= PUBLICATIONS_QUEUED_MAX)
    }

    fn push(&mut self, commit: Committed) {
        self.queued += commit.publications.len();
        self.commits.push_back(commit);
    }
}
