//! The topics of a pipeline: made, told from others of the same name, dropped.

use std::sync::Arc;
use std::time::Duration;

use crate::topic::identity::{self, TopicDescription};
use crate::topic::security::Connection;
use market::pipeline::{KafkaTopic, Pipeline};
use market::topic::TopicNames;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};

/// Who answers, and who refuses.
mod connect;
/// Why not, and what to do about it.
mod error;

pub(crate) use connect::blocking;
use connect::{Refusals, cluster_id};
pub use error::AdminError;

/// How long the brokers may take for one request.
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(15);
/// How long they may take to say that they are there.
const PING_WAIT_MAX: Duration = Duration::from_secs(3);
/// How long to wait between two looks at a new topic, and how many there are.
const LEADER_SLICE: Duration = Duration::from_millis(50);
const LEADER_LOOKS_MAX: u32 = 400;
/// Partitions of [`TopicNames::ingest_state`].
pub const INGEST_STATE_PARTITIONS: i32 = 1;
/// Small segments: only what is in a closed one is compacted, and a start reads what is left.
const INGEST_STATE_SEGMENT_BYTES: &str = "16777216";

/// The names of a pipeline's topics, with the one that its spec gives the ticks topic.
#[must_use]
pub fn topics_of(pipeline: &Pipeline) -> TopicNames {
    let mut names = TopicNames::new(&pipeline.prefix());
    if let Some(name) = pipeline.spec.kafka.as_ref().and_then(|kafka| kafka.topic.name.as_ref()) {
        names.ticks.clone_from(name);
    }
    names
}

/// How many partitions the ticks topic of a spec has.
#[must_use]
pub fn partitions_of(topic: &KafkaTopic) -> i32 {
    i32::try_from(topic.partitions()).unwrap_or(i32::MAX)
}

/// Asks brokers about topics, makes and deletes them. Connected.
#[derive(Clone)]
pub struct Admin {
    connection: Connection,
    client: Arc<BaseProducer<Refusals>>,
    cluster_id: String,
}

impl Admin {
    /// Connects and proves who we are.
    ///
    /// # Errors
    /// [`AdminError::CreateClient`], [`AdminError::ReachBrokers`], [`AdminError::ProveIdentity`],
    /// [`AdminError::EncryptConnection`].
    pub async fn connect(connection: &Connection) -> Result<Self, AdminError> {
        let config = connection.config();
        let client: BaseProducer<Refusals> =
            config.create_with_context(Refusals::default()).map_err(|source| {
                AdminError::CreateClient { brokers: connection.brokers.clone(), source }
            })?;
        let (client, connection) = (Arc::new(client), connection.clone());
        let asked = Arc::clone(&client);
        let brokers = connection.brokers.clone();
        let cluster_id = blocking(move || cluster_id(&asked, brokers)).await?;
        Ok(Self { connection, client, cluster_id })
    }

    /// Whether the brokers answer a question about a topic now, whatever the answer.
    ///
    /// # Errors
    /// [`AdminError::ReachBrokers`].
    pub async fn ping(&self, topic: &str) -> Result<(), AdminError> {
        let (client, name) = (Arc::clone(&self.client), topic.to_owned());
        let asked =
            blocking(move || identity::describe(client.client(), &name, PING_WAIT_MAX)).await;
        let brokers = || self.connection.brokers.clone();
        asked.map(|_| ()).map_err(|_| AdminError::ReachBrokers { brokers: brokers() })
    }

    /// What the brokers say of a topic; `None` when there is none.
    ///
    /// # Errors
    /// [`AdminError::DescribeTopic`].
    pub async fn describe(&self, topic: &str) -> Result<Option<TopicDescription>, AdminError> {
        let (client, name) = (Arc::clone(&self.client), topic.to_owned());
        let described =
            blocking(move || identity::describe(client.client(), &name, REQUEST_WAIT_MAX)).await;
        described.map_err(|source| AdminError::DescribeTopic { topic: topic.to_owned(), source })
    }

    /// The name of a topic's records for all time: of the cluster and of this very topic.
    #[must_use]
    pub fn source_id(&self, topic: &TopicDescription) -> String {
        format!("{}/{}", self.cluster_id, topic.id)
    }

    /// The topic, when it is there with so many partitions.
    ///
    /// # Errors
    /// [`AdminError::FindTopic`], [`AdminError::PartitionsChanged`], [`AdminError::AwaitLeaders`],
    /// [`AdminError::DescribeTopic`].
    pub async fn check(
        &self,
        topic: &str,
        partitions: i32,
    ) -> Result<TopicDescription, AdminError> {
        let topic = topic.to_owned();
        match self.describe(&topic).await? {
            None => Err(AdminError::FindTopic { topic }),
            Some(found) if found.partitions != partitions => Err(AdminError::PartitionsChanged {
                topic,
                found: found.partitions,
                expected: partitions,
            }),
            Some(found) if !found.led => Err(AdminError::AwaitLeaders { topic }),
            Some(found) => Ok(found),
        }
    }

    /// Makes the topics that are not there, where the spec lets us, and checks those that are.
    /// Waits until each can be written. Calling it again changes nothing.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_topics(
        &self,
        names: &TopicNames,
        topic: &KafkaTopic,
    ) -> Result<(), AdminError> {
        let partitions = partitions_of(topic);
        let wanted = [
            (&names.ticks, partitions),
            (&names.dead_letters, partitions),
            (&names.alerts, partitions),
            (&names.ingest_state, INGEST_STATE_PARTITIONS),
        ];
        if topic.manage() {
            self.create(names, topic).await?;
        }
        for (name, partitions) in wanted {
            self.await_leaders(name, partitions).await?;
        }
        Ok(())
    }

    async fn create(&self, names: &TopicNames, topic: &KafkaTopic) -> Result<(), AdminError> {
        let replication = i32::try_from(topic.replication_factor()).unwrap_or(i32::MAX);
        let in_sync = topic.min_in_sync_replicas().to_string();
        let retention_ms = topic.retention().as_millis().to_string();
        let made = |name, partitions| {
            NewTopic::new(name, partitions, TopicReplication::Fixed(replication))
                .set("min.insync.replicas", &in_sync)
        };
        let kept = |name| {
            let topic = made(name, partitions_of(topic)).set("retention.ms", &retention_ms);
            topic.set("cleanup.policy", "delete")
        };
        let new = [
            // A record is as late as it was written, whatever the clock of its writer says.
            kept(names.ticks.as_str()).set("message.timestamp.type", "LogAppendTime"),
            kept(names.dead_letters.as_str()),
            kept(names.alerts.as_str()),
            made(names.ingest_state.as_str(), INGEST_STATE_PARTITIONS)
                .set("cleanup.policy", "compact")
                .set("segment.bytes", INGEST_STATE_SEGMENT_BYTES),
        ];
        let create_error =
            |topic: &str, source| AdminError::CreateTopic { topic: topic.to_owned(), source };
        let replicas = topic.replication_factor();
        let asked = self.admin_client()?;
        let results = asked
            .create_topics(&new, &options())
            .await
            .map_err(|source| create_error(&names.ticks, source))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((
                    name,
                    code
                    @ (RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::RequestTimedOut),
                )) => return Err(create_error(&name, KafkaError::AdminOp(code))),
                Err((topic, code)) => {
                    let source = KafkaError::AdminOp(code);
                    return Err(AdminError::RefuseTopic { topic, replicas, source });
                }
            }
        }
        Ok(())
    }

    async fn await_leaders(&self, topic: &str, partitions: i32) -> Result<(), AdminError> {
        for _ in 1..LEADER_LOOKS_MAX {
            match self.check(topic, partitions).await {
                Err(AdminError::FindTopic { .. } | AdminError::AwaitLeaders { .. }) => {
                    tokio::time::sleep(LEADER_SLICE).await;
                }
                Ok(_) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.check(topic, partitions).await.map(|_| ())
    }

    /// Deletes the pipeline's topics; those that are gone already are none of its concern.
    ///
    /// # Errors
    /// [`AdminError::DeleteTopic`].
    pub async fn delete_topics(&self, names: &TopicNames) -> Result<(), AdminError> {
        let all = [&names.ticks, &names.dead_letters, &names.alerts, &names.ingest_state];
        let all = all.map(String::as_str);
        let delete_error =
            |topic: &str, source| AdminError::DeleteTopic { topic: topic.to_owned(), source };
        let asked = self.admin_client()?;
        let results = asked
            .delete_topics(&all, &options())
            .await
            .map_err(|source| delete_error(&names.ticks, source))?;
        for result in results {
            match result {
                Ok(_)
                | Err((
                    _,
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                )) => {}
                Err((topic, code)) => return Err(delete_error(&topic, KafkaError::AdminOp(code))),
            }
        }
        Ok(())
    }

    fn admin_client(&self) -> Result<AdminClient<DefaultClientContext>, AdminError> {
        self.connection.config().create().map_err(|source| AdminError::CreateClient {
            brokers: self.connection.brokers.clone(),
            source,
        })
    }
}

fn options() -> AdminOptions {
    let wait = Some(REQUEST_WAIT_MAX);
    AdminOptions::new().request_timeout(wait).operation_timeout(wait)
}

#[cfg(test)]
mod tests;
