use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use market::topic::partition_of;
use rdkafka::config::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::local::IN_FLIGHT_BYTES_MAX;
use super::*;

const TOPIC: &str = "crypto-prices";
const PARTITIONS: i32 = 12;
const WAIT: Duration = Duration::from_millis(100);
/// How many empty reads a test takes before it fails.
const EMPTY_READS_MAX: u32 = 200;

type Read = (Vec<u8>, Vec<u8>, i32, i64);

fn from_the_start() -> Vec<(i32, i64)> {
    (0..PARTITIONS).map(|partition| (partition, 0)).collect()
}

/// Reads so many records, or until the first error.
fn read(consumer: &mut Consumer, records: usize) -> Result<Vec<Read>, TopicError> {
    let (mut all, mut empty_reads) = (Vec::new(), 0);
    while all.len() < records {
        let batch = consumer.poll(WAIT);
        assert!(batch.len() <= BATCH_RECORDS_MAX);
        empty_reads += u32::from(batch.is_empty());
        assert!(empty_reads < EMPTY_READS_MAX, "{} of {records} records were read", all.len());
        for record in batch.records() {
            let record = record?;
            let key = record.key.expect("a key").to_vec();
            all.push((key, record.value.to_vec(), record.partition, record.offset));
        }
    }
    Ok(all)
}

/// 400 bytes that lz4 cannot make smaller, the number first.
fn incompressible(number: u64) -> Vec<u8> {
    let mut value = number.to_le_bytes().to_vec();
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while value.len() < 400 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        value.extend_from_slice(&state.to_le_bytes());
    }
    value
}

fn number(value: &[u8]) -> u64 {
    u64::from_le_bytes(value[..8].try_into().unwrap())
}

/// Waits until the producer cannot go on: every partition is full but for less than a record.
async fn until_full(pacer: &Pacer, keys: &[String]) {
    let full = || {
        keys.iter().any(|key| {
            let partition = partition_of(key.as_bytes(), PARTITIONS);
            pacer.in_flight_bytes(partition) + 600 > IN_FLIGHT_BYTES_MAX
        })
    };
    for _ in 0..20_000 {
        if full() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("no partition became full");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_arrive_in_order_and_whole_when_the_consumer_starts_late() {
    const RECORDS: u64 = 200_000;
    let broker = LocalBroker::start(TOPIC, PARTITIONS).unwrap();
    let pacer = Arc::new(broker.pacer());
    let keys: Vec<String> = (0..48).map(|index| format!("COIN{index}")).collect();
    let mut producer =
        Producer::open(&broker.producer_settings(), Some(Arc::clone(&pacer))).unwrap();
    let sending = tokio::spawn({
        let (keys, pacer) = (keys.clone(), Arc::clone(&pacer));
        async move {
            for sequence in 0..RECORDS {
                let key = keys[usize::try_from(sequence % 48).unwrap()].as_bytes();
                producer.send(key, &incompressible(sequence)).await.unwrap();
                let partition = partition_of(key, PARTITIONS);
                assert!(pacer.in_flight_bytes(partition) <= IN_FLIGHT_BYTES_MAX);
            }
            producer.flush().await.unwrap();
        }
    });
    until_full(&pacer, &keys).await;
    let settings = broker.consumer_settings();
    let reading = std::thread::spawn({
        let pacer = Arc::clone(&pacer);
        move || {
            let mut consumer = Consumer::open(&settings, &from_the_start(), Some(pacer)).unwrap();
            read(&mut consumer, usize::try_from(RECORDS).unwrap()).unwrap()
        }
    });
    sending.await.unwrap();
    let all = reading.join().unwrap();

    let (mut next_offsets, mut last_numbers) = (HashMap::new(), HashMap::new());
    let mut seen = vec![false; usize::try_from(RECORDS).unwrap()];
    for (key, value, partition, offset) in &all {
        let next_offset = next_offsets.entry(*partition).or_insert(0);
        assert_eq!(offset, next_offset);
        *next_offset += 1;
        assert_eq!(*partition, partition_of(key, PARTITIONS));
        let number = number(value);
        assert_eq!(*value, incompressible(number));
        if let Some(last) = last_numbers.insert(*partition, number) {
            assert!(last < number, "order within partition {partition}");
        }
        seen[usize::try_from(number).unwrap()] = true;
    }
    assert!(seen.iter().all(|seen| *seen));
    assert!(pacer.is_drained());
}

#[tokio::test]
async fn without_a_pacer_the_log_loses_its_head_and_the_consumer_says_so() {
    let broker = LocalBroker::start(TOPIC, PARTITIONS).unwrap();
    let mut producer = Producer::open(&broker.producer_settings(), None).unwrap();
    for sequence in 0..20_000 {
        producer.send(b"BTC", &incompressible(sequence)).await.unwrap();
    }
    producer.flush().await.unwrap();
    let mut consumer =
        Consumer::open(&broker.consumer_settings(), &from_the_start(), None).unwrap();
    let error = read(&mut consumer, 20_000).unwrap_err();
    assert!(
        matches!(&error, TopicError::FindOffset { partition, .. }
            if *partition == partition_of(b"BTC", PARTITIONS)),
        "{error:?}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn the_partition_of_a_key_is_the_one_librdkafka_picks() {
    let broker = LocalBroker::start(TOPIC, PARTITIONS).unwrap();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.producer_settings().brokers)
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    let keys: Vec<String> =
        (0..500).map(|index| format!("{}{index}", "X".repeat(index % 12))).collect();
    for key in &keys {
        producer.send(BaseRecord::to(TOPIC).key(key.as_str()).payload("{}")).unwrap();
    }
    producer.flush(Duration::from_secs(10)).unwrap();
    let mut consumer =
        Consumer::open(&broker.consumer_settings(), &from_the_start(), None).unwrap();
    for (key, _, partition, _) in read(&mut consumer, keys.len()).unwrap() {
        let text = String::from_utf8_lossy(&key);
        assert_eq!(partition, partition_of(&key, PARTITIONS), "{text}");
    }
}

#[tokio::test]
async fn a_consumer_goes_on_at_the_claimed_offset_and_sees_the_end() {
    let broker = LocalBroker::start(TOPIC, PARTITIONS).unwrap();
    let mut producer = Producer::open(&broker.producer_settings(), None).unwrap();
    for sequence in 0..100 {
        producer.send(b"ETH", &incompressible(sequence)).await.unwrap();
    }
    producer.flush().await.unwrap();
    let mut settings = broker.consumer_settings();
    settings.extra.push(("enable.partition.eof".into(), "true".into()));
    let partition = partition_of(b"ETH", PARTITIONS);
    let mut consumer = Consumer::open(&settings, &[(partition, 60)], None).unwrap();
    let records = read(&mut consumer, 40).unwrap();
    assert_eq!((records[0].3, number(&records[0].1)), (60, 60));
    assert_eq!(records[39].3, 99);
    let end = read(&mut consumer, 1).unwrap_err();
    assert!(matches!(end, TopicError::ReachEnd { partition: p, offset: 100 } if p == partition));
}

#[tokio::test]
async fn a_record_that_the_broker_refuses_finishes_the_producer() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, 1, 1).unwrap();
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::Produce, &[refused]);
    let settings = ProducerSettings {
        brokers: cluster.bootstrap_servers(),
        topic: TOPIC.into(),
        partitions: 1,
        extra: Vec::new(),
    };
    let mut producer = Producer::open(&settings, None).unwrap();
    producer.send(b"BTC", b"{}").await.unwrap();
    let error = producer.flush().await.unwrap_err();
    assert!(matches!(error, TopicError::DeliverRecord { partition: 0, .. }), "{error:?}");
    let again = producer.flush().await.unwrap_err();
    assert!(matches!(again, TopicError::DeliverRecord { .. }));
}

#[tokio::test]
async fn a_setting_that_librdkafka_does_not_know_is_refused() {
    let broker = LocalBroker::start(TOPIC, 1).unwrap();
    let mut settings = broker.consumer_settings();
    settings.extra.push(("no.such.setting".into(), "1".into()));
    let error = Consumer::open(&settings, &[(0, 0)], None).err().unwrap();
    assert!(matches!(error, TopicError::CreateClient { .. }));
}

#[tokio::test]
async fn each_broker_is_a_new_source() {
    let first = LocalBroker::start(TOPIC, 1).unwrap();
    let second = LocalBroker::start(TOPIC, 1).unwrap();
    assert_ne!(first.source_id(), second.source_id());
    assert!(first.producer_settings().brokers.starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn a_full_partition_waits_until_it_is_read_and_a_dropped_wait_takes_nothing() {
    let pacer = Arc::new(Pacer::new(2, 1_000));
    pacer.reserve(0, 900).await.unwrap();
    pacer.reserve(1, 900).await.unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(5), pacer.reserve(0, 200)).await;
    assert!(dropped.is_err());
    let waiting = tokio::spawn({
        let pacer = Arc::clone(&pacer);
        async move { pacer.reserve(0, 200).await }
    });
    pacer.release(1, 900);
    assert_eq!(pacer.in_flight_bytes(0), 900);
    pacer.release(0, 500);
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(pacer.in_flight_bytes(0), 600);
    pacer.release(0, 5_000);
    assert!(pacer.is_drained());
}
