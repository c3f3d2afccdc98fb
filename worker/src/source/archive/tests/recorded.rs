use super::*;

fn recorded(name: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("MARKET_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/market-data"),
        PathBuf::from,
    );
    let path = directory.join(name);
    if !path.exists() {
        println!("skipped: \"{}\" is not there; set MARKET_DATA", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn the_recorded_binance_trades_are_all_there_with_their_ids() {
    let Some(path) = recorded("BTCUSDT-trades-2024-08-08T2354.csv.gz") else { return };
    let directory = path.parent().unwrap();
    for path in [&path, directory] {
        let all = whole(&btc(path));
        let ids = ids(&all);
        assert_eq!(ids.len(), 19_904);
        assert!((3_735_683_259..).zip(&ids).all(|(expected, id)| expected == *id));
        let Event::Mark(MarkKind::Start(start)) = &all[0].event else { panic!("no start") };
        assert_eq!(start.from_ns, 1_723_161_255_343_000_000);
        assert_eq!((&*start.base, &*start.quote), ("BTC", "USDT"));
        assert_eq!((start.usd_basis, start.next_id), (UsdBasis::Par, Some(3_735_683_259)));
    }
}

#[test]
fn the_recorded_kraken_trades_are_all_there_with_their_ids() {
    let Some(path) = recorded("kraken-XBTUSDT-trades.json") else { return };
    let directory = path.parent().unwrap();
    for (path, instrument) in [(path.as_path(), "XBT/USDT"), (directory, "BTC/USDT")] {
        let all = whole(&options(ArchiveVenue::Kraken, path, &[("BTC", instrument)]));
        let trades = trades(&all);
        assert_eq!(trades.len(), 1_000);
        assert!((10_218_208..).zip(ids(&all)).all(|(expected, id)| expected == id));
        assert!(trades.is_sorted_by_key(|trade| trade.event_time_ns));
        assert!(trades.iter().all(|trade| !trade.future));
        assert_eq!(trades[0].event_time_ns, 1_762_795_433_971_744_500);
    }
}
