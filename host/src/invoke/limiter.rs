//! Bounds the memories and tables of one instance.

use wasmtime::ResourceLimiter;

use crate::limits::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};

/// Counts what one instance has.
pub(super) struct MemoryLimiter {
    bytes: u64,
    bytes_max: u64,
    refused: bool,
}

impl MemoryLimiter {
    pub(super) fn new(bytes_max: u64) -> MemoryLimiter {
        MemoryLimiter {
            bytes: 0,
            bytes_max,
            refused: false,
        }
    }

    /// Whether the guest wanted more than it may have.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.bytes + (desired - current) as u64;
        if wanted > self.bytes_max {
            self.refused = true;
            // The guest sees that its memory did not grow, as the specification has it; most then abort.
            return Ok(false);
        }
        self.bytes = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= TABLE_ELEMENTS_MAX;
        self.refused |= !allowed;
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
