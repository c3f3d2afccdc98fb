//! Candles as a table, as CSV with the columns of the contract, or as a JSON array.

use std::io::{self, Write};

use market::candle::Candle;

use super::Format;
use crate::commands::time;
use crate::failure::Failure;

/// Columns of the table; the widths that are numbers grow with what they hold.
const COLUMNS: [&str; 8] = ["OPEN TIME", "OPEN", "HIGH", "LOW", "CLOSE", "VOLUME", "TRADES", ""];

/// Writes pages of candles in one form.
pub(super) struct Writer {
    format: Format,
    /// Of the table's columns; set by the first page.
    widths: Option<[usize; COLUMNS.len()]>,
    candles: usize,
}

impl Writer {
    pub(super) fn new(format: Format) -> Self {
        Self { format, widths: None, candles: 0 }
    }

    pub(super) fn page(&mut self, out: &mut impl Write, page: &[Candle]) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.table(out, page)?,
            Format::Csv => self.csv(out, page)?,
            Format::Json => self.json(out, page)?,
        }
        self.candles += page.len();
        Ok(())
    }

    pub(super) fn end(&mut self, out: &mut impl Write) -> Result<(), Failure> {
        match self.format {
            Format::Table => {}
            Format::Csv if self.candles == 0 => self.csv(out, &[])?,
            Format::Csv => {}
            Format::Json if self.candles == 0 => writeln!(out, "[]")?,
            Format::Json => writeln!(out, "\n]")?,
        }
        out.flush()?;
        Ok(())
    }

    fn table(&mut self, out: &mut impl Write, page: &[Candle]) -> io::Result<()> {
        let rows: Vec<_> = page.iter().map(row).collect();
        let Some(widths) = self.widths else {
            if let Some(first) = page.first() {
                let Candle { symbol, source, interval, .. } = first;
                writeln!(out, "{symbol} from {source}, {interval} candles, UTC")?;
            }
            let mut widths = COLUMNS.map(str::len);
            for row in &rows {
                for (width, cell) in widths.iter_mut().zip(row) {
                    *width = (*width).max(cell.chars().count());
                }
            }
            self.widths = Some(widths);
            write_row(out, &COLUMNS.map(str::to_owned), &widths)?;
            return rows.iter().try_for_each(|row| write_row(out, row, &widths));
        };
        rows.iter().try_for_each(|row| write_row(out, row, &widths))
    }

    fn csv(&self, out: &mut impl Write, page: &[Candle]) -> Result<(), Failure> {
        if self.candles == 0 {
            writeln!(out, "{}", Candle::FIELDS.join(","))?;
        }
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        for candle in page {
            writer.serialize(candle).map_err(anyhow::Error::from)?;
        }
        writer.flush()?;
        Ok(())
    }

    fn json(&self, out: &mut impl Write, page: &[Candle]) -> Result<(), Failure> {
        for (index, candle) in page.iter().enumerate() {
            out.write_all(if self.candles + index == 0 { b"[\n " } else { b",\n " })?;
            serde_json::to_writer(&mut *out, candle).map_err(anyhow::Error::from)?;
        }
        Ok(())
    }
}

fn row(candle: &Candle) -> [String; COLUMNS.len()] {
    fn shown(value: Option<impl ToString>) -> String {
        value.map_or_else(|| "-".to_owned(), |value| value.to_string())
    }
    [
        time::show_ms(candle.open_time_ms),
        shown(candle.open),
        shown(candle.high),
        shown(candle.low),
        shown(candle.close),
        shown(candle.volume),
        shown(candle.trade_count.or(candle.samples)),
        state(candle),
    ]
}

/// What is to be known of a candle beside its numbers; nothing for one that is whole.
fn state(candle: &Candle) -> String {
    let mut words = Vec::new();
    if !candle.closed {
        words.push("open".to_owned());
    } else if !candle.complete && candle.samples.is_none() {
        words.push("incomplete".to_owned());
    }
    if candle.revision > 0 {
        words.push(format!("rev {}", candle.revision));
    }
    words.join(", ")
}

fn write_row(
    out: &mut impl Write,
    cells: &[String; COLUMNS.len()],
    widths: &[usize; COLUMNS.len()],
) -> io::Result<()> {
    let [time, numbers @ .., state] = cells;
    let mut line = format!("{time:<width$}", width = widths[0]);
    for (number, width) in numbers.iter().zip(&widths[1..]) {
        line.push_str(&format!("  {number:>width$}"));
    }
    line.push_str("  ");
    line.push_str(state);
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle() -> Candle {
        let row = "BTC,binance,5m,1723161300000,1723161600000,61828,61860.8,61583.22,61685.99,\
                   199.42863,12304668.0254055,90.18301,5563967.3332507,61699.6,8863,1,8863,\
                   1723161300000000001,1723161599999000000,true,false,2,,,,,";
        let text = format!("{}\n{row}\n", Candle::FIELDS.join(","));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().next().unwrap().unwrap()
    }

    fn written(format: Format, pages: &[&[Candle]]) -> String {
        let (mut out, mut writer) = (Vec::new(), Writer::new(format));
        for page in pages {
            writer.page(&mut out, page).unwrap();
        }
        writer.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_has_the_columns_of_the_contract_once_and_nulls_are_empty() {
        let one = [candle()];
        let text = written(Format::Csv, &[&one, &one]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], Candle::FIELDS.join(","));
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("BTC,binance,5m,1723161300000,1723161600000,61828,61860.8,"));
        assert!(lines[1].ends_with(",true,false,2,,,,,"), "{}", lines[1]);
        assert_eq!(written(Format::Csv, &[]), format!("{}\n", Candle::FIELDS.join(",")));
    }

    #[test]
    fn json_is_one_array_over_all_pages() {
        let one = [candle()];
        let read: Vec<Candle> =
            serde_json::from_str(&written(Format::Json, &[&one, &one])).unwrap();
        assert_eq!(read, [candle(), candle()]);
        assert_eq!(written(Format::Json, &[]), "[]\n");
    }

    #[test]
    fn table_fits_and_says_what_is_not_whole() {
        let text = written(Format::Table, &[&[candle()]]);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.ends_with("8863  incomplete, rev 2\n"), "{text}");
    }
}
