//! The current trigger table, and who must follow when it changes.
//!
//! Lookups load the current table without a lock. An activation swaps it, and then waits until the subscriptions of
//! MQTT triggers have followed: what is published after a deployment was acknowledged reaches its function.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::table::TriggerTable;

/// Holds the current table.
pub struct TriggerTables {
    current: ArcSwap<TriggerTable>,
    swapped: watch::Sender<u64>,
    followed: watch::Sender<u64>,
}

/// The end that follows: sees each new table, and says when it has.
pub struct Follower {
    tables: Arc<TriggerTables>,
    swapped: watch::Receiver<u64>,
}

/// A broker that takes longer than this to subscribe must not hold up deployments.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(5);

impl TriggerTables {
    /// Begins with this table.
    pub fn new(table: TriggerTable) -> TriggerTables {
        TriggerTables {
            current: ArcSwap::from_pointee(table),
            swapped: watch::Sender::new(1),
            followed: watch::Sender::new(0),
        }
    }

    /// The current table.
    pub fn current(&self) -> arc_swap::Guard<Arc<TriggerTable>> {
        self.current.load()
    }

    /// Makes this the current table, and waits for the follower. Invocations that run finish on what they began with.
    pub async fn swap(&self, table: TriggerTable) {
        self.current.store(Arc::new(table));
        self.swapped.send_modify(|generation| *generation += 1);
        self.followed().await;
    }

    /// Waits until the follower has followed the current table. Nobody follows where MQTT is switched off.
    pub async fn followed(&self) {
        if self.swapped.receiver_count() == 0 {
            return;
        }
        let wanted = *self.swapped.borrow();
        let mut followed = self.followed.subscribe();
        let wait = followed.wait_for(|generation| *generation >= wanted);
        if tokio::time::timeout(FOLLOW_TIMEOUT, wait).await.is_err() {
            tracing::warn!("the subscriptions of MQTT triggers are slow to follow a deployment");
        }
    }

    /// Begins to follow; to be called once.
    pub fn follow(self: &Arc<Self>) -> Follower {
        Follower {
            tables: self.clone(),
            swapped: self.swapped.subscribe(),
        }
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
        self.tables.followed.send_replace(generation);
    }
}
