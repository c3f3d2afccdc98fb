use super::*;

/// Ids that are as high as an exchange's.
const FIRST: u64 = 3_084_512_345;

/// A trade with this id at its place in the file, a second each.
fn text(ids: &[u64]) -> String {
    let row = |(at, id): (usize, &u64)| row(*id, i64::try_from(at).unwrap() * 1_000);
    ids.iter().enumerate().map(row).collect()
}

/// What is sent of a file with these ids.
fn sent(rows: &[u64]) -> Vec<u64> {
    let directory = directory();
    ids(&whole(&btc(&write(&directory, "BTCUSDT-trades-x.csv", text(rows)))))
}

fn with(at: usize, id: u64) -> Vec<u64> {
    let mut ids: Vec<u64> = (FIRST..FIRST + 8).collect();
    ids[at] = id;
    ids
}

#[test]
fn a_corrupt_id_costs_its_own_row_and_no_other_wherever_it_stands() {
    for at in 0..8 {
        for id in [0, 7, FIRST - 100_000, FIRST + 100_000, 9_999_999_999, u64::MAX] {
            let mut expected = with(at, id);
            expected.remove(at);
            assert_eq!(sent(&with(at, id)), expected, "row {at} with id {id}");
        }
    }
}

#[test]
fn a_corrupt_id_that_is_a_little_too_high_is_seen_by_the_rows_after_it() {
    for at in 0..7 {
        for ahead in [4, 9, 900] {
            let id = FIRST + u64::try_from(at).unwrap() + ahead;
            let mut expected = with(at, id);
            expected.remove(at);
            assert_eq!(sent(&with(at, id)), expected, "row {at} with id {id}");
        }
    }
}

#[test]
fn two_corrupt_ids_in_a_row_cost_two_rows() {
    for (first, second) in [(9_999_999_999, 8_888_888_888), (8_888_888_888, 9_999_999_999), (5, 3)]
    {
        let mut rows: Vec<u64> = (FIRST..FIRST + 8).collect();
        (rows[3], rows[4]) = (first, second);
        let mut expected = rows.clone();
        expected.drain(3..5);
        assert_eq!(sent(&rows), expected, "{first} {second}");
    }
}

#[test]
fn true_holes_stay_whatever_their_length() {
    for rows in [
        vec![1, 2, 3, 500_000, 500_001, 900_000, 900_001],
        vec![1, 5_000, 10_000, 20_000],
        vec![1, 900_000],
        vec![900_000],
        vec![1, 1, 2, 2, 3],
    ] {
        let mut expected = rows.clone();
        expected.dedup();
        assert_eq!(sent(&rows), expected);
    }
}

#[test]
fn a_corrupt_id_before_the_position_does_not_move_it() {
    let directory = directory();
    for id in [9_999_999_999, FIRST + 6] {
        let path = write(&directory, "BTCUSDT-trades-x.csv", text(&with(2, id)));
        let (all, error) = read(&btc(&path), &at(FIRST + 5));
        assert!(error.is_none());
        assert_eq!(ids(&all), [FIRST + 5, FIRST + 6, FIRST + 7]);
    }
}

#[test]
fn a_corrupt_first_id_leaves_files_in_their_order() {
    let day = DAY / 1_000_000;
    for id in [3, 9_999_999_999] {
        let directory = directory();
        let day_of = |days: i64, ids: [u64; 3]| -> String {
            (0..).zip(ids).map(|(at, id)| row(id, days * day + at)).collect()
        };
        for (name, days, ids) in [
            ("BTCUSDT-trades-2024-08-08.csv", 0, [FIRST, FIRST + 1, FIRST + 2]),
            ("BTCUSDT-trades-2024-08-09.csv", 1, [id, FIRST + 4, FIRST + 5]),
            ("BTCUSDT-trades-2024-08-10.csv", 2, [FIRST + 6, FIRST + 7, FIRST + 8]),
        ] {
            write(&directory, name, day_of(days, ids));
        }
        let all = whole(&btc(directory.path()));
        assert_eq!(ids(&all), [0, 1, 2, 4, 5, 6, 7, 8].map(|at| FIRST + at));
        let start = format!("start {} @86400.000", FIRST + 4);
        assert!(said(&all).contains(&start), "its hole is seen");
    }
}

#[test]
fn a_file_whose_last_row_is_bad_does_not_vouch_for_its_end() {
    let directory = directory();
    let path = directory.path().join("BTCUSDT-trades-2024-08-08.csv");
    for bad in [row(9_999_999_999, 30), "oops,1,1,1,1,True,True\n".to_owned()] {
        write(&directory, "BTCUSDT-trades-2024-08-08.csv", row(1, 10) + &row(2, 20) + &bad);
        assert_eq!(said(&whole(&btc(&path))), ["start 1 @0.000", "1 @0.010", "2 @0.020", "end"]);
        let day = DAY / 1_000_000;
        let next = row(4, day) + &row(5, day + 10);
        let next = write(&directory, "BTCUSDT-trades-2024-08-09.csv", next);
        let all = said(&whole(&btc(directory.path())));
        assert_eq!(all[..3], ["start 1 @0.000", "1 @0.010", "2 @0.020"]);
        assert_eq!(all[3..5], ["start 4 @86400.000", "4 @86400.000"]);
        fs::remove_file(next).unwrap();
    }
}

/// Three rows at these milliseconds.
fn timed(directory: &tempfile::TempDir, name: &str, times: [i64; 3]) -> Vec<String> {
    let rows = (1..).zip(times).map(|(id, ms)| row(id, ms)).collect::<String>();
    said(&whole(&btc(&write(directory, name, rows))))
}

const YEAR_MS: i64 = 365 * 86_400_000;

#[test]
fn a_first_row_with_an_absurd_time_does_not_say_where_coverage_begins() {
    let directory = directory();
    let early = [-YEAR_MS, -MIDNIGHT_MS + 5, -40 * 86_400_000];
    for first in early {
        let said = timed(&directory, "BTCUSDT-trades-x.csv", [first, 10, 20]);
        assert_eq!(said, ["start 2 @0.011", "2 @0.010", "3 @0.020", "end"]);
        let said = timed(&directory, "BTCUSDT-trades-2024-08-08.csv", [first, 10, 20]);
        assert_eq!(said[..3], ["start 2 @0.000", "2 @0.010", "3 @0.020"]);
    }
    for first in [YEAR_MS, 3_600_000, 80 * YEAR_MS] {
        let future = format!("1 @{}.000 future", first / 1_000);
        let said = timed(&directory, "BTCUSDT-trades-x.csv", [first, 10, 20]);
        assert_eq!(said, ["start 1 @0.011", &future, "2 @0.010", "3 @0.020", "end"]);
        let said = timed(&directory, "BTCUSDT-trades-2024-08-08.csv", [first, 10, 20]);
        assert_eq!(said[..4], ["start 1 @0.000", &future, "2 @0.010", "3 @0.020"]);
    }
    let unreadable = "1,1.0,1.0,1.0,never,True,True\n".to_owned() + &row(2, 10) + &row(3, 20);
    let all = said(&whole(&btc(&write(&directory, "BTCUSDT-trades-x.csv", unreadable))));
    assert_eq!(all[0], "start 1 @0.011");
}

#[test]
fn a_last_row_with_an_absurd_time_moves_no_mark() {
    let directory = directory();
    for last in [YEAR_MS, 80 * YEAR_MS] {
        let said = timed(&directory, "BTCUSDT-trades-x.csv", [10, 20, last]);
        assert_eq!(said, ["start 1 @0.011", "1 @0.010", "2 @0.020", "end"]);
        let future = format!("3 @{}.000 future", last / 1_000);
        let said = timed(&directory, "BTCUSDT-trades-2024-08-08.csv", [10, 20, last]);
        assert_eq!(said[1..4], ["1 @0.010", "2 @0.020", &future]);
        assert_eq!(said[said.len() - 2..], ["live 4 @86400.000", "end"]);
    }
}

#[test]
fn a_row_that_is_too_early_does_not_make_the_one_before_it_a_future_one() {
    let directory = directory();
    let hour = 3_600_000;
    for early in [-YEAR_MS, -MIDNIGHT_MS + 1, 0] {
        let times = [hour, hour + 10, early, hour + 20, hour + 30];
        let rows = (1..).zip(times).map(|(id, ms)| row(id, ms)).collect::<String>();
        let all = whole(&btc(&write(&directory, "BTCUSDT-trades-x.csv", rows)));
        assert!(trades(&all).iter().all(|trade| !trade.future), "{:?}", said(&all));
    }
}
