use std::collections::HashMap;

use market::symbol::Series;
use market::tick::decode::decode;
use market::tick::{Record, Tick};
use market::topic::{TopicNames, partition_of};

use super::{mark_receipt, quote_receipt, trade_receipt};
use crate::topic::log::read_to_end;
use crate::topic::{
    Connection, IngestState, PositionError, PositionWriter, Reach, Receipt, StoredPosition,
    TopicError, positions,
};

/// One series of a source, and how far it is on the topic.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) series: Series,
    pub(super) instrument: String,
    pub(super) partition: i32,
    pub(super) reach: Reach,
}

/// Where the positions of one source are kept.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) connection: Connection,
    pub(super) names: TopicNames,
    pub(super) partitions: i32,
    /// Cluster and id of the ticks topic.
    pub(super) topic_id: String,
}

/// How far these series are: their stored positions, and what the topic has after them. Blocks.
///
/// A producer that dies writes its ticks and not their position; what it wrote last is found in
/// the ticks topic, so that it is not sent again.
pub(super) fn recover(
    place: &Place,
    state: &IngestState,
    series: Vec<(Series, String)>,
    patience_ns: i64,
) -> Result<Vec<Lane>, TopicError> {
    let mut lanes = Vec::with_capacity(series.len());
    let mut from: Vec<(i32, Option<i64>)> = Vec::new();
    for (series, instrument) in series {
        let partition = partition_of(series.symbol.as_str().as_bytes(), place.partitions);
        let stored = state.furthest(series.source.as_str(), &instrument, &place.topic_id);
        let offset = stored.map(|stored| stored.offset);
        match from.iter_mut().find(|(found, _)| *found == partition) {
            Some((_, first)) => *first = [*first, offset].into_iter().flatten().min(),
            None => from.push((partition, offset)),
        }
        let next_id = stored.and_then(|stored| stored.next_id);
        let event_ns = stored.and_then(|stored| stored.event_ns);
        let reach = Reach::new(next_id, offset.unwrap_or(i64::MAX), patience_ns);
        let reach = reach.after(event_ns);
        lanes.push(Lane { series, instrument, partition, reach });
    }
    let indices: HashMap<Series, usize> =
        lanes.iter().enumerate().map(|(index, lane)| (lane.series.clone(), index)).collect();
    let begins: Vec<i64> = lanes.iter().map(|lane| lane.reach.offset()).collect();
    let ends = read_to_end(&place.connection, &place.names.ticks, &from, |record| {
        let Some((series, receipt)) = receipt_of(record.value) else { return };
        let Some(index) = indices.get(&series) else { return };
        if record.offset >= begins[*index] {
            lanes[*index].reach.take(receipt, record.offset);
        }
    })?;
    for lane in &mut lanes {
        // Whoever has no position begins here: what it sends comes later.
        let end = ends.iter().find(|(partition, _)| *partition == lane.partition);
        if let (i64::MAX, Some((_, end))) = (lane.reach.offset(), end) {
            lane.reach = Reach::new(None, *end, patience_ns);
        }
    }
    Ok(lanes)
}

/// What a record of the ticks topic says of its series' ids.
fn receipt_of(value: &[u8]) -> Option<(Series, Receipt)> {
    let of = |symbol: &str, source: &str, receipt: Option<Receipt>| {
        let symbol = market::symbol::Symbol::new(symbol).ok()?;
        let source = market::symbol::SourceName::new(source).ok()?;
        Some((Series { symbol, source }, receipt?))
    };
    match decode(value) {
        Ok(Record::Tick(Tick::Trade(trade))) => {
            let event_ns = (!trade.future).then_some(trade.event_time_ns);
            of(&trade.symbol, &trade.source, trade_receipt(trade.trade_id, event_ns))
        }
        Ok(Record::Tick(Tick::Quote(quote))) => {
            of(&quote.symbol, &quote.source, Some(quote_receipt(quote.event_time_ns)))
        }
        Ok(Record::Mark(mark)) => of(&mark.symbol, &mark.source, mark_receipt(&mark.kind)),
        // A bad trade was sent as well.
        Err(bad) => {
            let trade = bad.trade.as_ref()?;
            of(&trade.symbol, &trade.source, trade_receipt(Some(trade.trade_id), None))
        }
    }
}

/// Keeps the positions of a source's series in the compacted topic.
pub(super) struct Keeper {
    writer: PositionWriter,
    place: Place,
    epoch: u64,
    lanes: Vec<Lane>,
}

impl Keeper {
    /// Writes where each series goes on, then forgets the positions of older producers.
    pub(super) async fn begin(
        mut writer: PositionWriter,
        place: Place,
        epoch: u64,
        lanes: Vec<Lane>,
        state: &IngestState,
    ) -> Result<Self, PositionError> {
        for lane in &lanes {
            put(&mut writer, &place, epoch, lane).await?;
        }
        writer.flush().await?;
        for lane in &lanes {
            let source = lane.series.source.as_str();
            for old in state.epochs(source, &lane.instrument).filter(|old| *old < epoch) {
                writer.forget((source, &lane.instrument, old)).await?;
            }
        }
        writer.flush().await?;
        Ok(Self { writer, place, epoch, lanes })
    }

    /// Where.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Writes the positions that have changed.
    pub(super) async fn keep(&mut self, reached: &[Reach]) -> Result<(), TopicError> {
        let Self { writer, place, epoch, lanes } = self;
        for (lane, reach) in lanes.iter_mut().zip(reached) {
            let now = (reach.next_id(), reach.offset());
            if now != (lane.reach.next_id(), lane.reach.offset()) {
                lane.reach.clone_from(reach);
                put(writer, place, *epoch, lane).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> Result<(), TopicError> {
        self.writer.flush().await
    }
}

async fn put(
    writer: &mut PositionWriter,
    place: &Place,
    epoch: u64,
    lane: &Lane,
) -> Result<(), TopicError> {
    let position = StoredPosition {
        version: positions::VERSION,
        topic: place.topic_id.clone(),
        next_id: lane.reach.next_id(),
        partition: lane.partition,
        offset: lane.reach.offset(),
        event_ns: lane.reach.latest_ns(),
    };
    writer.put((lane.series.source.as_str(), &lane.instrument, epoch), &position).await
}
