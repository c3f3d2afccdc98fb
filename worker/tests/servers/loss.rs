//! Records that are gone before they were folded: refused with a sentence, or gone on from with a
//! gap, as the spec says.

use std::time::Duration;

use e2e::servers::{Kafka, KafkaOptions};

use crate::stage::{Backend, PARTITIONS, Stage};

const TICKS: u32 = 2_000;

/// A stage whose topic was deleted and made again after everything had been folded.
async fn made_anew(name: &str, on_source_loss: &str) -> Stage {
    let kafka: &'static Kafka = Box::leak(Box::new(Kafka::private(&KafkaOptions::default())));
    let backend = Backend { kafka, ..Backend::shared() };
    let brokers = kafka.bootstrap();
    let more =
        format!("  kafka: {{bootstrapServers: \"{brokers}\", onSourceLoss: {on_source_loss}}}\n");
    let stage = Stage::with(backend, name, TICKS, &more).await;
    stage.produce(&stage.names.ticks).await;
    let expected = stage.expected();
    let aggregator = stage.aggregator();
    stage.folded(&expected.ends);
    aggregator.stop();
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
