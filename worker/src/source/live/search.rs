//! From a question to pages: a venue finds trades by id or by time, and not every one by both.
//!
//! Ids and times both grow along the tape, so what cannot be asked for is searched for by halves.

use super::ask::{Answer, Ask, Near, Row, Unanswered};
use super::rest::Rest;
use super::sequencer::NANOS_PER_SECOND;
use super::venue::{Cursors, PAGE_ROWS_MAX, PageAsk, PageFrom};

/// Most pages of one search.
const PAGES_MAX: usize = 100;
/// How far before a time to begin looking for the last trade before it.
const BACK_NS: i64 = 10 * NANOS_PER_SECOND;
/// Over so many nanoseconds nothing is searched for: a year.
const BACK_NS_MAX: i64 = 366 * 86_400 * NANOS_PER_SECOND;

/// One series at the REST side of its venue.
pub(super) struct Search<'a> {
    pub(super) rest: &'a Rest,
    /// As REST calls the instrument.
    pub(super) rest_name: &'a str,
    /// Whether its calls may wait for others.
    pub(super) patient: bool,
}

impl Search<'_> {
    /// Answers a question.
    pub(super) async fn answer(&self, ask: Ask) -> Result<Answer, Unanswered> {
        match (ask, self.rest.venue.facts().cursors) {
            (Ask::Newest, _) => {
                let newest = self.newest().await?;
                Ok(Answer::of(newest.into_iter().collect(), true))
            }
            (Ask::From { id, .. }, Cursors::Both | Cursors::Ids) => self.by_id(id).await,
            (Ask::From { id, near }, Cursors::Times) => {
                let from = match near {
                    Some(near) if near.id <= id => near,
                    Some(_) | None => match self.at_or_before(id).await? {
                        Some(near) => near,
                        None => return Ok(Answer::of(Vec::new(), false)),
                    },
                };
                self.by_time(id, from).await
            }
            (Ask::LastBefore { ns }, Cursors::Both) => self.last_before_by_both(ns).await,
            (Ask::LastBefore { ns }, Cursors::Ids) => self.last_before_by_ids(ns).await,
            (Ask::LastBefore { ns }, Cursors::Times) => self.last_before_by_times(ns).await,
        }
    }

    async fn page(&self, from: PageFrom, rows: u64) -> Result<Vec<Row>, Unanswered> {
        let ask = PageAsk { rest_name: self.rest_name, from, rows };
        let rows = self.rest.page(ask, self.patient).await?;
        Ok(Answer::of(rows, false).rows)
    }

    async fn newest(&self) -> Result<Option<Row>, Unanswered> {
        Ok(self.page(PageFrom::Newest, 1).await?.pop())
    }

    async fn by_id(&self, id: u64) -> Result<Answer, Unanswered> {
        let mut rows = self.page(PageFrom::Id(id), PAGE_ROWS_MAX).await?;
        rows.retain(|row| row.id() >= id);
        let ends = (rows.len() as u64) < PAGE_ROWS_MAX;
        Ok(Answer { rows, ends })
    }

    /// Pages from a trade at or before `id` until it is there. Where its time was too late, it
    /// begins earlier.
    async fn by_time(&self, id: u64, near: Near) -> Result<Answer, Unanswered> {
        let (mut from_ns, mut back_ns) = (near.ns, BACK_NS);
        let mut before = false;
        for _ in 0..PAGES_MAX {
            let mut rows = self.page(PageFrom::Time(from_ns), PAGE_ROWS_MAX).await?;
            let ends = (rows.len() as u64) < PAGE_ROWS_MAX;
            let last_ns = rows.iter().filter_map(time).max();
            before |= rows.first().is_some_and(|row| row.id() <= id);
            if !before && back_ns < BACK_NS_MAX {
                from_ns = near.ns.saturating_sub(back_ns);
                back_ns = back_ns.saturating_mul(8);
                continue;
            }
            if ends || rows.last().is_some_and(|row| row.id() >= id) {
                rows.retain(|row| row.id() >= id);
                return Ok(Answer { rows, ends });
            }
            match last_ns {
                Some(last_ns) if last_ns > from_ns => from_ns = last_ns,
                _ => break,
            }
        }
        Err(too_far())
    }

    /// A trade at or before this id, by time; `None` where there is none.
    async fn at_or_before(&self, id: u64) -> Result<Option<Near>, Unanswered> {
        let Some(newest) = self.newest().await? else { return Ok(None) };
        let Some(newest_ns) = time(&newest) else { return Ok(None) };
        let (mut low_ns, mut high_ns) = (newest_ns.saturating_sub(BACK_NS_MAX), newest_ns);
        let mut back_ns = BACK_NS;
        let mut found = None;
        // The page at `low_ns` begins at or before the id, the one at `high_ns` after it.
        for _ in 0..PAGES_MAX {
            let at_ns = match found {
                None => newest_ns.saturating_sub(back_ns).max(low_ns),
                Some(_) => low_ns + (high_ns - low_ns) / 2,
            };
            let rows = self.page(PageFrom::Time(at_ns), PAGE_ROWS_MAX).await?;
            let first = rows.first().and_then(|row| Some(Near { id: row.id(), ns: time(row)? }));
            match first {
                Some(first) if first.id <= id => {
                    found = Some(first);
                    low_ns = at_ns;
                    if rows.last().is_some_and(|row| row.id() >= id) {
                        return Ok(found);
                    }
                }
                _ => {
                    high_ns = at_ns;
                    back_ns = back_ns.saturating_mul(8);
                    if found.is_none() && at_ns <= low_ns {
                        return Ok(None);
                    }
                }
            }
            if found.is_some() && high_ns.saturating_sub(low_ns) <= 1 {
                return Ok(found);
            }
        }
        Ok(found)
    }

    async fn last_before_by_both(&self, ns: i64) -> Result<Answer, Unanswered> {
        let Some(first) = self.page(PageFrom::Time(ns), 1).await?.pop() else {
            // Nothing since then: the newest one is before it.
            return Ok(Answer::of(self.newest().await?.into_iter().collect(), false));
        };
        let Some(before) = first.id().checked_sub(1) else {
            return Ok(Answer::of(vec![first], false));
        };
        let mut rows = self.page(PageFrom::Id(before), 1).await?;
        rows.retain(|row| matches!(row, Row::Trade(_)) && row.id() <= before);
        rows.push(first);
        Ok(Answer::of(rows, false))
    }

    async fn last_before_by_ids(&self, ns: i64) -> Result<Answer, Unanswered> {
        let Some(newest) = self.newest().await? else {
            return Ok(Answer::of(Vec::new(), false));
        };
        if time(&newest).is_none_or(|newest_ns| newest_ns < ns) {
            return Ok(Answer::of(vec![newest], false));
        }
        // The trade at `high` is not before the time; the one at `low` is, or there is none so low.
        let (mut low, mut high) = (0, newest.id());
        let mut back = PAGE_ROWS_MAX;
        for _ in 0..PAGES_MAX {
            let at = match low {
                0 => high.saturating_sub(back).max(1),
                low if high - low < PAGE_ROWS_MAX => low,
                low => low + (high - low) / 2,
            };
            let count = PAGE_ROWS_MAX.min(high - at + 1);
            let rows = self.page(PageFrom::Id(at), count).await?;
            let split = rows.partition_point(|row| time(row).is_some_and(|row_ns| row_ns < ns));
            if let (Some(after), true) = (rows.get(split), split > 0) {
                return Ok(Answer::of(vec![rows[split - 1].clone(), after.clone()], false));
            }
            match (rows.first(), rows.last()) {
                // Nothing is before the first one that there is.
                (Some(first), _) if split == 0 && (at <= 1 || at == low) => {
                    return Ok(Answer::of(vec![first.clone()], false));
                }
                (Some(first), _) if split == 0 => {
                    high = first.id();
                    back = back.saturating_mul(2);
                }
                (_, Some(last)) => low = last.id(),
                (_, None) => low = at + count - 1,
            }
        }
        Err(too_far())
    }

    async fn last_before_by_times(&self, ns: i64) -> Result<Answer, Unanswered> {
        let mut back_ns = BACK_NS;
        for _ in 0..PAGES_MAX {
            let mut from_ns = ns.saturating_sub(back_ns);
            let mut before: Option<Row> = None;
            for _ in 0..PAGES_MAX {
                let rows = self.page(PageFrom::Time(from_ns), PAGE_ROWS_MAX).await?;
                let split = rows.partition_point(|row| time(row).is_some_and(|row_ns| row_ns < ns));
                before = split.checked_sub(1).map(|at| rows[at].clone()).or(before);
                let full = rows.len() as u64 >= PAGE_ROWS_MAX;
                let last_ns = rows.iter().filter_map(time).max();
                if split < rows.len() || !full || last_ns.is_none_or(|last_ns| last_ns <= from_ns) {
                    break;
                }
                from_ns = last_ns.unwrap_or(from_ns);
            }
            if let Some(before) = before {
                return Ok(Answer::of(vec![before], false));
            }
            if back_ns >= BACK_NS_MAX {
                return Ok(Answer::of(self.page(PageFrom::Time(ns), 1).await?, false));
            }
            back_ns = back_ns.saturating_mul(8).min(BACK_NS_MAX);
        }
        Err(too_far())
    }
}

fn time(row: &Row) -> Option<i64> {
    match row {
        Row::Trade(trade) => Some(trade.event_time_ns),
        Row::Void(_) => None,
    }
}

fn too_far() -> Unanswered {
    Unanswered::Again { reason: "the trade is too far back to be found".to_owned() }
}
