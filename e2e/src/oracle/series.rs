//! One series: what is known of each id, what is missing, and how far its time has come.

use std::collections::{BTreeMap, BTreeSet};

use super::Rules;
use super::ids::{Ids, Missing};
use super::record::{Lost, Mark, Says, SeriesName, Trade};
use super::sums::notional;
use super::windows::{NANOS_PER_MILLI, Windows, minute_close_ns, minute_of};

pub(super) struct Series {
    name: SeriesName,
    space: Option<String>,
    epoch: u64,
    watermark_ns: i64,
    /// Minutes that close at or before it take no more trades, as found when a minute closed or
    /// a trade came late.
    final_ns: i64,
    down: bool,
    ids: Ids,
    /// First and last id of the executions of each aggregate.
    executions: BTreeMap<u64, u64>,
    pub(super) windows: Windows,
}

impl Series {
    pub(super) fn new(name: SeriesName) -> Self {
        Self {
            windows: Windows::new(&name),
            name,
            space: None,
            epoch: 0,
            watermark_ns: i64::MIN,
            final_ns: i64::MIN,
            down: false,
            ids: Ids::default(),
            executions: BTreeMap::new(),
        }
    }

    /// Takes a trade; why it is a dead letter, if it is one.
    pub(super) fn trade(
        &mut self,
        trade: &Trade,
        rules: &Rules,
        alerts: &mut BTreeSet<String>,
    ) -> Option<&'static str> {
        if *self.space.get_or_insert_with(|| trade.space.clone()) != trade.space {
            return Some("space");
        }
        if self.is_duplicate(trade.id) {
            return None;
        }
        let late = self.watermark_ns
            > minute_close_ns(trade.event_ns).saturating_add(rules.allowed_lateness_ns);
        let product = notional(trade);
        let reason = match trade.executions {
            Some(executions) if self.overlaps(executions) => Some("conflict"),
            _ if trade.future => {
                self.lose_untimed(trade.id);
                return Some("future");
            }
            _ if late => Some("late"),
            _ if product.is_none() => Some("range"),
            _ => None,
        };
        let (None, Some(product)) = (reason, product) else {
            self.lose(trade.id, trade.event_ns);
            if late {
                self.final_ns = self.final_ns(rules);
            }
            return reason;
        };
        self.windows.add(trade, product);
        self.executions.extend(trade.executions);
        let mut from_ns = trade.event_ns.min(self.ids.happened(trade.id, trade.event_ns));
        from_ns = from_ns.min(self.ids.fold(trade.id));
        if self.ids.next.is_none_or(|next| trade.id >= next) {
            from_ns = from_ns.min(self.ids.expect(trade.id));
            self.ids.expect(trade.id + 1);
        }
        if minute_close_ns(trade.event_ns) > self.watermark_ns {
            self.raise(trade, rules, alerts);
        }
        self.windows.revise(from_ns, &self.ids);
        self.advance(trade.event_ns, rules);
        None
    }

    /// Folded already, no trade, or lost for good.
    fn is_duplicate(&self, id: u64) -> bool {
        let for_good = |gap: &&Missing| gap.lost && minute_close_ns(gap.to_ns) <= self.final_ns;
        self.ids.folded.contains(&id) || self.ids.missing.get(&id).filter(for_good).is_some()
    }

    /// Minutes that close at or before it take no more trades.
    fn final_ns(&self, rules: &Rules) -> i64 {
        self.watermark_ns.saturating_sub(rules.allowed_lateness_ns).saturating_sub(1)
    }

    fn overlaps(&self, (first, last): (u64, u64)) -> bool {
        self.executions.range(..=last).next_back().is_some_and(|(_, end)| *end >= first)
    }

    /// A trade that was read but cannot be folded is lost at its own time.
    fn lose(&mut self, id: u64, event_ns: i64) {
        if self.ids.folded.contains(&id) {
            return;
        }
        let mut from_ns = self.ids.happened(id, event_ns);
        from_ns = from_ns.min(self.ids.lose(id, event_ns, event_ns));
        from_ns = from_ns.min(self.ids.expect(id));
        if self.ids.next == Some(id) {
            self.ids.next = Some(id + 1);
            self.ids.expect(id + 1);
        }
        self.windows.revise(from_ns, &self.ids);
    }

    /// A trade whose time cannot be is lost between its neighbours.
    fn lose_untimed(&mut self, id: u64) {
        match self.ids.missing.get_mut(&id) {
            Some(gap) => gap.lost = true,
            None => {
                self.ids.untimed.insert(id);
            }
        }
    }

    /// A record that is no trade, but says which it would have been.
    pub(super) fn unreadable(&mut self, lost: &Lost) {
        if self.space.as_ref() == Some(&lost.space) && !self.is_duplicate(lost.id) {
            self.lose(lost.id, lost.event_ns);
        }
    }

    pub(super) fn mark(
        &mut self,
        mark: &Mark,
        rules: &Rules,
        alerts: &mut BTreeSet<String>,
    ) -> Option<&'static str> {
        match &mark.says {
            Says::Start { space, from_ns, next_id } => {
                if self.space.get_or_insert_with(|| space.clone()) != space {
                    return Some("space");
                }
                if mark.epoch > self.epoch {
                    (self.epoch, self.down) = (mark.epoch, false);
                }
                self.ids.bound_below(*next_id, from_ns - 1);
                let missing_ns = self.ids.expect(*next_id);
                if self.ids.covered_from_ns.is_none() {
                    self.ids.covered_from_ns = Some(*from_ns);
                    self.windows.begin(*from_ns);
                }
                self.windows.revise(missing_ns, &self.ids);
            }
            Says::Live { complete_to_ns, next_id } => {
                self.ids.bound_below(*next_id, *complete_to_ns);
                let missing_ns = self.ids.expect(*next_id);
                self.ids.vouch(*next_id, *complete_to_ns);
                self.windows.revise(missing_ns, &self.ids);
                self.advance(*complete_to_ns, rules);
            }
            Says::Lost { from_id, to_id, from_ns, to_ns } => {
                self.ids.bound_below(*from_id, *from_ns);
                let mut changed_ns = self.ids.expect(*from_id);
                for id in *from_id..=*to_id {
                    changed_ns = changed_ns.min(self.ids.lose(id, *from_ns, *to_ns));
                }
                if self.ids.next.is_some_and(|next| next <= *to_id) {
                    self.ids.expect(*to_id + 1);
                }
                self.windows.revise(changed_ns, &self.ids);
            }
            Says::Void { from_id, to_id } => {
                let changed = (*from_id..=*to_id).map(|id| self.ids.fold(id)).min();
                self.ids.expect(self.ids.next.unwrap_or(*from_id));
                self.windows.revise(changed.unwrap_or(i64::MAX), &self.ids);
            }
            Says::State { down } if mark.epoch >= self.epoch => {
                if *down && self.down && self.watermark_ns > i64::MIN {
                    alerts.insert(self.alert_id("stale_feed", "down", self.watermark_ns));
                }
                self.down = *down;
            }
            Says::End if mark.epoch >= self.epoch => {
                self.down = false;
                self.windows.snapshot(&self.ids);
            }
            Says::State { .. } | Says::End => {}
        }
        None
    }

    /// The watermark never goes back. When a minute closes, windows that take no more trades
    /// change no more, apart from those of holes that could still be filled.
    fn advance(&mut self, to_ns: i64, rules: &Rules) {
        if to_ns <= self.watermark_ns {
            return;
        }
        self.watermark_ns = to_ns;
        if self.windows.close(to_ns, &self.ids) {
            self.final_ns = self.final_ns(rules);
            let gaps = self.ids.missing.values();
            let fillable = gaps.filter(|gap| minute_close_ns(gap.to_ns) > self.final_ns);
            let kept_ns = fillable.map(|gap| gap.from_ns).min().unwrap_or(i64::MAX);
            self.windows.freeze(kept_ns.min(self.final_ns).div_euclid(NANOS_PER_MILLI));
        }
    }

    /// What a trade of the open minute raises.
    fn raise(&self, trade: &Trade, rules: &Rules, alerts: &mut BTreeSet<String>) {
        let Some(minute) = self.windows.minute(trade.event_ns) else { return };
        let open = minute.first.2;
        let direction = |down: bool| if down { "down" } else { "up" };
        let mut tell = |rule: &str, direction: &str| {
            alerts.insert(self.alert_id(rule, direction, trade.event_ns));
        };
        if (trade.price - open).abs() * 10_000 >= open * rules.price_change_basis_points {
            tell("price_change", direction(trade.price < open));
        }
        let history = &self.windows.history;
        if let Some(z_score) = history.z_score(trade.price)
            && z_score.abs() >= rules.z_score
        {
            tell("z_score", direction(z_score < 0.0));
        }
        if history.volume_exceeds(minute.volume, rules.volume_burst) {
            tell("volume_burst", "up");
        }
    }

    fn alert_id(&self, rule: &str, direction: &str, ns: i64) -> String {
        let (symbol, source) = &self.name;
        format!("{symbol}:{source}:{rule}:{direction}:1m:{}", minute_of(ns))
    }
}
