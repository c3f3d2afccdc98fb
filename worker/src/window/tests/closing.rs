//! Closing in steps.

use super::*;

#[test]
fn a_record_far_ahead_closes_its_windows_in_bounded_steps_that_a_restart_may_cut() {
    let records = [
        start(DAY_NS, 1),
        trade(1, DAY_NS + 1, "100", "1"),
        live(DAY_NS + 3 * 1_440 * MINUTE_NS, 2),
    ];
    let (mut whole, mut cut) = (Bench::new(), Bench::new());
    whole.feed(records.clone());
    cut.feed(records);
    whole.commit();
    let (mut states, mut steps) = (BTreeMap::new(), 0);
    while cut.engine.is_closing() {
        assert!(
            cut.engine.candles_pending() < 1_000,
            "{} in one commit",
            cut.engine.candles_pending()
        );
        cut.restart(&mut states);
        cut.engine.close_more();
        steps += 1;
    }
    cut.commit();
    assert!(steps > 10, "{steps} steps");
    assert_eq!(whole.shown, cut.shown);
    assert_eq!(whole.gaps, cut.gaps);
}
