//! The files of one series as one run of records in id order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use market::tick::MarkKind;

use super::super::tape::{Item, start};
use super::super::{Event, Listing, SourceError, SourceTrade};
use super::file::TradeFile;
use super::order::{Checked, Order};
use super::rows::{Body, Row};

const UNIT_NS_DEFAULT: i64 = 1_000_000;

/// Ids that are no trades, and wait for more of them.
struct Voids {
    from_id: u64,
    to_id: u64,
    at_ns: i64,
    joins: bool,
}

/// What is remembered of a row.
#[derive(Clone, Copy)]
struct Last {
    id: u64,
    time_ns: i64,
    unit_ns: i64,
}

/// One series, from its position on.
pub(super) struct ArchiveSeries {
    listing: Listing,
    files: VecDeque<TradeFile>,
    rows: Option<(Order, TradeFile)>,
    /// The id that the next row should have; rows below it were sent, or are skipped.
    expected_id: u64,
    /// Whether `start` was said.
    started: bool,
    /// The last row below `expected_id`.
    last: Option<Last>,
    voids: Option<Voids>,
    at_ns: i64,
    ready: VecDeque<Item>,
    done: Arc<AtomicU64>,
    skipped_rows: u64,
    finished: bool,
}

impl ArchiveSeries {
    /// The series of these files, in the order of their first ids, from `next_id` on.
    pub(super) fn new(
        listing: Listing,
        files: Vec<TradeFile>,
        next_id: Option<u64>,
        done: Arc<AtomicU64>,
    ) -> Self {
        let mut series = Self {
            listing,
            files: files.into(),
            rows: None,
            expected_id: next_id.unwrap_or(0),
            started: false,
            last: None,
            voids: None,
            at_ns: i64::MIN,
            ready: VecDeque::new(),
            done,
            skipped_rows: 0,
            finished: false,
        };
        series.skip_files();
        series
    }

    /// Leaves out files that end before the position, without reading them: both they and the
    /// next one are of named days or months that do not overlap.
    fn skip_files(&mut self) {
        while let [first, second, ..] = self.files.make_contiguous() {
            let apart = match (first.period, second.period) {
                (Some(first), Some(second)) => first.to_ns <= second.from_ns,
                _ => false,
            };
            if !apart || second.first.id > self.expected_id {
                return;
            }
            self.done.fetch_add(first.part.length, Ordering::Relaxed);
            self.files.pop_front();
        }
    }

    /// Reads on until something is ready, or all is read.
    fn advance(&mut self) -> Result<(), SourceError> {
        let Some((rows, _)) = &mut self.rows else {
            let Some(file) = self.files.pop_front() else {
                self.finish();
                return Ok(());
            };
            let following = self.files.front().map(|next| next.first);
            self.rows = file.open(following, &self.done)?.map(|rows| (rows, file));
            return Ok(());
        };
        match rows.next()? {
            Some(row) => self.take(row),
            None => self.end_file(),
        }
        Ok(())
    }

    fn take(&mut self, checked: Checked) {
        let Checked { row, at_ns, future } = checked;
        if row.id < self.expected_id {
            self.skipped_rows += 1;
            self.remember(&row, future);
            return;
        }
        let joins = row.id == self.expected_id;
        if let (true, Body::Void, Some(voids)) = (joins, &row.body, &mut self.voids) {
            voids.to_id = row.id;
            self.expected_id = row.id.saturating_add(1);
            return;
        }
        self.release_voids();
        let joins = self.begin(&row, at_ns);
        self.expected_id = row.id.saturating_add(1);
        self.remember(&row, future);
        match row.body {
            Body::Void => {
                self.voids = Some(Voids { from_id: row.id, to_id: row.id, at_ns, joins });
            }
            Body::Trade { .. } => {
                if let Some(trade) = trade(row, future) {
                    self.push(at_ns, joins, Event::Trade(trade));
                }
            }
        }
    }

    fn remember(&mut self, row: &Row, future: bool) {
        if row.time_ns > 0 && !future {
            self.last = Some(Last { id: row.id, time_ns: row.time_ns, unit_ns: row.unit_ns });
        }
    }

    /// Says `start` where this row begins the series, or a file that does not join; whether the
    /// row follows what was said without a hole.
    fn begin(&mut self, row: &Row, at_ns: i64) -> bool {
        let joins = row.id == self.expected_id;
        let file = self.rows.as_ref().map(|(_, file)| file);
        let first = file.filter(|file| file.first.id == row.id);
        let after_ns = at_ns.saturating_add(row.unit_ns);
        let whole = first.map(|file| match file.period {
            Some(period) => (period.from_ns, row.id),
            None => (after_ns, row.id),
        });
        let named = first.is_some_and(|file| file.period.is_some());
        // From the row before the position on, whether or not its next row is there.
        let onward = self.onward_ns().map(|from_ns| (from_ns, self.expected_id));
        let begun = match (self.started, whole, onward) {
            (true, None, _) => None,
            (true, Some(whole), _) => (!joins).then_some(whole),
            (false, Some(_), Some(onward)) if joins && !named => Some(onward),
            (false, Some(whole), _) => Some(whole),
            (false, None, Some(onward)) => Some(onward),
            (false, None, None) => Some((after_ns, row.id)),
        };
        let Some((from_ns, next_id)) = begun else { return joins };
        self.say_start(at_ns.min(from_ns), from_ns, next_id);
        next_id == row.id
    }

    fn say_start(&mut self, at_ns: i64, from_ns: i64, next_id: u64) {
        self.started = true;
        let start = start(&self.listing, from_ns, next_id);
        self.push(at_ns, false, Event::Mark(MarkKind::Start(start)));
    }

    fn release_voids(&mut self) {
        if let Some(Voids { from_id, to_id, at_ns, joins }) = self.voids.take() {
            self.push(at_ns, joins, Event::Mark(MarkKind::Void { from_id, to_id }));
        }
    }

    fn end_file(&mut self) {
        let Some((order, file)) = self.rows.take() else { return };
        self.release_voids();
        // After a bad row nobody knows whether it was the last one before the period's end.
        let vouched = file.period.filter(|_| !order.ends_badly());
        let ahead = vouched.filter(|period| period.to_ns > self.at_ns);
        self.start_without_rows();
        if let Some(period) = ahead.filter(|_| self.started) {
            let next_id = Some(self.expected_id);
            let live = MarkKind::Live { complete_to_ns: period.to_ns, next_id };
            self.push(period.to_ns, true, Event::Mark(live));
        }
    }

    /// Where the series goes on after the row just before `expected_id`, if that was read.
    fn onward_ns(&self) -> Option<i64> {
        let last = self.last.filter(|last| last.id.checked_add(1) == Some(self.expected_id))?;
        Some(last.time_ns.saturating_add(last.unit_ns))
    }

    /// Says `start` where all rows were before the position, up to the last one.
    fn start_without_rows(&mut self) {
        if let Some(from_ns) = self.onward_ns().filter(|_| !self.started) {
            self.say_start(from_ns, from_ns, self.expected_id);
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        let (instrument, next_id) = (&self.listing.instrument, self.expected_id);
        if !self.started {
            tracing::warn!(instrument, next_id, "all rows are before the position");
        }
        if self.skipped_rows > 0 {
            tracing::debug!(
                instrument,
                rows = self.skipped_rows,
                "rows before the position skipped"
            );
        }
    }

    fn push(&mut self, at_ns: i64, joins: bool, event: Event) {
        self.at_ns = self.at_ns.max(at_ns);
        let unit_ns = self.last.map_or(UNIT_NS_DEFAULT, |last| last.unit_ns);
        self.ready.push_back(Item { at_ns: self.at_ns, unit_ns, joins, event: Ok(event) });
    }
}

impl Iterator for ArchiveSeries {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        while self.ready.is_empty() && !self.finished {
            if let Err(error) = self.advance() {
                self.release_voids();
                self.finished = true;
                let (at_ns, unit_ns) = (self.at_ns, UNIT_NS_DEFAULT);
                self.ready.push_back(Item { at_ns, unit_ns, joins: false, event: Err(error) });
            }
        }
        self.ready.pop_front()
    }
}

fn trade(row: Row, future: bool) -> Option<SourceTrade> {
    let Body::Trade { price, size, side, executions } = row.body else { return None };
    Some(SourceTrade {
        trade_id: Some(row.id),
        executions,
        price,
        size,
        side,
        event_time_ns: row.time_ns,
        receive_time_ns: None,
        recovered: false,
        future,
    })
}
