//! One page from the store, and where the next begins.

use market::candle::Candle;
use market::interval::Interval;

use super::fill::{Neighbours, fill};
use super::params::{Fill, Order, Params};
use super::{Format, cursor};
use crate::problem::Problem;
use crate::store::{OpenTimes, Store, StoreError, StoredSeries, Walk};

/// A question that is answered page by page.
pub(super) struct Plan {
    pub(super) series: StoredSeries,
    pub(super) interval: Interval,
    pub(super) walk: Walk,
    fill: Fill,
    /// What is left of the range.
    times: OpenTimes,
    fingerprint: u64,
    last_open_time_ms: Option<i64>,
}

/// The candles of one page in the order of the walk.
pub(super) struct Slice {
    pub(super) candles: Vec<Candle>,
    /// Whether the range holds more.
    pub(super) more: bool,
}

impl Plan {
    pub(super) fn new(series: StoredSeries, params: &Params) -> Result<Self, Problem> {
        let walk = walk_of(params);
        let question = format!(
            "{} {} {:?} {:?} {walk:?} {:?} {:?}",
            series.series,
            params.interval,
            params.start_ms,
            params.end_ms,
            params.order,
            params.fill
        );
        let mut plan = Self {
            series,
            interval: params.interval,
            walk,
            fill: params.fill,
            times: OpenTimes { from_ms: params.start_ms, to_ms: params.end_ms },
            fingerprint: cursor::fingerprint(&question),
            last_open_time_ms: None,
        };
        if let Some(text) = &params.cursor {
            plan.go_on_after(cursor::decode(text, plan.fingerprint)?);
        }
        Ok(plan)
    }

    /// Reads the next page of at most `limit` candles.
    pub(super) async fn read(&mut self, store: &Store, limit: usize) -> Result<Slice, StoreError> {
        // One more than asked for tells whether there is a next page.
        let rows =
            store.candles(&self.series, self.interval, self.times, self.walk, limit + 1).await?;
        let mut candles: Vec<Candle> = rows.into_iter().map(|row| row.candle).collect();
        if self.fill != Fill::None {
            let neighbours = self.neighbours(store).await?;
            candles = fill(candles, &neighbours, self.interval, self.walk, self.fill, limit + 1);
        }
        let more = candles.len() > limit;
        candles.truncate(limit);
        if let Some(last) = candles.last() {
            self.go_on_after(last.open_time_ms);
        }
        Ok(Slice { candles, more })
    }

    /// Where the next page begins.
    pub(super) fn cursor(&self) -> Option<String> {
        self.last_open_time_ms.map(|time| cursor::encode(time, self.fingerprint))
    }

    fn go_on_after(&mut self, open_time_ms: i64) {
        self.last_open_time_ms = Some(open_time_ms);
        match self.walk {
            Walk::Forward => self.times.from_ms = Some(open_time_ms.saturating_add(1)),
            Walk::Backward => self.times.to_ms = Some(open_time_ms),
        }
    }

    /// The stored candles on both sides of the range: between them there may be windows to fill.
    async fn neighbours(&self, store: &Store) -> Result<Neighbours, StoreError> {
        let mut neighbours = Neighbours { before: None, after: None, times: self.times };
        if self.times.from_ms.is_some() {
            let times = OpenTimes { from_ms: None, to_ms: self.times.from_ms };
            neighbours.before = self.nearest(store, times, Walk::Backward).await?;
        }
        if self.times.to_ms.is_some() {
            let times = OpenTimes { from_ms: self.times.to_ms, to_ms: None };
            neighbours.after = self.nearest(store, times, Walk::Forward).await?;
        }
        Ok(neighbours)
    }

    async fn nearest(
        &self,
        store: &Store,
        times: OpenTimes,
        walk: Walk,
    ) -> Result<Option<Candle>, StoreError> {
        let mut rows = store.candles(&self.series, self.interval, times, walk, 1).await?;
        Ok(rows.pop().map(|row| row.candle))
    }
}

/// From which end the range is read.
fn walk_of(params: &Params) -> Walk {
    let whole = params.format == Format::Csv && params.limit.is_none();
    match (params.start_ms, params.end_ms) {
        _ if whole => walk_in_order(params.order),
        (Some(_), Some(_)) => walk_in_order(params.order),
        (Some(_), None) => Walk::Forward,
        (None, _) => Walk::Backward,
    }
}

fn walk_in_order(order: Order) -> Walk {
    match order {
        Order::Ascending => Walk::Forward,
        Order::Descending => Walk::Backward,
    }
}
