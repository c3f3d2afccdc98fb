use std::time::Duration;

use market::symbol::{Series, SourceName, Symbol};

use super::*;
use crate::metrics::SERIES_SHOWN_MAX;

const NOW_MS: i64 = 1_723_161_600_000;

/// A member that is in its group and reads one partition up to offset 100.
fn reading(now: Instant) -> View {
    let look = PartitionLook {
        claim: 3,
        commit_seq: 7,
        next_offset: 100,
        appended_ms: Some(NOW_MS - 5_000),
        committed: Some(now),
        ..PartitionLook::default()
    };
    let mut view = View {
        phase: Phase::Running,
        partitions: BTreeMap::from([(4, Some(look))]),
        joined: true,
        ..View::default()
    };
    view.settle();
    view
}

fn series(at: usize) -> SeriesLook {
    SeriesLook {
        series: Series {
            symbol: Symbol::new(&format!("S{at}")).unwrap(),
            source: SourceName::new("demo").unwrap(),
        },
        partition: 4,
        watermark_ns: Some((NOW_MS - 90_000) * 1_000_000),
        coverage_ns: 60_000_000_000,
        gaps: 2,
        feed: None,
        windows_open: 15,
    }
}

#[test]
fn record_delay_is_zero_at_the_end_of_the_log_and_the_age_of_the_last_folded_record_before_it() {
    let now = clock::monotonic();
    let mut view = reading(now);
    let who = Who::default();
    for (end, lag, delay_ms) in [
        (None, None, Some(5_000)),
        (Some(100), Some(0), Some(0)),
        (Some(130), Some(30), Some(5_000)),
        // Kafka was asked before the last batch was read.
        (Some(90), Some(0), Some(0)),
    ] {
        view.ends = end.map(|end| (4, end)).into_iter().collect();
        let status = view.status(&who, now, NOW_MS);
        let partition = &status.partitions[0];
        assert_eq!((partition.lag_records, partition.record_delay_ms), (lag, delay_ms), "{end:?}");
        assert_eq!(status.record_delay_ms, delay_ms.unwrap());
        // A loop that hangs falls behind all the same.
        let later = view.status(&who, now, NOW_MS + 60_000).record_delay_ms;
        assert_eq!(later, delay_ms.filter(|ms| *ms > 0).map_or(0, |ms| ms + 60_000), "{end:?}");
    }
}

#[test]
fn ready_is_having_once_claimed_what_was_given_which_may_be_nothing() {
    let now = clock::monotonic();
    let unready = |partitions: BTreeMap<i32, Option<PartitionLook>>, joined| {
        let mut view = View { partitions, joined, ..View::default() };
        view.settle();
        view.unready()
    };
    let claimed = reading(now).partitions;
    let waiting = BTreeMap::from([(4, Some(PartitionLook::default())), (5, None)]);
    assert_eq!(unready(claimed, true), None);
    assert_eq!(unready(BTreeMap::new(), true), None);
    assert_eq!(unready(BTreeMap::new(), false).as_deref(), Some("joining the group"));
    let reason = unready(waiting.clone(), true);
    assert_eq!(reason.as_deref(), Some("claiming partitions [5]"));

    // A store that goes away later changes nothing about that.
    let mut view = reading(now);
    (view.partitions, view.paused) = (waiting, Some(now));
    view.settle();
    assert_eq!(view.unready(), None);
}

#[test]
fn a_store_that_takes_nothing_shows_as_paused_with_the_age_of_what_waits() {
    let now = clock::monotonic();
    let mut view = reading(now);
    (view.paused, view.committing) = (Some(now), Some(now));
    for look in view.partitions.values_mut().flatten() {
        look.dirty_since = Some(now);
    }
    let later = now + Duration::from_secs(3);
    let status = view.status(&Who::default(), later, NOW_MS);
    let paused = status.paused.unwrap();
    assert_eq!((paused.for_ms, status.commit_under_way_ms), (3_000, Some(3_000)));
    assert_eq!(status.partitions[0].paused.as_ref(), Some(&paused.reason));
    let gauges = view.gauges(later, NOW_MS);
    assert_eq!(gauges.paused_seconds, Some(3.0));
    assert!((gauges.partitions[0].checkpoint_age_seconds - 3.0).abs() < 1e-9);
}

#[test]
fn series_beyond_the_bound_are_counted_not_shown() {
    let now = clock::monotonic();
    let mut view = reading(now);
    view.series = (0..SERIES_SHOWN_MAX + 3).map(series).collect();
    view.series.push(SeriesLook { partition: 5, ..series(0) });
    let gauges = view.gauges(now, NOW_MS);
    assert_eq!((gauges.series.len(), gauges.series_unshown), (SERIES_SHOWN_MAX, 3));
    assert_eq!(gauges.series[0].watermark_delay_ms, Some(90_000));
    let status = view.status(&Who::default(), now, NOW_MS);
    assert_eq!(status.series.len(), SERIES_SHOWN_MAX);
    // Of a partition that is not ours nothing is told.
    assert_eq!(status.series_count, SERIES_SHOWN_MAX + 3);
}
