//! What is seen of the series from outside.

use market::publication::FeedState;
use market::symbol::Series;
use market::tick::REFERENCE_SOURCE;

use super::Engine;

/// One series as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesLook {
    /// Which.
    pub series: Series,
    /// The partition of its symbol.
    pub partition: i32,
    /// Its watermark in nanoseconds; `None` before its first record.
    pub watermark_ns: Option<i64>,
    /// Event time in which every trade is known.
    pub coverage_ns: i64,
    /// Holes and lost ranges that it keeps in mind.
    pub gaps: usize,
    /// What its source says.
    pub feed: Option<FeedState>,
    /// Its windows that have ticks and are not closed.
    pub windows_open: usize,
}

impl Engine {
    /// Each series as it stands, in the order of the spec. Those for quotes of other producers are
    /// left out until there are any.
    pub fn look(&self) -> impl Iterator<Item = SeriesLook> {
        let all = self.windows.iter().enumerate();
        let shown = all.filter(|(index, windows)| {
            let is_foreign = self.names[*index].source.as_str() == REFERENCE_SOURCE;
            !is_foreign || windows.watermark_ns > i64::MIN
        });
        shown.map(|(index, windows)| {
            let watermark_ns = Some(windows.watermark_ns).filter(|ns| *ns > i64::MIN);
            let coverage = &windows.coverage;
            let open = |frame: &super::super::frame::Frame| {
                let open = frame.windows.iter().skip(frame.first_open());
                open.filter(|window| window.bar.is_some()).count()
            };
            SeriesLook {
                series: self.names[index].clone(),
                partition: self.partitions[index],
                watermark_ns,
                coverage_ns: watermark_ns.map_or(0, |to_ns| coverage.covered_ns(to_ns)),
                gaps: coverage.gaps().len(),
                feed: windows.feed.as_ref().map(|(state, _)| *state),
                windows_open: windows.frames.iter().map(open).sum(),
            }
        })
    }
}
