//! Key-value state of functions, in buckets.
//!
//! Every function takes a connection, so that several run in one transaction: reads go through
//! [`Database::read_for_function`] or, for the host itself, [`Database::read`], writes through [`Database::write`].
//!
//! [`Database::read_for_function`]: super::database::Database::read_for_function
//! [`Database::read`]: super::database::Database::read
//! [`Database::write`]: super::database::Database::write

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

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
    match statement.execute(params![bucket, key, value]) {
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
    let mut statement =
        connection.prepare_cached("DELETE FROM key_value WHERE bucket = ?1 AND key = ?2")?;
    Ok(statement.execute(params![bucket, key])? > 0)
}

/// A key, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Bytes of its value.
    pub bytes: u64,
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
    let rows = statement.query_map(params![bucket, first, end, limit], |row| {
        let (key, bytes) = (row.get(0)?, count(row, 1)?);
        Ok(Entry { key, bytes })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A number that is never negative.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// One stretch of the table's order, however much is before and behind it.
const LIST: &str = "SELECT key, octet_length(value) FROM key_value WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4";

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
        "SELECT key FROM key_value WHERE bucket = ?1 ORDER BY key LIMIT ?2 OFFSET ?3",
    )?;
    let skipped = i64::try_from(skipped).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![bucket, limit, skipped], |row| row.get(0))?;
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
        "SELECT bucket, count(*), sum({of_row}) FROM key_value GROUP BY bucket ORDER BY bucket",
        of_row = bytes_of_row("key_value")
    ))?;
    let rows = statement.query_map([], |row| {
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
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A database whose buckets may hold this many bytes, with one bucket that was written to before they were counted.
    fn database(bytes_max: u64) -> Connection {
        // As the host does before it opens its first database.
        crate::storage::guest_databases::memory::count();
        let mut connection = Connection::open_in_memory().expect("memory");
        super::super::migrate::run(&mut connection).expect("a schema");
        set(&connection, "old", "key", &[0; 60]).expect("nobody counts");
        count_bytes(&connection, bytes_max).expect("counted from here on");
        connection
    }

    fn is_full(result: Result<(), StorageError>) -> bool {
        match result {
            Ok(()) => false,
            Err(StorageError::BucketFull(_)) => true,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_bucket_takes_what_it_may_hold_and_no_more() {
        let db = database(100);
        assert!(!is_full(set(&db, "new", "a", &[0; 99])), "1 and 99");
        assert!(is_full(set(&db, "new", "b", b"")));
        assert_eq!(get(&db, "new", "b").expect("read"), None);
        assert!(is_full(set(&db, "new", "a", &[0; 100])), "one byte more");
        assert_eq!(
            get(&db, "new", "a").expect("read"),
            Some(vec![0; 99]),
            "as it was"
        );
        assert!(
            !is_full(set(&db, "new", "a", &[1; 50])),
            "less is always taken"
        );
        assert!(
            !is_full(set(&db, "new", "é", &[0; 47])),
            "characters count as bytes"
        );
        assert!(is_full(set(&db, "new", "c", b"")));
        delete(&db, "new", "a").expect("deleted");
        assert!(!is_full(set(&db, "new", "c", &[0; 50])));
        assert!(!is_full(set(&db, "other", "a", &[0; 99])), "each by itself");
    }

    #[test]
    fn what_was_there_before_counts() {
        let db = database(100);
        assert!(
            is_full(set(&db, "old", "more", &[0; 34])),
            "3, 60, 4 and 34"
        );
        assert!(!is_full(set(&db, "old", "more", &[0; 33])));
        // Also where a bucket has more than it may, because less is allowed than before.
        let db = database(50);
        assert!(is_full(set(&db, "old", "more", b"")));
        assert!(
            !is_full(set(&db, "old", "key", &[0; 55])),
            "less than before"
        );
    }

    #[test]
    fn a_bucket_that_is_found_full_is_not_counted_again() {
        let db = database(50);
        assert!(is_full(set(&db, "old", "more", b"")));
        keep_count(&db, "old").expect("counted");
        // What nobody counts shows that the bucket itself is not looked at.
        db.execute_batch("DROP TRIGGER temp.deleted; DELETE FROM key_value")
            .expect("emptied");
        assert!(is_full(set(&db, "old", "more", b"")));
    }

    #[test]
    fn a_write_that_a_full_bucket_refuses_takes_no_longer_for_what_is_in_it() {
        let mut db = database(100_000);
        for key in 0..5000 {
            set(&db, "many", &key.to_string(), b"").expect("written");
        }
        // As after a start.
        db.execute_batch("DELETE FROM bucket_size")
            .expect("forgotten");
        let steps = Arc::new(AtomicUsize::new(0));
        let counted = steps.clone();
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        db.progress_handler(1000, Some(count)).expect("watched");
        let thousands_of_steps = || {
            steps.store(0, Ordering::Relaxed);
            assert!(is_full(set(&db, "many", "more", &[0; 100_000])));
            keep_count(&db, "many").expect("counted");
            steps.load(Ordering::Relaxed)
        };
        assert!(thousands_of_steps() > 0, "all of it is looked at");
        assert_eq!(thousands_of_steps(), 0, "its size is known");
    }

    #[test]
    fn listings_are_what_has_the_prefix_and_comes_after() {
        let db = database(1000);
        let last = char::MAX.to_string();
        let keys = [
            "",
            "a",
            "a\0",
            "a\0b",
            "a/",
            "a/b",
            "a/é",
            "a\u{d7ff}",
            "a\u{e000}",
            "b",
            "é",
            &last,
        ];
        for key in keys {
            set(&db, "b", key, b"").expect("written");
            set(&db, "a", key, b"").expect("written");
        }
        let mut ordered = keys.to_vec();
        ordered.sort_unstable();
        let twice = format!("{last}{last}");
        for prefix in ["", "a", "a/", "a/b", "a\u{d7ff}", "c", "é", &last, &twice] {
            for after in [None].into_iter().chain(ordered.iter().copied().map(Some)) {
                let expected = ordered.iter().filter(|key| {
                    key.starts_with(prefix) && after.is_none_or(|after| **key > after)
                });
                let expected: Vec<_> = expected.take(4).copied().collect();
                let listed = list(&db, "b", prefix, after, 4).expect("listed");
                assert_eq!(listed, expected, "{prefix:?} after {after:?}");
            }
        }
    }

    #[test]
    fn a_listing_looks_at_its_own_keys_only() {
        let db = database(1000);
        let plan = format!("EXPLAIN QUERY PLAN {LIST}");
        let plan = db.query_row(&plan, params!["b", "c", "d", 1], |row| {
            row.get::<_, String>(3)
        });
        let plan = plan.expect("a plan");
        assert!(plan.ends_with("(bucket=? AND key>? AND key<?)"), "{plan}");
    }

    #[test]
    fn what_is_rolled_back_does_not_count() {
        let db = database(100);
        db.execute_batch("BEGIN; SAVEPOINT job").expect("begun");
        assert!(!is_full(set(&db, "new", "a", &[0; 90])));
        db.execute_batch("ROLLBACK TO job; RELEASE job; COMMIT")
            .expect("undone");
        assert!(!is_full(set(&db, "new", "b", &[0; 90])));
    }
}
