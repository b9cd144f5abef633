//! Work for a guest that goes on whether the guest waits for it or not.
//!
//! A guest of the asynchronous ABI may begin a call and then compute. Nobody polls the call meanwhile, and what it had been
//! given, such as a place in a queue that all functions share, would be lost to everybody else.

use tokio_util::task::AbortOnDropHandle;

/// The host is shutting down, or the work has panicked.
#[derive(Debug, thiserror::Error)]
#[error("the host stopped working on it")]
pub(super) struct Stopped;

/// Works in a task of its own, which ends with whoever waits for it.
pub(super) async fn detached<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Stopped> {
    let task = AbortOnDropHandle::new(tokio::spawn(work));
    task.await.map_err(|_| Stopped)
}
