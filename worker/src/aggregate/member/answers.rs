use std::future::Future;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::FAREWELL_WAIT;
use crate::aggregate::AggregateError;

/// Waits on the member's thread for what servers answer.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    handle: Handle,
    stop: CancellationToken,
}

impl Answers {
    pub(super) const fn new(handle: Handle, stop: CancellationToken) -> Self {
        Self { handle, stop }
    }

    /// What is answered. Once the member is told to stop it is waited for [`FAREWELL_WAIT`] more;
    /// a store whose answer is not waited for connects again.
    ///
    /// # Errors
    /// Those of the answer; [`AggregateError::Stop`].
    pub(super) fn wait<T, E>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, AggregateError>
    where
        AggregateError: From<E>,
    {
        self.handle.block_on(async {
            let given_up = async {
                self.stop.cancelled().await;
                tokio::time::sleep(FAREWELL_WAIT).await;
            };
            tokio::select! {
                biased;
                answer = answer => Ok(answer?),
                () = given_up => Err(AggregateError::Stop),
            }
        })
    }
}
