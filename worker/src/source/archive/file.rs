//! A file of trades: what it holds, where it begins, what its name vouches for.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::super::SourceError;
use super::kraken::KrakenRows;
use super::order::{Order, Place};
use super::part::Part;
use super::rows::{CsvRows, Kind, Rows};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Binance's columns.
    Csv,
    /// Kraken's REST answers.
    KrakenJson,
}

impl Form {
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::KrakenJson => "json",
        }
    }
}

/// A day or month that a file is named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub from_ns: i64,
    /// Exclusive.
    pub to_ns: i64,
}

impl Period {
    /// The day or month at the very end of a name: `…-YYYY-MM-DD` or `…-YYYY-MM`, UTC.
    pub(super) fn of_stem(stem: &str) -> Option<Self> {
        let tail = |length: usize| {
            let tail = stem.get(stem.len().checked_sub(length)?..)?;
            let numbers: Vec<_> = tail.strip_prefix('-')?.split('-').collect();
            let digits = numbers.iter().all(|n| n.bytes().all(|byte| byte.is_ascii_digit()));
            (digits && numbers.first()?.len() == 4).then_some(numbers)
        };
        let (date, span) = if let Some([year, month, day]) = tail(11).as_deref() {
            (
                Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?),
                Span::new().days(1),
            )
        } else if let Some([year, month]) = tail(8).as_deref() {
            (Date::new(year.parse().ok()?, month.parse().ok()?, 1), Span::new().months(1))
        } else {
            return None;
        };
        let first = date.ok()?;
        let last = first.checked_add(span).ok()?;
        let ns = |date: Date| -> Option<i64> {
            let midnight: Timestamp = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
            i64::try_from(midnight.as_nanosecond()).ok()
        };
        Some(Self { from_ns: ns(first)?, to_ns: ns(last)? })
    }
}

/// A file of trades that is not empty.
#[derive(Debug, Clone)]
pub(super) struct TradeFile {
    pub part: Part,
    pub kind: Kind,
    form: Form,
    pub first: Place,
    pub period: Option<Period>,
    /// Kraken's name of the instrument.
    pub key: Option<String>,
}

impl TradeFile {
    /// Reads the beginning; `None` where the file has no rows.
    pub(super) fn peek(
        part: &Part,
        form: Form,
        named: Option<Kind>,
    ) -> Result<Option<Self>, SourceError> {
        let Some((rows, kind)) = open(part, form, named, &Arc::default())? else {
            return Ok(None);
        };
        let period = part.stems.iter().find_map(|stem| Period::of_stem(stem));
        let mut order = Order::new(rows, period, None);
        let Some(first) = order.next()? else { return Ok(None) };
        let key = match order.rows() {
            Rows::Csv(_) => None,
            Rows::Kraken(rows) => Some(rows.key.clone()),
        };
        Ok(Some(Self {
            part: part.clone(),
            kind,
            form,
            first: Place { id: first.row.id, time_ns: first.at_ns },
            period,
            key,
        }))
    }

    /// Opens it from its first row; `following` is the first row of the next file.
    pub(super) fn open(
        &self,
        following: Option<Place>,
        done: &Arc<AtomicU64>,
    ) -> Result<Option<Order>, SourceError> {
        let rows = open(&self.part, self.form, Some(self.kind), done)?;
        Ok(rows.map(|(rows, _)| Order::new(rows, self.period, following)))
    }
}

fn open(
    part: &Part,
    form: Form,
    named: Option<Kind>,
    done: &Arc<AtomicU64>,
) -> Result<Option<(Rows, Kind)>, SourceError> {
    let text = part.open(done)?;
    Ok(match form {
        Form::Csv => CsvRows::open(text, &part.label, named)?.map(|rows| {
            let kind = rows.kind();
            (Rows::Csv(rows), kind)
        }),
        Form::KrakenJson => {
            Some((Rows::Kraken(KrakenRows::open(text, &part.label)?), Kind::Trades))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_vouches_for_a_day_or_a_month_only_at_its_very_end() {
        let day = 86_400_000_000_000;
        let august = 1_722_470_400_000_000_000;
        for (stem, period) in [
            ("BTCUSDT-trades-2024-08-01", Some((august, august + day))),
            ("BTCUSDT-aggTrades-2024-08", Some((august, august + 31 * day))),
            ("BTCUSDT-trades-2024-08-08T2354", None),
            ("BTCUSDT-trades-2024-13", None),
            ("BTCUSDT-trades-2024-02-30", None),
            ("BTCUSDT-trades-2024", None),
            ("BTCUSDT-trades", None),
            ("BTCUSDT-trades-12024-08", None),
            ("", None),
        ] {
            let expected = period.map(|(from_ns, to_ns)| Period { from_ns, to_ns });
            assert_eq!(Period::of_stem(stem), expected, "{stem}");
        }
    }
}
