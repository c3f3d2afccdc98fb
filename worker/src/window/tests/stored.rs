//! States that other versions stored must still load.

use super::*;

/// A state as each version wrote it: a hole, a lost id, open and closed windows, a flat minute.
const VERSION_1: &[u8] = include_bytes!("state-1.bin");
const VERSION_2: &[u8] = include_bytes!("state-2.bin");

fn example() -> Bench {
    let mut bench = Bench::new();
    bench.feed([start(DAY_NS, 1), trade(1, DAY_NS, "100.5", "0.25")]);
    bench.feed([live(DAY_NS + 2 * MINUTE_NS, 2), trade(2, DAY_NS + 2 * MINUTE_NS, "101", "1")]);
    bench.feed([trade(5, DAY_NS + 3 * MINUTE_NS, "102", "1")]);
    let reason = "refused".into();
    let (from_ns, to_ns) = (DAY_NS + 3 * MINUTE_NS, DAY_NS + 4 * MINUTE_NS);
    bench.feed([mark(MarkKind::Lost { from_id: 6, to_id: 6, from_ns, to_ns, reason })]);
    bench.feed([trade(7, DAY_NS + 4 * MINUTE_NS, "103", "1")]);
    bench
}

fn state_of(bench: &mut Bench) -> SeriesState {
    let states = bench.commit().states;
    states.into_iter().find(|state| state.series == series("binance")).unwrap()
}

#[test]
fn this_version_writes_the_stored_form() {
    let state = state_of(&mut example());
    assert_eq!((state.version, state.bytes.as_slice()), (2, VERSION_2), "the form has changed");
}

#[test]
fn a_state_of_this_or_the_last_version_goes_on_as_if_nothing_had_happened() {
    for (version, bytes) in [(1, VERSION_1), (2, VERSION_2)] {
        goes_on(SeriesState { series: series("binance"), version, bytes: bytes.to_vec() });
    }
}

fn goes_on(state: SeriesState) {
    let mut whole = example();
    whole.commit();
    let mut restored = Bench::new();
    restored.offset = whole.offset;
    restored.engine.restore(&state, at(whole.offset - 1)).unwrap();
    for bench in [&mut whole, &mut restored] {
        bench.shown.clear();
        bench.feed([trade(3, DAY_NS + 2 * MINUTE_NS + 1, "99", "1")]);
        bench.feed([live(DAY_NS + 10 * MINUTE_NS, 8)]);
        bench.commit();
    }
    assert!(!whole.shown.is_empty());
    assert_eq!(whole.shown, restored.shown);
}

#[test]
fn a_newer_version_and_damaged_bytes_are_refused() {
    let mut engine = Bench::new().engine;
    let state = |version: u32, bytes: &[u8]| SeriesState {
        series: series("binance"),
        version,
        bytes: bytes.to_vec(),
    };
    let newer = engine.restore(&state(checkpoint::VERSION + 1, VERSION_1), at(0));
    assert!(matches!(newer, Err(CheckpointError::ReadNewer { .. })));
    let older = engine.restore(&state(0, VERSION_1), at(0));
    assert!(matches!(older, Err(CheckpointError::ReadOlder { .. })));
    let damaged = engine.restore(&state(1, &VERSION_1[..20]), at(0));
    assert_eq!(damaged, Err(CheckpointError::ReadBytes));
}
