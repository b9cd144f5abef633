//! What an invocation has handed to asynchronous calls and they still hold: bytes that were copied out of the guest.
//!
//! A guest of the synchronous ABI waits for each call. One of the asynchronous ABI may begin a thousand of them, all
//! with the same bytes of its memory, of which the host has a copy for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::UNDER_WAY_BYTES_MAX;

/// The bytes that one invocation has under way; clones share them.
#[derive(Clone, Default)]
pub struct UnderWay(Arc<AtomicUsize>);

/// Some of them, until it is dropped.
pub(super) struct Held {
    of: UnderWay,
    bytes: usize,
}

/// More than [`UNDER_WAY_BYTES_MAX`].
#[derive(Debug, thiserror::Error)]
#[error(
    "calls with more than {UNDER_WAY_BYTES_MAX} bytes are under way: wait for some of them first"
)]
pub(super) struct TooMuch;

impl UnderWay {
    /// Counts so many bytes, if they fit.
    pub(super) fn hold(&self, bytes: usize) -> Result<Held, TooMuch> {
        let within = |held: usize| {
            held.checked_add(bytes)
                .filter(|all| *all <= UNDER_WAY_BYTES_MAX)
        };
        let held = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within);
        let of = self.clone();
        held.map(|_| Held { of, bytes }).map_err(|_| TooMuch)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
