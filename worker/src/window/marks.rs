//! What a source says about its series.

use market::alert::{Alert, AlertRule, AlertType, Severity};
use market::interval::MINUTE_MS;
use market::publication::FeedState;
use market::tick::{Mark, MarkKind, Reason, Start};

use market::symbol::SeriesKind;

use super::series::{NANOS_PER_MILLI, SeriesWindows};
use super::{Context, Outcome};

impl SeriesWindows {
    pub(super) fn mark(&mut self, mark: &Mark<'_>, context: &mut Context<'_>) -> Outcome {
        match &mark.kind {
            MarkKind::Start(start) => {
                if !self.in_space(&format!("{}:{}:{}:", start.venue, start.instrument, start.space))
                {
                    let detail = "a start of another id space than the series began with";
                    return Outcome::dead(Reason::Space, detail);
                }
                if mark.epoch > self.epoch {
                    self.epoch = mark.epoch;
                    self.set_feed(FeedState::Up, "", context);
                }
                self.start(start, context);
            }
            MarkKind::Live { complete_to_ns, next_id } => {
                if let (Some(expected), Some(next_id)) = (self.next_id, *next_id)
                    && next_id > expected
                {
                    self.open_hole(expected, next_id - 1, *complete_to_ns, context);
                }
                self.complete_to_ns = self.complete_to_ns.max(*complete_to_ns);
                self.reconcile(context);
                self.advance(*complete_to_ns, context);
            }
            MarkKind::Lost { from_id, to_id, from_ns, to_ns, reason } => {
                self.lose((*from_id, *to_id), (*from_ns, *to_ns), reason, context);
                self.reconcile(context);
            }
            MarkKind::Void { from_id, to_id } => self.void(*from_id, *to_id, context),
            MarkKind::State { state, reason } if mark.epoch >= self.epoch => {
                self.state(*state, reason, context);
            }
            MarkKind::End if mark.epoch >= self.epoch => {
                self.snapshot(context);
                self.set_feed(FeedState::Ended, "the source is drained", context);
            }
            MarkKind::State { .. } | MarkKind::End => {}
        }
        Outcome::Folded
    }

    /// Goes on with the coverage it has where the ids join up, opens a hole where they do not,
    /// and begins coverage where there is none.
    fn start(&mut self, start: &Start<'_>, context: &mut Context<'_>) {
        let Some(next_id) = start.next_id.filter(|_| self.kind == SeriesKind::Trade) else {
            return;
        };
        match self.next_id {
            Some(expected) if expected < next_id => {
                // The missing trades happened before `from_ns`.
                self.open_hole(expected, next_id - 1, start.from_ns.saturating_sub(1), context);
            }
            Some(_) => {}
            None => self.next_id = Some(next_id),
        }
        if self.coverage.from_ns.is_none() {
            self.coverage.from_ns = Some(start.from_ns);
            let from_ms = start.from_ns.max(self.watermark_ns).div_euclid(NANOS_PER_MILLI);
            let first_close_ms = from_ms - from_ms.rem_euclid(MINUTE_MS) + MINUTE_MS;
            let next_close_ms = self.next_close_ms.unwrap_or(first_close_ms);
            self.next_close_ms = Some(next_close_ms.min(first_close_ms));
        }
        self.reconcile(context);
    }

    fn void(&mut self, from_id: u64, to_id: u64, context: &mut Context<'_>) {
        if let Some(touched) = self.coverage.fill(from_id, to_id, None) {
            context.reconcile_from(touched);
        }
        self.keep_ids(from_id, to_id);
        if self.next_id.is_some_and(|next_id| (from_id..=to_id).contains(&next_id)) {
            self.expect_after(to_id);
        }
        self.reconcile(context);
    }

    /// A repeated `down` is a feed that has been stale for as long as the source waits to repeat.
    fn state(&mut self, state: FeedState, reason: &str, context: &mut Context<'_>) {
        let was_down = self.feed.as_ref().is_some_and(|(state, _)| *state == FeedState::Down);
        let stale = was_down && state == FeedState::Down;
        self.set_feed(state, reason, context);
        let time_ms = self.watermark_ns.div_euclid(NANOS_PER_MILLI);
        let open_ms = time_ms - time_ms.rem_euclid(MINUTE_MS);
        let known = self.watermark_ns > i64::MIN;
        if !stale || !known || open_ms == self.stale_told_ms {
            return;
        }
        self.stale_told_ms = open_ms;
        let close_ms = open_ms + MINUTE_MS;
        context.alert(
            AlertType::StaleFeed,
            (AlertRule::StaleFeed, "down"),
            (open_ms, close_ms),
            self.watermark_ns,
            |alert| Alert { severity: Severity::Low, ..alert },
        );
    }

    fn set_feed(&mut self, state: FeedState, reason: &str, context: &mut Context<'_>) {
        self.feed = Some((state, reason.to_owned()));
        context.pending.feeds.insert(context.index);
    }

    /// Shows the open windows as they stand when a finite source has ended.
    fn snapshot(&self, context: &mut Context<'_>) {
        for frame in 0..self.frames.len() {
            if let Some(window) = self.open_window(frame) {
                context.show_open(self, frame, &window);
            }
        }
    }
}
