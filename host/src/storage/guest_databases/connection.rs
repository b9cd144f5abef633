//! A guest's handle to a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use rusqlite::types::Value;
use tokio::time::timeout;

use super::share::Share;
use super::worker::{Job, Left};
use super::{Caller, GuestDatabases, Lease, Rows, SqlError};
use crate::limits::{SQL_OVERDUE, SQL_STATEMENT_TIMEOUT};
use crate::model::cpu_time::CpuTime;
use crate::model::grant::Access;
use crate::model::name::Name;

/// A guest's handle to a database. Dropping it ends its statement and rolls back its transaction.
pub struct GuestConnection {
    databases: Arc<GuestDatabases>,
    share: Arc<Share>,
    cpu: CpuTime,
    name: Name,
    access: Access,
    /// The worker whose connection has something of this guest's. Also: one statement at a time.
    kept: tokio::sync::Mutex<Option<Lease>>,
    inserted: AtomicI64,
    changed: AtomicU64,
}

impl GuestConnection {
    pub(super) fn new(
        databases: Arc<GuestDatabases>,
        caller: &Caller,
        name: Name,
        access: Access,
    ) -> GuestConnection {
        GuestConnection {
            share: databases.shares.of(&caller.function),
            databases,
            cpu: caller.cpu.clone(),
            name,
            access,
            kept: tokio::sync::Mutex::default(),
            inserted: AtomicI64::new(0),
            changed: AtomicU64::new(0),
        }
    }

    /// Runs one statement to its end. Dropping the future ends the statement.
    pub async fn execute(
        &self,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<Rows, SqlError> {
        let mut kept = self.kept.lock().await;
        let (lease, places) = match kept.take() {
            Some(lease) => (lease, None),
            None => {
                let (lease, places) = self.databases.lease(&self.name, &self.share).await?;
                (lease, Some(places))
            }
        };
        let job = Job {
            statement,
            parameters,
            access: self.access,
            share: self.share.clone(),
            cpu: self.cpu.clone(),
            places,
        };
        // One that does not end is left to itself, and keeps its places until it does.
        let done = timeout(SQL_STATEMENT_TIMEOUT + SQL_OVERDUE, lease.worker.run(job)).await;
        let done = done.map_err(|_| SqlError::Overdue)??;
        if let Some(inserted) = done.inserted {
            self.inserted.store(inserted, Ordering::Relaxed);
        }
        if let Some(changed) = done.changed {
            self.changed.store(changed, Ordering::Relaxed);
        }
        match done.left {
            Left::Nothing => self.databases.give_back(lease),
            Left::Something => *kept = Some(lease),
            Left::Broken => {}
        }
        if let Err(SqlError::Host(reason)) = &done.result {
            tracing::error!(database = %self.name, reason, "a function's database");
        }
        done.result
    }

    /// The row id of this handle's last successful INSERT; 0 before the first.
    pub fn last_insert_rowid(&self) -> i64 {
        self.inserted.load(Ordering::Relaxed)
    }

    /// Rows that this handle's last INSERT, UPDATE or DELETE changed.
    pub fn changes(&self) -> u64 {
        self.changed.load(Ordering::Relaxed)
    }
}
