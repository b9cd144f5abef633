//! Secrets that functions are granted.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::database::StorageError;
use crate::model::name::Name;
use crate::model::secret::SecretValue;

/// All secrets with their values.
pub fn all(connection: &Connection) -> Result<BTreeMap<Name, SecretValue>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT name, value FROM secret")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    let mut secrets = BTreeMap::new();
    for row in rows {
        let (name, value) = row?;
        let damaged = || StorageError::Damaged(format!("the secret `{name}`"));
        let value = SecretValue::try_from(value).map_err(|_| damaged())?;
        secrets.insert(name.parse().map_err(|_| damaged())?, value);
    }
    Ok(secrets)
}

/// The names of all secrets, each with when it was set, in milliseconds since 1970.
pub fn list(connection: &Connection) -> Result<Vec<(String, i64)>, StorageError> {
    let mut statement =
        connection.prepare_cached("SELECT name, updated_ms FROM secret ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Stores a secret, in place of what was there.
pub fn set(
    connection: &Connection,
    name: &Name,
    value: &SecretValue,
    at_ms: i64,
) -> Result<(), StorageError> {
    connection.execute(
        "INSERT INTO secret (name, value, updated_ms) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_ms = excluded.updated_ms",
        params![name.as_str(), value.reveal().as_bytes(), at_ms],
    )?;
    Ok(())
}

/// Removes a secret; whether it was there.
pub fn delete(connection: &Connection, name: &Name) -> Result<bool, StorageError> {
    Ok(connection.execute("DELETE FROM secret WHERE name = ?1", [name.as_str()])? > 0)
}
