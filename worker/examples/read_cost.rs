//! What reading one record costs, in batches and one by one: CPU of all threads but the broker's.
//!
//! `cargo run -p worker --example read_cost -- batch|poll`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement, run by hand")]

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use worker::topic::{Consumer, LocalBroker, Producer};

const PARTITIONS: i32 = 128;
const RECORDS: u64 = 2_000_000;
const MICROS_PER_CPU_TICK: u64 = 10_000;

/// CPU ticks of this process' threads, without those of the broker.
fn cpu_ticks() -> u64 {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        if head.contains("mock") {
            continue;
        }
        let fields: Vec<&str> = tail.split_whitespace().collect();
        sum += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    }
    sum
}

fn read_in_batches(broker: &LocalBroker) -> usize {
    let offsets: Vec<_> = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
    let mut consumer = Consumer::open(&broker.consumer_settings(), &offsets, None).unwrap();
    let (mut records, mut bytes) = (0, 0);
    while records < RECORDS {
        for record in consumer.poll(Duration::from_millis(5)).records() {
            bytes += record.unwrap().value.len();
            records += 1;
        }
    }
    bytes
}

fn read_one_by_one(broker: &LocalBroker) -> usize {
    let settings = broker.consumer_settings();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .set("group.id", &settings.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("fetch.wait.max.ms", "5")
        .set("queued.max.messages.kbytes", "8192")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let offset = Offset::Offset(0);
        assignment.add_partition_offset(&settings.topic, partition, offset).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut records, mut bytes) = (0, 0);
    while records < RECORDS {
        if let Some(record) = consumer.poll(Duration::from_millis(5)) {
            bytes += record.unwrap().payload().unwrap().len();
            records += 1;
        }
    }
    bytes
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let broker = LocalBroker::start("read-cost", PARTITIONS).unwrap();
    let mut producer = Producer::open(&broker.producer_settings(), None).unwrap();
    let value = format!("{{\"padding\":\"{}\"}}", "0123456789abcdef".repeat(24));
    for sequence in 0..RECORDS {
        let key = format!("K{}", sequence % 1_000);
        producer.send(key.as_bytes(), value.as_bytes()).await.unwrap();
    }
    producer.flush().await.unwrap();
    drop(producer);
    let sent = cpu_ticks();
    let way = std::env::args().nth(1).unwrap_or_else(|| "batch".into());
    let bytes = if way == "poll" { read_one_by_one(&broker) } else { read_in_batches(&broker) };
    let nanos = (cpu_ticks() - sent) * MICROS_PER_CPU_TICK * 1_000 / RECORDS;
    println!("{way}: {nanos} ns CPU per record of {} bytes", bytes as u64 / RECORDS);
}
