//! Partitions that come and go.

use crate::checkpoint::{self, CheckpointError};
use crate::store::{GapRow, SeriesState};
use crate::window::LogPosition;
use crate::window::series::SeriesWindows;

use super::Engine;

impl Engine {
    /// Goes on from what a commit stored, after the record that stands there. A state of a series
    /// that is no longer in the spec is left alone.
    ///
    /// # Errors
    /// [`CheckpointError`] when the bytes are of another version, or no state.
    pub fn restore(
        &mut self,
        state: &SeriesState,
        after: LogPosition,
    ) -> Result<(), CheckpointError> {
        let series = &state.series;
        let Some(index) = self.find(series.symbol.as_str(), series.source.as_str()) else {
            return Ok(());
        };
        self.windows[index] = checkpoint::decode(state.version, &state.bytes)?;
        if self.windows[index].is_closing() {
            self.closing.push((index, after));
        }
        Ok(())
    }

    /// Forgets all series of a partition, and what of them no commit has taken.
    pub fn drop_partition(&mut self, partition: i32) {
        for (index, of) in self.partitions.iter().enumerate() {
            if *of == partition {
                self.windows[index] = SeriesWindows::new(self.windows[index].kind);
                self.dirty[index] = (false, false);
            }
        }
        let gone = |index: &usize| self.partitions[*index] == partition;
        self.closing.retain(|(index, _)| !gone(index));
        self.pending.candles.retain(|(index, _, _), _| !gone(index));
        self.pending.alerts.retain(|(index, _)| !gone(index));
        self.pending.gaps.retain(|(index, _)| !gone(index));
        self.pending.feeds.retain(|index| !gone(index));
    }

    /// Writes down for each series of a partition that records are gone which were not folded.
    pub fn lose_records(&mut self, partition: i32, reason: &str) {
        for index in 0..self.names.len() {
            if self.partitions[index] == partition {
                let gap = self.windows[index].lost_records(reason);
                let series = self.names[index].clone();
                self.pending.gaps.extend(gap.map(|gap| (index, GapRow { series, gap })));
            }
        }
    }
}
