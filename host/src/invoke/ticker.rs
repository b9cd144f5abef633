//! Advances the engine's epoch while any guest runs, so that computing guests yield. Idle, it sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use wasmtime::Engine;

use crate::limits::EPOCH_TICK;

/// The ticking thread; joined when dropped.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    running: AtomicUsize,
    stopped: AtomicBool,
}

/// Keeps the epoch advancing while it lives.
pub(super) struct Ticking {
    shared: Arc<Shared>,
}

impl Ticker {
    pub(super) fn start(engine: &Engine) -> Ticker {
        let shared = Arc::new(Shared {
            running: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let (engine, seen) = (engine.clone(), shared.clone());
        let thread = std::thread::Builder::new()
            .name("epoch-ticker".to_owned())
            .spawn(move || tick(&engine, &seen))
            .expect("the host starts with threads to spare");
        Ticker {
            shared,
            thread: Some(thread),
        }
    }

    /// To be held for as long as a guest may run.
    pub(super) fn hold(&self) -> Ticking {
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.wake();
        }
        Ticking {
            shared: self.shared.clone(),
        }
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.shared.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread does nothing that can panic.
            let _ = thread.join();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread has nothing else to do"
)]
fn tick(engine: &Engine, shared: &Shared) {
    while !shared.stopped.load(Ordering::Acquire) {
        if shared.running.load(Ordering::Acquire) == 0 {
            // An unpark that came first makes this return at once.
            std::thread::park();
        } else {
            std::thread::sleep(EPOCH_TICK);
            engine.increment_epoch();
        }
    }
}
