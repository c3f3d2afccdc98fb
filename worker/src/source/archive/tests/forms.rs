use super::*;

#[test]
fn a_spot_row_keeps_its_text_and_the_takers_side() {
    let directory = directory();
    let text = format!(
        "7,61837.63000000,0.02000000,1236.7,{MIDNIGHT_MS},True,True\n\
         8,61837.60000000,1.5,1.0,{MIDNIGHT_MS},False,True\n"
    );
    let all = whole(&btc(&write(&directory, "BTCUSDT-trades-x.csv", text)));
    let trades = trades(&all);
    assert_eq!((&*trades[0].price, &*trades[0].size), ("61837.63000000", "0.02000000"));
    assert_eq!((trades[0].side, trades[1].side), (Some(Side::Sell), Some(Side::Buy)));
    assert_eq!((trades[0].event_time_ns, trades[0].executions), (MIDNIGHT, None));
    assert_eq!(said(&all), ["start 7 @0.001", "7 @0.000", "8 @0.000", "end"]);
}

#[test]
fn every_container_and_spelling_gives_the_same_trades() {
    let directory = directory();
    let text = rows(100..400);
    let expected = trades(&whole(&btc(&write(&directory, "BTCUSDT-trades-a.csv", &text))));
    assert_eq!(expected.len(), 300);
    let lower = text.replace("True", "true");
    let micros = text
        .lines()
        .map(|line| {
            let mut fields: Vec<_> = line.split(',').map(str::to_owned).collect();
            fields[4].push_str("000");
            fields.join(",") + "\r\n"
        })
        .collect::<String>();
    let cut = text.find("\n250,").unwrap() + 1;
    let mixed = format!("{}{}", &text[..cut], &micros[micros.find("\n250,").unwrap() + 1..]);
    let two_gzips = [gzipped(&text[..cut]), gzipped(&text[cut..])].concat();
    let header = "id,price,qty,quote_qty,time,is_buyer_maker\n";
    let futures = text.replace(",True,True", ",true");
    for (name, bytes) in [
        ("BTCUSDT-trades-b.csv", lower.into_bytes()),
        ("BTCUSDT-trades-c.csv", micros.into_bytes()),
        ("BTCUSDT-trades-d.csv", mixed.into_bytes()),
        ("BTCUSDT-trades-e.csv", format!("\u{feff}{text}").into_bytes()),
        ("BTCUSDT-trades-f.csv", format!("{header}{futures}").into_bytes()),
        ("BTCUSDT-trades-g.csv.gz", gzipped(&text)),
        ("BTCUSDT-trades-h.csv.gz", two_gzips),
        ("BTCUSDT-trades-i.zip", zipped(&[("BTCUSDT-trades-i.csv", &text), ("note.txt", "?")])),
        (
            "BTCUSDT-trades-j.zip",
            zipped(&[
                (
                    "BTCUSDT-trades-2.csv",
                    &format!("{header}{}", &futures[futures.find("\n250,").unwrap() + 1..]),
                ),
                ("BTCUSDT-trades-1.csv", &text[..cut]),
            ]),
        ),
    ] {
        let path = write(&directory, name, bytes);
        assert_eq!(trades(&whole(&btc(&path))), expected, "{name}");
    }
}

#[test]
fn aggregates_carry_their_executions_and_the_other_id_space() {
    let directory = directory();
    let header =
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n";
    let row = format!("5,1.10,2.0,70,72,{MIDNIGHT_MS},false\n");
    for (name, text) in [
        ("BTCUSDT-aggTrades-2024-08-08.csv", format!("{header}{row}")),
        ("BTCUSDT-aggTrades-2024-08-09.csv", row.replace("false", "False,True")),
        ("BTCUSDT-other.csv", row.clone()),
    ] {
        let options = btc(&write(&directory, name, text));
        let source = open(&options, &Positions::new(), Arc::new(|| 0)).unwrap();
        assert_eq!(source.listings()[0].space, "a");
        let trades = trades(&whole(&options));
        assert_eq!(trades[0].executions, Some((70, 72)));
        assert_eq!((trades[0].trade_id, trades[0].side), (Some(5), Some(Side::Buy)));
    }
}

#[test]
fn placeholder_rows_are_void_ids_in_runs() {
    let directory = directory();
    let row = |id, size, executions: &str| {
        format!("{id},0.0,{size},{executions},{},true,true\n", MIDNIGHT_MS + id)
    };
    let text = [
        row(1, "1", "1,1"),
        row(2, "0.0000", "-1,-1"),
        row(3, "0", "-1,-1"),
        row(4, "2", "4,4"),
        row(7, "0", "-1,-1"),
    ];
    let path = write(&directory, "BTCUSDT-aggTrades-x.csv", text.concat());
    let expected = ["start 1 @0.002", "1 @0.001", "void 2-3", "4 @0.004", "void 7-7", "end"];
    assert_eq!(said(&whole(&btc(&path))), expected);
}

#[test]
fn a_named_day_or_month_is_vouched_for_whole_and_nothing_else_is() {
    let directory = directory();
    let path = write(&directory, "BTCUSDT-trades-2024-08-08.csv", rows(10..12));
    let expected = [
        "start 10 @0.000",
        "10 @0.100",
        "11 @0.110",
        "start 12 @0.111",
        "live 12 @86400.000",
        "end",
    ];
    assert_eq!(said(&whole(&btc(&path))), expected);
    let path = write(&directory, "BTCUSDT-trades-2024-08-08T0000.csv", rows(10..12));
    let expected = ["start 10 @0.101", "10 @0.100", "11 @0.110", "end"];
    assert_eq!(said(&whole(&btc(&path))), expected);
}

#[test]
fn files_whose_ids_join_go_on_and_others_start_anew() {
    let directory = directory();
    let day = DAY / 1_000_000;
    write(&directory, "BTCUSDT-trades-2024-08-08.csv", rows(1..3));
    write(&directory, "BTCUSDT-trades-2024-08-09.csv", row(3, day + 5) + &row(4, day + 6));
    write(&directory, "BTCUSDT-trades-2024-08-11.csv", row(9, 3 * day + 7));
    write(&directory, "BTCUSDT-trades-again.csv", rows(2..3) + &row(3, day + 5));
    let expected = [
        "start 1 @0.000",
        "1 @0.010",
        "2 @0.020",
        "live 3 @86400.000",
        "3 @86400.005",
        "4 @86400.006",
        "live 5 @172800.000",
        "start 9 @259200.000",
        "9 @259200.007",
        "live 10 @345600.000",
        "end",
    ];
    let mut said = said(&whole(&btc(directory.path())));
    // Those of the hour, with what is complete so far.
    let hourly = ["start 3 @0.021", "start 5 @86400.007", "start 10 @259200.008"];
    said.retain(|said| !hourly.contains(&said.as_str()));
    assert_eq!(said, expected);
}

#[test]
fn a_hole_inside_a_file_is_left_for_the_reader_to_see() {
    let directory = directory();
    let text = row(1, 0) + &row(2, 1) + &row(7, 200_000) + &row(8, 200_001);
    let all = whole(&btc(&write(&directory, "BTCUSDT-trades-2024-08-08.csv", text)));
    let expected = ["1 @0.000", "2 @0.001", "7 @200.000", "8 @200.001"];
    assert_eq!(said(&all)[1..5], expected);
}

#[test]
fn a_row_a_minute_later_than_the_next_ids_row_is_in_the_future() {
    let directory = directory();
    let text = row(1, 0) + &row(2, 3_600_000) + &row(3, 10) + &row(4, 3_600_000);
    let path = write(&directory, "BTCUSDT-trades-x.csv", text);
    let said = said(&whole(&btc(&path)));
    let expected = ["1 @0.000", "2 @3600.000 future", "3 @0.010"];
    assert_eq!(said[1..4], expected);
    assert!(said.contains(&"4 @3600.000".to_owned()), "a long pause before a row is normal");
}

#[test]
fn a_row_with_an_id_goes_on_as_a_bad_trade_and_one_without_leaves_a_hole() {
    let directory = directory();
    let text = row(1, 0)
        + "2,abc,1,1,x,True,True\n"
        + "3,1.0\n"
        + &format!("4,1.0,1.0,1.0,{MIDNIGHT_MS},perhaps,True\n")
        + "oops,1,1,1,1,1,1\n\n"
        + &row(6, 5);
    let all = whole(&btc(&write(&directory, "BTCUSDT-trades-x.csv", text)));
    assert_eq!(ids(&all), [1, 2, 3, 4, 6]);
    let trades = trades(&all);
    assert_eq!((&*trades[1].price, trades[1].event_time_ns), ("abc", 0));
    assert_eq!(&*trades[2].price, "3,1.0");
    assert!(trades[3].price.starts_with("4,1.0,1.0,1.0,") && trades[3].side.is_none());
}

#[test]
fn damage_is_said_after_everything_before_it() {
    let directory = directory();
    let text: String =
        (0..5_000_u64).map(|id| row(id, i64::try_from(id * id % 7 + id * 10).unwrap())).collect();
    let gzip = gzipped(&text);
    let zip = zipped(&[("BTCUSDT-trades-t.csv", &text)]);
    let mut flipped = zip.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    for (name, bytes, least) in [
        ("BTCUSDT-trades-t.csv.gz", &gzip[..gzip.len() / 2], 1_000),
        ("BTCUSDT-trades-u.csv.gz", &gzip[..gzip.len() - 4], 5_000),
        ("BTCUSDT-trades-t.zip", &zip[..zip.len() / 2], 1_000),
        ("BTCUSDT-trades-u.zip", &zip[..zip.len() - 10], 5_000),
        ("BTCUSDT-trades-v.zip", &flipped[..], 1_000),
    ] {
        let (all, error) = read(&btc(&write(&directory, name, bytes)), &Positions::new());
        let ids = ids(&all);
        assert!(ids.len() >= least, "{name}: {} rows", ids.len());
        assert!((0..).zip(&ids).take(least).all(|(expected, id)| expected == *id));
        let error = error.expect(name);
        assert!(matches!(error, SourceError::ReadRows { row, .. } if row > 0), "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_a_sentence() {
    let directory = directory();
    let aggregate = format!("5,1.10,2.0,70,72,{MIDNIGHT_MS},false\n");
    let kline = "1723161000000,1,1,1,1,1,1723161299999,1,1,1,1,0\n".repeat(2);
    let refuses = |name: &str, bytes: &[u8], sentence: &str| {
        let error = refused(&btc(&write(&directory, name, bytes)));
        assert!(error.contains(sentence) && error.contains(name), "{error}");
    };
    refuses("BTCUSDT-5m-x.csv", kline.as_bytes(), "cannot tell whether");
    refuses("BTCUSDT-trades-1.csv", aggregate.as_bytes(), "its rows are aggTrades");
    let mixed = rows(1..3) + &aggregate;
    refuses("BTCUSDT-trades-2.csv", mixed.as_bytes(), "row 3 is one of aggTrades");
    refuses("BTCUSDT-trades-3.csv", b"\xff\xfe1\0,\0", "UTF-16");
    refuses("BTCUSDT-trades-4.zip", b"no zip", "is damaged");
    refuses("BTCUSDT-trades-5.csv", b"", "has no trades of \"BTCUSDT\"");
    refuses("BTCUSDT-trades-6.txt", b"", "(no .csv file)");
    refuses("BTCUSDT-trades-7.csv", &b"1".repeat(200_000), "is damaged");
    let missing = btc(&directory.path().join("missing"));
    assert!(refused(&missing).contains("does not exist"));
}

#[test]
fn a_directory_gives_each_instrument_its_files_and_ignores_the_rest() {
    let directory = directory();
    write(&directory, "BTCUSDT-trades-2024-08-08.csv", rows(1..4));
    write(&directory, "BTCUSDT-5m-2024-08-08.csv", "1,2\n");
    write(&directory, "ETHUSDT-aggTrades-x.csv", format!("5,1,2,7,8,{MIDNIGHT_MS},true\n"));
    write(&directory, "other.zip", b"PK");
    let pair = [("BTC", "BTCUSDT"), ("ETH", "ETHUSDT")];
    let all = whole(&options(ArchiveVenue::Binance, directory.path(), &pair));
    assert_eq!(ids(&all), [5, 1, 2, 3]);
    let error = refused(&options(ArchiveVenue::Binance, directory.path(), &[("S", "SOLUSDT")]));
    assert!(error.contains("looked for SOLUSDT-trades-*.csv"), "{error}");
    assert!(error.contains("BTCUSDT-5m-2024-08-08.csv"), "{error}");
    write(&directory, "BTCUSDT-aggTrades-x.csv", format!("5,1,2,7,8,{MIDNIGHT_MS},true\n"));
    assert!(refused(&btc(directory.path())).contains("two kinds of ids"));
}

#[test]
fn a_kraken_answer_keeps_its_digits_and_names() {
    let directory = directory();
    let text = r#"{"error":[],"result":{"XXBTZUSD":[["105433.60000","0.00027625",1723075200.9717445,"b","l","",8],["105410.1","0.5",1723075201,"s","m","",9]],"last":"1"}}"#;
    let kraken = |path: &Path| options(ArchiveVenue::Kraken, path, &[("BTC", "BTC/USD")]);
    let path = write(&directory, "trades.json", text);
    write(&directory, "kraken-XBTUSD-1m.json", r#"{"error":[],"result":{"XXBTZUSD":[]}}"#);
    for path in [&path, directory.path()] {
        let trades = trades(&whole(&kraken(path)));
        assert_eq!(trades[0].event_time_ns, 1_723_075_200_971_744_500);
        assert_eq!((&*trades[0].price, &*trades[1].size), ("105433.60000", "0.5"));
        assert_eq!((trades[0].side, trades[1].side), (Some(Side::Buy), Some(Side::Sell)));
    }
    let (all, error) =
        read(&kraken(&write(&directory, "cut.json", &text[..130])), &Positions::new());
    assert_eq!(ids(&all), [8]);
    assert!(matches!(error, Some(SourceError::ReadRows { row: 1, .. })));
    let answer = r#"{"error":["EGeneral:Too many requests"]}"#;
    let error = refused(&kraken(&write(&directory, "no.json", answer)));
    assert!(error.contains("EGeneral:Too many requests"), "{error}");
}
