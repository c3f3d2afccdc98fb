//! One record of the topic as one line.

use std::borrow::Cow;
use std::io::{self, Write};

use market::tick::{Mark, MarkKind, Quote, Record, Side, Tick, Trade};
use serde::de::IgnoredAny;
use worker::topic::Fetched;

use crate::commands::time;

/// For people: place on the topic, symbol, source, kind, then what it says.
pub(super) fn text(
    out: &mut impl Write,
    fetched: &Fetched<'_>,
    record: &Record<'_>,
) -> io::Result<()> {
    place(out, fetched)?;
    write!(out, "{:<5}  {:<10}  ", record.symbol(), record.source())?;
    match record {
        Record::Tick(Tick::Trade(trade)) => write_trade(out, trade),
        Record::Tick(Tick::Quote(quote)) => write_quote(out, quote),
        Record::Mark(mark) => write_mark(out, mark),
    }
}

/// What stands on the topic and is no record.
pub(super) fn bad(
    out: &mut impl Write,
    fetched: &Fetched<'_>,
    key: &str,
    why: &str,
) -> io::Result<()> {
    place(out, fetched)?;
    writeln!(out, "{key:<5}  not a record: {why}")
}

/// One JSON object a line; `record` is what was sent, byte for byte, or text where that is no
/// JSON.
pub(super) fn json(out: &mut impl Write, fetched: &Fetched<'_>) -> io::Result<()> {
    let Fetched { partition, offset, timestamp_ms, value, .. } = fetched;
    write!(
        out,
        "{{\"partition\":{partition},\"offset\":{offset},\"timestamp_ms\":{timestamp_ms},\"record\":"
    )?;
    let is_line = !value.contains(&b'\n') && serde_json::from_slice::<IgnoredAny>(value).is_ok();
    if is_line {
        out.write_all(value)?;
    } else {
        serde_json::to_writer(&mut *out, &String::from_utf8_lossy(value))?;
    }
    out.write_all(b"}\n")
}

fn place(out: &mut impl Write, fetched: &Fetched<'_>) -> io::Result<()> {
    let place = format!("[{} @ {}]", fetched.partition, fetched.offset);
    write!(out, "{place:<14}  ")
}

fn write_trade(out: &mut impl Write, trade: &Trade<'_>) -> io::Result<()> {
    let side = trade.side.map_or("-", Side::as_str);
    let (price, size) = (trade.price.value.to_string(), trade.size.value.to_string());
    let at = time::show_ns(trade.event_time_ns);
    writeln!(out, "trade  {price:>12}  {size:>12} {side:<4}  {at}")
}

fn write_quote(out: &mut impl Write, quote: &Quote<'_>) -> io::Result<()> {
    let at = time::show_ns(quote.event_time_ns);
    let price = quote.price.value.to_string();
    writeln!(out, "quote  {price:>12}  {:>12} {:<4}  {at}", "-", "-")
}

fn write_mark(out: &mut impl Write, mark: &Mark<'_>) -> io::Result<()> {
    let ids =
        |from: u64, to: u64| if from == to { from.to_string() } else { format!("{from}-{to}") };
    let next = |next: Option<u64>| next.map_or(String::new(), |id| format!(", next id {id}"));
    let said: Cow<'_, str> = match &mark.kind {
        MarkKind::Start(start) => {
            format!("start from {}{}", time::show_ns(start.from_ns), next(start.next_id)).into()
        }
        MarkKind::Live { complete_to_ns, next_id } => {
            format!("live to {}{}", time::show_ns(*complete_to_ns), next(*next_id)).into()
        }
        MarkKind::Lost { from_id, to_id, reason, .. } => {
            format!("lost {}: {reason}", ids(*from_id, *to_id)).into()
        }
        MarkKind::Void { from_id, to_id } => format!("void {}", ids(*from_id, *to_id)).into(),
        MarkKind::State { state, reason } => format!("state {} {reason}", state.as_str()).into(),
        MarkKind::End => "end".into(),
    };
    writeln!(out, "mark   {}", said.trim_end())
}

#[cfg(test)]
mod tests {
    use market::tick::decode;

    use super::*;

    const TRADE: &str = r#"{"schema":2,"kind":"trade","symbol":"BTC","source":"binance","price_usd":61685.99,"volume_24h":null,"market_cap":null,"price_change_24h":null,"last_updated":1723161599,"timestamp":"2024-08-08T23:59:59.812000Z","producer_id":"p","message_id":"binance:BTCUSDT:t:3","price":"61685.99000000","size":"0.00123000","side":"buy","trade_id":3,"event_time_ns":1723161599812000000}"#;
    const MARK: &str = r#"{"schema":2,"kind":"mark","mark":"live","symbol":"BTC","source":"binance","epoch":1,"complete_to_ns":1723161600000000000,"next_id":4,"producer_id":"p"}"#;

    fn fetched(value: &str) -> Fetched<'_> {
        Fetched {
            key: Some(b"BTC"),
            value: value.as_bytes(),
            partition: 3,
            offset: 41,
            timestamp_ms: 5,
        }
    }

    fn shown(value: &str) -> String {
        let mut out = Vec::new();
        text(&mut out, &fetched(value), &decode(value.as_bytes()).unwrap()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn line_shows_place_series_and_exact_numbers_and_fits() {
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown(TRADE).trim_end().chars().count() <= 100);
        assert_eq!(
            words(shown(TRADE)),
            "[3 @ 41] BTC binance trade 61685.99 0.00123 buy 2024-08-08T23:59:59.812Z"
        );
        assert_eq!(
            words(shown(MARK)),
            "[3 @ 41] BTC binance mark live to 2024-08-09T00:00:00.000Z, next id 4"
        );
    }

    #[test]
    fn json_keeps_the_bytes_of_the_record() {
        for (value, record) in [(TRADE, TRADE), ("no json", "\"no json\""), ("{\n}", "\"{\\n}\"")] {
            let mut out = Vec::new();
            json(&mut out, &fetched(value)).unwrap();
            let line = String::from_utf8(out).unwrap();
            assert_eq!(
                line,
                format!(
                    "{{\"partition\":3,\"offset\":41,\"timestamp_ms\":5,\"record\":{record}}}\n"
                )
            );
        }
    }
}
