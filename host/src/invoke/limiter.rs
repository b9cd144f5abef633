//! Bounds the memories and tables of one instance, and the memories of all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::ResourceLimiter;

use crate::limits::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};

/// What the memories of all instances may have together; clones share it.
#[derive(Clone)]
pub struct MemoryBudget(Arc<Budget>);

struct Budget {
    bytes_max: u64,
    bytes: AtomicU64,
}

impl MemoryBudget {
    pub(super) fn new(bytes_max: u64) -> MemoryBudget {
        let bytes = AtomicU64::new(0);
        MemoryBudget(Arc::new(Budget { bytes_max, bytes }))
    }

    pub(super) fn bytes_max(&self) -> u64 {
        self.0.bytes_max
    }

    /// Takes so many bytes, if there are as many left.
    fn take(&self, bytes: u64) -> bool {
        let within = |taken: u64| Some(taken + bytes).filter(|taken| *taken <= self.0.bytes_max);
        let taken = &self.0.bytes;
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Which bound a guest wanted to go beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its function's.
    Function,
    /// That of all functions together.
    Host,
}

/// Counts what one instance has.
pub(super) struct MemoryLimiter {
    bytes: u64,
    bytes_max: u64,
    of_all: MemoryBudget,
    refused: Option<Refused>,
}

impl MemoryLimiter {
    pub(super) fn new(bytes_max: u64, of_all: MemoryBudget) -> MemoryLimiter {
        MemoryLimiter {
            bytes: 0,
            bytes_max,
            of_all,
            refused: None,
        }
    }

    /// Whether the guest wanted more than it may have, or than there is.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused
    }
}

impl Drop for MemoryLimiter {
    fn drop(&mut self) {
        self.of_all.give_back(self.bytes);
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = (desired - current) as u64;
        let refused = if self.bytes + more > self.bytes_max {
            Some(Refused::Function)
        } else if !self.of_all.take(more) {
            Some(Refused::Host)
        } else {
            self.bytes += more;
            None
        };
        self.refused = refused.or(self.refused);
        // The guest sees that its memory did not grow, as the specification has it; most then abort.
        Ok(refused.is_none())
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= TABLE_ELEMENTS_MAX;
        if !allowed {
            self.refused = Some(Refused::Function);
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }
}
