//! What asynchronous calls of an invocation hold in the host: bytes that were copied out of the guest, and rows that it
//! has not taken yet.
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
    "more than {UNDER_WAY_BYTES_MAX} bytes would be under way: wait for earlier calls, and take what they gave, first"
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
