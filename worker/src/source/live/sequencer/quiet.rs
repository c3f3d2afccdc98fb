use super::NANOS_PER_SECOND;

/// How long the instrument is usually quiet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quiet {
    pub(super) heard_ns: Option<i64>,
    usual_ns: i64,
    /// Looks in a row at which REST had what the socket should have brought.
    pub(super) silent: u32,
}

impl Quiet {
    /// Shortest and longest silence that is no reason to look.
    const BOUNDS_NS: (i64, i64) = (15 * NANOS_PER_SECOND, 300 * NANOS_PER_SECOND);
    /// How many usual pauses are one long one.
    const PAUSES: i64 = 20;

    pub(super) fn heard(&mut self, now_ns: i64) {
        if let Some(before_ns) = self.heard_ns {
            let pause_ns = now_ns.saturating_sub(before_ns).max(0);
            self.usual_ns += (pause_ns - self.usual_ns) / 16;
        }
        self.heard_ns = Some(now_ns);
        self.silent = 0;
    }

    pub(super) fn is_long(self, now_ns: i64) -> bool {
        let (least, most) = Self::BOUNDS_NS;
        let limit_ns = self.usual_ns.saturating_mul(Self::PAUSES).clamp(least, most);
        self.heard_ns.is_some_and(|heard_ns| now_ns.saturating_sub(heard_ns) > limit_ns)
    }
}
