//! Brings the schema up to date: see `migrations/README.md` for the rules.

use rusqlite::{Connection, TransactionBehavior};

use super::database::StorageError;

/// In order; the first brings the schema to version 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_init.sql"),
    include_str!("../../../migrations/0002_component_abi.sql"),
    include_str!("../../../migrations/0003_file.sql"),
    include_str!("../../../migrations/0004_secrets.sql"),
    include_str!("../../../migrations/0005_schedule.sql"),
    include_str!("../../../migrations/0006_broker.sql"),
    include_str!("../../../migrations/0007_device.sql"),
    include_str!("../../../migrations/0008_key_value_expiry.sql"),
];

/// Applies what is missing.
pub(super) fn run(connection: &mut Connection) -> Result<(), StorageError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).expect("there are a few");
    if found > known {
        return Err(StorageError::NewerSchema { found, known });
    }
    for migration in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}
