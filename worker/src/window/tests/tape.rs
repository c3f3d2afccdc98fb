//! Trades at random, and what becomes of them on their way.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    pub(super) id: u64,
    pub(super) event_ns: i64,
    pub(super) price: u32,
    pub(super) size: u32,
    pub(super) buys: bool,
}

impl Plain {
    pub(super) fn record(&self) -> Record<'static> {
        let (price, size) = (format!("{}.5", self.price), format!("0.{:03}", self.size));
        changed(trade(self.id, self.event_ns, &price, &size), |trade| {
            trade.side = Some(if self.buys { Side::Buy } else { Side::Sell });
        })
    }
}

/// Trades of one series: dense ids, event times that never go back and often tie.
pub(super) fn tape(step_ms_max: i64, count: usize) -> impl Strategy<Value = Vec<Plain>> {
    let step = prop_oneof![4 => Just(0), 4 => 0..2_000_i64, 2 => 0..step_ms_max];
    proptest::collection::vec((step, 90..110_u32, 1..1_000_u32, any::<bool>()), 1..count).prop_map(
        |steps| {
            let mut event_ns = DAY_NS;
            let trades = (1..).zip(steps).map(|(id, (step_ms, price, size, buys))| {
                event_ns += step_ms * 1_000_000;
                Plain { id, event_ns, price, size, buys }
            });
            trades.collect()
        },
    )
}

/// The order of arrival when each trade is delayed by at most the allowed lateness.
pub(super) fn delayed(trades: &[Plain], delays: &[i64]) -> Vec<Plain> {
    let mut order: Vec<(i64, Plain)> = trades
        .iter()
        .zip(delays.iter().cycle())
        .map(|(trade, delay)| (trade.event_ns + delay, *trade))
        .collect();
    order.sort_by_key(|(at, trade)| (*at, trade.id));
    order.into_iter().map(|(_, trade)| trade).collect()
}

pub(super) fn delays() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(prop_oneof![2 => Just(0), 3 => 0..MINUTE_NS], 1..50)
}

/// What becomes of a trade on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    Arrives,
    /// Nobody ever says a word about it.
    Vanishes,
    /// The source says that it will not come.
    Lost,
    /// The source says that its id is no trade.
    Void,
    /// It comes with numbers that cannot be folded.
    Unfit,
    /// It comes with a time that cannot be.
    Untimed,
}

/// The first trade arrives, and so do the neighbours of a lost one: the source that lost it sent
/// them.
pub(super) fn fates() -> impl Strategy<Value = Vec<Fate>> {
    use Fate::{Arrives, Lost, Unfit, Untimed, Vanishes, Void};
    let fate = prop_oneof![
        12 => Just(Arrives), 2 => Just(Vanishes), 1 => Just(Lost), 1 => Just(Void), 1 => Just(Unfit), 1 => Just(Untimed)
    ];
    proptest::collection::vec(fate, 60).prop_map(|mut fates| {
        fates[0] = Arrives;
        for at in 1..fates.len() {
            let alone = fates[at - 1] == Arrives && fates.get(at + 1) == Some(&Arrives);
            if fates[at] == Lost && !alone {
                fates[at] = Arrives;
            }
        }
        fates
    })
}

/// What comes of a tape: trades delayed, marks in the source's order, starts among them.
pub(super) fn arrivals(
    tape: &[Plain],
    fates: &[Fate],
    delays: &[i64],
    starts: &[usize],
) -> Vec<Record<'static>> {
    let mut order: Vec<(i64, u64, Record<'static>)> = Vec::new();
    for ((trade, fate), delay) in tape.iter().zip(fates).zip(delays.iter().cycle()) {
        let at = |delay: i64, record| (trade.event_ns + delay, trade.id, record);
        let id = trade.id;
        let place = usize::try_from(id).unwrap();
        order.extend(match fate {
            Fate::Arrives => Some(at(*delay, trade.record())),
            Fate::Vanishes => None,
            Fate::Lost => {
                let (from_ns, to_ns) = (tape[place - 2].event_ns, tape[place].event_ns);
                let reason = "refused".into();
                Some(at(0, mark(MarkKind::Lost { from_id: id, to_id: id, from_ns, to_ns, reason })))
            }
            Fate::Void => Some(at(0, mark(MarkKind::Void { from_id: id, to_id: id }))),
            Fate::Unfit => {
                let tiny = || amount("0.000000000001");
                let unfit =
                    changed(trade.record(), |trade| (trade.price, trade.size) = (tiny(), tiny()));
                Some(at(*delay, unfit))
            }
            Fate::Untimed => Some(at(
                *delay,
                changed(trade.record(), |trade| {
                    trade.future = true;
                    trade.event_time_ns += 400 * MINUTE_NS;
                }),
            )),
        });
        if *fate == Fate::Arrives && starts.contains(&place) {
            order.push(at(0, start(trade.event_ns + 1, id + 1)));
        }
    }
    order.sort_by_key(|(at, id, _)| (*at, *id));
    order.into_iter().map(|(_, _, record)| record).collect()
}

/// Past the last trade's day, so that all but the largest windows close.
pub(super) fn until(trades: &[Plain]) -> i64 {
    let last_ns = trades.last().map_or(DAY_NS, |trade| trade.event_ns);
    (last_ns / (1_440 * MINUTE_NS) + 1) * 1_440 * MINUTE_NS
}
