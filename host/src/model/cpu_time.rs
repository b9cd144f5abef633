//! How long an invocation computes: the CPU time of the thread that polls it, and of those that do something for it.
//!
//! Waiting costs nothing, and neither does the time that other guests or processes take from a thread. What the host
//! does on the guest's behalf within a poll counts as the guest's, and so do its SQL statements.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time used by one invocation; clones share it.
#[derive(Clone)]
pub struct CpuTime(Arc<Shared>);

struct Shared {
    limit: Duration,
    /// Nanoseconds of the polls that ended, and of other threads.
    used: AtomicU64,
    /// The thread's clock when the current poll began.
    poll_began: AtomicU64,
}

/// The invocation computed for longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CPU time limit")]
pub struct CpuLimitReached;

impl CpuTime {
    /// Of an invocation that may compute for this long.
    pub fn new(limit: Duration) -> CpuTime {
        CpuTime(Arc::new(Shared {
            limit,
            used: AtomicU64::new(0),
            poll_began: AtomicU64::new(0),
        }))
    }

    /// Whether there is time left; for use within a poll of the guest.
    pub fn check_within_poll(&self) -> Result<(), CpuLimitReached> {
        let began = Duration::from_nanos(self.0.poll_began.load(Ordering::Relaxed));
        self.check(self.used() + thread_time().saturating_sub(began))
    }

    /// Adds what another thread used for the invocation. Is there time left?
    pub fn add(&self, time: Duration) -> Result<(), CpuLimitReached> {
        let time = nanoseconds(time);
        let before = self.0.used.fetch_add(time, Ordering::Relaxed);
        self.check(Duration::from_nanos(before.saturating_add(time)))
    }

    /// Time used by the polls that ended, and by other threads.
    pub fn used(&self) -> Duration {
        Duration::from_nanos(self.0.used.load(Ordering::Relaxed))
    }

    /// Counts the time that this future's polls take.
    pub async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| self.poll(future.as_mut(), context)).await
    }

    fn poll<F: Future>(&self, future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = nanoseconds(thread_time());
        self.0.poll_began.store(began, Ordering::Relaxed);
        let result = future.poll(context);
        let time = nanoseconds(thread_time()).saturating_sub(began);
        self.0.used.fetch_add(time, Ordering::Relaxed);
        result
    }

    fn check(&self, used: Duration) -> Result<(), CpuLimitReached> {
        match used > self.0.limit {
            true => Err(CpuLimitReached),
            false => Ok(()),
        }
    }
}

/// What this thread has used of a processor since it began.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
