//! A small archive, and what a command answers.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::harness;

/// 2024-08-08T00:00:00Z.
pub(crate) const DAY_MS: i64 = 1_723_075_200_000;
const MINUTE_MS: i64 = 60_000;

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a command to its end, in a directory without a pipeline.
pub(crate) fn ask(arguments: &[&str]) -> Said {
    let elsewhere = tempfile::tempdir().unwrap();
    let output = harness::binary().args(arguments).current_dir(elsewhere.path()).output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: harness::text(&output.stdout),
        err: harness::text(&output.stderr),
    }
}

/// Checks the exit code and that standard error is one sentence with these words.
pub(crate) fn refused(arguments: &[&str], code: i32, words: &str) {
    let said = ask(arguments);
    assert_eq!(said.code, code, "{arguments:?}: {said:?}");
    assert!(said.err.starts_with("error: ") && said.err.contains(words), "{words} in {said:?}");
    assert!(!said.err.contains("panicked"), "{said:?}");
    assert_eq!(said.out, "", "{said:?}");
}

/// Trades of a day as the exchange's file holds them: one every 20 s over so many minutes, the
/// price up by one each time, sizes of 0.5, every other taker a buyer.
pub(crate) fn trades(minutes: i64) -> String {
    let mut rows = String::new();
    for index in 0..minutes * 3 {
        let (id, price, time) = (1_000 + index, 100 + index, DAY_MS + index * 20_000);
        let is_buyer_maker = if index % 2 == 0 { "False" } else { "True" };
        let total = format!("{}.{}", price / 2, price % 2 * 5);
        writeln!(rows, "{id},{price}.00,0.50,{total},{time},{is_buyer_maker},True").unwrap();
    }
    rows
}

/// The candle that the exchange would publish of one of those minutes.
pub(crate) fn official(minute: i64) -> String {
    let open = 100 + minute * 3;
    let (open_time, close_time) =
        (DAY_MS + minute * MINUTE_MS, DAY_MS + (minute + 1) * MINUTE_MS - 1);
    let half = |doubled: i64| format!("{}.{}", doubled / 2, doubled % 2 * 5);
    let (close, quote_volume) = (open + 2, half(3 * open + 3));
    // Even ids were bought: the first and third of an even minute, the second of an odd one.
    let (bought, bought_quote) =
        if minute % 2 == 0 { ("1.0", half(2 * open + 2)) } else { ("0.5", half(open + 1)) };
    format!(
        "{open_time},{open}.00,{close}.00,{open}.00,{close}.00,1.5,{close_time},{quote_volume},3,\
         {bought},{bought_quote},0\n"
    )
}

/// A data directory that a run has filled from those trades, 12 minutes of them.
pub(crate) fn data_dir(dir: &Path) -> PathBuf {
    let file = dir.join("BTCUSDT-trades-2024-08-08T0000.csv");
    harness::write(&file, &trades(12));
    let source = format!(
        "archive: {{path: {}, symbols: [{{symbol: BTC, instrument: BTCUSDT}}]}}",
        file.display()
    );
    let data_dir = dir.join("data");
    harness::run_until_end(&harness::spec(dir, &source), &data_dir);
    data_dir
}
