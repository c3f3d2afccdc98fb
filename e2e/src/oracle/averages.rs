//! Averages of closes, and what alerts are measured against: statistics, so floats.

use market::candle::Trend;

/// Weight of the newest value in the exponential means of alerts.
const ALPHA: f64 = 0.06;
/// Closed minutes from which on the exponential rules speak.
const HISTORY_MIN: usize = 30;
const UNITS: f64 = 1e12;

#[expect(clippy::cast_precision_loss, reason = "statistics need no more than a float holds")]
pub(super) fn float(units: i128) -> f64 {
    units as f64 / UNITS
}

/// `sma_20`, `sma_50`, `ema_20` and the trend.
pub(super) type Indicators = (Option<f64>, Option<f64>, Option<f64>, Option<Trend>);

/// Closes of consecutive candles, as each was when it closed first.
#[derive(Debug, Default)]
pub(super) struct Closes {
    closes: Vec<f64>,
    ema: f64,
}

impl Closes {
    /// The indicators of the candle that closed at this price. An unknown price breaks the row.
    pub(super) fn next(&mut self, close: Option<i128>) -> Indicators {
        let Some(close) = close.map(float) else {
            *self = Self::default();
            return (None, None, None, None);
        };
        self.ema = if self.closes.is_empty() {
            close
        } else {
            close * 2.0 / 21.0 + self.ema * 19.0 / 21.0
        };
        self.closes.push(close);
        let mean = |count: u8| {
            let last = self.closes.len().checked_sub(usize::from(count))?;
            Some(self.closes[last..].iter().sum::<f64>() / f64::from(count))
        };
        let (short, long) = (mean(20), mean(50));
        let trend = short.zip(long).map(|(short, long)| match short - long {
            apart if apart.abs() <= long * 0.001 => Trend::Flat,
            apart if apart > 0.0 => Trend::Up,
            _ => Trend::Down,
        });
        (short, long, (self.closes.len() >= 20).then_some(self.ema), trend)
    }
}

/// An exponential mean and deviation.
#[derive(Debug, Default)]
struct Usual {
    count: usize,
    mean: f64,
    variance: f64,
}

impl Usual {
    fn add(&mut self, value: f64) {
        self.count += 1;
        if self.count == 1 {
            self.mean = value;
            return;
        }
        let apart = value - self.mean;
        self.mean = (1.0 - ALPHA) * self.mean + ALPHA * value;
        self.variance = (1.0 - ALPHA) * (self.variance + ALPHA * apart * apart);
    }
}

/// What is usual of a series' minutes.
#[derive(Debug, Default)]
pub(super) struct History {
    previous_close: Option<f64>,
    returns: Usual,
    volumes: Usual,
}

impl History {
    /// Takes in a minute as it closed first.
    pub(super) fn close(&mut self, close: Option<i128>, volume: i128) {
        let close = close.map(float);
        if let Some((close, previous)) = close.zip(self.previous_close) {
            self.returns.add((close / previous).ln());
        }
        self.previous_close = close;
        self.volumes.add(float(volume));
    }

    /// By how many deviations this price differs from the usual.
    pub(super) fn z_score(&self, price: i128) -> Option<f64> {
        let deviation = self.returns.variance.sqrt();
        let speaks = self.returns.count >= HISTORY_MIN && deviation > 0.0;
        let previous = self.previous_close.filter(|_| speaks)?;
        Some(((float(price) / previous).ln() - self.returns.mean) / deviation)
    }

    /// How many times the usual volume this is.
    pub(super) fn volume_exceeds(&self, volume: i128, times: f64) -> bool {
        self.volumes.count >= HISTORY_MIN && float(volume) > times * self.volumes.mean
    }
}
