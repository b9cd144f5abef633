//! What a statement may do, what stays of it, and what it may use up.

mod functions;
mod returning;
mod shares;

use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::limits::SQL_LOG_BYTES_MAX;

/// A statement that never ends by itself.
const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n";

/// Rows without end.
const MANY: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

fn databases() -> (TempDir, Arc<GuestDatabases>) {
    let directory = TempDir::new().expect("a directory");
    // Also for tests that use SQLite themselves.
    memory::count();
    // As on a machine with one processor, however many there are.
    let databases = GuestDatabases::with_turns(directory.path().join("databases"), 2);
    (directory, Arc::new(databases))
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn caller(function: &str) -> Caller {
    Caller {
        function: name(function),
        cpu: CpuTime::new(Duration::MAX),
    }
}

/// A handle of the function `f`.
fn open(databases: &Arc<GuestDatabases>, database: &str) -> GuestConnection {
    open_as(databases, "f", database)
}

fn open_as(databases: &Arc<GuestDatabases>, function: &str, database: &str) -> GuestConnection {
    databases.connection(&caller(function), name(database), Access::ReadWrite)
}

/// What happens in the end, if it does within a minute.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::task::yield_now().await;
    }
    panic!("not within a minute: {what}");
}

async fn run(connection: &GuestConnection, sql: &str) -> Result<Vec<Vec<Value>>, SqlError> {
    let found = connection.execute(sql.to_owned(), Vec::new()).await;
    found.map(|found| found.rows)
}

async fn ok(connection: &GuestConnection, sql: &str) -> Vec<Vec<Value>> {
    run(connection, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn number(connection: &GuestConnection, sql: &str) -> i64 {
    match ok(connection, sql).await[0][0] {
        Value::Integer(number) => number,
        ref other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test]
async fn what_reaches_beyond_the_database_is_refused() {
    let (directory, databases) = databases();
    let connection = open(&databases, "a");
    let refused = [
        "ATTACH 'x.db' AS x",
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "PRAGMA database_list",
        "SELECT * FROM pragma_database_list",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA main.journal_mode = OFF",
        "PRAGMA max_page_count = 1000000",
        "PRAGMA query_only = 0",
        "PRAGMA writable_schema = 1",
        "PRAGMA trusted_schema = 1",
        "PRAGMA temp_store_directory = '/'",
        "PRAGMA temp_store = 1",
        "PRAGMA mmap_size = 1000000000",
        "PRAGMA cache_size = 1000000",
        "PRAGMA hard_heap_limit = 1",
        "PRAGMA busy_timeout = 1000000",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA encoding = 'UTF-16'",
        "PRAGMA case_sensitive_like = 1",
        "PRAGMA synchronous = OFF",
        "CREATE VIRTUAL TABLE t USING dbstat",
    ];
    for sql in refused {
        let error = run(&connection, sql).await.expect_err(sql);
        let text = error.to_string();
        assert!(text.contains("not for functions"), "{sql}: {error:?}");
    }
    let made = std::fs::read_dir(directory.path()).expect("a directory");
    assert_eq!(made.count(), 1, "nothing but the databases' own directory");
}

#[tokio::test]
async fn what_concerns_the_database_alone_is_allowed() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    for sql in [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT UNIQUE) STRICT",
        "CREATE INDEX i ON t (x)",
        "CREATE VIEW v AS SELECT x FROM t",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE id < 0; END",
        "INSERT INTO t (x) VALUES ('a')",
        "INSERT INTO t (x) VALUES ('a') ON CONFLICT DO NOTHING",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9) SELECT sum(i) FROM n",
        "SELECT json_extract('{\"a\": 1}', '$.a'), value FROM json_each('[1]')",
        "SAVEPOINT s",
        "RELEASE s",
        "ALTER TABLE t ADD COLUMN y ANY",
        "ALTER TABLE t ADD COLUMN z INTEGER CHECK (z > 0)",
        "ALTER TABLE t RENAME COLUMN y TO w",
        "ALTER TABLE t DROP COLUMN z",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE u RENAME TO t",
        "ANALYZE",
        "REINDEX t",
        "PRAGMA table_info(t)",
        "SELECT * FROM pragma_table_info('t')",
        "PRAGMA user_version = 3",
        "PRAGMA foreign_keys = 1",
        "PRAGMA journal_mode",
        "PRAGMA journal_mode = wal",
        "PRAGMA encoding = 'UTF-8'",
        "PRAGMA integrity_check",
        "DROP TABLE t",
    ] {
        ok(&connection, sql).await;
    }
    assert_eq!(number(&connection, "PRAGMA user_version").await, 3);
}

#[tokio::test]
async fn one_guest_leaves_nothing_on_a_connection_for_the_next() {
    let (_directory, databases) = databases();
    let first = open(&databases, "a");
    ok(&first, "CREATE TABLE t (x)").await;
    ok(&first, "INSERT INTO t VALUES (1), (2)").await;
    assert_eq!((first.last_insert_rowid(), first.changes()), (2, 2));
    let second = open(&databases, "a");
    assert_eq!(number(&second, "SELECT count(*) FROM t").await, 2);
    assert_eq!((second.last_insert_rowid(), second.changes()), (0, 0));

    ok(&first, "CREATE TEMP TABLE mine (x)").await;
    ok(&first, "PRAGMA foreign_keys = OFF").await;
    ok(&first, "BEGIN").await;
    ok(&first, "INSERT INTO t VALUES (3)").await;
    assert_eq!(number(&first, "SELECT count(*) FROM t").await, 3);
    drop(first);
    for _ in 0..SQL_CONNECTIONS_PER_DATABASE {
        let other = open(&databases, "a");
        assert!(run(&other, "SELECT * FROM mine").await.is_err());
        assert_eq!(number(&other, "PRAGMA foreign_keys").await, 1);
        assert_eq!(number(&other, "SELECT count(*) FROM t").await, 2);
        ok(&other, "INSERT INTO t VALUES (4)").await;
        ok(&other, "DELETE FROM t WHERE x = 4").await;
        ok(&other, "UPDATE t SET x = 5 WHERE x = 6").await;
        assert_eq!((other.last_insert_rowid(), other.changes()), (3, 0));
    }
}

#[tokio::test]
async fn a_grant_for_reading_is_for_reading_also_on_a_connection_that_wrote() {
    let (_directory, databases) = databases();
    let writer = open(&databases, "a");
    ok(&writer, "CREATE TABLE t (x)").await;
    let reader = databases.connection(&caller("f"), name("a"), Access::Read);
    for sql in [
        "INSERT INTO t VALUES (1)",
        "DROP TABLE t",
        "PRAGMA user_version = 1",
        "CREATE TEMP TABLE u (x)",
    ] {
        assert_eq!(run(&reader, sql).await, Err(SqlError::ReadOnly), "{sql}");
    }
    assert_eq!(number(&reader, "SELECT count(*) FROM t").await, 0);
    ok(&writer, "INSERT INTO t VALUES (1)").await;
}

#[tokio::test]
async fn a_log_that_cannot_be_taken_in_does_not_grow_without_end() {
    let (directory, databases) = databases();
    let (reader, writer) = (open(&databases, "a"), open(&databases, "a"));
    ok(&writer, "CREATE TABLE t (x)").await;
    ok(&writer, "INSERT INTO t VALUES (zeroblob(1000000))").await;
    ok(&reader, "BEGIN").await;
    ok(&reader, "SELECT count(*) FROM t").await;
    let mut full = false;
    for _ in 0..200 {
        // It has not been left alone, and is not ended.
        ok(&reader, "SELECT count(*) FROM t").await;
        full |= run(&writer, "UPDATE t SET x = randomblob(1000000)").await == Err(SqlError::Full);
        if full {
            break;
        }
    }
    assert!(full, "the log grows on");
    let log = directory.path().join("databases/a.db-wal");
    assert!(
        bytes_of(&log) < SQL_LOG_BYTES_MAX + (8 << 20),
        "{}",
        bytes_of(&log)
    );
    assert_eq!(number(&writer, "SELECT count(*) FROM t").await, 1);
    ok(&reader, "ROLLBACK").await;
    ok(&writer, "UPDATE t SET x = NULL").await;
    assert!(bytes_of(&log) < 8 << 20, "{}", bytes_of(&log));
}

#[tokio::test]
async fn connections_are_bounded_and_become_free_when_their_guest_goes() {
    let (_directory, databases) = databases();
    let holders: Vec<_> = (0..SQL_CONNECTIONS_PER_DATABASE)
        .map(|_| open(&databases, "a"))
        .collect();
    for holder in &holders {
        ok(holder, "BEGIN").await;
    }
    let late = open(&databases, "a");
    assert_eq!(run(&late, "SELECT 1").await, Err(SqlError::NoConnection));
    assert_eq!(number(&open(&databases, "b"), "SELECT 1").await, 1);
    drop(holders);
    assert_eq!(number(&late, "SELECT 1").await, 1);

    let abandoned: Vec<_> = (0..SQL_CONNECTIONS_PER_DATABASE)
        .map(|_| open(&databases, "a"))
        .collect();
    let statements = abandoned.iter().map(|connection| run(connection, ENDLESS));
    let all = futures_util::future::join_all(statements);
    assert!(timeout(Duration::from_millis(300), all).await.is_err());
    drop(abandoned);
    assert_eq!(number(&late, "SELECT 1").await, 1);
}

#[tokio::test]
async fn more_databases_than_are_held_open_take_turns() {
    let (_directory, databases) = databases();
    for index in 0..SQL_CONNECTIONS_MAX + 3 {
        let connection = open(&databases, &format!("d{index}"));
        ok(&connection, "CREATE TABLE t (x)").await;
    }
    ok(&open(&databases, "d0"), "INSERT INTO t VALUES (1)").await;
    let files = databases.files().expect("a directory");
    assert_eq!(files.len(), SQL_CONNECTIONS_MAX + 3);
    assert!(files.iter().all(|file| file.bytes > 0), "{files:?}");
}

#[tokio::test]
async fn a_database_is_deleted_when_nobody_uses_it() {
    let (directory, databases) = databases();
    let missing = databases.delete(&name("a")).await;
    assert!(matches!(missing, Err(NotDeleted::Missing)), "{missing:?}");
    let connection = open(&databases, "a");
    ok(&connection, "CREATE TABLE t (x)").await;
    ok(&connection, "BEGIN").await;
    ok(&connection, "INSERT INTO t VALUES (1)").await;
    let in_use = databases.delete(&name("a")).await;
    assert!(matches!(in_use, Err(NotDeleted::InUse)), "{in_use:?}");
    ok(&connection, "COMMIT").await;
    databases.delete(&name("a")).await.expect("nobody uses it");
    let left = std::fs::read_dir(directory.path().join("databases")).expect("a directory");
    assert_eq!(left.count(), 0);
    // A handle that is still there makes a new one.
    assert!(run(&connection, "SELECT * FROM t").await.is_err());
}

#[tokio::test]
async fn a_deletion_that_is_given_up_is_not_in_the_way_of_another() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    ok(&connection, "BEGIN").await;
    let name = name("a");
    let (mut first, mut second) = (
        Box::pin(databases.delete(&name)),
        Box::pin(databases.delete(&name)),
    );
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(first);
    ok(&connection, "COMMIT").await;
    second.await.expect("nobody uses it any more");
}

#[tokio::test]
async fn names_of_columns_count_as_part_of_the_result() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    let long = "n".repeat(60_000);
    ok(&connection, &format!("CREATE TABLE t (\"{long}\")")).await;
    let ten = connection.execute(format!("SELECT {} FROM t", ["*"; 10].join(",")), Vec::new());
    assert!(ten.await.expect("a result").bytes > 10 * long.len());
    let wide = format!("SELECT {} FROM t", ["*"; 100].join(","));
    assert_eq!(run(&connection, &wide).await, Err(SqlError::ResultTooLarge));
}

#[tokio::test]
async fn text_that_is_not_utf8_and_wrong_numbers_of_parameters_harm_nothing() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    let rows = ok(
        &connection,
        "SELECT CAST(x'61ff62' AS TEXT), CAST(CAST(x'61ff62' AS TEXT) AS BLOB)",
    )
    .await;
    let expected = [
        Value::Text("a\u{fffd}b".to_owned()),
        Value::Blob(vec![0x61, 0xff, 0x62]),
    ];
    assert_eq!(rows, [expected]);
    for (sql, text) in [
        ("SELECT ?", "1 parameters, and 0"),
        ("", "no statement"),
        ("-- nothing", "no statement"),
        ("SELECT 1; SELECT 2", "several statements"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM missing", "no such table"),
        ("SELECT \"text\"", "no such column"),
    ] {
        let error = run(&connection, sql).await.expect_err(sql);
        assert!(error.to_string().contains(text), "{sql}: {error}");
    }
}
