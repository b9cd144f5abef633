//! Key-value state of functions, in buckets.
//!
//! Every function takes a connection, so that several run in one transaction: reads go through
//! [`Database::read_for_function`] or, for the host itself, [`Database::read`], writes through [`Database::write`].
//!
//! A key may have a time at which it is gone. From then on it is as if it were not there, though it still counts towards
//! what its bucket may hold until [`sweep`] takes it away. Writing a key anew takes its time off.
//!
//! [`Database::read_for_function`]: super::database::Database::read_for_function
//! [`Database::read`]: super::database::Database::read
//! [`Database::write`]: super::database::Database::write

mod expiry;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::StorageError;
use crate::model::digest::Digest;
pub use expiry::{now_ms, sweep};

/// The value under this key.
pub fn get(
    connection: &Connection,
    bucket: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StorageError> {
    let found = get_with_expiry(connection, bucket, key)?;
    Ok(found.map(|kept| kept.value))
}

/// A value, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The value.
    pub value: Vec<u8>,
    /// When it is gone, in milliseconds since 1970, if ever.
    pub expires_ms: Option<i64>,
}

/// The value under this key, and when it is gone.
pub fn get_with_expiry(
    connection: &Connection,
    bucket: &str,
    key: &str,
) -> Result<Option<Kept>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT value, expires_ms FROM key_value
         WHERE bucket = ?1 AND key = ?2 AND (expires_ms IS NULL OR expires_ms > ?3)",
    )?;
    let found = statement.query_row(params![bucket, key, now_ms()], |row| {
        let (value, expires_ms) = (row.get(0)?, row.get(1)?);
        Ok(Kept { value, expires_ms })
    });
    Ok(found.optional()?)
}

/// Whether there is such a key.
pub fn exists(connection: &Connection, bucket: &str, key: &str) -> Result<bool, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM key_value
         WHERE bucket = ?1 AND key = ?2 AND (expires_ms IS NULL OR expires_ms > ?3)",
    )?;
    Ok(statement.exists(params![bucket, key, now_ms()])?)
}

/// Stores a value for good, in place of what was there.
pub fn set(
    connection: &Connection,
    bucket: &str,
    key: &str,
    value: &[u8],
) -> Result<(), StorageError> {
    set_until(connection, bucket, key, value, None)
}

/// Stores a value, in place of what was there, until this time in milliseconds since 1970, or for good.
pub fn set_until(
    connection: &Connection,
    bucket: &str,
    key: &str,
    value: &[u8],
    expires_ms: Option<i64>,
) -> Result<(), StorageError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO key_value (bucket, key, value, expires_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms",
    )?;
    match statement.execute(params![bucket, key, value, expires_ms]) {
        Ok(_) => Ok(()),
        Err(error) if is_full(&error) => Err(StorageError::BucketFull(bucket.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// Lets this connection count the bytes of each bucket that it writes to, and refuse what is too much.
///
/// The counts are in memory and begin with a bucket's first write, so that they cost the flash nothing; being a table,
/// they follow every transaction to its end or back.
pub(super) fn count_bytes(connection: &Connection, bytes_max: u64) -> Result<(), StorageError> {
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE bucket_size (bucket TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TEMP TRIGGER first BEFORE INSERT ON main.key_value
         WHEN NOT EXISTS (SELECT 1 FROM bucket_size WHERE bucket = NEW.bucket) BEGIN
             INSERT INTO bucket_size SELECT NEW.bucket, ({all_of_new});
         END;
         CREATE TEMP TRIGGER inserted AFTER INSERT ON main.key_value BEGIN
             UPDATE bucket_size SET bytes = bytes + {of_new} WHERE bucket = NEW.bucket;
         END;
         CREATE TEMP TRIGGER updated AFTER UPDATE ON main.key_value BEGIN
             UPDATE bucket_size SET bytes = bytes + ({of_new}) - ({of_old}) WHERE bucket = NEW.bucket;
         END;
         CREATE TEMP TRIGGER deleted AFTER DELETE ON main.key_value BEGIN
             UPDATE bucket_size SET bytes = bytes - ({of_old}) WHERE bucket = OLD.bucket;
         END;
         CREATE TEMP TRIGGER grown AFTER UPDATE ON bucket_size
         WHEN NEW.bytes > OLD.bytes AND NEW.bytes > {bytes_max} BEGIN
             SELECT RAISE(ABORT, '{FULL}');
         END;",
        all_of_new = bytes_of_bucket("NEW.bucket"),
        of_new = bytes_of_row("NEW"),
        of_old = bytes_of_row("OLD"),
    ))?;
    Ok(())
}

/// Keeps the count of a bucket that was found to be full. Where it was counted for the write that was then refused, the
/// count went with that write; counting anew for each would hold up all others.
pub(super) fn keep_count(connection: &Connection, bucket: &str) -> Result<(), StorageError> {
    let count = bytes_of_bucket("?1");
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO bucket_size SELECT ?1, ({count})
         WHERE NOT EXISTS (SELECT 1 FROM bucket_size WHERE bucket = ?1)"
    ))?;
    statement.execute(params![bucket])?;
    Ok(())
}

/// SQL for what a row counts as.
fn bytes_of_row(row: &str) -> String {
    format!("octet_length({row}.key) + octet_length({row}.value)")
}

/// SQL for what all rows of a bucket count as.
fn bytes_of_bucket(bucket: &str) -> String {
    let of_row = bytes_of_row("key_value");
    format!("SELECT coalesce(sum({of_row}), 0) FROM key_value WHERE bucket = {bucket}")
}

const FULL: &str = "the bucket is full";

fn is_full(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(_, Some(text)) if text == FULL)
}

/// Removes a key; whether it was there.
pub fn delete(connection: &Connection, bucket: &str, key: &str) -> Result<bool, StorageError> {
    let was_there = exists(connection, bucket, key)?;
    let mut statement =
        connection.prepare_cached("DELETE FROM key_value WHERE bucket = ?1 AND key = ?2")?;
    statement.execute(params![bucket, key])?;
    Ok(was_there)
}

/// A key, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Bytes of its value.
    pub bytes: u64,
    /// When it is gone, in milliseconds since 1970, if ever.
    pub expires_ms: Option<i64>,
}

/// Up to `limit` keys with this prefix that come after `after`, in byte order.
pub fn list(
    connection: &Connection,
    bucket: &str,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, StorageError> {
    let entries = entries(connection, bucket, prefix, after, limit)?;
    Ok(entries.into_iter().map(|entry| entry.key).collect())
}

/// The same, with what there is to say about each key.
pub fn entries(
    connection: &Connection,
    bucket: &str,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Entry>, StorageError> {
    let mut statement = connection.prepare_cached(LIST)?;
    // No text comes between one and the same with a zero behind it.
    let first = after
        .map(|after| format!("{after}\0"))
        .filter(|first| first.as_str() > prefix)
        .unwrap_or_else(|| prefix.to_owned());
    // Every text comes before every blob.
    let end = end_of(prefix).map_or(Value::Blob(Vec::new()), Value::Text);
    let rows = statement.query_map(params![bucket, first, end, limit, now_ms()], |row| {
        let (key, bytes) = (row.get(0)?, count(row, 1)?);
        let expires_ms = row.get(2)?;
        Ok(Entry {
            key,
            bytes,
            expires_ms,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A number that is never negative.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// One stretch of the table's order, however much is before and behind it.
const LIST: &str = "SELECT key, octet_length(value), expires_ms FROM key_value
    WHERE bucket = ?1 AND key >= ?2 AND key < ?3 AND (expires_ms IS NULL OR expires_ms > ?5) ORDER BY key LIMIT ?4";

/// What comes behind all texts with this prefix; nothing does where it is empty.
fn end_of(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The next character: UTF-8 has the order of the characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// Up to `limit` keys, in byte order, behind the first `skipped`.
pub fn list_at(
    connection: &Connection,
    bucket: &str,
    skipped: u64,
    limit: u32,
) -> Result<Vec<String>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM key_value WHERE bucket = ?1 AND (expires_ms IS NULL OR expires_ms > ?4)
         ORDER BY key LIMIT ?2 OFFSET ?3",
    )?;
    let skipped = i64::try_from(skipped).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![bucket, limit, skipped, now_ms()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a bucket holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketSize {
    /// The bucket.
    pub name: String,
    /// How many keys.
    pub keys: u64,
    /// Bytes of its keys and values.
    pub bytes: u64,
}

/// Buckets that hold anything.
pub fn buckets(connection: &Connection) -> Result<Vec<BucketSize>, StorageError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT bucket, count(*), sum({of_row}) FROM key_value
         WHERE expires_ms IS NULL OR expires_ms > ?1 GROUP BY bucket ORDER BY bucket",
        of_row = bytes_of_row("key_value")
    ))?;
    let rows = statement.query_map([now_ms()], |row| {
        let (name, keys, bytes) = (row.get(0)?, count(row, 1)?, count(row, 2)?);
        Ok(BucketSize { name, keys, bytes })
    })?;
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

#[cfg(test)]
mod tests;
