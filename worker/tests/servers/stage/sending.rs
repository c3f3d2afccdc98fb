use std::time::Duration;

use e2e::wait;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use worker::topic::Producer;

use super::{FOLD_WAIT, PARTITIONS, Stage, read_topic};

/// A replay sends a slice of its records so often.
const SLICE: Duration = Duration::from_millis(10);
const SLICES_PER_SECOND: u32 = 100;

impl Stage {
    /// Sends the records of another topic on, so many a second.
    pub(crate) async fn replay(&self, tape: &str, per_second: u32) {
        let mut records = Vec::new();
        read_topic(&self.servers.kafka.brokers, tape, PARTITIONS, |record| {
            let [key, value] = [record.key(), record.payload()].map(Option::unwrap_or_default);
            records.push((record.timestamp().to_millis(), key.to_vec(), value.to_vec()));
        });
        // Partitions were read one after another; each keeps its order.
        records.sort_by_key(|(timestamp_ms, _, _)| *timestamp_ms);
        let settings = self.producer_settings(&self.names.ticks);
        let mut producer = Producer::open(&settings, None).unwrap();
        let mut slices = tokio::time::interval(SLICE);
        for slice in records.chunks(usize::try_from(per_second / SLICES_PER_SECOND).unwrap()) {
            slices.tick().await;
            for (_, key, value) in slice {
                producer.send(key, value).await.unwrap();
            }
        }
        producer.flush().await.unwrap();
    }

    /// Sends records, keys and values, to the ticks topic.
    pub(crate) async fn send(&self, records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) {
        let settings = self.producer_settings(&self.names.ticks);
        let mut producer = Producer::open(&settings, None).unwrap();
        for (key, value) in records {
            producer.send(&key, &value).await.unwrap();
        }
        producer.flush().await.unwrap();
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        let brokers = &self.servers.kafka.brokers;
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
    }

    /// Deletes topics and waits until they are gone.
    pub(crate) async fn delete_topics(&self, names: &[&str]) {
        for deleted in self.admin().delete_topics(names, &AdminOptions::new()).await.unwrap() {
            deleted.unwrap();
        }
        wait::until("the topics to be gone", FOLD_WAIT, || {
            !self.backend.kafka.topics().iter().any(|topic| names.contains(&topic.as_str()))
        });
    }
    /// Drops what each partition of the ticks topic holds, as retention does.
    pub(crate) async fn drop_records(&self) {
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            let name = &self.names.ticks;
            all.add_partition_offset(name, partition, Offset::End).unwrap();
        }
        self.admin().delete_records(&all, &AdminOptions::new()).await.unwrap();
    }

    /// Gives the ticks topic more partitions.
    pub(crate) async fn grow_topic(&self, partitions: i32) {
        let grown = NewPartitions::new(&self.names.ticks, usize::try_from(partitions).unwrap());
        for grown in self.admin().create_partitions([&grown], &AdminOptions::new()).await.unwrap() {
            grown.unwrap();
        }
    }
}
