//! A fake venue speaks as the real one does, misbehaves as told, and sees what clients do wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// What clients must not do.
#[path = "venue/breaches.rs"]
mod breaches;
/// A plain client.
#[path = "venue/client.rs"]
mod client;
/// What is on sockets.
#[path = "venue/frames.rs"]
mod frames;
/// What REST answers.
#[path = "venue/pages.rs"]
mod pages;
/// What scripts do.
#[path = "venue/scripts.rs"]
mod scripts;
