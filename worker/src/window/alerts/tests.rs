//! Each rule speaks at its threshold, and no gate hides it.

use super::super::bar::{Key, Print};
use super::*;
use market::decimal::Notional;

const SETTINGS: AlertSettings =
    AlertSettings { price_change_percent: 5.0, z_score: 4.0, volume_burst: 5.0 };

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn bar(open: &str, volume: &str) -> Bar {
    Bar::of(&Print {
        key: Key { event_ns: 1, order: 1 },
        id: Some(1),
        price: number(open),
        size: number(volume),
        notional: Notional::ZERO,
        taker_buys: true,
        count: 1,
    })
}

fn rules(
    history: &History,
    open: &str,
    volume: &str,
    price: &str,
) -> Vec<(AlertRule, &'static str)> {
    let (bar, price) = (bar(open, volume), number(price));
    let raised = history.raise(&SETTINGS, &bar, price);
    let gate = history.gate(&SETTINGS, bar.open);
    assert!(raised.is_empty() || gate.open_for(price, bar.volume), "the gate hides an alert");
    raised.iter().map(|raised| (raised.rule, raised.direction)).collect()
}

#[test]
fn price_change_speaks_at_exactly_the_threshold() {
    let history = History::default();
    assert_eq!(rules(&history, "100", "1", "105"), [(AlertRule::PriceChange, "up")]);
    assert_eq!(rules(&history, "100", "1", "95"), [(AlertRule::PriceChange, "down")]);
    assert_eq!(rules(&history, "100", "1", "104.999999999999"), []);
}

#[test]
fn exponential_rules_wait_for_thirty_minutes() {
    let mut history = History::default();
    for minute in 0..=30 {
        assert_eq!(rules(&history, "100", "60", "100.4"), [], "minute {minute}");
        let close = if minute % 2 == 0 { "100" } else { "100.01" };
        history.close_minute(Some(number(close)), Some(number("10")));
        if minute == 28 {
            assert!(!history.volumes.ready());
        }
        if history.volumes.ready() {
            break;
        }
    }
    assert_eq!(rules(&history, "100", "50", "100"), []);
    assert_eq!(rules(&history, "100", "50.1", "100"), [(AlertRule::VolumeBurst, "up")]);
    history.close_minute(Some(number("100")), Some(number("10")));
    assert_eq!(rules(&history, "100", "1", "101"), [(AlertRule::ZScore, "up")]);
    assert_eq!(rules(&history, "100", "1", "99"), [(AlertRule::ZScore, "down")]);
}

#[test]
fn severity_follows_the_move() {
    let history = History::default();
    let severity =
        |price: &str| history.raise(&SETTINGS, &bar("100", "1"), number(price))[0].severity;
    assert_eq!(severity("106.9"), Severity::Low);
    assert_eq!(severity("107"), Severity::Medium);
    assert_eq!(severity("90"), Severity::High);
}

#[test]
fn zero_turns_a_rule_off() {
    let off = AlertSettings { price_change_percent: 0.0, z_score: 0.0, volume_burst: 0.0 };
    assert_eq!(History::default().raise(&off, &bar("100", "1"), number("200")), []);
}
