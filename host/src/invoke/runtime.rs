//! What runs components of one ABI: an engine with its pool, and all capabilities linked.
//!
//! There is one for the synchronous ABI from the start, and one for the asynchronous ABI (WASI 0.3) from the first
//! component that needs it, so that a host without any pays nothing for it.

use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::engine::{CodeLayout, PooledEngine, TABLES_PER_SLOT};
use super::instance_state::InstanceState;
use super::limiter::MemoryBudget;
use super::linker;
use super::ready::ReadyFunction;
use super::ticker::{Ticker, Ticking};
use crate::model::abi::Abi;

/// Runs components of one ABI.
pub(super) struct Runtime {
    pub(super) engine: Engine,
    pub(super) code: CodeLayout,
    pub(super) linker: Linker<InstanceState>,
    /// What the memories of all instances may have together.
    pub(super) memory: MemoryBudget,
    ticker: Ticker,
    /// How many slots the pool has.
    pub(super) slots_max: u32,
    /// All slots of the pool: a memory each, and its share of everything else.
    slots: Slots,
    /// Three quarters of them, for those who may call others: callers never have all of the pool.
    of_callers: Slots,
}

/// What a pool has, and what of it is in use.
#[derive(Clone, Copy, Debug)]
pub struct PoolFigures {
    /// Whose instances it is for.
    pub abi: Abi,
    /// Instances with one memory that it has room for.
    pub slots: u32,
    /// Of these, in use or about to be.
    pub slots_in_use: u32,
}

/// Slots of the pool that some instances may have together.
struct Slots {
    free: Arc<Semaphore>,
    max: u32,
}

/// What one revision of a function may have of what there is: half, so that no function has everything.
pub(super) struct Share {
    slots: Slots,
    /// The memory of all its instances.
    pub(super) memory: MemoryBudget,
}

impl Runtime {
    fn new(pooled: PooledEngine) -> wasmtime::Result<Runtime> {
        Ok(Runtime {
            linker: linker::link(&pooled.engine, pooled.code.abi)?,
            ticker: Ticker::start(&pooled.engine),
            slots: Slots::new(pooled.instances),
            of_callers: Slots::new(pooled.instances - pooled.instances / 4),
            slots_max: pooled.instances,
            memory: pooled.memory,
            code: pooled.code,
            engine: pooled.engine,
        })
    }

    /// Room in the pool for an instance of a function, however long it takes.
    pub(super) async fn room(&self, function: &ReadyFunction, slots: u32) -> Room {
        // Of its own first: where it waits for that, it is in nobody's way.
        let of_function = function.share(self).slots.take(slots).await;
        let of_callers = match function.manifest.app.is_some() {
            // It may call others, and wait for them with its own room in hand.
            true => Some(self.of_callers.take(slots).await),
            false => None,
        };
        Room {
            _of_function: Some(of_function),
            _of_callers: of_callers,
            ..self.room_within(slots).await
        }
    }

    /// What its pool has, and what of it is in use.
    pub(super) fn figures(&self) -> PoolFigures {
        let free = self.slots.free.available_permits();
        PoolFigures {
            abi: self.code.abi,
            slots: self.slots_max,
            slots_in_use: self
                .slots_max
                .saturating_sub(u32::try_from(free).unwrap_or(u32::MAX)),
        }
    }

    /// The same for a function that another one has called, which goes on only when it has ended.
    pub(super) async fn room_within(&self, slots: u32) -> Room {
        Room {
            _slots: self.slots.take(slots).await,
            _of_function: None,
            _of_callers: None,
            _ticking: self.ticker.hold(),
        }
    }
}

impl Slots {
    fn new(max: u32) -> Slots {
        Slots {
            free: Arc::new(Semaphore::new(max as usize)),
            max,
        }
    }

    /// So many of them, or all where there are fewer.
    async fn take(&self, count: u32) -> OwnedSemaphorePermit {
        let taken = self.free.clone().acquire_many_owned(count.min(self.max));
        taken.await.expect("the semaphore is never closed")
    }
}

impl Share {
    /// That of a function whose instances may have this much memory each: one of them may, whatever half is.
    pub(super) fn new(runtime: &Runtime, memory_bytes: u64) -> Share {
        let memory_bytes_max = runtime.memory.bytes_max() / 2;
        Share {
            slots: Slots::new(runtime.slots_max - runtime.slots_max / 2),
            memory: MemoryBudget::new(memory_bytes_max.max(memory_bytes)),
        }
    }
}

/// How many slots of the pool an instance of this component takes.
pub(super) fn slots_of(component: &Component) -> u32 {
    // Of one that imports modules it is not known; the host has none to give, so that it does not link.
    let Some(needed) = component.resources_required() else {
        return 1;
    };
    needed
        .num_memories
        .max(needed.num_tables.div_ceil(TABLES_PER_SLOT))
        .max(1)
}

/// Room in the pool; the epoch advances while it is held.
pub(super) struct Room {
    _slots: OwnedSemaphorePermit,
    _of_function: Option<OwnedSemaphorePermit>,
    _of_callers: Option<OwnedSemaphorePermit>,
    _ticking: Ticking,
}

/// Why components of the asynchronous ABI cannot run.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AsyncUnavailable {
    /// The operator does not want it.
    #[error("WASI 0.3 is switched off on this host (--wasi-p3=off)")]
    SwitchedOff,
    /// There is no room for its pool, or it cannot be linked.
    #[error("WASI 0.3 cannot be served: {0}")]
    Failed(String),
}

/// The runtimes of both ABIs.
pub(super) struct Runtimes {
    pub(super) sync: Runtime,
    asynchronous: OnceLock<Result<Runtime, AsyncUnavailable>>,
    pooled: PooledEngine,
}

impl Runtimes {
    /// The second runtime is made when it is first asked for, unless `wasi_p3` is off.
    pub(super) fn new(pooled: PooledEngine, wasi_p3: bool) -> wasmtime::Result<Runtimes> {
        let asynchronous = OnceLock::new();
        if !wasi_p3 {
            let _ = asynchronous.set(Err(AsyncUnavailable::SwitchedOff));
        }
        Ok(Runtimes {
            sync: Runtime::new(pooled.clone())?,
            asynchronous,
            pooled,
        })
    }

    pub(super) fn of(&self, abi: Abi) -> Result<&Runtime, AsyncUnavailable> {
        match abi {
            Abi::Sync => Ok(&self.sync),
            Abi::Async => {
                let made = self.asynchronous.get_or_init(|| self.make_async());
                made.as_ref().map_err(Clone::clone)
            }
        }
    }

    /// Those that there are.
    pub(super) fn made(&self) -> impl Iterator<Item = &Runtime> {
        let asynchronous = self.asynchronous.get();
        let asynchronous = asynchronous.and_then(|made| made.as_ref().ok());
        [&self.sync].into_iter().chain(asynchronous)
    }

    fn make_async(&self) -> Result<Runtime, AsyncUnavailable> {
        let pooled = self.pooled.probe_async();
        let pooled = pooled.map_err(|error| AsyncUnavailable::Failed(error.to_string()))?;
        tracing::info!(pool = %pooled, "instance pool for WASI 0.3");
        Runtime::new(pooled).map_err(|error| AsyncUnavailable::Failed(format!("{error:#}")))
    }
}
