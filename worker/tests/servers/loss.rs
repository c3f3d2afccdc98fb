//! Records that are gone before they were folded: refused with a sentence, or gone on from with a
//! gap, as the spec says.

use std::time::Duration;

use e2e::servers::{Kafka, KafkaOptions};

use crate::stage::{Backend, PARTITIONS, Stage};

const TICKS: u32 = 2_000;

/// A log that ends early may be what a broker tells that does not know better yet.
const BELIEVED: Duration = Duration::from_secs(120);

/// A stage whose topic was folded as a whole.
async fn folded(backend: Backend, name: &str, on_source_loss: &str) -> Stage {
    let brokers = backend.kafka.bootstrap();
    let more =
        format!("  kafka: {{bootstrapServers: \"{brokers}\", onSourceLoss: {on_source_loss}}}\n");
    let stage = Stage::with(backend, name, TICKS, &more).await;
    stage.produce(&stage.names.ticks).await;
    let aggregator = stage.aggregator();
    stage.folded(&stage.expected().ends);
    aggregator.stop();
    stage
}

/// A stage whose topic was deleted and made again after everything had been folded.
async fn made_anew(name: &str, on_source_loss: &str) -> Stage {
    let kafka: &'static Kafka = Box::leak(Box::new(Kafka::private(&KafkaOptions::default())));
    let stage = folded(Backend { kafka, ..Backend::shared() }, name, on_source_loss).await;
    stage.delete_topics(&[&stage.names.ticks]).await;
    stage.create_topic(&stage.names.ticks, PARTITIONS);
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_refused_with_a_sentence_that_says_what_to_do() {
    let stage = made_anew("anew", "fail").await;
    let (code, log) = stage.aggregator().ended(Duration::from_secs(30));
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the topic was created anew; set spec.kafka.onSourceLoss"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_gone_on_from_with_a_gap_that_is_written_down() {
    let stage = made_anew("gap", "continueWithGap").await;
    let aggregator = stage.aggregator();
    stage.until_psql("SELECT count(*) >= 8 FROM gap WHERE reason LIKE 'the topic was%'");
    aggregator.stop();
}

/// A stage whose topic lost records that came after everything had been folded.
async fn overtaken(name: &str, on_source_loss: &str) -> Stage {
    let stage = folded(Backend::shared(), name, on_source_loss).await;
    stage.produce(&stage.names.ticks).await;
    stage.drop_records().await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_retention_dropped_before_they_were_read_are_refused_with_a_sentence() {
    let stage = overtaken("overtaken", "fail").await;
    let (code, log) = stage.aggregator().ended(Duration::from_secs(30));
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("were dropped before they were read; set spec.kafka.onSource"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_retention_dropped_are_gone_on_from_with_a_gap_that_is_written_down() {
    let stage = overtaken("retention", "continueWithGap").await;
    let aggregator = stage.aggregator();
    stage.until_psql("SELECT count(*) = 8 FROM gap WHERE reason LIKE 'offsets % were dropped%'");
    let before = stage.psql("SELECT sum(next_offset) FROM partition");
    stage.produce(&stage.names.ticks).await;
    stage.until_psql(&format!("SELECT sum(next_offset) >= {before} + {TICKS} FROM partition"));
    aggregator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_went_back_are_refused_once_no_broker_may_be_behind() {
    let stage = folded(Backend::shared(), "rewound", "fail").await;
    // As a topic of the same id whose end was lost: a broker that came back from an old disk.
    stage.psql("UPDATE partition SET next_offset = next_offset + 100 WHERE next_offset > 0");
    let (code, log) = stage.aggregator().ended(BELIEVED);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the log ends at offset"), "{log}");
    assert!(log.contains("set spec.kafka.onSourceLoss"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_grew_is_refused_by_who_reads_it_and_by_who_starts() {
    let stage = folded(Backend::shared(), "grown", "fail").await;
    let reader = stage.aggregator();
    stage.until_psql("SELECT count(*) = 12 FROM partition WHERE claim = 2");
    stage.grow_topic(PARTITIONS + 1).await;
    let sentence = format!("has 13 partitions, not {PARTITIONS}: the number never changes");
    for worker in [reader, stage.aggregator()] {
        let (code, log) = worker.ended(BELIEVED);
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(&sentence), "{log}");
    }
}
