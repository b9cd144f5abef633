//! What runs components of one ABI: an engine with its pool, and all capabilities linked.
//!
//! There is one for the synchronous ABI from the start, and one for the asynchronous ABI (WASI 0.3) from the first
//! component that needs it, so that a host without any pays nothing for it.

use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Engine;
use wasmtime::component::Linker;

use super::engine::{CodeLayout, PooledEngine};
use super::instance_state::InstanceState;
use super::linker;
use super::ticker::{Ticker, Ticking};
use crate::model::abi::Abi;

/// Runs components of one ABI.
pub(super) struct Runtime {
    pub(super) engine: Engine,
    pub(super) code: CodeLayout,
    pub(super) linker: Linker<InstanceState>,
    ticker: Ticker,
    /// A permit for each slot of the pool.
    slots: Arc<Semaphore>,
}

impl Runtime {
    fn new(pooled: PooledEngine) -> wasmtime::Result<Runtime> {
        Ok(Runtime {
            linker: linker::link(&pooled.engine, pooled.code.abi)?,
            ticker: Ticker::start(&pooled.engine),
            slots: Arc::new(Semaphore::new(pooled.instances as usize)),
            code: pooled.code,
            engine: pooled.engine,
        })
    }

    /// A slot of the pool, however long it takes.
    pub(super) async fn slot(&self) -> Slot {
        let permit = self.slots.clone().acquire_owned().await;
        Slot {
            _permit: permit.expect("the semaphore is never closed"),
            _ticking: self.ticker.hold(),
        }
    }
}

/// A place in the pool; the epoch advances while it is held.
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
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
