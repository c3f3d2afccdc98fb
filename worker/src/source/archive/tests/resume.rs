use proptest::prelude::*;

use super::*;

/// Three days, a gap, a file without a day, an overlap, in all containers.
fn library(directory: &tempfile::TempDir) {
    let day = DAY / 1_000_000;
    let shifted = |ids: std::ops::Range<u64>, days: i64| -> String {
        ids.map(|id| row(id, days * day + i64::try_from(id).unwrap() * 100)).collect()
    };
    let first = shifted(1..40, 0);
    write(directory, "BTCUSDT-trades-2024-08-08.zip", zipped(&[("x.csv", &first)]));
    write(directory, "BTCUSDT-trades-2024-08-09.csv.gz", gzipped(&shifted(40..90, 1)));
    let third = shifted(95..120, 2) + &shifted(125..140, 2);
    write(directory, "BTCUSDT-trades-2024-08-10.csv", third);
    write(
        directory,
        "BTCUSDT-trades-more.csv",
        shifted(130..140, 2) + &shifted(140..150, 3) + &shifted(160..170, 3),
    );
}

#[test]
fn a_file_before_the_position_is_not_read() {
    let directory = directory();
    library(&directory);
    let (all, error) = read(&btc(directory.path()), &at(40));
    assert!(error.is_none());
    assert_eq!(ids(&all).first(), Some(&40));
    // The first file is found by its first row alone: damage further down is never met.
    let long: String = (1..40).map(|id| row(id, 1_000)).collect::<String>() + &"9".repeat(90_000);
    fs::remove_file(directory.path().join("BTCUSDT-trades-2024-08-08.zip")).unwrap();
    write(&directory, "BTCUSDT-trades-2024-08-08.csv", long);
    let (rest, _) = read(&btc(directory.path()), &at(40));
    assert_eq!(rest, all);
    let (_, error) = read(&btc(directory.path()), &at(39));
    assert!(error.is_some());
}

#[test]
fn a_source_that_was_drained_says_where_it_stands_and_ends() {
    let directory = directory();
    let path = write(&directory, "BTCUSDT-trades-2024-08-08.csv", rows(1..4));
    let said = |next_id| {
        let mut said = said(&read(&btc(&path), &at(next_id)).0);
        said.dedup();
        said
    };
    assert_eq!(said(4), ["start 4 @0.031", "live 4 @86400.000", "end"]);
    let rest = ["start 3 @0.021", "3 @0.030", "start 4 @0.031", "live 4 @86400.000", "end"];
    assert_eq!(said(3), rest);
    assert_eq!(said(9), ["end"]);
}

#[test]
fn instruments_are_merged_by_event_time() {
    let directory = directory();
    let every = |step: u64, from: u64| -> String {
        (from..from + 500).map(|id| row(id, i64::try_from((id - from) * step).unwrap())).collect()
    };
    write(&directory, "BTCUSDT-trades-x.csv", every(7, 1));
    write(&directory, "ETHUSDT-trades-x.csv", every(11, 1_000));
    let pair = [("BTC", "BTCUSDT"), ("ETH", "ETHUSDT")];
    let options = options(ArchiveVenue::Binance, directory.path(), &pair);
    let all = whole(&options);
    let times: Vec<_> = trades(&all).iter().map(|trade| trade.event_time_ns).collect();
    assert_eq!(times.len(), 1_000);
    assert!(times.is_sorted());
    assert_eq!(all.iter().rev().take(2).map(|last| last.listing).collect::<Vec<_>>(), [1, 0]);
    let fast = ArchiveOptions { speed: 1_000.0, ..options };
    let clock = std::time::Duration::from_millis(1);
    let began = tokio::time::Instant::now();
    let now: Now = Arc::new(move || i64::try_from(began.elapsed().as_nanos()).unwrap());
    let mut source = open(&fast, &Positions::new(), now).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut paced = Vec::new();
    while runtime.block_on(source.next(&mut paced)).unwrap() == Flow::More {}
    assert_eq!(trades(&paced), trades(&all));
    assert!(began.elapsed() >= clock * 5, "5.5 s of tape at a thousand times the speed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_restart_from_any_position_sends_the_tail_of_a_whole_run(next_id in 0_u64..175) {
        let directory = directory();
        library(&directory);
        let whole = whole(&btc(directory.path()));
        let (rest, error) = read(&btc(directory.path()), &at(next_id));
        prop_assert!(error.is_none());
        let mut expected = trades(&whole);
        expected.retain(|trade| trade.trade_id >= Some(next_id));
        prop_assert_eq!(trades(&rest), expected);
        if next_id > 170 {
            prop_assert_eq!(said(&rest), ["end"]);
            return Ok(());
        }
        // The first record is a start that claims nothing before the position.
        let Some(Event::Mark(MarkKind::Start(start))) = rest.first().map(|first| &first.event)
        else {
            return Err(TestCaseError::fail("no start"));
        };
        prop_assert!(start.next_id >= Some(next_id));
        for trade in trades(&whole) {
            let claimed = trade.event_time_ns >= start.from_ns;
            prop_assert!(!claimed || trade.trade_id >= start.next_id);
        }
    }
}
