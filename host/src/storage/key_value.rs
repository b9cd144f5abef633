//! Key-value state of functions, in buckets.
//!
//! Every function takes a connection, so that several run in one transaction: reads go through [`Database::read`],
//! writes through [`Database::write`](super::database::Database::write).
//!
//! [`Database::read`]: super::database::Database::read

use rusqlite::{Connection, OptionalExtension, params};

use super::database::StorageError;
use crate::model::digest::Digest;

/// The value under this key.
pub fn get(
    connection: &Connection,
    bucket: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StorageError> {
    let mut statement =
        connection.prepare_cached("SELECT value FROM key_value WHERE bucket = ?1 AND key = ?2")?;
    Ok(statement
        .query_row(params![bucket, key], |row| row.get(0))
        .optional()?)
}

/// Whether there is such a key.
pub fn exists(connection: &Connection, bucket: &str, key: &str) -> Result<bool, StorageError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM key_value WHERE bucket = ?1 AND key = ?2")?;
    Ok(statement.exists(params![bucket, key])?)
}

/// Stores a value, in place of what was there.
pub fn set(
    connection: &Connection,
    bucket: &str,
    key: &str,
    value: &[u8],
) -> Result<(), StorageError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO key_value (bucket, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value",
    )?;
    statement.execute(params![bucket, key, value])?;
    Ok(())
}

/// Removes a key; whether it was there.
pub fn delete(connection: &Connection, bucket: &str, key: &str) -> Result<bool, StorageError> {
    let mut statement =
        connection.prepare_cached("DELETE FROM key_value WHERE bucket = ?1 AND key = ?2")?;
    Ok(statement.execute(params![bucket, key])? > 0)
}

/// Up to `limit` keys with this prefix that come after `after`, in byte order.
pub fn list(
    connection: &Connection,
    bucket: &str,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM key_value
         WHERE bucket = ?1 AND key >= ?2 AND substr(key, 1, length(?2)) = ?2 AND (?3 IS NULL OR key > ?3)
         ORDER BY key LIMIT ?4",
    )?;
    let rows = statement.query_map(params![bucket, prefix, after, limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to `limit` keys, in byte order, behind the first `skipped`.
pub fn list_at(
    connection: &Connection,
    bucket: &str,
    skipped: u64,
    limit: u32,
) -> Result<Vec<String>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM key_value WHERE bucket = ?1 ORDER BY key LIMIT ?2 OFFSET ?3",
    )?;
    let skipped = i64::try_from(skipped).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![bucket, limit, skipped], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Buckets that hold anything.
pub fn buckets(connection: &Connection) -> Result<Vec<String>, StorageError> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT bucket FROM key_value ORDER BY bucket")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Stores `value` if the key still holds what has the digest `expected`. Otherwise stores nothing and returns the digest
/// of what it holds now.
pub fn compare_and_swap(
    connection: &Connection,
    bucket: &str,
    key: &str,
    expected: Option<Digest>,
    value: &[u8],
) -> Result<Result<(), Option<Digest>>, StorageError> {
    let current = get(connection, bucket, key)?.map(|value| Digest::of(&value));
    if current != expected {
        return Ok(Err(current));
    }
    set(connection, bucket, key, value)?;
    Ok(Ok(()))
}

/// What [`increment`] found instead of a number it could add to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotIncremented {
    /// The value is something else than a decimal number.
    #[error("the value is not a decimal number")]
    NotANumber,
    /// The sum is less than what may be, or does not fit 64 bits.
    #[error("the sum is out of range")]
    OutOfRange,
}

/// Adds to a decimal number kept as text; a missing key counts as 0. The sum may be `least` or more.
pub fn increment(
    connection: &Connection,
    bucket: &str,
    key: &str,
    delta: i64,
    least: i64,
) -> Result<Result<i64, NotIncremented>, StorageError> {
    let current = match get(connection, bucket, key)? {
        None => 0,
        Some(bytes) => match str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.parse::<i64>().ok())
        {
            Some(number) => number,
            None => return Ok(Err(NotIncremented::NotANumber)),
        },
    };
    let Some(sum) = current.checked_add(delta).filter(|sum| *sum >= least) else {
        return Ok(Err(NotIncremented::OutOfRange));
    };
    set(connection, bucket, key, sum.to_string().as_bytes())?;
    Ok(Ok(sum))
}
