//! What Redis is told after a commit, what is open meanwhile, and what it lacks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use market::interval::Interval;
use market::symbol::Series;
use tracing::Span;

use super::folding::Folding;
use super::recovery::{CatchingUp, Standings, committed_of};
use crate::aggregate::AggregateError;
use crate::publish::redis::{Committed, PublishedTo, RedisFeed};
use crate::status::PublishStatus;
use crate::store::Commit;

/// Open bars are published this often.
const OPEN_BARS_EVERY: Duration = Duration::from_millis(250);
/// How often the store is told what is published.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Redis, where there is one.
pub(super) struct Publishing {
    feed: Option<RedisFeed>,
    intervals: Vec<Interval>,
    catching_up: Option<CatchingUp>,
    /// What is published of each partition, and the store was not told yet.
    untold: BTreeMap<i32, PublishedTo>,
    shown: Instant,
    told: Instant,
}

impl Publishing {
    pub(super) const fn new(
        feed: Option<RedisFeed>,
        intervals: Vec<Interval>,
        now: Instant,
    ) -> Self {
        Self { feed, intervals, catching_up: None, untold: BTreeMap::new(), shown: now, told: now }
    }

    /// Publishes what a commit wrote.
    pub(super) fn committed(
        &mut self,
        commit: &Commit,
        (published_to, span): (Vec<PublishedTo>, Option<Span>),
        folding: &Folding,
    ) {
        let Some(feed) = &self.feed else {
            self.untold.extend(published_to.into_iter().map(|of| (of.partition, of)));
            return;
        };
        let standings = Standings { series: &folding.series, claims: &folding.claims };
        let publications = standings.publications(&commit.candles, &commit.alerts, &commit.feeds);
        // What is refused is handed over by the recovery that follows.
        let _ = feed.committed(Committed { publications, published_to, span });
    }

    /// Sends and publishes what the last owners of these partitions committed and did not
    /// publish: it comes before what we commit.
    pub(super) fn claimed(
        &mut self,
        partitions: &[i32],
        folding: &mut Folding,
    ) -> Result<(), AggregateError> {
        let Folding { claims, flight, series, answers, stop, .. } = folding;
        let standings = Standings { series, claims };
        let Some(courier) = flight.courier() else { return Ok(()) };
        let mut behind = false;
        for partition in partitions {
            let Some(owned) = claims.owned.get(partition) else { continue };
            let (token, mut from) = (owned.claim.token, owned.published_seq);
            while from < owned.claim.commit_seq {
                let page = answers.wait(courier.store.unpublished(*partition, from))?;
                answers.wait(courier.send_alerts(page.alerts.iter(), stop))?;
                from = page.through_seq.max(from + 1);
                match &self.feed {
                    // What is refused, the recovery that follows reads again.
                    Some(feed) if !behind => {
                        behind = feed
                            .committed(committed_of(&page, (*partition, token), &standings))
                            .is_err();
                    }
                    Some(_) => {}
                    None => {
                        let published =
                            PublishedTo { partition: *partition, token, commit_seq: from };
                        self.untold.insert(*partition, published);
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells Redis what is open and what it lacks, and the store what Redis has.
    pub(super) fn turn(
        &mut self,
        folding: &mut Folding,
        now: Instant,
    ) -> Result<(), AggregateError> {
        if now.duration_since(self.told) >= TELL_EVERY {
            self.told = now;
            if let Some(feed) = &self.feed {
                let published = feed.take_published_to().into_iter();
                self.untold.extend(published.map(|of| (of.partition, of)));
            }
            tell_store(&mut self.untold, folding, now)?;
        }
        let Some(feed) = &self.feed else { return Ok(()) };
        if now.duration_since(self.shown) >= OPEN_BARS_EVERY {
            self.shown = now;
            show_open_bars(feed, folding);
        }
        if let Some(recovery) = feed.recovery() {
            let Folding { claims, flight, series, answers, .. } = &mut *folding;
            let standings = Standings { series, claims };
            let Some(courier) = flight.courier() else { return Ok(()) };
            let begun = self.catching_up.take().filter(|begun| begun.is_of(recovery));
            let mut catching_up =
                begun.unwrap_or_else(|| CatchingUp::new(recovery, &standings, &self.intervals));
            match catching_up.step(feed, &mut courier.store, &standings, answers) {
                Ok(true) => {}
                Ok(false) => self.catching_up = Some(catching_up),
                Err(error) if error.is_retryable() => {
                    tracing::warn!(error = %error, "the store does not tell what Redis lacks");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// How publishing is doing, where there is any.
    pub(super) fn status(&self) -> Option<PublishStatus> {
        let (up, backlog) = self.feed.as_ref()?.backlog();
        Some(PublishStatus { up, backlog })
    }

    /// Publishes what waits, for so long at most.
    pub(super) fn close(self, limit: Duration, folding: &Folding) {
        if let Some(feed) = self.feed {
            folding.handle.block_on(feed.close(limit));
        }
    }
}

fn show_open_bars(feed: &RedisFeed, folding: &mut Folding) {
    let bars = folding.engine.take_open_bars();
    let standings = Standings { series: &folding.series, claims: &folding.claims };
    feed.open_bars(bars.into_iter().filter_map(|(seq, candle)| {
        let series = Series { symbol: candle.symbol.clone(), source: candle.source.clone() };
        standings.of(&series).map(|standing| (standing, seq, candle))
    }));
}

/// Tells the store what is published; what it does not take is told again later. Should another
/// claim have come between while we had nothing to commit, this is where it shows.
fn tell_store(
    untold: &mut BTreeMap<i32, PublishedTo>,
    folding: &mut Folding,
    now: Instant,
) -> Result<(), AggregateError> {
    let Some(courier) = folding.flight.courier() else { return Ok(()) };
    let (mut overtaken, mut told) = (Vec::new(), Ok(()));
    while let Some((partition, PublishedTo { token, commit_seq, .. })) = untold.pop_first() {
        let owned = folding.claims.owned.get_mut(&partition);
        let Some(owned) = owned.filter(|owned| owned.claim.token == token) else { continue };
        owned.published_seq = owned.published_seq.max(commit_seq);
        match folding.answers.wait(courier.store.set_published(partition, token, commit_seq)) {
            Ok(true) => {}
            Ok(false) => overtaken.push(partition),
            Err(error) => {
                untold.insert(partition, PublishedTo { partition, token, commit_seq });
                told = Err(error);
                break;
            }
        }
    }
    for partition in overtaken {
        folding.fence(partition, now);
    }
    match told {
        Err(error) if error.is_retryable() => {
            tracing::warn!(error = %error, "the store does not take what is published");
            Ok(())
        }
        told => told,
    }
}
