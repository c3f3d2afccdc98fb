//! Source to topic: what a source emits, as records, in its order.

use std::borrow::Cow;

use market::decimal::Decimal;
use market::tick::{Amount, Mark, MarkKind, Quote, Record, Tick, Trade};
use runtime::traces;
use tokio_util::sync::CancellationToken;

use crate::source::{
    Emission, Event, Flow, Listing, Look, Progress, Source, SourceError, SourceQuote, SourceTrade,
};
use crate::topic::{InFlight, Producer, Receipt, TopicError};

/// What the topic has of each series, and from where its source goes on.
mod recover;
/// All sources of one producer, on real Kafka.
pub mod run;
/// Which records are traced.
mod sampled;
/// What was sent of each symbol.
mod sent;
/// Which producer has which instrument.
pub mod shard;

pub use run::{
    Broker, Producing, ProducingError, ProducingOptions, ProducingSeen, ProducingStatus,
};
pub(crate) use sampled::Sampler;
pub(crate) use sent::Sent;
pub use sent::SentSymbol;
pub use shard::{Shard, ShardError};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Why a source's records do not reach the topic.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The source cannot go on.
    #[error(transparent)]
    ReadSource(#[from] SourceError),
    /// The topic does not take records.
    #[error(transparent)]
    WriteTopic(#[from] TopicError),
}

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Names the producer in each record.
    pub producer_id: String,
    /// The producer's start time in milliseconds: a name with an order, nothing else.
    pub epoch: u64,
}

/// How one source is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceStatus {
    /// How far it is, where its end is known.
    pub progress: Option<Progress>,
    /// Whether it has sent everything.
    pub drained: bool,
    /// Why it stopped.
    pub error: Option<String>,
    /// Each of its symbols; empty before it is open.
    pub symbols: Vec<SentSymbol>,
    /// What is on its way to the brokers.
    pub flight: InFlight,
    /// What is seen of a live source.
    pub look: Option<Look>,
}

/// As [`produce`], and tells how it is going; `count` is told after each batch what was in it, and
/// what the sampler takes is traced.
///
/// # Errors
/// As [`produce`].
pub(crate) async fn produce_told(
    source: &mut dyn Source,
    producer: &mut Producer,
    identity: &Identity,
    stop: &CancellationToken,
    update: impl Fn(&dyn Fn(&mut SourceStatus)),
    (count, sampler): (impl Fn(&Sent), Option<Sampler>),
) -> Result<(), ProduceError> {
    update(&|status| *status = SourceStatus::default());
    let on_batch = |progress, sent: &Sent| {
        count(sent);
        update(&|status| {
            status.progress = progress;
            status.symbols.clone_from(&sent.symbols);
        });
    };
    let produced = send_all(source, producer, identity, stop, (on_batch, sampler)).await;
    update(&|status| {
        status.drained = produced.is_ok() && !stop.is_cancelled();
        status.error = produced.as_ref().err().map(ToString::to_string);
    });
    produced
}

/// Sends what a source emits until it is drained or `stop` is cancelled. `on_progress` is told
/// after each batch how far a finite source is.
///
/// # Errors
/// [`ProduceError`] when the source or the topic fails; all that was emitted before was sent.
pub async fn produce(
    source: &mut dyn Source,
    producer: &mut Producer,
    identity: &Identity,
    stop: &CancellationToken,
    on_progress: impl Fn(Option<Progress>),
) -> Result<(), ProduceError> {
    let on_batch = |progress, _: &Sent| on_progress(progress);
    send_all(source, producer, identity, stop, (on_batch, None)).await
}

async fn send_all(
    source: &mut dyn Source,
    producer: &mut Producer,
    identity: &Identity,
    stop: &CancellationToken,
    (on_batch, mut sampler): (impl Fn(Option<Progress>, &Sent), Option<Sampler>),
) -> Result<(), ProduceError> {
    let listings = source.listings().to_vec();
    let mut sent = Sent::of(&listings);
    let mut batch = Vec::new();
    let mut bytes = Vec::new();
    loop {
        batch.clear();
        let flow = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            flow = source.next(&mut batch) => flow,
        };
        for emission in &batch {
            let Some(listing) = listings.get(emission.listing) else { continue };
            bytes.clear();
            record(listing, emission, identity).encode(&mut bytes);
            let key = listing.series.symbol.as_str().as_bytes();
            let receipt = receipt(&emission.event).map(|receipt| (emission.listing, receipt));
            // It ends when librdkafka has the record.
            let span = sampler.as_mut().and_then(|sampler| sampler.span(listing, emission));
            let traceparent = span.as_ref().and_then(traces::traceparent);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                done = producer.send_for(key, &bytes, receipt, traceparent.as_deref()) => done?,
            }
            sent.count(emission);
        }
        on_batch(source.progress(), &sent);
        (sent.ticks, sent.marks) = (0, 0);
        match flow {
            Ok(Flow::More) => {}
            Ok(Flow::Drained) => return Ok(producer.flush().await?),
            Err(error) => {
                producer.flush().await?;
                return Err(error.into());
            }
        }
    }
}

/// What the topic has once it has the record of this event.
fn receipt(event: &Event) -> Option<Receipt> {
    match event {
        Event::Trade(trade) => {
            trade_receipt(trade.trade_id, (!trade.future).then_some(trade.event_time_ns))
        }
        Event::Quote(quote) => Some(quote_receipt(quote.event_time_ns)),
        Event::Mark(kind) => mark_receipt(kind),
    }
}

fn trade_receipt(trade_id: Option<u64>, event_ns: Option<i64>) -> Option<Receipt> {
    trade_id.map(|id| Receipt::Ids { first: id, last: id, event_ns })
}

fn mark_receipt(kind: &MarkKind<'_>) -> Option<Receipt> {
    match kind {
        MarkKind::Start(start) => start.next_id.map(|next_id| Receipt::Begin { next_id }),
        MarkKind::Lost { from_id, to_id, .. } | MarkKind::Void { from_id, to_id } => {
            Some(Receipt::Ids { first: *from_id, last: *to_id, event_ns: None })
        }
        MarkKind::End => Some(Receipt::End),
        MarkKind::Live { .. } | MarkKind::State { .. } => None,
    }
}

/// A series of quotes has no ids: the second of a quote is where it is.
fn quote_receipt(event_ns: i64) -> Receipt {
    let second = u64::try_from(event_ns.div_euclid(NANOS_PER_SECOND)).unwrap_or(0);
    Receipt::Reached { next_id: second.saturating_add(1) }
}

/// An emission as a record of the topic.
fn record<'a>(listing: &'a Listing, emission: &'a Emission, identity: &'a Identity) -> Record<'a> {
    let symbol = Cow::Borrowed(listing.series.symbol.as_str());
    let source = Cow::Borrowed(listing.series.source.as_str());
    let producer_id = Cow::Borrowed(identity.producer_id.as_str());
    match &emission.event {
        Event::Trade(trade) => {
            Record::Tick(Tick::Trade(trade_record(listing, trade, (symbol, source, producer_id))))
        }
        Event::Quote(quote) => {
            Record::Tick(Tick::Quote(quote_record(listing, quote, (symbol, source, producer_id))))
        }
        Event::Mark(kind) => {
            let (epoch, kind) = (identity.epoch, kind.clone());
            Record::Mark(Mark { symbol, source, epoch, producer_id, kind })
        }
    }
}

fn trade_record<'a>(
    listing: &'a Listing,
    trade: &'a SourceTrade,
    (symbol, source, producer_id): (Cow<'a, str>, Cow<'a, str>, Cow<'a, str>),
) -> Trade<'a> {
    let Listing { venue, instrument, space, .. } = listing;
    let message_id = match trade.trade_id {
        Some(id) => format!("{venue}:{instrument}:{space}:{id}"),
        None => format!("{venue}:{instrument}:{space}:{}", trade.event_time_ns),
    };
    let price = amount(&trade.price);
    Trade {
        symbol,
        source,
        coin_id: listing.coin_id.as_deref().map(Cow::Borrowed),
        usd: listing.usd_basis == market::tick::UsdBasis::Par && price.value > Decimal::ZERO,
        price,
        size: amount(&trade.size),
        side: trade.side,
        trade_id: trade.trade_id,
        executions: trade.executions,
        event_time_ns: trade.event_time_ns,
        receive_time_ns: trade.receive_time_ns,
        producer_id,
        message_id: message_id.into(),
        recovered: trade.recovered,
        future: trade.future,
    }
}

fn quote_record<'a>(
    listing: &'a Listing,
    quote: &'a SourceQuote,
    (symbol, source, producer_id): (Cow<'a, str>, Cow<'a, str>, Cow<'a, str>),
) -> Quote<'a> {
    let Listing { venue, instrument, space, .. } = listing;
    let second = quote.event_time_ns.div_euclid(NANOS_PER_SECOND);
    let value = Decimal::parse_rounded(&quote.price).unwrap_or(Decimal::ZERO);
    let borrowed = |text: &'a Option<Box<str>>| text.as_deref().map(Cow::Borrowed);
    Quote {
        symbol,
        source,
        coin_id: listing.coin_id.as_deref().map(Cow::Borrowed),
        price: Amount { text: Cow::Borrowed(&quote.price), value },
        volume_24h: borrowed(&quote.volume_24h),
        market_cap: borrowed(&quote.market_cap),
        price_change_24h: borrowed(&quote.price_change_24h),
        event_time_ns: quote.event_time_ns,
        receive_time_ns: quote.receive_time_ns,
        producer_id,
        message_id: format!("{venue}:{instrument}:{space}:{second}").into(),
        foreign: false,
    }
}

/// The text as sent. A bad number goes out unchanged: the reader of the topic judges it.
fn amount(text: &str) -> Amount<'_> {
    let value = Decimal::parse_tick(text).unwrap_or(Decimal::ZERO);
    Amount { text: Cow::Borrowed(text), value }
}
