use crate::stage::{Stage, assert_same, closed};

#[tokio::test(flavor = "multi_thread")]
async fn three_aggregators_store_what_one_engine_makes_of_the_topic() {
    let stage = Stage::new("three", 20_000).await;
    let aggregators = [stage.aggregator(), stage.aggregator(), stage.aggregator()];
    stage.produce(&stage.names.ticks).await;
    let expected = stage.expected();
    assert!(expected.candles.len() > 1_000, "{}", expected.candles.len());
    stage.folded(&expected.ends).await;
    stage.published().await;
    for aggregator in aggregators {
        aggregator.stop();
    }
    let stored = stage.stored().await;
    assert_same(&stored, &expected.candles);
    assert_same(&stage.streamed().await, &closed(&stored));
    assert_eq!(stage.stored_alerts(), expected.alerts);
    assert_eq!(stage.sent_alerts(), expected.alerts);
    assert_eq!(stage.dead_letters(), expected.dead_letters);
}
