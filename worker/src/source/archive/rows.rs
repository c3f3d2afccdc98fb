//! Rows of a file: one trade, or one id that is none, each.

use std::io;
use std::sync::Arc;

use csv::ByteRecord;
use market::tick::Side;

use super::super::SourceError;
use super::super::listing::{SPACE_AGGREGATES, SPACE_TRADES};
use super::kraken::KrakenRows;
use super::lines::Lines;
use super::part::Text;
use super::row::{integer, is_header, row, truth};

/// Rows without a readable id that are logged one by one; the rest is only counted.
const BAD_ROWS_LOGGED_MAX: u64 = 10;

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Single trades.
    Trades,
    /// Aggregates of the executions of one taker order at one price.
    Aggregates,
}

impl Kind {
    pub(super) const fn space(self) -> &'static str {
        match self {
            Self::Trades => SPACE_TRADES,
            Self::Aggregates => SPACE_AGGREGATES,
        }
    }

    /// The word in file names.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Aggregates => "aggTrades",
        }
    }

    /// What a header, or the columns of a row, say.
    fn of(record: &ByteRecord) -> Option<Self> {
        if is_header(record) {
            let aggregate = record.iter().any(|name| {
                let name = name.to_ascii_lowercase();
                name.starts_with(b"agg") || name.starts_with(b"first")
            });
            return Some(if aggregate { Self::Aggregates } else { Self::Trades });
        }
        let truth = |column: usize| record.get(column).and_then(truth).is_some();
        let integer = |column: usize| record.get(column).and_then(integer).is_some();
        match record.len() {
            6 | 7 if integer(4) && truth(5) => Some(Self::Trades),
            7 | 8 if integer(3) && integer(4) && integer(5) && truth(6) => Some(Self::Aggregates),
            _ => None,
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub id: u64,
    /// The venue's time; 0 where it cannot be read.
    pub time_ns: i64,
    /// The time resolution in which it is written.
    pub unit_ns: i64,
    pub body: Body,
}

/// What a row says of its id.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    /// It is no trade.
    Void,
    /// A trade, its text as written. A row that cannot be read otherwise has all of its text as
    /// price, so that it ends as a dead letter.
    Trade { price: Box<str>, size: Box<str>, side: Option<Side>, executions: Option<(u64, u64)> },
}

/// The rows of one part, in its order.
pub(super) enum Rows {
    Csv(CsvRows),
    Kraken(KrakenRows),
}

impl Rows {
    pub(super) fn next(&mut self) -> Result<Option<Row>, SourceError> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Kraken(rows) => rows.next(),
        }
    }

    /// Counts a row whose id the rows around it contradict.
    pub(super) fn note_bad_id(&mut self, id: u64, why: &'static str) {
        let (bad_rows, label) = match self {
            Self::Csv(rows) => (&mut rows.bad_rows, &rows.label),
            Self::Kraken(rows) => (&mut rows.bad_rows, &rows.label),
        };
        *bad_rows += 1;
        if *bad_rows <= BAD_ROWS_LOGGED_MAX {
            tracing::warn!(path = &**label, id, bad_rows = *bad_rows, why, "row is skipped");
        }
    }

    /// Whether the last row that was read has no readable id.
    pub(super) const fn ends_badly(&self) -> bool {
        match self {
            Self::Csv(rows) => rows.ends_badly,
            Self::Kraken(rows) => rows.ends_badly,
        }
    }
}

/// The rows of a Binance file.
pub(super) struct CsvRows {
    reader: csv::Reader<Lines>,
    record: ByteRecord,
    /// Whether `record` holds a row that was not given out.
    held: bool,
    kind: Kind,
    label: Arc<str>,
    row: u64,
    bad_rows: u64,
    /// Whether the last row that was read has no readable id.
    ends_badly: bool,
}

impl CsvRows {
    /// Reads as far as needed to tell what the rows are. `None` where there are none.
    pub(super) fn open(
        text: Text,
        label: &Arc<str>,
        named: Option<Kind>,
    ) -> Result<Option<Self>, SourceError> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .quoting(false)
            .from_reader(Lines::new(text));
        let mut rows = Self {
            reader,
            record: ByteRecord::new(),
            held: false,
            kind: Kind::Trades,
            label: Arc::clone(label),
            row: 0,
            bad_rows: 0,
            ends_badly: false,
        };
        if !rows.read()? {
            return Ok(None);
        }
        rows.held = true;
        rows.kind = match (Kind::of(&rows.record), named) {
            (Some(found), Some(named)) if found != named => {
                return Err(SourceError::MatchKind {
                    path: label.to_string(),
                    named: named.as_str(),
                    found: found.as_str(),
                });
            }
            (Some(kind), _) | (None, Some(kind)) => kind,
            (None, None) => return Err(SourceError::TellKind { path: label.to_string() }),
        };
        Ok(Some(rows))
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    fn read(&mut self) -> Result<bool, SourceError> {
        let more = self.reader.read_byte_record(&mut self.record).map_err(|error| {
            let cause = match error.into_kind() {
                csv::ErrorKind::Io(cause) => cause,
                kind => io::Error::other(format!("{kind:?}")),
            };
            SourceError::ReadRows { path: self.label.to_string(), row: self.row, cause }
        })?;
        self.row += u64::from(more);
        Ok(more)
    }

    fn next(&mut self) -> Result<Option<Row>, SourceError> {
        loop {
            if !std::mem::take(&mut self.held) && !self.read()? {
                return Ok(None);
            }
            if let Some(other) = Kind::of(&self.record).filter(|kind| *kind != self.kind) {
                return Err(SourceError::MixKinds {
                    path: self.label.to_string(),
                    row: self.row,
                    first: self.kind.as_str(),
                    second: other.as_str(),
                });
            }
            if is_header(&self.record) {
                continue;
            }
            let row = row(&self.record, self.kind);
            self.ends_badly = row.is_none();
            match row {
                Some(row) => return Ok(Some(row)),
                None => self.note_bad_row(),
            }
        }
    }

    fn note_bad_row(&mut self) {
        self.bad_rows += 1;
        if self.bad_rows <= BAD_ROWS_LOGGED_MAX {
            tracing::warn!(
                path = &*self.label,
                row = self.row,
                bad_rows = self.bad_rows,
                "row has no readable id and is skipped"
            );
        }
    }
}
