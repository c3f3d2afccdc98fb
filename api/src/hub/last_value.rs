//! The last value of one channel: what somebody who begins to watch is shown.

use axum::extract::ws::Utf8Bytes;
use market::publication::Publication;

/// What makes one value newer than another of its channel.
pub(crate) type Order = (i64, u64);

/// A value that clients are shown.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) order: Order,
    pub(crate) text: Utf8Bytes,
}

/// The newest committed value and, of candles, the open bar after it.
#[derive(Debug, Default)]
pub(crate) struct LastValue {
    committed: Option<Value>,
    open: Option<Value>,
}

/// What a publication is to its channel's last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Committed,
    Open,
}

/// Where a publication belongs, and what it is ordered by there.
pub(crate) fn place(publication: &Publication) -> (Slot, Order) {
    match publication {
        Publication::Candle { seq, candle } => (Slot::Committed, (candle.open_time_ms, *seq)),
        Publication::OpenBar { candle, .. } => {
            let event_ns = candle.last_event_ns.unwrap_or_default();
            (Slot::Open, (candle.open_time_ms, u64::try_from(event_ns).unwrap_or_default()))
        }
        Publication::Alert { seq, .. } | Publication::Feed { seq, .. } => {
            (Slot::Committed, (0, *seq))
        }
    }
}

impl LastValue {
    /// Takes a value unless a newer one is known; says whether it did.
    pub(crate) fn offer(&mut self, slot: Slot, value: Value) -> bool {
        let (place, floor) = match slot {
            Slot::Committed => (&mut self.committed, None),
            // An open bar of a window that has closed came too late.
            Slot::Open => (&mut self.open, self.committed.as_ref().map(|value| value.order.0)),
        };
        let is_newer = place.as_ref().is_none_or(|known| value.order >= known.order)
            && floor.is_none_or(|closed| value.order.0 > closed);
        if is_newer {
            *place = Some(value);
        }
        if let (Some(open), Some(committed)) = (&self.open, &self.committed)
            && open.order.0 <= committed.order.0
        {
            self.open = None;
        }
        is_newer
    }

    /// The committed value, then the open bar.
    pub(crate) fn values(&self) -> Vec<&Utf8Bytes> {
        [&self.committed, &self.open].into_iter().flatten().map(|value| &value.text).collect()
    }

    /// Whether a committed value is known.
    pub(crate) fn is_known(&self) -> bool {
        self.committed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(open_time: i64, second: u64, text: &'static str) -> Value {
        Value { order: (open_time, second), text: text.into() }
    }

    fn shown(last: &LastValue) -> Vec<&str> {
        last.values().into_iter().map(Utf8Bytes::as_str).collect()
    }

    #[test]
    fn open_bar_is_shown_after_the_closed_candle_until_its_window_closes() {
        let mut last = LastValue::default();
        assert!(last.offer(Slot::Open, value(60, 1, "open 60")));
        assert!(last.offer(Slot::Committed, value(0, 7, "closed 0")));
        assert_eq!(shown(&last), ["closed 0", "open 60"]);
        assert!(last.offer(Slot::Committed, value(60, 8, "closed 60")));
        assert_eq!(shown(&last), ["closed 60"]);
        assert!(!last.offer(Slot::Open, value(60, 9, "late open 60")));
        assert_eq!(shown(&last), ["closed 60"]);
    }

    #[test]
    fn revision_of_an_older_candle_does_not_become_the_last_value() {
        let mut last = LastValue::default();
        assert!(last.offer(Slot::Committed, value(60, 8, "closed 60")));
        assert!(!last.offer(Slot::Committed, value(0, 9, "revised 0")));
        assert_eq!(shown(&last), ["closed 60"]);
        assert!(last.offer(Slot::Committed, value(60, 10, "revised 60")));
        assert_eq!(shown(&last), ["revised 60"]);
    }
}
