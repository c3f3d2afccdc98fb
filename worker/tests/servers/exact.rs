use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn three_aggregators_store_what_an_oracle_makes_of_the_topic() {
    let stage = Stage::new("three", 20_000).await;
    let aggregators = [stage.aggregator(), stage.aggregator(), stage.aggregator()];
    stage.produce(&stage.names.ticks).await;
    let (stored, _) = stage.check(aggregators).await;
    assert!(stored.len() > 1_000, "{}", stored.len());
}
