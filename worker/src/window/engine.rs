use hashbrown::{Equivalent, HashMap};
use market::candle::Candle;
use market::publication::Feed;
use market::symbol::{Series, SeriesKind};
use market::tick::{Reason, Record, Tick, Undecodable};

use super::context::{Context, Pending};
use super::series::{NANOS_PER_MILLI, SeriesWindows};
use super::{Effects, LogPosition, Outcome, Settings, Stats};
use crate::checkpoint;
use crate::source::Position;
use crate::store::{FeedRow, SeriesState};

/// What is seen of the series from outside.
mod look;
/// Partitions that come and go.
mod partition;

pub use look::SeriesLook;

/// A series' name as it is looked up.
#[derive(Hash)]
struct NameRef<'a>(&'a str, &'a str);

impl Equivalent<(Box<str>, Box<str>)> for NameRef<'_> {
    fn equivalent(&self, key: &(Box<str>, Box<str>)) -> bool {
        self.0 == &*key.0 && self.1 == &*key.1
    }
}

/// All series of the partitions that a worker owns.
#[derive(Debug)]
pub struct Engine {
    pub(super) settings: Settings,
    index: HashMap<(Box<str>, Box<str>), usize>,
    names: Vec<Series>,
    /// The partition of each series' symbol.
    partitions: Vec<i32>,
    windows: Vec<SeriesWindows>,
    /// Changed since the last commit, and since open bars were last taken.
    dirty: Vec<(bool, bool)>,
    /// Series whose watermark has reached windows that are still open, and by which record.
    closing: Vec<(usize, LogPosition)>,
    pending: Pending,
    stats: Stats,
}

impl Engine {
    /// An engine for these series, each of one partition; records of others are dead letters.
    #[must_use]
    pub fn new(
        settings: Settings,
        series: impl IntoIterator<Item = (Series, SeriesKind, i32)>,
    ) -> Self {
        let mut engine = Self {
            settings,
            index: HashMap::new(),
            names: Vec::new(),
            partitions: Vec::new(),
            windows: Vec::new(),
            dirty: Vec::new(),
            closing: Vec::new(),
            pending: Pending::default(),
            stats: Stats::default(),
        };
        for (series, kind, partition) in series {
            let key = (series.symbol.as_str().into(), series.source.as_str().into());
            engine.index.insert(key, engine.names.len());
            engine.names.push(series);
            engine.partitions.push(partition);
            engine.windows.push(SeriesWindows::new(kind));
            engine.dirty.push((false, false));
        }
        engine
    }

    fn find(&self, symbol: &str, source: &str) -> Option<usize> {
        self.index.get(&NameRef(symbol, source)).copied()
    }

    /// Folds one record that stands there. What it closes may be more than one commit should
    /// hold: see [`Self::is_closing`].
    pub fn apply(&mut self, at: LogPosition, record: &Record<'_>) -> Outcome {
        while self.is_closing() {
            self.close_more();
        }
        let Some(index) = self.find(record.symbol(), record.source()) else {
            let detail = "its symbol and source are not in the spec";
            return Outcome::dead(Reason::Schema, detail);
        };
        if self.partitions[index] != at.partition {
            // Its series would be folded in two places.
            let detail = "its key did not bring it to the partition of its symbol";
            return Outcome::dead(Reason::Schema, detail);
        }
        if let Some(outcome) = self.windows[index].judge_time(record) {
            return outcome;
        }
        let (windows, mut context) = self.context(index, at);
        let outcome = match record {
            Record::Tick(Tick::Trade(trade)) => windows.trade(trade, &mut context),
            Record::Tick(Tick::Quote(quote)) => windows.quote(quote, &mut context),
            Record::Mark(mark) => windows.mark(mark, &mut context),
        };
        if context.closing {
            self.closing.push((index, at));
        }
        outcome
    }

    /// Whether the last record reached more windows than were closed so far. A commit may come
    /// between; the next record waits.
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        !self.closing.is_empty()
    }

    /// Closes more of what the last record reached; of which partition, if there was more.
    pub fn close_more(&mut self) -> Option<i32> {
        let (index, at) = self.closing.pop()?;
        let (windows, mut context) = self.context(index, at);
        windows.close_some(&mut context);
        if context.closing {
            self.closing.push((index, at));
        }
        Some(self.partitions[index])
    }

    /// Takes in bytes that are no record: the id of the trade that it would have been is lost.
    pub fn reject(&mut self, at: LogPosition, bad: &Undecodable<'_>) -> Outcome {
        while self.is_closing() {
            self.close_more();
        }
        if let Some(trade) = &bad.trade
            && let Some(index) = self.find(&trade.symbol, &trade.source)
            && self.partitions[index] == at.partition
            && let Some(event_ns) = trade.event_time_ns.filter(|event_ns| *event_ns > 0)
        {
            let (windows, mut context) = self.context(index, at);
            let known = windows.space.as_ref();
            if known.is_some_and(|space| trade.message_id.starts_with(space.as_str())) {
                let reason = bad.error.reason().as_str();
                windows.lose_trade(Some(trade.trade_id), event_ns, reason, &mut context);
                windows.reconcile(&mut context);
            }
        }
        Outcome::DeadLetter { reason: bad.error.reason(), detail: bad.error.to_string() }
    }

    fn context(&mut self, index: usize, at: LogPosition) -> (&mut SeriesWindows, Context<'_>) {
        self.dirty[index] = (true, true);
        let context = Context {
            settings: &self.settings,
            series: &self.names[index],
            index,
            at,
            reconcile_from_ns: None,
            closing: false,
            pending: &mut self.pending,
            stats: &mut self.stats,
        };
        (&mut self.windows[index], context)
    }

    /// Whether a window closed, or anything else that readers wait for happened, since the last
    /// [`Self::take_effects`].
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.pending.candles.is_empty()
            || !self.pending.alerts.is_empty()
            || !self.pending.feeds.is_empty()
    }

    /// How many candles wait to be committed.
    #[must_use]
    pub fn candles_pending(&self) -> usize {
        self.pending.candles.len()
    }

    /// Takes what has to be committed, numbered, with the states that go with it.
    pub fn take_effects(&mut self) -> Effects {
        let pending = std::mem::take(&mut self.pending);
        let gaps = pending.gaps.into_iter().map(|(_, row)| row).collect();
        let mut effects = Effects { gaps, ..Effects::default() };
        for ((index, interval, _), mut row) in pending.candles {
            let frame =
                self.windows[index].frames.iter_mut().find(|frame| frame.interval == interval);
            if let Some(frame) = frame {
                frame.seq += u64::from(row.candle.closed);
                row.seq = frame.seq;
                effects.candles.push(row);
            }
        }
        for (index, mut row) in pending.alerts {
            self.windows[index].alert_seq += 1;
            row.seq = self.windows[index].alert_seq;
            effects.alerts.push(row);
        }
        for (index, (dirty, _)) in self.dirty.iter_mut().enumerate() {
            if std::mem::take(dirty) {
                let changed = pending.feeds.contains(&index);
                self.windows[index].feed_seq += u64::from(changed);
                effects.feeds.extend(feed_row(&self.names[index], &self.windows[index], changed));
                let (version, bytes) = checkpoint::encode(&self.windows[index]);
                let series = self.names[index].clone();
                effects.states.push(SeriesState { series, version, bytes });
            }
        }
        effects
    }

    /// The open windows of series that changed since this was last called, with the number of the
    /// last closed candle of their channel.
    pub fn take_open_bars(&mut self) -> Vec<(u64, Candle)> {
        let mut bars = Vec::new();
        for index in 0..self.windows.len() {
            if !std::mem::take(&mut self.dirty[index].1) {
                continue;
            }
            let windows = &self.windows[index];
            for (at, frame) in windows.frames.iter().enumerate() {
                if self.settings.shows(frame.interval)
                    && let Some(window) = windows.open_window(at)
                {
                    bars.push((frame.seq, windows.candle(&self.names[index], at, &window)));
                }
            }
        }
        bars
    }

    /// Where the source of a series goes on.
    #[must_use]
    pub fn position(&self, series: &Series) -> Option<Position> {
        let at = self.find(series.symbol.as_str(), series.source.as_str())?;
        let watermark_ns = self.windows[at].watermark_ns;
        if self.windows[at].kind == SeriesKind::Quote && watermark_ns > i64::MIN {
            let second = u64::try_from(watermark_ns.div_euclid(1_000 * NANOS_PER_MILLI)).ok()?;
            return Some(Position { next_id: second + 1, event_ns: Some(watermark_ns) });
        }
        let next_id = self.windows[at].position(self.settings.allowed_lateness_ns)?;
        Some(Position { next_id, event_ns: (watermark_ns > i64::MIN).then_some(watermark_ns) })
    }

    /// The highest epoch of any producer so far.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.windows.iter().map(|windows| windows.epoch).max().unwrap_or(0)
    }

    /// The watermark of each series in nanoseconds; `None` before its first record.
    pub fn watermarks(&self) -> impl Iterator<Item = (&Series, Option<i64>)> {
        let known =
            |windows: &SeriesWindows| Some(windows.watermark_ns).filter(|ns| *ns > i64::MIN);
        self.names.iter().zip(self.windows.iter().map(known))
    }

    /// What was counted so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }
}

/// The feed of a series with its watermark as it stands.
fn feed_row(series: &Series, windows: &SeriesWindows, changed: bool) -> Option<FeedRow> {
    let (state, reason) = windows.feed.clone()?;
    let (series, watermark_ns) = (series.clone(), windows.watermark_ns);
    let feed = Feed { series, state, reason, watermark_ns };
    Some(FeedRow { feed, seq: windows.feed_seq, changed })
}
