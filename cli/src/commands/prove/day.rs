//! What the exchange publishes of a day, and what the files are called.

use jiff::civil::Date;
use market::interval::Interval;

use super::Venue;

/// One day of one instrument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day<'a> {
    pub(super) venue: Venue,
    pub(super) instrument: &'a str,
    pub(super) date: Date,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Trades,
    Aggregates,
    Candles(Interval),
}

impl Kind {
    /// As file names say it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Aggregates => "aggTrades",
            Self::Candles(interval) => interval.as_str(),
        }
    }
}

impl Day<'_> {
    /// The file's name without its extension: `BTCUSDT-trades-2024-08-08`.
    pub(super) fn stem(&self, kind: Kind) -> String {
        format!("{}-{}-{}", self.instrument, kind.as_str(), self.date)
    }

    /// Where the file is on the exchange's site.
    pub(super) fn site_path(&self, kind: Kind) -> String {
        let market = match self.venue {
            Venue::Binance => "spot",
            Venue::BinanceUsdm => "futures/um",
        };
        let (instrument, stem) = (self.instrument, self.stem(kind));
        match kind {
            Kind::Trades | Kind::Aggregates => {
                format!("data/{market}/daily/{}/{instrument}/{stem}.zip", kind.as_str())
            }
            Kind::Candles(interval) => {
                format!("data/{market}/daily/klines/{instrument}/{interval}/{stem}.zip")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_where_the_exchange_puts_them() {
        let day = |venue| Day { venue, instrument: "BTCUSDT", date: Date::constant(2024, 8, 8) };
        assert_eq!(
            day(Venue::Binance).site_path(Kind::Trades),
            "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-08-08.zip"
        );
        assert_eq!(
            day(Venue::BinanceUsdm).site_path(Kind::Aggregates),
            "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-08-08.zip"
        );
        assert_eq!(
            day(Venue::BinanceUsdm).site_path(Kind::Candles(Interval::M5)),
            "data/futures/um/daily/klines/BTCUSDT/5m/BTCUSDT-5m-2024-08-08.zip"
        );
    }
}
