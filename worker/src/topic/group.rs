use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use market::pipeline::GroupProtocol;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use crate::topic::batch::{Batch, BatchReader};
use crate::topic::{ConsumerSettings, TopicError, consumer, generation};

/// What librdkafka says of the group, kept until its owner asks.
mod members;

pub use members::GroupState;
use members::Members;

/// How long the group waits for a word of a member that was killed.
const SESSION_TIMEOUT_MS: &str = "6000";
/// How often a member says that it is there.
const HEARTBEAT_INTERVAL_MS: &str = "500";
/// How long the brokers may take to say where a partition begins and ends.
const OFFSETS_TIMEOUT: Duration = Duration::from_secs(2);
/// How often librdkafka says how it stands with the group.
const STATISTICS_INTERVAL_MS: &str = "1000";
/// How many events of the group are taken in one turn.
const EVENTS_PER_TURN_MAX: u32 = 64;

/// What the group decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// These are ours from now on: claim them, then [`GroupConsumer::assign`] them.
    Assigned(Vec<i32>),
    /// These are to be given up: finish, then [`GroupConsumer::unassign`] them.
    Revoked(Vec<i32>),
    /// These were given to others already: nothing can be finished.
    Lost(Vec<i32>),
}

/// Where the log of a partition begins, and the offset after its last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// The first offset that is there.
    pub low: i64,
    /// The offset that the next record will have.
    pub high: i64,
}

/// Reads the partitions that its group gives it, from offsets that its owner tells. Owned by one
/// thread.
///
/// Records come from a queue of their own, in batches; what the group says comes by
/// [`Self::memberships`], and takes effect when the owner says so: a partition is read only after
/// its claim, and given up only after the last commit.
pub struct GroupConsumer {
    reader: BatchReader<Members>,
    group: Group,
}

/// The part of a [`GroupConsumer`] that talks to the group, apart from its records.
struct Group {
    consumer: Arc<BaseConsumer<Members>>,
    topic: String,
    protocol: GroupProtocol,
}

impl GroupConsumer {
    /// A member of the group that reads the topic. Connects later.
    ///
    /// # Errors
    /// [`TopicError::CreateClient`], [`TopicError::AssignPartitions`].
    pub fn join(settings: &ConsumerSettings, protocol: GroupProtocol) -> Result<Self, TopicError> {
        let create_error =
            |source| TopicError::CreateClient { brokers: settings.brokers.clone(), source };
        let mut config = ClientConfig::new();
        match protocol {
            GroupProtocol::Classic => config
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("session.timeout.ms", SESSION_TIMEOUT_MS)
                .set("heartbeat.interval.ms", HEARTBEAT_INTERVAL_MS),
            GroupProtocol::Consumer => config.set("group.protocol", "consumer"),
        };
        consumer::configure(&mut config, settings);
        config.set("statistics.interval.ms", STATISTICS_INTERVAL_MS);
        let consumer: BaseConsumer<Members> =
            config.create_with_context(Members::default()).map_err(create_error)?;
        let consumer = Arc::new(consumer);
        let reader = BatchReader::detached(Arc::clone(&consumer)).ok_or_else(|| {
            create_error(KafkaError::ClientCreation("the consumer has no queue".into()))
        })?;
        consumer.subscribe(&[&settings.topic]).map_err(|source| TopicError::AssignPartitions {
            topic: settings.topic.clone(),
            source,
        })?;
        Ok(Self { reader, group: Group { consumer, topic: settings.topic.clone(), protocol } })
    }

    /// The records that are there; when there is none, waits for the first.
    pub fn poll(&mut self, wait: Duration) -> Batch<'_> {
        self.reader.read(wait)
    }

    /// What the group decided since the last call, in its order.
    ///
    /// # Errors
    /// [`TopicError::LoseGroup`], after which nothing more is read.
    pub fn memberships(&mut self) -> Result<Vec<Membership>, TopicError> {
        self.group.keep_alive();
        let context = self.group.consumer.context();
        if let Some(source) = context.fatal.get() {
            let topic = self.group.topic.clone();
            return Err(TopicError::LoseGroup { topic, source: source.clone() });
        }
        Ok(context.lock().drain(..).collect())
    }

    /// How this member stands with its group.
    #[must_use]
    pub fn state(&self) -> GroupState {
        let Group { consumer, protocol, .. } = &self.group;
        let mut state =
            consumer.context().state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let joined = match protocol {
            GroupProtocol::Classic => state.join_state == "steady",
            // One that is given nothing stays in the first state; the broker's first answer has
            // both its epoch and what it is given.
            GroupProtocol::Consumer => generation::generation(consumer).is_some(),
        };
        state.settled = state.state == "up" && joined;
        state
    }

    /// Begins to read these partitions at these offsets.
    ///
    /// # Errors
    /// [`TopicError::AssignPartitions`].
    pub fn assign(&self, offsets: &[(i32, i64)]) -> Result<(), TopicError> {
        for (partition, _) in offsets {
            self.reader.forward(&self.group.topic, *partition);
        }
        let assignment = self.group.list(offsets);
        let assigned = assignment.and_then(|list| self.group.consumer.incremental_assign(&list));
        // An unassignment before may have undone the forwarding only now, in its own thread.
        for (partition, _) in offsets {
            self.reader.forward(&self.group.topic, *partition);
        }
        assigned.map_err(|source| self.group.assign_error(source))
    }

    /// Gives up these partitions: the group may give them to others now.
    ///
    /// # Errors
    /// [`TopicError::AssignPartitions`].
    pub fn unassign(&self, partitions: &[i32]) -> Result<(), TopicError> {
        let offsets: Vec<_> = partitions.iter().map(|partition| (*partition, 0)).collect();
        let list = self.group.list(&offsets);
        let unassigned = list.and_then(|list| self.group.consumer.incremental_unassign(&list));
        unassigned.map_err(|source| self.group.assign_error(source))
    }

    /// Where the log of a partition begins and ends.
    ///
    /// # Errors
    /// [`TopicError::FindTopic`], which may be tried again.
    pub fn bounds(&self, partition: i32) -> Result<LogBounds, TopicError> {
        let Group { consumer, topic, .. } = &self.group;
        let found = consumer.fetch_watermarks(topic, partition, OFFSETS_TIMEOUT);
        let (low, high) =
            found.map_err(|source| TopicError::FindTopic { topic: topic.clone(), source })?;
        Ok(LogBounds { low, high })
    }

    /// Leaves the group, waiting so long at most for a coordinator that does not answer; then the
    /// group notices by itself.
    pub fn leave(self, wait: Duration) {
        let (left, told) = std::sync::mpsc::channel();
        let leaving = std::thread::Builder::new().name("leave-group".into()).spawn(move || {
            drop(self);
            // Nobody may wait any more.
            let _ = left.send(());
        });
        let heard = leaving.map(|_| told.recv_timeout(wait));
        if !matches!(heard, Ok(Ok(()))) {
            tracing::warn!("the group does not answer; leaving it without a word");
        }
    }

    /// Tells Kafka how far this group is, for those who look there; the store is the truth.
    pub fn show_offsets(&self, offsets: &[(i32, i64)]) {
        let list = self.group.list(offsets);
        let told = list.and_then(|list| self.group.consumer.commit(&list, CommitMode::Async));
        if let Err(error) = told {
            tracing::debug!(error = %error, "the group's offsets were not shown");
        }
    }
}

impl Group {
    /// Serves the group, so that it does not take this member for dead.
    fn keep_alive(&self) {
        for _ in 0..EVENTS_PER_TURN_MAX {
            match self.consumer.poll(Duration::ZERO) {
                None => return,
                Some(Ok(_)) => {}
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    let _ = self.consumer.context().fatal.set(error);
                    return;
                }
                Some(Err(error)) => {
                    tracing::debug!(error = %error, "the group has a problem");
                }
            }
        }
    }

    fn list(&self, offsets: &[(i32, i64)]) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset))?;
        }
        Ok(list)
    }

    fn assign_error(&self, source: KafkaError) -> TopicError {
        TopicError::AssignPartitions { topic: self.topic.clone(), source }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // librdkafka waits for an answer to each event before it leaves the group.
        let context = self.consumer.context();
        context.leaving.store(true, Ordering::Relaxed);
        let left: Vec<Membership> = context.lock().drain(..).collect();
        for membership in left {
            let answered = match membership {
                Membership::Assigned(_) => {
                    self.consumer.incremental_assign(&TopicPartitionList::new())
                }
                Membership::Revoked(partitions) | Membership::Lost(partitions) => {
                    let offsets: Vec<_> = partitions.iter().map(|of| (*of, 0)).collect();
                    let list = self.list(&offsets);
                    list.and_then(|list| self.consumer.incremental_unassign(&list))
                }
            };
            if answered.is_err() {
                let _ = self.consumer.unassign();
            }
        }
    }
}
