//! The one place of the harness that reads a clock and sleeps.

use std::{
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(5);

/// Asks again and again until there is an answer, and returns it.
///
/// # Panics
/// When there is none within `limit`; `what` completes "waited for".
pub fn for_some<T>(what: &str, limit: Duration, ask: impl FnMut() -> Option<T>) -> T {
    within(limit, ask).unwrap_or_else(|| panic!("waited {limit:?} in vain for {what}"))
}

/// Asks again and again until `holds` does.
///
/// # Panics
/// When it does not within `limit`; `what` completes "waited for".
pub fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    for_some(what, limit, || holds().then_some(()));
}

/// What `ask` answers within `limit`, if it does.
pub fn within<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = now();
    loop {
        let is_last = begin.elapsed() >= limit;
        let answer = ask();
        if answer.is_some() || is_last {
            return answer;
        }
        thread::sleep(PAUSE);
    }
}

/// What `work` returns, and how long it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = now();
    let result = work();
    (result, begin.elapsed())
}

#[expect(clippy::disallowed_methods, reason = "the harness measures how long real servers take")]
fn now() -> Instant {
    Instant::now()
}
