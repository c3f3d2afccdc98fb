//! Asks Kafka again and again where the partitions end that are ours, for those who look.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::seen::Seen;
use crate::topic::LogEnds;

/// How often Kafka is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// A thread that asks until this is dropped.
pub struct Asking {
    _ended_when_dropped: Sender<()>,
}

impl Asking {
    /// Begins to ask. Without a thread nobody does, and the ends stay unknown.
    #[must_use]
    pub fn start(ends: LogEnds, seen: Seen) -> Self {
        let (alive, ended) = channel();
        let thread = std::thread::Builder::new().name("log-ends".into());
        if let Err(error) = thread.spawn(move || ask(&ends, &seen, &ended)) {
            tracing::warn!(error = %error, "nobody asks where the log ends");
        }
        Self { _ended_when_dropped: alive }
    }
}

fn ask(ends: &LogEnds, seen: &Seen, ended: &Receiver<()>) {
    while ended.recv_timeout(ASK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let partitions = seen.partitions();
        if partitions.is_empty() {
            continue;
        }
        match ends.ask(&partitions) {
            Ok(told) => seen.tell_ends(told),
            Err(error) => tracing::debug!(error = %error, "Kafka does not tell where the log ends"),
        }
    }
}
