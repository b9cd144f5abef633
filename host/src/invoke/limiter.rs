//! Bounds the memories and tables of one instance, and the memories of all instances of a function and of all
//! functions together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::ResourceLimiter;

use crate::limits::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use crate::observe::calls::Calls;

/// What the memories of several instances may have together; clones share it.
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
        let within = |taken: u64| {
            let taken = taken.checked_add(bytes)?;
            Some(taken).filter(|taken| *taken <= self.0.bytes_max)
        };
        let taken = &self.0.bytes;
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .is_ok()
    }

    /// Bytes that are taken.
    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    fn give_back(&self, bytes: u64) {
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Which bound a guest wanted to go beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its own.
    Function,
    /// What the host has for all functions, or for one.
    Host,
}

/// Counts what one instance has.
pub(super) struct MemoryLimiter {
    bytes: u64,
    bytes_max: u64,
    /// Of its function, and of all functions.
    shared: [MemoryBudget; 2],
    /// Told of the most that it has.
    calls: Calls,
    refused: Option<Refused>,
}

impl MemoryLimiter {
    pub(super) fn new(bytes_max: u64, shared: [MemoryBudget; 2], calls: Calls) -> MemoryLimiter {
        MemoryLimiter {
            bytes: 0,
            bytes_max,
            shared,
            calls,
            refused: None,
        }
    }

    /// Takes so many bytes of what is shared, or nothing.
    fn take_shared(&self, bytes: u64) -> bool {
        let [of_function, of_all] = &self.shared;
        if !of_function.take(bytes) {
            return false;
        }
        let taken = of_all.take(bytes);
        if !taken {
            of_function.give_back(bytes);
        }
        taken
    }

    /// Whether the guest wanted more than it may have, or than there is.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused
    }
}

impl Drop for MemoryLimiter {
    fn drop(&mut self) {
        for shared in &self.shared {
            shared.give_back(self.bytes);
        }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // Beyond what the memory itself may become: it will not grow, and nobody has refused it anything.
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        let bytes = self.bytes.checked_add(more);
        let bytes = bytes.filter(|bytes| *bytes <= self.bytes_max);
        let refused = match bytes {
            None => Some(Refused::Function),
            Some(_) if !self.take_shared(more) => Some(Refused::Host),
            Some(bytes) => {
                self.bytes = bytes;
                self.calls.has_memory(bytes);
                None
            }
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
