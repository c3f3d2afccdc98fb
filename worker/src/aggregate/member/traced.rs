//! The traces of sampled records: from the fold to the commit to its publication.
//!
//! A commit has many records and one span: it goes on in the trace of the first sampled one, and
//! is linked to the others.

use std::ffi::CStr;

use runtime::traces::{self, TARGET};
use tracing::Span;

use crate::topic::Fetched;

/// The header that carries a trace.
pub(super) const TRACEPARENT: &CStr = c"traceparent";
/// Sampled records of one commit that are traced; those beyond are not.
const SPANS_PER_COMMIT_MAX: usize = 32;

/// Spans that are open.
#[derive(Default)]
pub(super) struct Traced {
    /// Of records that are folded and not under way.
    folded: Vec<Span>,
    /// Of the commit under way.
    commit: Option<Span>,
}

impl Traced {
    /// A sampled record is folded.
    pub(super) fn fold(&mut self, traceparent: &[u8], record: &Fetched<'_>) {
        if self.folded.len() >= SPANS_PER_COMMIT_MAX {
            return;
        }
        let (partition, offset) = (record.partition, record.offset);
        let span = tracing::info_span!(
            target: TARGET, parent: None, "fold", otel.kind = "consumer", partition, offset
        );
        traces::go_on(&span, traceparent);
        self.folded.push(span);
    }

    /// What is folded departs in one commit.
    pub(super) fn depart(&mut self, partitions: usize, candles: usize) {
        let mut folded = std::mem::take(&mut self.folded).into_iter();
        self.commit = folded.next().map(|first| {
            let span = tracing::info_span!(
                target: TARGET, parent: &first, "commit", otel.kind = "client", partitions, candles
            );
            folded.for_each(|other| traces::link(&span, &other));
            span
        });
    }

    /// The commit is stored: the span of its publication, which ends with the last holder.
    pub(super) fn land(&mut self) -> Option<Span> {
        let commit = self.commit.take()?;
        Some(tracing::info_span!(
            target: TARGET, parent: &commit, "publish", otel.kind = "producer"
        ))
    }
}
