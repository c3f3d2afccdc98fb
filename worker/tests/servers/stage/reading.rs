use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2e::wait;
use market::alert::Alert;
use market::candle::{Candle, Trend};
use market::decimal::Fixed;
use market::publication::Publication;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use redis::AsyncCommands as _;
use redis::streams::StreamRangeReply;

use super::{Candles, PARTITIONS, Stage};

/// How long a broker may take to tell where a partition ends.
const ASK_WAIT: Duration = Duration::from_secs(60);
/// Entries of the Redis stream that are read at a time.
const STREAM_PAGE: usize = 5_000;

const CANDLES: &str = "\
    SELECT symbol, source, interval, (extract(epoch FROM open_time) * 1000)::int8, \
    (extract(epoch FROM close_time) * 1000)::int8, open, high, low, close, volume, quote_volume, \
    taker_buy_volume, taker_buy_quote_volume, vwap, trade_count, first_id, last_id, \
    first_event_ns, last_event_ns, closed, complete, revision, samples, sma_20, sma_50, ema_20, \
    trend FROM candle JOIN series USING (series_id)";

/// Reads a topic from its beginning to where it ends now, each partition in order.
pub(crate) fn read_topic(
    brokers: &str,
    topic: &str,
    partitions: i32,
    mut take: impl FnMut(&BorrowedMessage<'_>),
) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", format!("{topic}-alone"))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    // Where records keep coming, no fetch finds the end: it is asked for.
    let end = |partition| {
        // Of a topic that was just made, a broker may not know every leader yet.
        let asked = || consumer.fetch_watermarks(topic, partition, ASK_WAIT).ok();
        wait::within(ASK_WAIT, asked).expect("every partition has an end").1
    };
    let ends: Vec<i64> = (0..partitions).map(end).collect();
    let mut ended = BTreeSet::new();
    while ended.len() < usize::try_from(partitions).unwrap() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(record)) => {
                let (partition, offset) = (record.partition(), record.offset());
                if !ended.contains(&partition) {
                    take(&record);
                }
                if offset + 1 >= ends[usize::try_from(partition).unwrap()] {
                    ended.insert(partition);
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
}

/// Which candle it is.
pub(crate) fn key_of(candle: &Candle) -> e2e::oracle::CandleKey {
    let (symbol, source) = (candle.symbol.to_string(), candle.source.to_string());
    (symbol, source, candle.interval, candle.open_time_ms)
}

impl Stage {
    /// The stored candles, by a statement of our own.
    pub(crate) fn stored(&self) -> Candles {
        let rows = self.psql(CANDLES);
        let candles = rows.lines().map(|row| candle_of(&row.split('|').collect::<Vec<_>>()));
        candles.map(|candle| (key_of(&candle), candle)).collect()
    }

    /// The ids of the stored alerts.
    pub(crate) fn stored_alerts(&self) -> BTreeSet<String> {
        let rows = self.psql("SELECT alert_id FROM alert");
        rows.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// The ids of the alerts in their topic.
    pub(crate) fn sent_alerts(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        read_topic(&self.servers.kafka.brokers, &self.names.alerts, 1, |record| {
            let alert: Alert = serde_json::from_slice(record.payload().unwrap()).unwrap();
            ids.insert(alert.alert_id);
        });
        ids
    }

    /// What is in the topic of dead letters: where each stood, and why.
    pub(crate) fn dead_letters(&self) -> BTreeMap<(i32, i64), String> {
        let mut letters = BTreeMap::new();
        let (brokers, topic) = (&self.servers.kafka.brokers, &self.names.dead_letters);
        read_topic(brokers, topic, PARTITIONS, |letter| {
            let headers = letter.headers().unwrap();
            let header = |name: &str| {
                let found = headers.iter().find(|header| header.key == name).unwrap();
                String::from_utf8(found.value.unwrap().to_vec()).unwrap()
            };
            let partition = header("dlq.partition").parse().unwrap();
            let offset = header("dlq.offset").parse().unwrap();
            letters.insert((partition, offset), header("dlq.reason"));
        });
        letters
    }

    /// The last candle of each window that the Redis stream has.
    pub(crate) async fn streamed(&self) -> Candles {
        let client = redis::Client::open(self.backend.redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let stream = format!("{}:stream", self.pipeline.prefix());
        let (mut candles, mut seqs) = (Candles::new(), BTreeMap::new());
        let mut from = "-".to_owned();
        loop {
            let page: Result<StreamRangeReply, _> =
                connection.xrange_count(&stream, &from, "+", STREAM_PAGE).await;
            let page = page.unwrap().ids;
            let Some(last) = page.last() else { return candles };
            from = format!("({}", last.id);
            for entry in page {
                let channel: String = entry.get("channel").unwrap();
                let seq: u64 = entry.get("seq").unwrap();
                let last = seqs.insert(channel.clone(), seq);
                assert!(last.is_none_or(|last| last < seq), "{channel}: {last:?}, then {seq}");
                let json: String = entry.get("json").unwrap();
                if let Publication::Candle { candle, .. } = serde_json::from_str(&json).unwrap() {
                    candles.insert(key_of(&candle), candle);
                }
            }
        }
    }
}

/// A row of [`CANDLES`].
fn candle_of(row: &[&str]) -> Candle {
    fn some<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Option<T> {
        (!text.is_empty()).then(|| text.parse().unwrap())
    }
    fn exact<const SCALE: u32>(text: &str) -> Option<Fixed<SCALE>> {
        some(text)
    }
    Candle {
        symbol: market::symbol::Symbol::new(row[0]).unwrap(),
        source: market::symbol::SourceName::new(row[1]).unwrap(),
        interval: row[2].parse().unwrap(),
        open_time_ms: row[3].parse().unwrap(),
        close_time_ms: row[4].parse().unwrap(),
        open: exact(row[5]),
        high: exact(row[6]),
        low: exact(row[7]),
        close: exact(row[8]),
        volume: exact(row[9]),
        quote_volume: exact(row[10]),
        taker_buy_volume: exact(row[11]),
        taker_buy_quote_volume: exact(row[12]),
        vwap: exact(row[13]),
        trade_count: some(row[14]),
        first_id: some(row[15]),
        last_id: some(row[16]),
        first_event_ns: some(row[17]),
        last_event_ns: some(row[18]),
        closed: row[19] == "t",
        complete: row[20] == "t",
        revision: row[21].parse().unwrap(),
        samples: some(row[22]),
        sma_20: some(row[23]),
        sma_50: some(row[24]),
        ema_20: some(row[25]),
        trend: match row[26] {
            "up" => Some(Trend::Up),
            "down" => Some(Trend::Down),
            "flat" => Some(Trend::Flat),
            _ => None,
        },
    }
}
