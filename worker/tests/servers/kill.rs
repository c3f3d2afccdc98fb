use std::time::Duration;

use e2e::servers;
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::stage::{PARTITIONS, Stage, Streamed};

/// How often something is done to an aggregator; `KILLS` chooses another number.
const KILLS: u32 = 30;
/// Records of the replay for each of them, so that it lasts about as long.
const TICKS_PER_KILL: u32 = 3_000;
const TICKS_PER_SECOND: u32 = 3_000;

/// A number of the environment.
fn given<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn below(dice: &mut TestRng, bound: u64) -> u64 {
    dice.next_u64() % bound
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_stopped_aggregators_lose_double_and_change_nothing() {
    let seed: u64 = given("SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut dice = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);

    let kills = given("KILLS").unwrap_or(KILLS);
    let stage = Stage::new("kill", kills * TICKS_PER_KILL).await;
    let tape = format!("{}.tape", stage.names.ticks);
    servers::kafka().create_topic(&tape, PARTITIONS, &[]);
    stage.produce(&tape).await;
    let mut aggregators = vec![stage.aggregator(), stage.aggregator(), stage.aggregator()];
    let stage = std::sync::Arc::new(stage);
    let replayed = tokio::spawn({
        let (stage, tape) = (std::sync::Arc::clone(&stage), tape.clone());
        async move { stage.replay(&tape, TICKS_PER_SECOND).await }
    });
    // The pauses are the disturbance: when something happens, and how long it lasts.
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(below(&mut dice, 2_000))).await;
        let at = usize::try_from(below(&mut dice, aggregators.len() as u64)).unwrap();
        match below(&mut dice, 4) {
            // A pause, longer than the session now and then.
            0 => {
                let longest = if below(&mut dice, 4) == 0 { 9_000 } else { 1_000 };
                aggregators[at].signal("STOP");
                tokio::time::sleep(Duration::from_millis(below(&mut dice, longest))).await;
                aggregators[at].signal("CONT");
            }
            // Fewer, then more.
            1 if aggregators.len() > 1 => aggregators.swap_remove(at).kill(),
            2 if aggregators.len() < 4 => aggregators.push(stage.aggregator()),
            _ => {
                aggregators.swap_remove(at).kill();
                aggregators.push(stage.aggregator());
            }
        }
    }
    replayed.await.unwrap();
    let streamed = if kills <= KILLS { Streamed::All } else { Streamed::Newest };
    stage.check(aggregators, streamed).await;
}
