//! What can be watched.

use std::fmt;

use market::interval::Interval;
use market::publication::Publication;
use market::symbol::{Series, SourceName, Symbol};

/// One thing that can be watched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Channel {
    /// `SYMBOL:source:interval`
    Candles(Series, Interval),
    /// `SYMBOL:source:alerts`
    Alerts(Series),
    /// `SYMBOL:source:feed`
    Feed(Series),
    /// The reference's prices of one symbol.
    Prices(Symbol),
    /// The reference's prices of all symbols.
    AllPrices,
}

impl Channel {
    /// The channel of a publication.
    pub(crate) fn of(publication: &Publication) -> Self {
        match publication {
            Publication::Candle { candle, .. } | Publication::OpenBar { candle, .. } => {
                Self::Candles(
                    Series { symbol: candle.symbol.clone(), source: candle.source.clone() },
                    candle.interval,
                )
            }
            Publication::Alert { alert, .. } => {
                Self::Alerts(Series { symbol: alert.symbol.clone(), source: alert.source.clone() })
            }
            Publication::Feed { feed, .. } => Self::Feed(feed.series.clone()),
        }
    }

    /// Reads `SYMBOL:source:interval`, `SYMBOL:source:alerts` or `SYMBOL:source:feed`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (symbol, source, what) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let series =
            Series { symbol: Symbol::new(symbol).ok()?, source: SourceName::new(source).ok()? };
        match what {
            "alerts" => Some(Self::Alerts(series)),
            "feed" => Some(Self::Feed(series)),
            interval => Some(Self::Candles(series, interval.parse().ok()?)),
        }
    }

    /// The series, where it is one series' channel.
    pub(crate) fn series(&self) -> Option<&Series> {
        match self {
            Self::Candles(series, _) | Self::Alerts(series) | Self::Feed(series) => Some(series),
            Self::Prices(_) | Self::AllPrices => None,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Candles(series, interval) => write!(formatter, "{series}:{interval}"),
            Self::Alerts(series) => write!(formatter, "{series}:alerts"),
            Self::Feed(series) => write!(formatter, "{series}:feed"),
            Self::Prices(symbol) => write!(formatter, "prices:{symbol}"),
            Self::AllPrices => formatter.write_str("prices:ALL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_text_parses_back() {
        for text in ["BTC:binance:5m", "BTC:binance:1M", "BTC:binance:feed", "BTC:binance:alerts"] {
            assert_eq!(Channel::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "BTC", "BTC:binance", "BTC:binance:7m", "btc:binance:1m", "A:b:1m:1m"] {
            assert_eq!(Channel::parse(text), None, "{text}");
        }
    }
}
