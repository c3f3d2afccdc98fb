//! Workers on real Kafka, PostgreSQL and Redis.

#[path = "servers/exact.rs"]
mod exact;
#[path = "servers/kill.rs"]
mod kill;
#[path = "servers/stage.rs"]
mod stage;
