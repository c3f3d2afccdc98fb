//! What Redis lacks: handed over from the store, one page in each turn.

use std::collections::{BTreeMap, VecDeque};

use market::interval::Interval;
use market::publication::Publication;
use market::symbol::Series;

use super::answers::Answers;
use super::claims::Claims;
use crate::aggregate::AggregateError;
use crate::publish::redis::{Committed, Missing, PublishedTo, Recovery, RedisFeed, Standing};
use crate::store::postgres::Unpublished;
use crate::store::{AlertRow, CandleRow, FeedRow, PostgresStore, SeriesInfo};

/// Closed candles of each channel that a Redis without memory is given.
const RECENT_CANDLES: u32 = 500;

/// Publications with their standing, of rows of a partition.
pub(super) struct Standings<'a> {
    pub(super) series: &'a [SeriesInfo],
    pub(super) claims: &'a Claims,
}

impl Standings<'_> {
    pub(super) fn of(&self, series: &Series) -> Option<Standing> {
        let info = self.series.iter().find(|info| info.series == *series)?;
        let owned = self.claims.owned.get(&info.partition)?;
        let (source_gen, claim) = (owned.claim.source_gen, owned.claim.claim);
        Some(Standing { source_gen, claim, primary: info.primary })
    }

    /// What is published of rows; those of partitions that are not ours are left out.
    pub(super) fn publications(
        &self,
        candles: &[CandleRow],
        alerts: &[AlertRow],
        feeds: &[FeedRow],
    ) -> Vec<(Standing, Publication)> {
        let mut all = Vec::with_capacity(candles.len() + alerts.len() + feeds.len());
        for row in candles {
            let (seq, candle) = (row.seq, row.candle.clone());
            let series = Series { symbol: candle.symbol.clone(), source: candle.source.clone() };
            let publication = if candle.closed {
                Publication::Candle { seq, candle }
            } else {
                Publication::OpenBar { seq, candle }
            };
            all.extend(self.of(&series).map(|standing| (standing, publication)));
        }
        for row in alerts {
            let (seq, alert) = (row.seq, row.alert.clone());
            let series = Series { symbol: alert.symbol.clone(), source: alert.source.clone() };
            let publication = Publication::Alert { seq, alert };
            all.extend(self.of(&series).map(|standing| (standing, publication)));
        }
        for row in feeds.iter().filter(|row| row.changed) {
            let publication = Publication::Feed { seq: row.seq, feed: row.feed.clone() };
            all.extend(self.of(&row.feed.series).map(|standing| (standing, publication)));
        }
        all
    }
}

/// One turn of catching up.
pub(super) struct CatchingUp {
    recovery: Recovery,
    channels: VecDeque<(Series, Interval)>,
    /// Up to which commit each claim, a partition and its token, was handed over. What an earlier
    /// claim of ours was told to publish is not known of a later one.
    handed: BTreeMap<(i32, i64), i64>,
    /// What Redis had no room for.
    left: Option<Committed>,
}

impl CatchingUp {
    pub(super) fn new(recovery: Recovery, standings: &Standings<'_>, shown: &[Interval]) -> Self {
        let mut channels = VecDeque::new();
        if recovery.missing == Missing::Everything {
            for info in standings.series.iter().filter(|info| standings.of(&info.series).is_some())
            {
                channels.extend(shown.iter().map(|interval| (info.series.clone(), *interval)));
            }
        }
        Self { recovery, channels, handed: BTreeMap::new(), left: None }
    }

    pub(super) fn is_of(&self, recovery: Recovery) -> bool {
        self.recovery == recovery
    }

    /// Hands over one more page. True when all is handed over.
    pub(super) fn step(
        &mut self,
        feed: &RedisFeed,
        store: &mut PostgresStore,
        standings: &Standings<'_>,
        answers: &Answers,
    ) -> Result<bool, AggregateError> {
        let next = match self.left.take() {
            Some(left) => Some(left),
            None => self.read(store, standings, answers)?,
        };
        let Some(next) = next else {
            return Ok(feed.caught_up(self.recovery).is_ok());
        };
        if let Err((_, back)) = feed.recover(self.recovery, next) {
            self.left = Some(back);
        }
        Ok(false)
    }

    fn read(
        &mut self,
        store: &mut PostgresStore,
        standings: &Standings<'_>,
        answers: &Answers,
    ) -> Result<Option<Committed>, AggregateError> {
        if let Some((series, interval)) = self.channels.pop_front() {
            let mut rows = answers.wait(store.recent(&series, interval, RECENT_CANDLES))?;
            rows.sort_by_key(|row| row.seq);
            let publications = standings.publications(&rows, &[], &[]);
            return Ok(Some(Committed { publications, ..Committed::default() }));
        }
        for (partition, owned) in &standings.claims.owned {
            let of = (*partition, owned.claim.token);
            let from = *self.handed.get(&of).unwrap_or(&owned.published_seq);
            if from < owned.claim.commit_seq {
                let page = answers.wait(store.unpublished(*partition, from))?;
                self.handed.insert(of, page.through_seq.max(from + 1));
                return Ok(Some(committed_of(&page, of, standings)));
            }
        }
        Ok(None)
    }
}

/// A page of what a partition has committed, to be published.
pub(super) fn committed_of(
    page: &Unpublished,
    (partition, token): (i32, i64),
    standings: &Standings<'_>,
) -> Committed {
    let publications = standings.publications(&page.candles, &page.alerts, &page.feeds);
    let commit_seq = page.through_seq;
    Committed {
        publications,
        published_to: vec![PublishedTo { partition, token, commit_seq }],
        span: None,
    }
}
