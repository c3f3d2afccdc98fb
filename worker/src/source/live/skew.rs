//! How far our clock is from the venue's, measured from what the venue sends.

use std::sync::{Mutex, PoisonError};

use super::sequencer::NANOS_PER_SECOND;

/// How long a measurement counts, at least; at most twice as long.
const WINDOW_NS: i64 = 30 * NANOS_PER_SECOND;
/// A frame that is further off than this from the venue's own clock is old or wrong.
const OFF_NS_MAX: i64 = 60 * NANOS_PER_SECOND;
/// Frames that are off by the same for so long are right, and what was measured before is not.
const DOUBT_NS: i64 = 5 * NANOS_PER_SECOND;
/// The same, less what frames may take.
const AGREES_NS: u64 = 2_000_000_000;
/// HTTP dates are whole seconds.
const DATE_NS: i64 = NANOS_PER_SECOND;

/// What was measured: our clock at the receipt, less the venue's at the sending.
#[derive(Debug, Default)]
pub(super) struct Skew(Mutex<Measured>);

#[derive(Debug, Default, Clone, Copy)]
struct Measured {
    /// By an answer of REST.
    base_ns: Option<i64>,
    window: Option<Window>,
    before: Option<Window>,
    /// Frames that are too far off, and agree with each other.
    off: Option<Window>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    from_ns: i64,
    least_ns: i64,
    most_ns: i64,
}

impl Measured {
    /// A frame is far off. Where all are, for a while and by the same, our clock was set.
    fn doubt(&mut self, new: Window) {
        let agrees = |off: &Window| off.least_ns.abs_diff(new.least_ns) < AGREES_NS;
        match self.off.filter(agrees) {
            Some(off) if new.from_ns >= off.from_ns.saturating_add(DOUBT_NS) => {
                *self = Self { base_ns: Some(new.least_ns), ..Self::default() };
            }
            Some(_) => {}
            None => self.off = Some(new),
        }
    }
}

impl Skew {
    fn locked(&self) -> std::sync::MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer of REST that came at `now_ns` bears this date.
    pub(super) fn answered(&self, now_ns: i64, date_ns: i64) {
        self.locked().base_ns = Some(now_ns.saturating_sub(date_ns));
    }

    /// A frame that came at `now_ns` was sent at `sent_ns`.
    pub(super) fn received(&self, now_ns: i64, sent_ns: i64) {
        let off_ns = now_ns.saturating_sub(sent_ns);
        let mut measured = self.locked();
        let new = Window { from_ns: now_ns, least_ns: off_ns, most_ns: off_ns };
        if off_ns.saturating_sub(measured.base_ns.unwrap_or(0)).abs() > OFF_NS_MAX {
            measured.doubt(new);
            return;
        }
        measured.off = None;
        match &mut measured.window {
            Some(window) if now_ns < window.from_ns.saturating_add(WINDOW_NS) => {
                window.least_ns = window.least_ns.min(off_ns);
                window.most_ns = window.most_ns.max(off_ns);
            }
            _ => {
                measured.before = measured.window;
                measured.window = Some(new);
            }
        }
    }

    /// Our clock less the venue's, as near as it can be told; `None` before anything was measured.
    pub(super) fn least_ns(&self) -> Option<i64> {
        let measured = *self.locked();
        let windows = [measured.window, measured.before].into_iter().flatten();
        windows.map(|window| window.least_ns).min().or(measured.base_ns)
    }

    /// Our clock less the venue's, and the longest that a frame was on its way.
    pub(super) fn most_ns(&self) -> Option<i64> {
        let measured = *self.locked();
        let windows = [measured.window, measured.before].into_iter().flatten();
        let base_ns = measured.base_ns.map(|base_ns| base_ns.saturating_add(DATE_NS));
        windows.map(|window| window.most_ns).max().or(base_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_took_is_between_the_least_and_the_most() {
        let skew = Skew::default();
        assert_eq!((skew.least_ns(), skew.most_ns()), (None, None));
        let second = NANOS_PER_SECOND;
        skew.answered(10 * second, 8 * second);
        assert_eq!((skew.least_ns(), skew.most_ns()), (Some(2 * second), Some(3 * second)));
        skew.received(11 * second, 9 * second);
        skew.received(12 * second, 9 * second);
        assert_eq!((skew.least_ns(), skew.most_ns()), (Some(2 * second), Some(3 * second)));
    }

    #[test]
    fn a_stamp_that_cannot_be_is_not_measured() {
        let (skew, hour) = (Skew::default(), 3_600 * NANOS_PER_SECOND);
        skew.received(10 * hour, 11 * hour);
        skew.received(10 * hour, 0);
        assert_eq!(skew.least_ns(), None);
        // A clock that is an hour off is told by REST, and then frames are measured.
        skew.answered(10 * hour, 11 * hour);
        skew.received(10 * hour, 11 * hour);
        assert_eq!(skew.least_ns(), Some(-hour));
    }

    #[test]
    fn a_clock_that_was_set_is_measured_anew_after_a_few_seconds() {
        let (skew, second) = (Skew::default(), NANOS_PER_SECOND);
        skew.answered(1_000 * second, 1_000 * second);
        skew.received(1_000 * second, 1_000 * second);
        // Ours is set forward by ten minutes.
        for n in 1..=10 {
            skew.received((1_600 + n) * second, (1_000 + n) * second);
            let expected = if n <= 5 { 0 } else { 600 * second };
            assert_eq!(skew.least_ns(), Some(expected), "after {n} s");
        }
        // One stray frame changes nothing.
        skew.received(1_611 * second, 0);
        assert_eq!(skew.least_ns(), Some(600 * second));
    }

    #[test]
    fn what_was_measured_long_ago_does_not_count() {
        let skew = Skew::default();
        skew.received(10 * NANOS_PER_SECOND, 5 * NANOS_PER_SECOND);
        for second in [50, 90, 130] {
            skew.received(second * NANOS_PER_SECOND, (second - 1) * NANOS_PER_SECOND);
        }
        assert_eq!(skew.most_ns(), Some(NANOS_PER_SECOND));
    }
}
