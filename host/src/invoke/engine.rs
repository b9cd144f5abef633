//! Wasmtime's configuration, and the pool of instance slots: as large as the machine lets us reserve.
//!
//! A slot reserves address space, not memory. Small boards and `ulimit -v` do not have terabytes of it, so the first
//! layout that can really be reserved is taken, from generous to frugal. What was taken is reported at start.

use std::fmt;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use super::limiter::MemoryBudget;
use super::machine::Machine;
use crate::limits;
use crate::model::abi::Abi;

/// What code is compiled for. Compiled components are bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeLayout {
    /// Address space of one linear memory, in bytes. With 4 GiB and more, memory accesses need no bounds checks.
    pub memory_reservation: u64,
    /// How components are called.
    pub abi: Abi,
}

/// The engine that runs functions, with what it was given. Clones share it.
#[derive(Clone)]
pub struct PooledEngine {
    /// The engine.
    pub engine: Engine,
    /// What code must be compiled for.
    pub code: CodeLayout,
    /// Instances at once.
    pub instances: u32,
    /// Whether slots keep their memory between invocations, without page faults (Linux 6.7 and newer).
    pub keeps_resident: bool,
    /// What all instances may have in memories together, those of both ABIs.
    pub memory: MemoryBudget,
}

/// No layout of the pool could be reserved.
#[derive(Debug, thiserror::Error)]
#[error(
    "this machine does not let Tidegate reserve address space for even {least} instances: {reason}; \
     raise the limit on virtual memory (ulimit -v, LimitAS=)",
    least = LAYOUTS[LAYOUTS.len() - 1].0
)]
pub struct PoolUnavailable {
    reason: String,
}

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// Instances, and address space for each of their memories: 4 TiB, 1 TiB, 256 GiB, 16 GiB, 4 GiB, 1 GiB.
const LAYOUTS: [(u32, u64); 6] = [
    (1000, 4 * GIB),
    (256, 4 * GIB),
    (1000, 256 * MIB),
    (64, 256 * MIB),
    (16, 256 * MIB),
    (4, 256 * MIB),
];

/// Memory that a slot may keep between invocations: what small functions touch.
const MEMORY_KEPT_BYTES: usize = MIB as usize;
const TABLE_KEPT_BYTES: usize = 64 * 1024;
/// A component with more tables, or with more than one memory, takes several slots.
pub(super) const TABLES_PER_SLOT: u32 = 2;
/// Unmapped space behind each memory, which accesses that just miss it run into.
const GUARD_BYTES: u64 = 32 * MIB;

/// As many as would keep a quarter of the machine's memory, if all of them kept as much as they may.
fn instances_kept(machine: &Machine) -> u32 {
    let instances = machine.memory_bytes / 4 / MEMORY_KEPT_BYTES as u64;
    u32::try_from(instances).unwrap_or(u32::MAX).max(4)
}

/// Half of the address space is left to everything else.
fn has_space_for(machine: &Machine, instances: u32, memory_reservation: u64) -> bool {
    let pool = u64::from(instances) * (memory_reservation + GUARD_BYTES);
    let limit = machine.address_space_bytes;
    limit.is_none_or(|limit| pool <= limit / 2)
}

impl PooledEngine {
    /// The pool for components of the asynchronous ABI, beside this one for all others: the same code layout, and as
    /// many instances as there is address space left for.
    pub fn probe_async(&self) -> Result<PooledEngine, PoolUnavailable> {
        let code = CodeLayout {
            abi: Abi::Async,
            ..self.code
        };
        let mut reason = String::new();
        for instances in [limits::ASYNC_INSTANCES_MAX, 64, 16, 4] {
            let instances = instances.min(self.instances);
            match pooled(code, instances, self.keeps_resident) {
                Ok(engine) => {
                    return Ok(PooledEngine {
                        engine,
                        code,
                        instances,
                        keeps_resident: self.keeps_resident,
                        memory: self.memory.clone(),
                    });
                }
                Err(error) => reason = format!("{error:#}"),
            }
        }
        Err(PoolUnavailable { reason })
    }

    /// Probes for the largest pool. `instances_max` caps it. The memories of all instances together may have
    /// `memory_bytes_max` or, where it is left out, half of the machine's memory.
    pub fn probe(
        instances_max: u32,
        memory_bytes_max: Option<u64>,
    ) -> Result<PooledEngine, PoolUnavailable> {
        let machine = Machine::look();
        let memory = MemoryBudget::new(memory_bytes_max.unwrap_or(machine.memory_bytes / 2));
        let mut reason = "the limit on virtual memory is too low".to_owned();
        for (instances, memory_reservation) in LAYOUTS {
            let instances = instances.min(instances_max).min(instances_kept(&machine));
            if !has_space_for(&machine, instances, memory_reservation) {
                continue;
            }
            let code = CodeLayout {
                memory_reservation,
                abi: Abi::Sync,
            };
            for keeps_resident in [true, false] {
                match pooled(code, instances, keeps_resident) {
                    Ok(engine) => {
                        return Ok(PooledEngine {
                            engine,
                            code,
                            instances,
                            keeps_resident,
                            memory,
                        });
                    }
                    Err(error) => reason = format!("{error:#}"),
                }
            }
        }
        Err(PoolUnavailable { reason })
    }
}

impl fmt::Display for PooledEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = if self.keeps_resident {
            "kept resident"
        } else {
            "not kept resident"
        };
        write!(
            f,
            "{} instances of {} MiB address space, {kept}, {} MiB of memory for all together",
            self.instances,
            self.code.memory_reservation / MIB,
            self.memory.bytes_max() / MIB
        )
    }
}

fn pooled(code: CodeLayout, instances: u32, keeps_resident: bool) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // Only counted: they take nothing before they are there.
        .total_core_instances(instances.saturating_mul(limits::CORE_INSTANCES_MAX))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(TABLES_PER_SLOT))
        .total_stacks(instances.saturating_mul(stacks_per_instance(code.abi)))
        .max_core_instances_per_component(limits::CORE_INSTANCES_MAX)
        .max_memories_per_component(limits::MEMORIES_MAX)
        .max_memories_per_module(limits::MEMORIES_MAX)
        .max_tables_per_component(limits::TABLES_MAX)
        .max_tables_per_module(limits::TABLES_MAX)
        .max_memory_size(limits::MEMORY_BYTES_MAX as usize)
        .table_elements(limits::TABLE_ELEMENTS_MAX);
    if keeps_resident {
        // Only both together help: without the scan, keeping means clearing all of it by hand.
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
            .table_keep_resident(TABLE_KEPT_BYTES);
    }
    let mut config = config(code);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// An asynchronous instance runs several calls at once, each on a stack of its own.
fn stacks_per_instance(abi: Abi) -> u32 {
    match abi {
        Abi::Sync => 1,
        Abi::Async => 4,
    }
}

/// An engine that compiles code for this layout and reserves nothing.
pub fn compiling(code: CodeLayout) -> wasmtime::Result<Engine> {
    Engine::new(&config(code))
}

fn config(code: CodeLayout) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_component_model_async(code.abi == Abi::Async)
        .concurrency_support(code.abi == Abi::Async)
        .max_wasm_stack(limits::WASM_STACK_BYTES)
        .async_stack_size(limits::WASM_STACK_BYTES + 512 * 1024)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_reservation(code.memory_reservation)
        // Memories stay where they are: the pool's slots have their full size from the start.
        .memory_may_move(false);
    config
}
