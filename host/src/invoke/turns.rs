//! Who computes: guests that compute for long take turns, so that there is always a thread for those that are done in a
//! moment.
//!
//! A guest that computes yields at each tick of the epoch and is put at the end of the queue. That alone would have
//! everybody else wait for a tick of each of them; so all threads but one are theirs, and the others wait aside.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::ready;

use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

use crate::limits::SHORT_CPU_TIME;
use crate::model::cpu_time::CpuTime;

/// The processor is the whole process's: one turn for each core but one.
static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new(cores.saturating_sub(1).max(1)))
});

/// Runs a guest's call, and counts its CPU time. A turn is held while it computes, never while it waits.
pub(super) async fn run<F: Future>(cpu: &CpuTime, call: F) -> F::Output {
    let mut call = pin!(cpu.measure(call));
    let mut turns = PollSemaphore::new(TURNS.clone());
    poll_fn(|context| {
        let _turn = match cpu.used() > SHORT_CPU_TIME {
            true => ready!(turns.poll_acquire(context)),
            false => None,
        };
        call.as_mut().poll(context)
    })
    .await
}

/// Drops what a guest leaves behind. That takes its time as well where the guest has filled much memory.
pub(super) async fn end<T>(cpu: &CpuTime, left: T) {
    let _turn = match cpu.used() > SHORT_CPU_TIME {
        true => TURNS.acquire().await.ok(),
        false => None,
    };
    drop(left);
}
