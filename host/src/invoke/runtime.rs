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
    /// A permit for each slot of the pool: a memory, and its share of everything else.
    slots: Arc<Semaphore>,
    /// Of three quarters of the slots, permits for those who may call others: callers never have all of the pool.
    callers: Arc<Semaphore>,
    callers_max: u32,
}

impl Runtime {
    fn new(pooled: PooledEngine) -> wasmtime::Result<Runtime> {
        let callers_max = (pooled.instances - pooled.instances / 4).max(1);
        Ok(Runtime {
            linker: linker::link(&pooled.engine, pooled.code.abi)?,
            ticker: Ticker::start(&pooled.engine),
            slots: Arc::new(Semaphore::new(pooled.instances as usize)),
            callers: Arc::new(Semaphore::new(callers_max as usize)),
            callers_max,
            slots_max: pooled.instances,
            memory: pooled.memory,
            code: pooled.code,
            engine: pooled.engine,
        })
    }

    /// Room in the pool for an instance of a function, however long it takes.
    pub(super) async fn room(&self, function: &ReadyFunction, slots: u32) -> Room {
        let held = match function.manifest.app.is_some() {
            // It may call others, and wait for them with its own room in hand.
            true => Some(acquire(&self.callers, slots.min(self.callers_max)).await),
            false => None,
        };
        Room {
            _of_callers: held,
            ..self.room_within(slots).await
        }
    }

    /// The same for a function that another one has called, which goes on only when it has ended.
    pub(super) async fn room_within(&self, slots: u32) -> Room {
        let slots = acquire(&self.slots, slots).await;
        Room {
            _slots: slots,
            _of_callers: None,
            _ticking: self.ticker.hold(),
        }
    }
}

async fn acquire(permits: &Arc<Semaphore>, count: u32) -> OwnedSemaphorePermit {
    let permit = permits.clone().acquire_many_owned(count).await;
    permit.expect("the semaphore is never closed")
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

    fn make_async(&self) -> Result<Runtime, AsyncUnavailable> {
        let pooled = self.pooled.probe_async();
        let pooled = pooled.map_err(|error| AsyncUnavailable::Failed(error.to_string()))?;
        tracing::info!(pool = %pooled, "instance pool for WASI 0.3");
        Runtime::new(pooled).map_err(|error| AsyncUnavailable::Failed(format!("{error:#}")))
    }
}
