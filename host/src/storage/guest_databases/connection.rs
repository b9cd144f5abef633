//! A guest's handle to a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use rusqlite::types::Value;

use super::worker::Job;
use super::{GuestDatabases, Lease, Rows, SqlError};
use crate::model::grant::Access;
use crate::model::name::Name;

/// A guest's handle to a database. Dropping it ends its statement and rolls back its transaction.
pub struct GuestConnection {
    databases: Arc<GuestDatabases>,
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
        name: Name,
        access: Access,
    ) -> GuestConnection {
        GuestConnection {
            databases,
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
        let lease = match kept.take() {
            Some(lease) => lease,
            None => self.databases.lease(&self.name).await?,
        };
        let job = Job {
            statement,
            parameters,
            access: self.access,
            _permit: lease.permit.clone(),
        };
        let worker = lease
            .worker
            .as_ref()
            .expect("a lease that is not given back");
        let done = worker.run(job).await?;
        if let Some(inserted) = done.inserted {
            self.inserted.store(inserted, Ordering::Relaxed);
        }
        if let Some(changed) = done.changed {
            self.changed.store(changed, Ordering::Relaxed);
        }
        match done.left_behind {
            true => *kept = Some(lease),
            false => lease.give_back(),
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
