use std::time::Duration;

use e2e::servers::{self, Kafka as Server, KafkaOptions, Security};
use market::pipeline::{Kafka, Mechanism, Sasl, SecretNameRef, Tls};

use super::*;
use crate::topic::{Consumer, Credentials, Producer};

/// How long a deleted topic may still be told of.
const GONE_WAIT: Duration = Duration::from_secs(60);

fn plain() -> Connection {
    Connection { brokers: servers::kafka().bootstrap(), extra: Vec::new() }
}

fn one_replica() -> KafkaTopic {
    KafkaTopic {
        partitions: Some(3),
        replication_factor: Some(1),
        min_in_sync_replicas: Some(1),
        ..KafkaTopic::default()
    }
}

#[tokio::test]
async fn topics_are_made_once_and_dropped_with_all_of_a_pipeline_and_nothing_else() {
    let names = TopicNames::new(&servers::prefix("admin"));
    let other = TopicNames::new(&servers::prefix("other"));
    let admin = Admin::connect(&plain()).await.unwrap();
    admin.create_topics(&other, &one_replica()).await.unwrap();
    for _ in 0..2 {
        admin.create_topics(&names, &one_replica()).await.unwrap();
        assert_eq!(admin.describe(&names.ticks).await.unwrap().unwrap().partitions, 3);
        assert_eq!(admin.describe(&names.ingest_state).await.unwrap().unwrap().partitions, 1);
    }
    for _ in 0..2 {
        admin.delete_topics(&names).await.unwrap();
    }
    for name in [&names.ticks, &names.dead_letters, &names.alerts, &names.ingest_state] {
        let gone = async {
            while admin.describe(name).await.unwrap().is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(GONE_WAIT, gone).await.expect("a deleted topic goes");
    }
    assert!(admin.describe(&other.ticks).await.unwrap().is_some());
}

#[tokio::test]
async fn a_topic_made_again_is_another_source() {
    let names = TopicNames::new(&servers::prefix("again"));
    let admin = Admin::connect(&plain()).await.unwrap();
    admin.create_topics(&names, &one_replica()).await.unwrap();
    let first = admin.check(&names.ticks, 3).await.unwrap();
    let same = Admin::connect(&plain()).await.unwrap();
    assert_eq!(
        same.source_id(&same.check(&names.ticks, 3).await.unwrap()),
        admin.source_id(&first)
    );
    admin.delete_topics(&names).await.unwrap();
    admin.create_topics(&names, &one_replica()).await.unwrap();
    let second = admin.check(&names.ticks, 3).await.unwrap();
    assert_ne!(admin.source_id(&second), admin.source_id(&first));
}

#[tokio::test]
async fn another_number_of_partitions_is_refused_and_a_missing_topic_named() {
    let names = TopicNames::new(&servers::prefix("grown"));
    let admin = Admin::connect(&plain()).await.unwrap();
    let missing = admin.check(&names.ticks, 3).await.unwrap_err();
    assert!(matches!(&missing, AdminError::FindTopic { topic } if *topic == names.ticks));
    assert!(missing.is_retryable());
    servers::kafka().create_topic(&names.ticks, 4, &[]);
    let error = admin.create_topics(&names, &one_replica()).await.unwrap_err();
    let AdminError::PartitionsChanged { found: 4, expected: 3, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(error.to_string().contains(&format!("topic \"{}\" has 4 partitions", names.ticks)));
}

#[tokio::test]
async fn nobody_at_the_address_is_one_sentence() {
    let connection = Connection { brokers: "127.0.0.1:1".into(), extra: Vec::new() };
    let error = Admin::connect(&connection).await.err().unwrap();
    assert!(matches!(&error, AdminError::ReachBrokers { .. }), "{error:?}");
}

#[tokio::test]
async fn with_tls_and_scram_records_get_in_and_out_and_a_wrong_password_does_not() {
    let options = KafkaOptions { security: Security::TlsAndScram, ..KafkaOptions::default() };
    let server = Server::private(&options);
    let sasl = Sasl {
        mechanism: Mechanism::ScramSha512,
        secret_ref: SecretNameRef { name: "kafka".into() },
    };
    let kafka = Kafka { tls: Some(Tls::default()), sasl: Some(sasl), ..Kafka::default() };
    let credentials = |password: &str| Credentials {
        username: Some(servers::USER.into()),
        password: Some(password.into()),
        ca_file: Some(servers::certificates().authority.clone()),
    };
    let connect = |credentials: &Credentials| {
        Connection::new(server.secure_bootstrap(), &kafka, credentials).unwrap()
    };
    let connection = connect(&credentials(servers::PASSWORD));
    let admin = Admin::connect(&connection).await.unwrap();
    let names = TopicNames::new("secure");
    admin.create_topics(&names, &one_replica()).await.unwrap();
    let mut producer = Producer::open(&connection.producer(&names.ticks, 3), None).unwrap();
    producer.send(b"BTC", b"{}").await.unwrap();
    producer.flush().await.unwrap();
    let partition = market::topic::partition_of(b"BTC", 3);
    let settings = connection.consumer(&names.ticks, "g");
    let mut consumer = Consumer::open(&settings, &[(partition, 0)], None).unwrap();
    let batch = consumer.poll(Duration::from_secs(20));
    assert_eq!(batch.records().next().unwrap().unwrap().value, b"{}");

    let refused = Admin::connect(&connect(&credentials("wrong-Secret-2"))).await.err().unwrap();
    let text = format!("{refused} {refused:?}");
    assert!(matches!(refused, AdminError::ProveIdentity { .. }), "{text}");
    assert!(!text.contains("wrong-Secret-2") && !text.contains(servers::PASSWORD), "{text}");
    // Without the authority the certificate is nobody's.
    let unknown = Credentials { ca_file: None, ..credentials(servers::PASSWORD) };
    let refused = Admin::connect(&connect(&unknown)).await.err().unwrap();
    assert!(matches!(refused, AdminError::EncryptConnection { .. }), "{refused:?}");
}
