//! A commit that is held up on its way: nobody writes what is not theirs any more, and nothing is
//! written twice.

use std::sync::Arc;
use std::time::Duration;

use e2e::servers::{Durability, Postgres, PostgresKind, Proxy, Redis, Traffic, Way};
use tokio::task::JoinHandle;

use crate::stage::{Addresses, Backend, PARTITIONS, Stage, Worker};

const TICKS: u32 = 9_000;
const TICKS_PER_SECOND: u32 = 3_000;
/// By then a member has sent a commit: it does so once a second.
const COMMIT_SENT: Duration = Duration::from_millis(1_500);
/// What a commit changes.
const WRITTEN: &str = "SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (\
    SELECT candle::text AS line FROM candle UNION ALL SELECT alert::text FROM alert \
    UNION ALL SELECT partition || ' ' || next_offset FROM partition) AS written";

/// A PostgreSQL of our own, and the way to it.
fn behind_a_proxy() -> (Backend, Proxy) {
    let postgres = Postgres::private(PostgresKind::Plain, Durability::Relaxed);
    let postgres: &'static Postgres = Box::leak(Box::new(postgres));
    let proxy = Proxy::to(postgres.address());
    (Backend { postgres, ..Backend::shared() }, proxy)
}

/// Sends the trades of the pipeline's source, so many a second.
async fn replayed(stage: &Arc<Stage>) -> JoinHandle<()> {
    let tape = format!("{}.tape", stage.names.ticks);
    stage.create_topic(&tape, PARTITIONS);
    stage.produce(&tape).await;
    let stage = Arc::clone(stage);
    tokio::spawn(async move { stage.replay(&tape, TICKS_PER_SECOND).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_stopped_in_a_commit_while_another_took_over_writes_nothing() {
    let (backend, proxy) = behind_a_proxy();
    let stage = Arc::new(Stage::on(backend, "zombie", TICKS).await);
    let at = Addresses { worker: "zombie".into(), ..stage.addresses_through(&proxy) };
    let zombie = Worker::start("aggregate", &stage.file(), &at, stage.log());
    let replayed = replayed(&stage).await;
    stage.first_commit();
    // Its next commit stays on its way, and so does it.
    proxy.set(Traffic::Stall(Way::Up));
    tokio::time::sleep(COMMIT_SENT).await;
    zombie.signal("STOP");
    replayed.await.unwrap();

    let at = Addresses { worker: "heir".into(), ..stage.addresses() };
    let heir = Worker::start("aggregate", &stage.file(), &at, stage.log());
    stage.until_psql("SELECT count(*) = 12 FROM partition WHERE owner = 'heir'");
    let expected = stage.expected();
    stage.folded(&expected.ends);
    stage.published();
    let written = stage.psql(WRITTEN);

    proxy.set(Traffic::Pass);
    zombie.signal("CONT");
    // It is a member again when it has claimed partitions; by then its commit has arrived.
    stage.until_psql("SELECT count(*) > 0 FROM partition WHERE owner = 'zombie'");
    assert_eq!(stage.psql(WRITTEN), written);
    stage.check([zombie, heir]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_not_applied_twice_and_its_member_goes_on() {
    let (backend, proxy) = behind_a_proxy();
    let stage = Arc::new(Stage::on(backend, "answer", TICKS).await);
    let at = stage.addresses_through(&proxy);
    let aggregator = Worker::start("aggregate", &stage.file(), &at, stage.log());
    stage.until_psql("SELECT count(*) = 12 FROM partition WHERE claim = 1");
    let replayed = replayed(&stage).await;
    stage.first_commit();
    // Statements arrive, their answers do not; then both sides lose their connection.
    proxy.set(Traffic::Stall(Way::Down));
    tokio::time::sleep(COMMIT_SENT).await;
    proxy.set(Traffic::Cut);
    proxy.set(Traffic::Pass);
    replayed.await.unwrap();
    stage.check([aggregator]).await;
    let log = std::fs::read_to_string(stage.log()).unwrap();
    assert!(log.contains("the store did not take a commit; trying again"), "{log}");
    assert_eq!(stage.psql("SELECT max(claim) FROM partition"), "1", "it had to claim again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_claim_was_overtaken_while_nothing_came_claims_again() {
    let redis: &'static Redis = Box::leak(Box::new(Redis::private()));
    let stage = Stage::on(Backend { redis, ..Backend::shared() }, "overtaken", TICKS).await;
    let aggregator = stage.aggregator();
    stage.until_psql("SELECT count(*) = 12 FROM partition WHERE claim = 1");
    // All is committed, and nothing known to be published.
    redis.server().stop();
    stage.produce(&stage.names.ticks).await;
    stage.folded(&stage.expected().ends);
    // Somebody who was taken for the owner claims every partition, and is gone again.
    stage.psql("UPDATE partition SET token = token + 1, claim = claim + 1");
    redis.server().cont();
    stage.check([aggregator]).await;
}
