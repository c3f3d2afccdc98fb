use std::time::Duration;

use e2e::servers::{Brokers, Proxy, Server, Traffic, Way};
use proptest::test_runner::TestRng;

use super::scene::{Scene, SceneOptions};
use crate::load::below;

/// The longest that anything is stopped or cut off most of the time.
const SHORT_MAX_MS: u64 = 1_500;
const SHORT_MIN_MS: u64 = 100;
/// Longer than a session.
const LONG_MIN_MS: u64 = 6_500;

/// Whom something is done to.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Aggregator(usize),
    Broker(usize),
    Postgres,
    Redis,
    Producer,
}

/// What is done.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Killed, and started again after a while.
    Kill,
    /// Stopped in its tracks.
    Stop,
    /// Its network is cut: connections are reset.
    Cut,
    /// Its network carries nothing.
    Stall,
    /// What it answers does not arrive.
    StallAnswers,
}

/// One disturbance.
#[derive(Debug)]
pub(super) struct Disturbance {
    victim: Victim,
    deed: Deed,
    lasts: Duration,
}

impl Disturbance {
    /// Chooses one.
    pub(super) fn roll(dice: &mut TestRng, options: SceneOptions) -> Self {
        let brokers = match options.brokers {
            Brokers::One => 1,
            Brokers::Three => 3,
        };
        let which = |dice: &mut TestRng, count| usize::try_from(below(dice, count)).unwrap();
        let victim = match below(dice, 100) {
            0..50 => Victim::Aggregator(which(dice, 4)),
            50..70 => Victim::Broker(1 + which(dice, brokers)),
            70..82 => Victim::Postgres,
            82..90 => Victim::Redis,
            _ => Victim::Producer,
        };
        let deed = match below(dice, 100) {
            0..50 => Deed::Kill,
            50..70 => Deed::Stop,
            70..82 => Deed::Cut,
            82..91 => Deed::Stall,
            _ => Deed::StallAnswers,
        };
        let is_long = below(dice, options.pace.long_one_in) == 0 && !matches!(deed, Deed::Kill);
        let (from, to) = if is_long {
            (LONG_MIN_MS, u64::try_from(options.pace.long_max.as_millis()).unwrap())
        } else {
            (SHORT_MIN_MS, SHORT_MAX_MS)
        };
        let lasts = Duration::from_millis(from + below(dice, to - from));
        Self { victim, deed, lasts }
    }

    /// What is done to whom.
    pub(super) fn name(&self) -> String {
        let victim = match self.victim {
            Victim::Aggregator(_) => "aggregator",
            Victim::Broker(_) => "broker",
            Victim::Postgres => "postgres",
            Victim::Redis => "redis",
            Victim::Producer => "producer",
        };
        format!("{victim} {:?}", self.deed)
    }

    /// Does it, and returns when it is over.
    pub(super) fn happen(&self, scene: &mut Scene) {
        match self.victim {
            Victim::Aggregator(which) => self.happen_to_aggregator(which, scene),
            Victim::Producer => self.happen_to_producer(scene),
            Victim::Broker(id) => {
                let kafka = scene.backend.kafka;
                self.happen_to_server(kafka.broker(id), &[kafka.proxy(id)]);
            }
            Victim::Postgres => {
                let networks: Vec<_> = scene.aggregators.iter().map(|one| &one.postgres).collect();
                self.happen_to_server(scene.backend.postgres.server(), &networks);
            }
            Victim::Redis => {
                let networks: Vec<_> = scene.aggregators.iter().map(|one| &one.redis).collect();
                self.happen_to_server(scene.backend.redis.server(), &networks);
            }
        }
    }

    fn happen_to_aggregator(&self, which: usize, scene: &mut Scene) {
        let at = which % scene.aggregators.len();
        match self.deed {
            Deed::Kill => {
                scene.aggregators.swap_remove(at).worker.kill();
                scene.start_aggregator();
            }
            Deed::Stop => {
                scene.aggregators[at].worker.signal("STOP");
                self.last();
                scene.aggregators[at].worker.signal("CONT");
            }
            // It alone loses a store, and stays in the group.
            Deed::Cut | Deed::Stall | Deed::StallAnswers => {
                let one = &scene.aggregators[at];
                let network = if which < 3 { &one.postgres } else { &one.redis };
                self.disturb(&[network]);
            }
        }
    }

    fn happen_to_producer(&self, scene: &mut Scene) {
        match self.deed {
            Deed::Kill => {
                scene.producer.take().unwrap().kill();
                scene.start_producer();
            }
            Deed::Stop => {
                scene.producer.as_ref().unwrap().signal("STOP");
                self.last();
                scene.producer.as_ref().unwrap().signal("CONT");
            }
            // Nobody reaches any broker.
            Deed::Cut | Deed::Stall | Deed::StallAnswers => {
                let brokers = match scene.options.brokers {
                    Brokers::One => 1,
                    Brokers::Three => 3,
                };
                let kafka = scene.backend.kafka;
                let networks: Vec<_> = (1..=brokers).map(|id| kafka.proxy(id)).collect();
                self.disturb(&networks);
            }
        }
    }

    fn happen_to_server(&self, server: &Server, networks: &[&Proxy]) {
        match self.deed {
            Deed::Kill => {
                server.kill();
                self.last();
                server.restart();
            }
            Deed::Stop => {
                server.stop();
                self.last();
                server.cont();
            }
            Deed::Cut | Deed::Stall | Deed::StallAnswers => self.disturb(networks),
        }
    }

    fn disturb(&self, networks: &[&Proxy]) {
        let traffic = match self.deed {
            Deed::Cut => Traffic::Cut,
            Deed::StallAnswers => Traffic::Stall(Way::Down),
            Deed::Stall | Deed::Kill | Deed::Stop => Traffic::Stall(Way::Both),
        };
        networks.iter().for_each(|network| network.set(traffic));
        self.last();
        networks.iter().for_each(|network| network.set(Traffic::Pass));
    }

    fn last(&self) {
        std::thread::sleep(self.lasts);
    }
}
