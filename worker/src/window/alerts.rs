//! Alert rules: evaluated on each accepted, on-time tick, in offset order, on the open 1m window
//! as known then. An alert is never retracted, and raised once per rule, direction and window.

use market::alert::{Alert, AlertRule, AlertType, Severity};
use market::decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Context;
use super::bar::{Bar, Print};
use super::indicators::float;

/// Weight of the newest value in the exponential means.
const ALPHA: f64 = 0.06;
/// Closed minutes before the exponential rules speak.
const HISTORY_MIN: u32 = 30;
const MEDIUM_PERCENT: f64 = 7.0;
const HIGH_PERCENT: f64 = 10.0;
/// Gates are this much inside the thresholds, so that rounding never hides a crossing.
const GATE_MARGIN: f64 = 1e-9;

/// Thresholds; 0 turns a rule off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertSettings {
    /// Move of the price within a minute, in percent.
    pub price_change_percent: f64,
    /// Standard deviations of a minute's log return.
    pub z_score: f64,
    /// Multiple of the usual volume of a minute.
    pub volume_burst: f64,
}

/// Exponential mean and variance of a series of values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Ewma {
    mean: f64,
    variance: f64,
    count: u32,
}

impl Ewma {
    fn add(&mut self, value: f64) {
        if self.count == 0 {
            self.mean = value;
        } else {
            let delta = value - self.mean;
            self.mean += ALPHA * delta;
            self.variance = (1.0 - ALPHA) * (self.variance + ALPHA * delta * delta);
        }
        self.count = self.count.saturating_add(1);
    }

    const fn ready(&self) -> bool {
        self.count >= HISTORY_MIN
    }
}

/// What the rules remember of closed minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    returns: Ewma,
    volumes: Ewma,
    previous_close: Option<f64>,
}

/// One alert that a tick raised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Raised {
    pub(super) rule: AlertRule,
    pub(super) alert_type: AlertType,
    pub(super) direction: &'static str,
    pub(super) price_change_percent: f64,
    pub(super) z_score: Option<f64>,
    pub(super) severity: Severity,
}

impl History {
    /// Takes in a minute at its first close. Without a known close the returns have a break.
    pub(super) fn close_minute(&mut self, close: Option<Decimal>, volume: Option<Decimal>) {
        let close = close.map(float);
        if let (Some(previous), Some(close)) = (self.previous_close, close) {
            self.returns.add((close / previous).ln());
        }
        self.previous_close = close;
        if let Some(volume) = volume {
            self.volumes.add(float(volume));
        }
    }

    /// The bounds within which no rule can speak on a minute that opened at this price:
    /// lowest price, highest price, largest volume.
    pub(super) fn gate(&self, settings: &AlertSettings, open: Decimal) -> Gate {
        let open = float(open);
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        if settings.price_change_percent > 0.0 {
            let share = settings.price_change_percent / 100.0;
            (low, high) = (open * (1.0 - share), open * (1.0 + share));
        }
        if settings.z_score > 0.0
            && self.returns.ready()
            && self.returns.variance > 0.0
            && let Some(previous) = self.previous_close
        {
            let reach = settings.z_score * self.returns.variance.sqrt();
            low = low.max(previous * (self.returns.mean - reach).exp());
            high = high.min(previous * (self.returns.mean + reach).exp());
        }
        let volume = if settings.volume_burst > 0.0 && self.volumes.ready() {
            settings.volume_burst * self.volumes.mean
        } else {
            f64::INFINITY
        };
        Gate {
            low: decimal(low * (1.0 + GATE_MARGIN)).unwrap_or(Decimal::ZERO),
            high: decimal(high * (1.0 - GATE_MARGIN)).unwrap_or(market::decimal::VOLUME_BOUND),
            volume: decimal(volume * (1.0 - GATE_MARGIN)).unwrap_or(market::decimal::VOLUME_BOUND),
        }
    }

    /// All that this tick raises, given the minute's bar with the tick in it.
    pub(super) fn raise(&self, settings: &AlertSettings, bar: &Bar, price: Decimal) -> Vec<Raised> {
        let change = (float(price) - float(bar.open)) / float(bar.open) * 100.0;
        let z_score = self.z_score(price);
        let (alert_type, direction) = if change < 0.0 {
            (AlertType::PriceDrop, "down")
        } else {
            (AlertType::PriceSpike, "up")
        };
        let severity = severity(change);
        let base = Raised {
            rule: AlertRule::PriceChange,
            alert_type,
            direction,
            price_change_percent: change,
            z_score,
            severity,
        };
        let mut raised = Vec::new();
        let threshold = settings.price_change_percent;
        if threshold > 0.0 && moved_at_least(bar.open, price, threshold) {
            raised.push(base);
        }
        if let Some(z_score) = z_score
            && settings.z_score > 0.0
            && z_score.abs() >= settings.z_score
        {
            let (alert_type, direction) = if z_score < 0.0 {
                (AlertType::PriceDrop, "down")
            } else {
                (AlertType::PriceSpike, "up")
            };
            raised.push(Raised { rule: AlertRule::ZScore, alert_type, direction, ..base });
        }
        let usual = self.volumes.mean;
        if settings.volume_burst > 0.0
            && self.volumes.ready()
            && float(bar.volume) > settings.volume_burst * usual
        {
            let (rule, alert_type) = (AlertRule::VolumeBurst, AlertType::VolumeBurst);
            raised.push(Raised { rule, alert_type, direction: "up", ..base });
        }
        raised
    }

    fn z_score(&self, price: Decimal) -> Option<f64> {
        let deviation = self.returns.variance.sqrt();
        let previous = self.previous_close?;
        (self.returns.ready() && deviation > 0.0)
            .then(|| ((float(price) / previous).ln() - self.returns.mean) / deviation)
    }
}

/// Bounds within which no rule can speak, so that most ticks cost three comparisons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gate {
    low: Decimal,
    high: Decimal,
    volume: Decimal,
}

impl Gate {
    /// Whether some rule may speak.
    pub(super) fn open_for(&self, price: Decimal, volume: Decimal) -> bool {
        price <= self.low || price >= self.high || volume >= self.volume
    }
}

impl super::SeriesWindows {
    /// Raises what this on-time tick of an open minute raises; most ticks stop at the gate.
    pub(super) fn raise_alerts(&mut self, at: usize, print: &Print, context: &mut Context<'_>) {
        let window = &self.frames[0].windows[at];
        let Some(bar) = &window.bar else { return };
        let (open_ms, close_ms) = (window.open_ms, window.close_ms);
        let gate = match self.gate {
            Some((of_ms, open, gate)) if of_ms == open_ms && open == bar.open => gate,
            _ => {
                let gate = self.history.gate(&context.settings.alerts, bar.open);
                self.gate = Some((open_ms, bar.open, gate));
                gate
            }
        };
        if !gate.open_for(print.price, bar.volume) {
            return;
        }
        let open_price = bar.open;
        for raised in self.history.raise(&context.settings.alerts, bar, print.price) {
            let window = &mut self.frames[0].windows[at];
            let bit = bit(raised.rule, raised.direction);
            if window.alerts & bit != 0 {
                continue;
            }
            window.alerts |= bit;
            let kind = (raised.rule, raised.direction);
            context.alert(
                raised.alert_type,
                kind,
                (open_ms, close_ms),
                print.key.event_ns,
                |alert| Alert {
                    price_change_percent: raised.price_change_percent,
                    open_price: Some(open_price),
                    close_price: Some(print.price),
                    severity: raised.severity,
                    z_score: raised.z_score,
                    ..alert
                },
            );
        }
    }
}

/// The bit of a rule and direction in a window's set of raised alerts.
fn bit(rule: AlertRule, direction: &str) -> u8 {
    let down = u8::from(direction == "down");
    match rule {
        AlertRule::PriceChange => 1 << down,
        AlertRule::ZScore => 4 << down,
        AlertRule::VolumeBurst => 16,
        AlertRule::StaleFeed => 32,
    }
}

/// Whether |price − open| / open reaches so many percent: exact, for thresholds of up to six
/// decimals.
fn moved_at_least(open: Decimal, price: Decimal, percent: f64) -> bool {
    let Some(millionths) = decimal(percent).map(|percent| percent.units() / 1_000_000) else {
        return false;
    };
    let moved = (price.units() - open.units()).abs();
    match (moved.checked_mul(100_000_000), open.units().checked_mul(millionths)) {
        (Some(moved), Some(threshold)) => moved >= threshold,
        _ => (float(price) - float(open)).abs() >= float(open) * percent / 100.0,
    }
}

fn severity(percent: f64) -> Severity {
    if percent.abs() >= HIGH_PERCENT {
        Severity::High
    } else if percent.abs() >= MEDIUM_PERCENT {
        Severity::Medium
    } else {
        Severity::Low
    }
}

/// A float as a decimal, where it is finite and within bounds; for gates and thresholds only.
fn decimal(value: f64) -> Option<Decimal> {
    Decimal::parse_rounded(&format!("{value:.12}")).ok()
}

#[cfg(test)]
mod tests;
