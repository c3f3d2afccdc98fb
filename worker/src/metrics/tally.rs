use market::tick::Reason;

use crate::window::Outcome;

/// What became of the records of a batch: plain numbers, so that a tick costs no shared counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that were read.
    pub read: u32,
    /// Of them, ticks and marks that were folded.
    pub folded: u32,
    /// Of them, ticks that had been folded before.
    pub duplicates: u32,
    dead_letters: [u32; Reason::ALL.len()],
}

impl Tally {
    /// Counts one record.
    pub fn count(&mut self, outcome: &Outcome) {
        self.read += 1;
        match outcome {
            Outcome::Folded => self.folded += 1,
            Outcome::Duplicate => self.duplicates += 1,
            Outcome::DeadLetter { reason, .. } => {
                let at = Reason::ALL.iter().position(|one| one == reason);
                if let Some(count) = at.and_then(|at| self.dead_letters.get_mut(at)) {
                    *count += 1;
                }
            }
        }
    }

    /// How many dead letters there were of each reason that had any.
    pub fn dead_letters(&self) -> impl Iterator<Item = (Reason, u32)> {
        Reason::ALL.into_iter().zip(self.dead_letters).filter(|(_, count)| *count > 0)
    }
}
