use std::sync::{Arc, Mutex, PoisonError};

use super::attempt::Task;
use crate::source::{Look, Source};
use crate::topic::Acknowledged;

/// Shows what is on its way to the brokers.
pub(super) struct Flown<'a> {
    task: &'a Task,
    pub(super) acknowledged: &'a Acknowledged,
    /// How many acknowledged records are counted.
    counted: u64,
    /// What is seen of a live source, and what of it is counted.
    look: Option<(Arc<Mutex<Look>>, Look)>,
}

impl<'a> Flown<'a> {
    pub(super) fn of(task: &'a Task, acknowledged: &'a Acknowledged, source: &dyn Source) -> Self {
        let look = source.look().map(|look| (look, Look::default()));
        Flown { task, acknowledged, counted: 0, look }
    }

    pub(super) fn tell(&mut self) {
        let flight = self.acknowledged.in_flight();
        if let Some(metrics) = &self.task.metrics {
            let acknowledged = metrics.acknowledged.with_label_values(&[self.task.name().as_str()]);
            acknowledged.inc_by(flight.acknowledged.saturating_sub(self.counted));
        }
        self.counted = flight.acknowledged;
        self.task.update(|status| status.flight = flight);
        self.tell_look();
    }

    fn tell_look(&mut self) {
        let Some((look, counted)) = &mut self.look else { return };
        let seen = look.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(metrics) = &self.task.metrics {
            metrics.live.count(self.task.name().as_str(), counted, &seen);
        }
        counted.clone_from(&seen);
        self.task.update(|status| status.look = Some(seen.clone()));
    }
}
