//! Workers on real Kafka, PostgreSQL and Redis.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

#[path = "servers/exact.rs"]
mod exact;
#[path = "servers/kill.rs"]
mod kill;
#[path = "servers/loss.rs"]
mod loss;
#[path = "servers/outage.rs"]
mod outage;
#[path = "servers/real.rs"]
mod real;
#[path = "servers/stage.rs"]
mod stage;
