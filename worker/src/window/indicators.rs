//! Moving averages of closes. Statistics, not money: the one place of floats beside alerts.
//!
//! Computed at a candle's first close over consecutive closed candles, and never revised.

use std::collections::VecDeque;

use market::candle::Trend;
use market::decimal::Decimal;
use serde::{Deserialize, Serialize};

const SHORT: usize = 20;
const LONG: usize = 50;
/// Weight of the newest close in an exponential mean with a span of 20: 2 / (20 + 1).
const EMA_WEIGHT: f64 = 2.0 / 21.0;
/// Averages this close to each other, as a share of the long one, are a flat trend.
const FLAT_SHARE: f64 = 0.001;

/// A decimal as a float, for statistics only.
#[expect(clippy::cast_precision_loss, reason = "statistics need no more than a float holds")]
pub(super) fn float(value: Decimal) -> f64 {
    value.units() as f64 / Decimal::ONE_UNITS as f64
}

/// The indicators of one candle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Indicators {
    pub(super) sma_20: Option<f64>,
    pub(super) sma_50: Option<f64>,
    pub(super) ema_20: Option<f64>,
    pub(super) trend: Option<Trend>,
}

/// The closes that the next candle's indicators need.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Closes {
    last: VecDeque<f64>,
    ema: Option<f64>,
}

impl Closes {
    /// The indicators of the candle that closed at this price. A candle without a known price
    /// breaks the row: the averages begin anew after it.
    pub(super) fn next(&mut self, close: Option<Decimal>) -> Indicators {
        let Some(close) = close.map(float) else {
            *self = Self::default();
            return Indicators::default();
        };
        if self.last.len() == LONG {
            self.last.pop_front();
        }
        self.last.push_back(close);
        self.ema = Some(match self.ema {
            Some(ema) => ema + EMA_WEIGHT * (close - ema),
            None => close,
        });
        let (sma_20, sma_50) = (self.mean(SHORT), self.mean(LONG));
        Indicators {
            sma_20,
            sma_50,
            ema_20: self.ema.filter(|_| self.last.len() >= SHORT),
            trend: sma_20.zip(sma_50).map(|(short, long)| trend(short, long)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 50")]
    fn mean(&self, count: usize) -> Option<f64> {
        let skip = self.last.len().checked_sub(count)?;
        Some(self.last.iter().skip(skip).sum::<f64>() / count as f64)
    }
}

fn trend(short: f64, long: f64) -> Trend {
    if (short - long).abs() <= long.abs() * FLAT_SHARE {
        Trend::Flat
    } else if short > long {
        Trend::Up
    } else {
        Trend::Down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(price: i128) -> Option<Decimal> {
        Decimal::from_units(price * Decimal::ONE_UNITS)
    }

    #[test]
    fn averages_wait_for_enough_candles_and_then_are_means() {
        let mut closes = Closes::default();
        let all: Vec<Indicators> = (1..=60).map(|price| closes.next(close(price))).collect();
        assert_eq!((all[18].sma_20, all[19].sma_20), (None, Some(10.5)));
        assert_eq!((all[48].sma_50, all[49].sma_50), (None, Some(25.5)));
        assert_eq!((all[18].ema_20, all[48].trend), (None, None));
        assert_eq!(all[59].sma_50, Some(35.5));
        assert_eq!(all[59].trend, Some(Trend::Up));
    }

    #[test]
    fn an_unknown_price_begins_the_averages_anew() {
        let mut closes = Closes::default();
        for price in 1..=20 {
            closes.next(close(price));
        }
        closes.next(None);
        assert_eq!(closes.next(close(7)).sma_20, None);
    }

    #[test]
    fn equal_averages_are_flat() {
        let mut closes = Closes::default();
        let last = (0..50).map(|_| closes.next(close(100))).last();
        assert_eq!(last.and_then(|last| last.trend), Some(Trend::Flat));
    }
}
