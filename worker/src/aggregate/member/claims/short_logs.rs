use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::store::Claim;
use crate::store::postgres::PartitionClaim;
use crate::topic::LogBounds;

/// How long the log may end before the offset that is next: a broker that was stopped and does not
/// know yet that another leads the partition tells an end of the past.
const SHORT_LOG_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long to wait before such a log is looked at again.
pub(super) const SHORT_LOG_RETRY_WAIT: Duration = Duration::from_secs(1);

/// Logs that end before the offset that is next, and since when.
#[derive(Debug, Default)]
pub(super) struct ShortLogs(BTreeMap<i32, Instant>);

impl ShortLogs {
    /// Whether to look again later, rather than to believe that records are gone.
    pub(super) fn wait(
        &mut self,
        found: &PartitionClaim,
        bounds: LogBounds,
        same: bool,
        now: Instant,
    ) -> bool {
        let Claim { partition, next_offset, .. } = found.claim;
        if !same || next_offset <= bounds.high {
            self.0.remove(&partition);
            return false;
        }
        let since = *self.0.entry(partition).or_insert(now);
        let waits = now.duration_since(since) < SHORT_LOG_WAIT_MAX;
        if waits {
            let end = bounds.high;
            tracing::warn!(partition, next_offset, end, "the log is short; looking again later");
        }
        waits
    }

    /// This partition is not ours any more.
    pub(super) fn forget(&mut self, partition: i32) {
        self.0.remove(&partition);
    }
}

#[cfg(test)]
mod tests {
    use runtime::clock;

    use super::*;

    #[test]
    fn a_short_log_is_looked_at_again_for_a_while_and_then_believed() {
        let (next_offset, commit_seq, published_seq) = (100, 7, 7);
        let claim =
            Claim { partition: 3, token: 1, claim: 1, source_gen: 1, next_offset, commit_seq };
        let found = PartitionClaim { claim, source_id: "topic".into(), published_seq };
        let bounds = |high| LogBounds { low: 0, high };
        let (begin, mut short) = (clock::monotonic(), ShortLogs::default());
        assert!(!short.wait(&found, bounds(100), true, begin));
        assert!(short.wait(&found, bounds(99), true, begin));
        let nearly = begin + SHORT_LOG_WAIT_MAX - Duration::from_millis(1);
        assert!(short.wait(&found, bounds(99), true, nearly));
        assert!(!short.wait(&found, bounds(99), true, begin + SHORT_LOG_WAIT_MAX));
        // It was right again in between: the wait begins anew.
        assert!(!short.wait(&found, bounds(101), true, nearly));
        assert!(short.wait(&found, bounds(99), true, begin + SHORT_LOG_WAIT_MAX));
        // A topic of another id is another log.
        assert!(!short.wait(&found, bounds(99), false, nearly));
    }
}
