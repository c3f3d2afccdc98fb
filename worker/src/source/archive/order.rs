//! The rows of one file whose ids and times can be true.
//!
//! A row is judged with the row before it and the two after it. One whose id they contradict is a
//! bad row: without it the rows after it would all seem to be sent already.

use std::collections::VecDeque;

use super::super::SourceError;
use super::super::tape::NANOS_PER_SECOND;
use super::file::Period;
use super::rows::{Row, Rows};

/// A row more than this much later than the next id's row is held to be in the future.
const FUTURE_GUARD_NS: i64 = 60 * NANOS_PER_SECOND;
/// At an end of a file, where no row confirms it, a row is not so far from its neighbour in time.
const PAUSE_NS_MAX: i64 = 24 * 60 * 60 * NANOS_PER_SECOND;
/// Ids so close to each other confirm each other.
const NEAR_IDS_MAX: u64 = 1_000;
/// A row, and the two that it is judged with.
const ROWS_AHEAD: usize = 3;

/// The id and the time of a row; the time is 0 where it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub id: u64,
    pub time_ns: i64,
}

/// A row whose id can be true.
pub(super) struct Checked {
    pub row: Row,
    /// Its time, or that of a neighbour where its own cannot be true.
    pub at_ns: i64,
    /// Whether its time is held to be in the future.
    pub future: bool,
}

/// What a row is judged with.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    /// The last row that was not bad; its time is one that can be true.
    before: Option<Place>,
    /// Whether that row's id was near the one before it.
    dense: bool,
    ahead: [Option<Place>; 2],
    /// Whether it is the last row of its file.
    last: bool,
    period: Option<Period>,
}

/// The rows of one file, without bad ones.
pub(super) struct Order {
    rows: Rows,
    ahead: VecDeque<Row>,
    /// How the file ends, once that is known.
    end: Option<Result<(), SourceError>>,
    /// The first row of the next file.
    following: Option<Place>,
    around: Around,
    ends_badly: bool,
}

impl Order {
    pub(super) fn new(rows: Rows, period: Option<Period>, following: Option<Place>) -> Self {
        let around = Around { period, ..Around::default() };
        let ahead = VecDeque::with_capacity(ROWS_AHEAD);
        Self { rows, ahead, end: None, following, around, ends_badly: false }
    }

    /// The next row. An error comes after all rows before it.
    pub(super) fn next(&mut self) -> Result<Option<Checked>, SourceError> {
        loop {
            self.read_ahead();
            let Some(row) = self.ahead.pop_front() else {
                return self.end.take().unwrap_or(Ok(())).map(|()| None);
            };
            let place = Place { id: row.id, time_ns: row.time_ns };
            let judged = self.look_around().judge(place);
            self.ends_badly = judged.is_err();
            match judged {
                Ok((at_ns, future)) => {
                    self.around = self.around.after(Place { time_ns: at_ns, ..place });
                    return Ok(Some(Checked { row, at_ns, future }));
                }
                Err(why) => self.rows.note_bad_id(row.id, why),
            }
        }
    }

    /// Whether the last row of the file was a bad one, so that nobody knows what came last.
    pub(super) fn ends_badly(&self) -> bool {
        self.ends_badly || self.rows.ends_badly()
    }

    pub(super) const fn rows(&self) -> &Rows {
        &self.rows
    }

    fn read_ahead(&mut self) {
        while self.end.is_none() && self.ahead.len() < ROWS_AHEAD {
            match self.rows.next() {
                Ok(Some(row)) => self.ahead.push_back(row),
                Ok(None) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    /// What the row that was just taken is judged with.
    fn look_around(&self) -> Around {
        let place = |row: &Row| Place { id: row.id, time_ns: row.time_ns };
        let before_id = self.around.before.map_or(0, |before| before.id);
        let ended = matches!(self.end, Some(Ok(())));
        let following = self.following.filter(|place| ended && place.id > before_id);
        let mut ahead = self.ahead.iter().map(place).chain(following);
        let ahead = [ahead.next(), ahead.next()];
        Around { ahead, last: self.ahead.is_empty(), ..self.around }
    }
}

impl Around {
    /// What the row after a good one is judged with.
    fn after(self, good: Place) -> Self {
        let dense = self.before.is_some_and(|before| near(before.id, good.id));
        Self { before: Some(good), dense, ..self }
    }

    /// The time to go by and whether the row's own is in the future, or why the row is bad.
    fn judge(&self, row: Place) -> Result<(i64, bool), &'static str> {
        if self.contradicts_id(row.id) {
            return Err("the rows around it contradict its id");
        }
        if self.contradicts_time(row.time_ns) {
            return Err("the rows around it contradict its time");
        }
        let future = self.is_future(row.time_ns);
        if row.time_ns > 0 && !future {
            return Ok((row.time_ns, false));
        }
        let neighbour = self.next_ns().or(self.before.map(|before| before.time_ns));
        let at_ns = neighbour.or(self.period.map(|period| period.from_ns));
        at_ns.map(|at_ns| (at_ns, future)).ok_or("neither it nor the rows around it have a time")
    }

    fn contradicts_id(&self, id: u64) -> bool {
        let confirmed = self.ahead.iter().flatten().any(|place| near(id, place.id));
        let Some(before) = self.before else {
            let [Some(next), Some(after)] = self.ahead else {
                return self.ahead[0].is_some_and(|next| next.id < id);
            };
            return !confirmed && (next.id < id || near(next.id, after.id));
        };
        if id <= before.id {
            return id < before.id;
        }
        let lower = |place: &Place| before.id < place.id && place.id < id;
        let alone = self.last && self.dense && !near(before.id, id);
        !confirmed && (alone || self.ahead.iter().flatten().any(lower))
    }

    /// Only the ends of a file decide where coverage begins and ends.
    fn contradicts_time(&self, time_ns: i64) -> bool {
        if time_ns <= 0 {
            return false;
        }
        let far = |from_ns: i64, to_ns: i64| to_ns.saturating_sub(from_ns) > PAUSE_NS_MAX;
        match (self.before, self.period) {
            (None, Some(period)) => {
                period.from_ns.saturating_sub(time_ns) > FUTURE_GUARD_NS
                    && self.next_ns().is_some_and(|next_ns| period.from_ns <= next_ns)
            }
            (None, None) => match self.ahead.map(known_ns) {
                [Some(next_ns), Some(after_ns)] => far(time_ns, next_ns) && far(time_ns, after_ns),
                _ => false,
            },
            (Some(before), None) => {
                self.last && self.next_ns().is_none() && far(before.time_ns, time_ns)
            }
            (Some(_), Some(_)) => false,
        }
    }

    fn is_future(&self, time_ns: i64) -> bool {
        let ahead_of = |ns: i64| time_ns.saturating_sub(ns) > FUTURE_GUARD_NS;
        let within = |period: &Period| self.before.is_some_and(|at| at.time_ns < period.to_ns);
        let after_period = self.period.filter(within).is_some_and(|period| ahead_of(period.to_ns));
        let ahead_of_next = match self.before {
            Some(_) => self.next_ns().is_some_and(ahead_of),
            None => {
                let mut times = self.ahead.into_iter().filter_map(known_ns);
                self.next_ns().is_some() && times.all(ahead_of)
            }
        };
        after_period || ahead_of_next
    }

    /// The time of the next row, but for one that is too early itself.
    fn next_ns(&self) -> Option<i64> {
        let early = |ns: i64| {
            self.before.is_some_and(|before| before.time_ns.saturating_sub(ns) > FUTURE_GUARD_NS)
        };
        self.ahead.into_iter().filter_map(known_ns).find(|ns| !early(*ns))
    }
}

fn known_ns(place: Option<Place>) -> Option<i64> {
    place.map(|place| place.time_ns).filter(|ns| *ns > 0)
}

/// Whether an id soon follows another.
fn near(id: u64, next_id: u64) -> bool {
    next_id > id && next_id - id <= NEAR_IDS_MAX
}
