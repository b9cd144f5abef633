//! How long a guest computes: the thread's CPU time while its future is polled.
//!
//! Waiting costs nothing, and neither does the time that other guests or processes take from the thread. What the host
//! does on the guest's behalf within a poll counts as the guest's.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time used by one invocation; clones share it.
#[derive(Clone, Default)]
pub(super) struct CpuTime(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Nanoseconds of the polls that ended.
    used: AtomicU64,
    /// The thread's clock when the current poll began.
    poll_began: AtomicU64,
}

/// The guest computed for longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("CPU time limit")]
pub(super) struct CpuLimitReached;

impl CpuTime {
    /// Time used so far; for use within a poll of the guest.
    pub(super) fn used_within_poll(&self) -> Duration {
        let current =
            thread_nanoseconds().saturating_sub(self.0.poll_began.load(Ordering::Relaxed));
        self.used() + Duration::from_nanos(current)
    }

    /// Time used by the polls that ended.
    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.0.used.load(Ordering::Relaxed))
    }

    /// Counts the time that this future's polls take.
    pub(super) async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| self.poll(future.as_mut(), context)).await
    }

    fn poll<F: Future>(&self, future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = thread_nanoseconds();
        self.0.poll_began.store(began, Ordering::Relaxed);
        let result = future.poll(context);
        self.0.used.fetch_add(
            thread_nanoseconds().saturating_sub(began),
            Ordering::Relaxed,
        );
        result
    }
}

fn thread_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}
