//! What the statements of one function may use at once, of what all functions share: connections, turns at computing,
//! memory.
//!
//! Connections wait for the disk and for each other, so that there are more of them than may compute. A statement that
//! computes has a turn of its function's and one of the host's, gives both back after a while, and queues again for
//! both: functions take turns, however many statements each of them has.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::memory::FunctionMemory;
use crate::limits::SQL_CONNECTIONS_PER_FUNCTION;
use crate::model::name::Name;

/// What all functions share.
pub(super) struct Shares {
    functions: Mutex<HashMap<Name, Weak<Share>>>,
    pub(super) turns: Arc<Semaphore>,
    turns_of_one: usize,
    memory: Arc<AtomicUsize>,
}

/// What one function may use of it.
pub(super) struct Share {
    pub(super) connections: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    turns_of_all: Arc<Semaphore>,
    pub(super) memory: Arc<FunctionMemory>,
}

/// A turn at computing, until it is dropped: that of all first, so that its function never has more than its own.
pub(super) struct Turn {
    of_all: Option<OwnedSemaphorePermit>,
    _of_function: OwnedSemaphorePermit,
}

impl Shares {
    /// Where this many statements compute at once.
    pub(super) fn new(turns: usize) -> Shares {
        Shares {
            functions: Mutex::default(),
            turns: Arc::new(Semaphore::new(turns)),
            turns_of_one: turns.div_ceil(2),
            memory: Arc::default(),
        }
    }

    /// The share of this function.
    pub(super) fn of(&self, function: &Name) -> Arc<Share> {
        let mut functions = self.functions.lock().expect("no holder panics");
        if let Some(share) = functions.get(function).and_then(Weak::upgrade) {
            return share;
        }
        functions.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Share {
            connections: Arc::new(Semaphore::new(SQL_CONNECTIONS_PER_FUNCTION)),
            turns: Arc::new(Semaphore::new(self.turns_of_one)),
            turns_of_all: self.turns.clone(),
            memory: Arc::new(FunctionMemory::new(self.memory.clone())),
        });
        functions.insert(function.clone(), Arc::downgrade(&share));
        share
    }
}

impl Share {
    /// Waits for a turn at computing.
    pub(super) async fn turn(&self) -> Turn {
        let of_function = acquire(&self.turns).await;
        Turn {
            of_all: Some(acquire(&self.turns_of_all).await),
            _of_function: of_function,
        }
    }
}

impl Turn {
    /// Lets other functions compute, though this one does as well.
    pub(super) fn lose(&mut self) {
        self.of_all = None;
    }
}

/// Waits for a permit.
pub(super) async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = semaphore.clone().acquire_owned().await;
    permit.expect("nobody closes it")
}
