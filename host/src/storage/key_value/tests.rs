//! Bounds of buckets, listings, and keys whose time has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::storage::database::Database;

/// A database whose buckets may hold this many bytes, with one bucket that was written to before they were counted.
fn database(bytes_max: u64) -> Connection {
    // As the host does before it opens its first database.
    crate::storage::guest_databases::memory::count();
    let mut connection = Connection::open_in_memory().expect("memory");
    crate::storage::migrate::run(&mut connection).expect("a schema");
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
            let expected = ordered
                .iter()
                .filter(|key| key.starts_with(prefix) && after.is_none_or(|after| **key > after));
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
    let plan = db.query_row(&plan, params!["b", "c", "d", 1, 0], |row| {
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

#[test]
fn a_key_whose_time_has_come_is_not_there() {
    let db = database(1000);
    let past = Some(now_ms() - 1);
    let gone = |key: &str, value: &[u8]| {
        set_until(&db, "b", key, value, past).expect("written");
    };
    let later = now_ms() + 60_000;
    set_until(&db, "b", "later", b"1", Some(later)).expect("written");
    set(&db, "b", "stays", b"").expect("written");
    gone("gone", b"5");

    assert_eq!(get(&db, "b", "gone").expect("read"), None);
    assert!(!exists(&db, "b", "gone").expect("read"));
    let kept = |key| {
        let kept = get_with_expiry(&db, "b", key).expect("read");
        kept.map(|kept| (kept.value, kept.expires_ms))
    };
    assert_eq!(kept("later"), Some((b"1".to_vec(), Some(later))));
    assert_eq!(kept("stays"), Some((Vec::new(), None)));
    assert_eq!(kept("gone"), None);
    assert_eq!(
        list(&db, "b", "", None, 9).expect("read"),
        ["later", "stays"]
    );
    assert_eq!(list_at(&db, "b", 0, 9).expect("read"), ["later", "stays"]);
    assert_eq!(list_at(&db, "b", 1, 9).expect("read"), ["stays"]);
    let expiries = entries(&db, "b", "", None, 9).expect("read");
    let expiries: Vec<_> = expiries
        .iter()
        .map(|entry| (entry.bytes, entry.expires_ms))
        .collect();
    assert_eq!(expiries, [(1, Some(later)), (0, None)]);

    set_until(&db, "empty", "gone", b"x", past).expect("written");
    let sizes = buckets(&db).expect("read");
    let sizes: Vec<_> = sizes
        .iter()
        .map(|size| (size.name.as_str(), size.keys, size.bytes))
        .collect();
    assert_eq!(sizes, [("b", 2, 11), ("old", 1, 63)]);

    assert!(
        !delete(&db, "b", "gone").expect("deleted"),
        "it was not there"
    );
    gone("gone", b"5");
    let digest = Some(Digest::of(b"5"));
    let swapped = compare_and_swap(&db, "b", "gone", digest, b"6").expect("read");
    assert_eq!(swapped, Err(None));
    let swapped = compare_and_swap(&db, "b", "gone", None, b"6").expect("read");
    assert_eq!(swapped, Ok(()));
    gone("gone", b"5");
    assert_eq!(increment(&db, "b", "gone", 2, 0).expect("read"), Ok(2));
}

#[test]
fn a_write_takes_the_time_off() {
    let db = database(1000);
    let later = Some(now_ms() + 60_000);
    let writes: [fn(&Connection); 3] = [
        |db| set(db, "b", "key", b"1").expect("written"),
        |db| drop(increment(db, "b", "key", 1, 0).expect("written")),
        |db| {
            let seen = Some(Digest::of(b"1"));
            let swapped = compare_and_swap(db, "b", "key", seen, b"2").expect("written");
            assert_eq!(swapped, Ok(()));
        },
    ];
    for write in writes {
        set_until(&db, "b", "key", b"1", later).expect("written");
        write(&db);
        let kept = get_with_expiry(&db, "b", "key").expect("read");
        assert_eq!(kept.map(|kept| kept.expires_ms), Some(None));
    }
}

fn rows(db: &Connection) -> i64 {
    let counted = db.query_row("SELECT count(*) FROM key_value", [], |row| row.get(0));
    counted.expect("counted")
}

#[test]
fn what_is_swept_leaves_its_bucket_room() {
    let db = database(100);
    for key in ["a", "b", "c"] {
        set_until(&db, "new", key, &[0; 32], Some(now_ms() - 1)).expect("written");
    }
    set_until(&db, "new", "", b"", Some(now_ms() + 60_000)).expect("written");
    assert!(
        is_full(set(&db, "new", "d", &[0; 32])),
        "until they are swept"
    );
    assert_eq!(expiry::sweep_some(&db, 2).expect("swept"), 2);
    assert_eq!(rows(&db), 3, "with the one of `old`");
    assert!(!is_full(set(&db, "new", "d", &[0; 32])));
    assert_eq!(expiry::sweep_some(&db, 2).expect("swept"), 1);
    assert_eq!(expiry::sweep_some(&db, 2).expect("swept"), 0);
    assert_eq!(list(&db, "new", "", None, 9).expect("read"), ["", "d"]);
}

#[test]
fn a_sweep_looks_at_those_alone_whose_time_has_come() {
    let db = database(1000);
    let plan = format!("EXPLAIN QUERY PLAN {}", expiry::SWEEP);
    let mut statement = db.prepare(&plan).expect("a plan");
    let steps = statement.query_map(params![0, 1], |row| row.get::<_, String>(3));
    let steps: Vec<String> = steps
        .expect("a plan")
        .map(|step| step.expect("a step"))
        .collect();
    let by_index = |step: &String| step.contains("key_value_expiry (expires_ms<?)");
    assert!(steps.iter().any(by_index), "{steps:?}");
    assert!(
        !steps.iter().any(|step| step.starts_with("SCAN key_value")),
        "{steps:?}"
    );
}

#[tokio::test]
async fn the_sweep_goes_on_until_nothing_is_left() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = Database::open(directory.path()).expect("a database");
    let fill = |db: &Connection| {
        (0..1000).try_for_each(|key| set_until(db, "b", &key.to_string(), b"x", Some(1)))
    };
    database.write(fill).await.expect("written");
    let stop = CancellationToken::new();
    let swept = async {
        while database.read(|db| Ok(rows(db))).await.expect("read") > 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = async { tokio::join!(sweep(database.clone(), stop.clone()), swept) };
    let done = tokio::time::timeout(Duration::from_secs(60), both).await;
    done.expect("it ends when it is told to");
}
