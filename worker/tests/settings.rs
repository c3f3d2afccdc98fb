//! Workers as their settings say: roles, encryption, who they are, and what they keep to themselves.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

/// The writer and the reader may do what they have to, and no more.
#[path = "settings/roles.rs"]
mod roles;
/// TLS and SASL to every server, right and wrong.
#[path = "settings/secure.rs"]
mod secure;
/// Workers as processes, on a pipeline with names of its own.
#[path = "settings/work.rs"]
mod work;
