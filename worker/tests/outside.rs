//! What is seen of workers from outside: probes, metrics, status, logs, on real servers.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

#[path = "outside/place.rs"]
mod place;
#[path = "outside/probes.rs"]
mod probes;
#[path = "outside/traces.rs"]
mod traces;
