//! Workers on real Kafka, PostgreSQL and Redis.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

/// The engine and the oracle, without servers.
mod agree;
/// What is killed, stopped and cut, at random.
mod chaos;
/// Without any failure.
mod exact;
/// A reader of the Redis stream.
mod follower;
/// What others send.
mod foreign;
/// Records of any bytes.
mod fuzzed;
/// Live venues that misbehave.
mod live;
/// A steady load that no part of the product makes.
mod load;
/// Records that are gone.
mod loss;
/// A server that is away.
mod outage;
/// Real trades.
mod real;
/// Members that come and go in order.
mod rolling;
/// A pipeline on real servers.
mod stage;
/// What another build stored.
mod stored;
/// A member that was taken for dead, and an answer that was lost.
mod zombie;
