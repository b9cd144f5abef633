//! The current trigger table, and who must follow when it changes.
//!
//! Lookups load the current table without a lock. An activation swaps it, and then waits until its followers (the
//! subscriptions of MQTT triggers, schedules) have taken it in: what is published after a deployment was acknowledged
//! reaches its function, and what was deleted does not start any more.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::table::TriggerTable;

/// Holds the current table.
pub struct TriggerTables {
    current: ArcSwap<TriggerTable>,
    swapped: watch::Sender<u64>,
    /// How far each follower has come.
    followers: Mutex<Vec<watch::Receiver<u64>>>,
}

/// The end that follows: sees each new table, and says when it has.
pub struct Follower {
    tables: Arc<TriggerTables>,
    swapped: watch::Receiver<u64>,
    followed: watch::Sender<u64>,
}

/// A follower that takes longer than this (a broker that is slow to subscribe) must not hold up deployments.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(5);

impl TriggerTables {
    /// Begins with this table.
    pub fn new(table: TriggerTable) -> TriggerTables {
        TriggerTables {
            current: ArcSwap::from_pointee(table),
            swapped: watch::Sender::new(1),
            followers: Mutex::default(),
        }
    }

    /// The current table.
    pub fn current(&self) -> arc_swap::Guard<Arc<TriggerTable>> {
        self.current.load()
    }

    /// Makes this the current table, and waits for the followers. Invocations that run finish on what they began with.
    pub async fn swap(&self, table: TriggerTable) {
        self.current.store(Arc::new(table));
        self.swapped.send_modify(|generation| *generation += 1);
        self.followed().await;
    }

    /// Waits until all followers have followed the current table.
    pub async fn followed(&self) {
        let wanted = *self.swapped.borrow();
        let followers = self.followers().clone();
        let all = async {
            for mut follower in followers {
                // A follower that has ended is not waited for.
                let _ = follower.wait_for(|generation| *generation >= wanted).await;
            }
        };
        if tokio::time::timeout(FOLLOW_TIMEOUT, all).await.is_err() {
            tracing::warn!(
                "the subscriptions of MQTT triggers or schedules are slow to follow a deployment"
            );
        }
    }

    /// Begins to follow.
    pub fn follow(self: &Arc<Self>) -> Follower {
        let (followed, receiver) = watch::channel(0);
        self.followers().push(receiver);
        Follower {
            tables: self.clone(),
            swapped: self.swapped.subscribe(),
            followed,
        }
    }

    fn followers(&self) -> MutexGuard<'_, Vec<watch::Receiver<u64>>> {
        self.followers
            .lock()
            .expect("no holder of this lock panics")
    }
}

impl Follower {
    /// Waits for a table that has not been seen, and returns it.
    pub async fn changed(&mut self) -> (u64, Arc<TriggerTable>) {
        self.swapped
            .changed()
            .await
            .expect("the sender lives as long as the tables");
        let generation = *self.swapped.borrow_and_update();
        (generation, self.tables.current.load_full())
    }

    /// The table to begin with.
    pub fn first(&mut self) -> (u64, Arc<TriggerTable>) {
        let generation = *self.swapped.borrow_and_update();
        (generation, self.tables.current.load_full())
    }

    /// Says that this generation has been followed.
    pub fn followed(&self, generation: u64) {
        self.followed.send_replace(generation);
    }
}
