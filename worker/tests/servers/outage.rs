//! A server that is away: nothing is lost, and the aggregators go on by themselves.

use std::sync::Arc;
use std::time::Duration;

use e2e::servers::{
    Brokers, Durability, Kafka, KafkaOptions, Postgres, PostgresKind, Proxy, Redis, Traffic,
};

use crate::stage::{Backend, PARTITIONS, Stage, Worker};

const TICKS: u32 = 24_000;
const TICKS_PER_SECOND: u32 = 3_000;
/// How long a server is away.
const AWAY: Duration = Duration::from_secs(2);
/// How long a member has to end.
const END_MAX: Duration = Duration::from_secs(5);

/// A server for the whole process; its tests end it and start it again.
fn kept<T>(server: T) -> &'static T {
    Box::leak(Box::new(server))
}

/// Runs a replay, does something to the servers in the middle, and compares all there is.
async fn survives(stage: Stage, disturb: impl AsyncFnOnce()) {
    let tape = format!("{}.tape", stage.names.ticks);
    stage.create_topic(&tape, PARTITIONS);
    stage.produce(&tape).await;
    let aggregators = [stage.aggregator(), stage.aggregator()];
    let stage = Arc::new(stage);
    let replayed = tokio::spawn({
        let (stage, tape) = (Arc::clone(&stage), tape.clone());
        async move { stage.replay(&tape, TICKS_PER_SECOND).await }
    });
    stage.first_commit();
    disturb().await;
    replayed.await.unwrap();
    stage.check(aggregators).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_killed_and_one_that_hangs_lose_nothing() {
    let postgres = kept(Postgres::private(PostgresKind::Plain, Durability::Disk));
    let backend = Backend { postgres, ..Backend::shared() };
    let stage = Stage::on(backend, "postgres-away", TICKS).await;
    survives(stage, async || {
        postgres.server().kill();
        tokio::time::sleep(AWAY).await;
        postgres.server().restart();
        tokio::time::sleep(AWAY).await;
        postgres.server().stop();
        tokio::time::sleep(AWAY).await;
        postgres.server().cont();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregator_that_loses_postgresql_while_it_starts_waits_for_it() {
    let postgres = kept(Postgres::private(PostgresKind::Plain, Durability::Relaxed));
    let proxy = Proxy::to(postgres.address());
    let stage = Arc::new(Stage::on(Backend { postgres, ..Backend::shared() }, "start", 1).await);
    let locked = std::thread::spawn({
        let stage = Arc::clone(&stage);
        move || stage.psql("BEGIN; LOCK TABLE series; SELECT pg_sleep(3); COMMIT")
    });
    stage.until_psql("SELECT count(*) > 0 FROM pg_locks WHERE relation = 'series'::regclass");
    let at = stage.addresses_through(&proxy);
    let aggregator = Worker::start("aggregate", &stage.file(), &at, stage.log());
    // It registers its series, which takes the lock.
    stage.until_psql("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted");
    proxy.set(Traffic::Cut);
    proxy.set(Traffic::Pass);
    locked.join().unwrap();
    stage.until_psql("SELECT count(*) = 12 FROM partition");
    aggregator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_lost_its_memory_has_all_recent_candles_again() {
    let redis = kept(Redis::private());
    let stage = Stage::on(Backend { redis, ..Backend::shared() }, "redis-away", 4_000).await;
    survives(stage, async || {
        redis.server().kill();
        tokio::time::sleep(AWAY).await;
        redis.server().restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_and_one_that_hangs_lose_nothing() {
    let options = KafkaOptions { brokers: Brokers::One, ..KafkaOptions::default() };
    let kafka = kept(Kafka::private(&options));
    let stage = Stage::on(Backend { kafka, ..Backend::shared() }, "kafka-away", TICKS).await;
    survives(stage, async || {
        kafka.broker(1).stop();
        tokio::time::sleep(AWAY).await;
        kafka.broker(1).cont();
        kafka.broker(1).kill();
        tokio::time::sleep(AWAY).await;
        kafka.broker(1).restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_by_a_member_that_died_before_it_published_is_published_by_the_next() {
    let redis = kept(Redis::private());
    let stage = Stage::on(Backend { redis, ..Backend::shared() }, "unpublished", 4_000).await;
    let first = stage.aggregator();
    stage.until_psql("SELECT count(*) = 12 FROM partition");
    redis.server().stop();
    stage.produce(&stage.names.ticks).await;
    stage.folded(&stage.expected().ends);
    first.kill();
    assert_eq!(stage.psql("SELECT count(*) > 0 FROM partition WHERE published_seq > 0"), "f");
    redis.server().cont();
    stage.check([stage.aggregator()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_ends_within_five_seconds_whichever_server_hangs_and_since_when() {
    let backend = Backend {
        kafka: kept(Kafka::private(&KafkaOptions::default())),
        postgres: kept(Postgres::private(PostgresKind::Plain, Durability::Relaxed)),
        redis: kept(Redis::private()),
    };
    let stage = Stage::on(backend, "ending", TICKS).await;
    stage.produce(&stage.names.ticks).await;
    let servers = [backend.kafka.broker(1), backend.postgres.server(), backend.redis.server()];
    let mut slow = Vec::new();
    for (which, server) in servers.into_iter().enumerate() {
        // One that works, just now and for a while; and one that starts meanwhile.
        for since in [Duration::ZERO, AWAY] {
            let worker = stage.aggregator();
            stage.folded(&stage.expected().ends);
            server.stop();
            tokio::time::sleep(since).await;
            let starting = stage.aggregator();
            let took = (worker.stop(), starting.stop());
            server.cont();
            if took.0.max(took.1) > END_MAX {
                slow.push((which, since, took));
            }
        }
    }
    assert!(
        slow.is_empty(),
        "server, hanging since, took of a working and of a starting one: {slow:?}"
    );
}
