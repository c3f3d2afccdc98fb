//! How far the ids of a series are on the topic. Pure.

use std::collections::BTreeMap;

/// Holes that are kept of one series; beyond them the lowest is given up.
const HOLES_MAX: usize = 4_096;

/// What the topic has, once a record is acknowledged or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// The series begins, or goes on, with this id.
    Begin {
        /// The next id that will come.
        next_id: u64,
    },
    /// These ids are there, or will never be.
    Ids {
        /// First id.
        first: u64,
        /// Last id.
        last: u64,
        /// Event time in nanoseconds; `None` where the ids are no trade.
        event_ns: Option<i64>,
    },
    /// Every id before this one is there, or there are none.
    Reached {
        /// The next id that may come.
        next_id: u64,
    },
    /// Nothing more will come.
    End,
}

/// The ids of one series that the topic has without a hole, and from where on to look for more.
///
/// A hole counts until trades so much later are there that nobody holds its ids back any more:
/// what goes on at [`Reach::next_id`] loses nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    next_id: Option<u64>,
    offset: i64,
    patience_ns: i64,
    latest_ns: i64,
    /// Ids beyond a hole: first to last, and when the hole before them was last open.
    beyond: BTreeMap<u64, (u64, i64)>,
}

impl Reach {
    /// So far. `offset` is that of the next record to look at. A hole counts until trades are
    /// there that happened `patience_ns` after it.
    #[must_use]
    pub const fn new(next_id: Option<u64>, offset: i64, patience_ns: i64) -> Self {
        Self { next_id, offset, patience_ns, latest_ns: i64::MIN, beyond: BTreeMap::new() }
    }

    /// As if the newest trade so far had happened then.
    #[must_use]
    pub fn after(mut self, latest_ns: Option<i64>) -> Self {
        self.latest_ns = self.latest_ns.max(latest_ns.unwrap_or(i64::MIN));
        self
    }

    /// When the newest trade happened, in nanoseconds since the epoch, so far as is known.
    #[must_use]
    pub fn latest_ns(&self) -> Option<i64> {
        (self.latest_ns > i64::MIN).then_some(self.latest_ns)
    }

    /// Every id before this one is there or will never be; `None` before the first record.
    #[must_use]
    pub const fn next_id(&self) -> Option<u64> {
        self.next_id
    }

    /// Records that raise [`Self::next_id`] further are at this offset or after it.
    #[must_use]
    pub const fn offset(&self) -> i64 {
        self.offset
    }

    /// The record at `offset` is there.
    pub fn take(&mut self, receipt: Receipt, offset: i64) {
        let before = self.next_id;
        match receipt {
            Receipt::Begin { next_id } => {
                self.next_id.get_or_insert(next_id);
            }
            Receipt::Ids { first, last, event_ns } => self.insert(first, last, event_ns),
            Receipt::Reached { next_id } => self.next_id = self.next_id.max(Some(next_id)),
            Receipt::End => self.give_up(usize::MAX),
        }
        if self.next_id != before {
            self.offset = offset.saturating_add(1);
        }
    }

    fn insert(&mut self, first: u64, last: u64, event_ns: Option<i64>) {
        self.latest_ns = self.latest_ns.max(event_ns.unwrap_or(i64::MIN));
        let next_id = *self.next_id.get_or_insert(first);
        if first <= next_id {
            self.next_id = Some(next_id.max(last.saturating_add(1)));
        } else {
            let open_ns = event_ns.unwrap_or(self.latest_ns);
            let (mut first, mut last, mut open_ns) = (first, last, open_ns);
            if let Some((&lower, &(end, lower_ns))) = self.beyond.range(..=first).next_back()
                && end.saturating_add(1) >= first
            {
                (first, last, open_ns) = (lower, last.max(end), lower_ns);
            }
            while let Some((&higher, &(end, _))) =
                self.beyond.range(first.saturating_add(1)..).next()
                && higher <= last.saturating_add(1)
            {
                last = last.max(end);
                self.beyond.remove(&higher);
            }
            self.beyond.insert(first, (last, open_ns));
        }
        let passed_ns = self.latest_ns.saturating_sub(self.patience_ns);
        let given_up = self.beyond.values().take_while(|(_, open_ns)| *open_ns < passed_ns).count();
        self.give_up(given_up.max(self.beyond.len().saturating_sub(HOLES_MAX)));
    }

    /// Gives up the lowest holes, then joins what follows without one.
    fn give_up(&mut self, mut holes: usize) {
        while let Some((&first, &(last, _))) = self.beyond.first_key_value() {
            let next_id = self.next_id.unwrap_or(first);
            if first > next_id {
                if holes == 0 {
                    return;
                }
                holes -= 1;
            }
            self.next_id = Some(next_id.max(last.saturating_add(1)));
            self.beyond.pop_first();
        }
    }
}

/// Receipts of records that were sent, by the number that travels with each.
#[derive(Debug)]
pub(super) struct Receipts {
    lanes: Vec<Reach>,
    sent: Vec<(usize, Receipt)>,
    free: Vec<usize>,
}

impl Receipts {
    pub(super) const fn new(lanes: Vec<Reach>) -> Self {
        Self { lanes, sent: Vec::new(), free: Vec::new() }
    }

    /// Keeps the receipt of a record of this lane; its number is never 0.
    pub(super) fn keep(&mut self, lane: usize, receipt: Receipt) -> usize {
        if let Some(slot) = self.free.pop() {
            self.sent[slot] = (lane, receipt);
            return slot + 1;
        }
        self.sent.push((lane, receipt));
        self.sent.len()
    }

    /// The record with this number was not sent.
    pub(super) fn forget(&mut self, number: usize) {
        self.free.extend(number.checked_sub(1));
    }

    /// The record with this number was acknowledged.
    pub(super) fn acknowledge(&mut self, number: usize, offset: i64) {
        let Some((slot, (lane, receipt))) =
            number.checked_sub(1).and_then(|slot| Some((slot, *self.sent.get(slot)?)))
        else {
            return;
        };
        self.free.push(slot);
        if let Some(reach) = self.lanes.get_mut(lane) {
            reach.take(receipt, offset);
        }
    }

    pub(super) fn lanes(&self) -> &[Reach] {
        &self.lanes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE_NS: i64 = 1_000;

    fn trade(id: u64, event_ns: i64) -> Receipt {
        Receipt::Ids { first: id, last: id, event_ns: Some(event_ns) }
    }

    fn begun() -> Reach {
        let mut reach = Reach::new(None, 7, PATIENCE_NS);
        reach.take(Receipt::Begin { next_id: 100 }, 7);
        reach
    }

    #[test]
    fn in_order_the_position_is_the_highest_id_and_its_offset() {
        let mut reach = begun();
        assert_eq!((reach.next_id(), reach.offset()), (Some(100), 8));
        for n in 0..5 {
            reach.take(trade(100 + n, 0), 8 + i64::try_from(n).unwrap());
        }
        assert_eq!((reach.next_id(), reach.offset()), (Some(105), 13));
        reach.take(trade(102, 0), 13);
        reach.take(Receipt::Begin { next_id: 90 }, 14);
        assert_eq!((reach.next_id(), reach.offset()), (Some(105), 13));
    }

    #[test]
    fn a_hole_holds_the_position_until_it_is_filled_passed_or_the_end() {
        let holding = || {
            let mut reach = begun();
            reach.take(trade(101, 10), 9);
            reach.take(trade(103, 11), 10);
            assert_eq!((reach.next_id(), reach.offset()), (Some(100), 8));
            reach
        };
        let mut filled = holding();
        filled.take(Receipt::Ids { first: 100, last: 100, event_ns: None }, 11);
        assert_eq!((filled.next_id(), filled.offset()), (Some(102), 12));
        let mut passed = holding();
        passed.take(trade(104, 11 + PATIENCE_NS), 11);
        assert_eq!(passed.next_id(), Some(102), "the second hole is as old as the patience");
        passed.take(trade(105, 12 + PATIENCE_NS), 12);
        assert_eq!((passed.next_id(), passed.offset()), (Some(106), 13));
        let mut ended = holding();
        ended.take(Receipt::End, 11);
        assert_eq!(ended.next_id(), Some(104));
    }

    proptest! {
        #[test]
        fn any_order_within_the_patience_ends_at_the_same_position(
            order in Just((0..200_u64).collect::<Vec<_>>()).prop_shuffle(),
            stop in 0..200_usize,
        ) {
            let mut reach = begun();
            for (offset, id) in order[..stop].iter().enumerate() {
                reach.take(trade(100 + id, 0), i64::try_from(offset).unwrap());
            }
            let missing = (0..200).find(|id| !order[..stop].contains(id));
            prop_assert_eq!(reach.next_id(), Some(100 + missing.unwrap_or(200)));
            for id in &order[stop..] {
                reach.take(trade(100 + id, 0), 1_000);
            }
            prop_assert_eq!(reach.next_id(), Some(300));
        }
    }

    #[test]
    fn a_number_is_used_again_only_after_its_answer() {
        let mut receipts = Receipts::new(vec![begun(), begun()]);
        let (first, second) = (receipts.keep(0, trade(100, 0)), receipts.keep(1, trade(100, 0)));
        assert_ne!(first, second);
        receipts.acknowledge(second, 50);
        assert_eq!(receipts.lanes()[0].next_id(), Some(100));
        assert_eq!(receipts.lanes()[1].next_id(), Some(101));
        assert_eq!(receipts.keep(1, trade(101, 0)), second);
        receipts.acknowledge(0, 1);
        receipts.forget(first);
        assert_eq!(receipts.keep(0, trade(101, 0)), first);
    }
}
