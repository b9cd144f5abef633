//! Takes keys away whose time has come. Nobody sees them any more, but they are still on the disk.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, params};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::limits::{KEY_SWEEP_INTERVAL, KEYS_SWEPT_AT_ONCE};
use crate::storage::database::{Database, StorageError};

/// The first that are due.
pub(super) const SWEEP: &str = "DELETE FROM key_value WHERE (bucket, key) IN (
        SELECT bucket, key FROM key_value WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2
    )";

/// The time, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// Takes away what is due, now and then again and again, until `stop`.
pub async fn sweep(database: Database, stop: CancellationToken) {
    let mut turns = interval(KEY_SWEEP_INTERVAL);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sweeps = async {
        loop {
            turns.tick().await;
            if let Err(error) = sweep_all(&database).await {
                tracing::warn!(%error, "keys whose time has come are left until later");
            }
        }
    };
    stop.run_until_cancelled(sweeps).await;
}

/// A few at a time, so that other writes come in between.
async fn sweep_all(database: &Database) -> Result<(), StorageError> {
    loop {
        let swept = database.write(|db| sweep_some(db, KEYS_SWEPT_AT_ONCE));
        if swept.await? < KEYS_SWEPT_AT_ONCE {
            return Ok(());
        }
    }
}

/// Takes away at most this many; how many it were.
pub(super) fn sweep_some(connection: &Connection, most: usize) -> Result<usize, StorageError> {
    let mut statement = connection.prepare_cached(SWEEP)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(statement.execute(params![now_ms(), most])?)
}
