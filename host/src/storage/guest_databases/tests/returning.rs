//! Statements that write and give rows: what they wrote stays when they succeed, and not when their rows are too many.

use super::*;
use crate::limits::SQL_ROWS_MAX;

/// Statements whose changes are welcome and whose results are too large, by their rows and by their bytes.
fn refused() -> [String; 2] {
    let many = format!("SELECT i FROM n LIMIT {}", SQL_ROWS_MAX + 1);
    let large = "SELECT zeroblob(1000000) FROM n LIMIT 6".to_owned();
    [many, large].map(|rows| format!("INSERT INTO t {MANY} {rows} RETURNING x"))
}

#[tokio::test]
async fn nothing_stays_of_a_statement_whose_result_is_refused() {
    let (_directory, databases) = databases();
    let (connection, other) = (open(&databases, "a"), open(&databases, "a"));
    ok(&connection, "CREATE TABLE t (x)").await;
    ok(&connection, "INSERT INTO t VALUES (1)").await;
    for sql in refused() {
        let refused = run(&connection, &sql).await;
        assert_eq!(refused, Err(SqlError::ResultTooLarge), "{sql}");
        for connection in [&connection, &other] {
            assert_eq!(
                ok(connection, "SELECT x FROM t").await,
                [[Value::Integer(1)]],
                "{sql}"
            );
        }
        // It left no transaction, and no lock.
        ok(&other, "UPDATE t SET x = 1").await;
        assert!(run(&connection, "COMMIT").await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn the_transaction_around_a_statement_whose_result_is_refused_goes_on() {
    let (_directory, databases) = databases();
    let (connection, other) = (open(&databases, "a"), open(&databases, "a"));
    ok(&connection, "CREATE TABLE t (x)").await;
    for begin in ["BEGIN", "SAVEPOINT statement"] {
        for sql in refused() {
            ok(&connection, begin).await;
            ok(&connection, "INSERT INTO t VALUES (1)").await;
            let refused = run(&connection, &sql).await;
            assert_eq!(refused, Err(SqlError::ResultTooLarge), "{sql}");
            ok(&connection, "INSERT INTO t VALUES (3)").await;
            assert_eq!(number(&other, "SELECT count(*) FROM t").await, 0, "{sql}");
            ok(&connection, "COMMIT").await;
            let kept = ok(&other, "SELECT x FROM t ORDER BY x").await;
            assert_eq!(kept, [[Value::Integer(1)], [Value::Integer(3)]], "{sql}");
            ok(&other, "DELETE FROM t").await;
        }
    }
}

#[tokio::test]
async fn what_a_statement_returns_has_been_written() {
    let (_directory, databases) = databases();
    let (connection, other) = (open(&databases, "a"), open(&databases, "a"));
    ok(&connection, "CREATE TABLE t (x UNIQUE)").await;
    let insert = "INSERT INTO t VALUES (1), (2) RETURNING x";
    let written = ok(&connection, insert).await;
    assert_eq!(written, [[Value::Integer(1)], [Value::Integer(2)]]);
    assert_eq!(
        (connection.last_insert_rowid(), connection.changes()),
        (2, 2)
    );
    assert_eq!(number(&other, "SELECT count(*) FROM t").await, 2);

    ok(&connection, "BEGIN").await;
    ok(&connection, "UPDATE t SET x = x + 10 RETURNING x").await;
    // A constraint ends the statement, and not the transaction.
    assert!(
        run(&connection, "INSERT INTO t VALUES (3), (11) RETURNING x")
            .await
            .is_err()
    );
    assert_eq!(number(&other, "SELECT sum(x) FROM t").await, 3);
    ok(&connection, "COMMIT").await;
    assert_eq!(number(&other, "SELECT sum(x) FROM t").await, 23);
}

#[tokio::test]
async fn a_statement_that_returns_and_cannot_be_committed_is_undone() {
    let (_directory, databases) = databases();
    let (connection, other) = (open(&databases, "a"), open(&databases, "a"));
    ok(&connection, "CREATE TABLE t (id INTEGER PRIMARY KEY)").await;
    let child = "CREATE TABLE u (x REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)";
    ok(&connection, child).await;
    let orphan = "INSERT INTO u VALUES (1) RETURNING x";
    let error = run(&connection, orphan).await.expect_err("no parent");
    assert!(error.to_string().contains("FOREIGN KEY"), "{error}");
    for connection in [&connection, &other] {
        assert_eq!(number(connection, "SELECT count(*) FROM u").await, 0);
    }
    ok(&other, "INSERT INTO t VALUES (1)").await;
    ok(&connection, orphan).await;
    assert_eq!(number(&other, "SELECT count(*) FROM u").await, 1);

    // Where there is a transaction, it may be made good until its end.
    ok(&connection, "BEGIN").await;
    ok(&connection, "INSERT INTO u VALUES (2) RETURNING x").await;
    assert!(run(&connection, "COMMIT").await.is_err());
    ok(&connection, "INSERT INTO t VALUES (2) RETURNING id").await;
    ok(&connection, "COMMIT").await;
    assert_eq!(number(&other, "SELECT count(*) FROM u").await, 2);
}
