//! The Kubernetes operator: one `CryptoPipeline` in, everything that runs it out.

/// The resource: what a user writes and what the operator answers.
pub mod crd;
