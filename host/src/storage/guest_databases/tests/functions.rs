//! SQLite's functions: which are refused, and that those that are watched give what the originals give.

use rusqlite::Connection;

use super::super::functions::is_allowed;
use super::*;

async fn run_with(
    connection: &GuestConnection,
    sql: &str,
    parameters: Vec<Value>,
) -> Result<Vec<Vec<Value>>, SqlError> {
    let found = connection.execute(sql.to_owned(), parameters).await;
    found.map(|found| found.rows)
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

#[tokio::test]
async fn functions_that_are_not_known_are_refused() {
    // Of extensions that the host is built without.
    for name in [
        "fts3_tokenizer",
        "FTS3_Tokenizer",
        "fts5",
        "load_extension",
        "match",
        "rtreecheck",
        "rtreenode",
    ] {
        assert!(!is_allowed(name), "{name}");
    }
    assert!(is_allowed("Lower"));
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    for sql in [
        "SELECT soundex('x')",
        "SELECT 1 WHERE sqlite_log(1, 'x')",
        "CREATE TABLE t (x CHECK (soundex(x) = 'x'))",
    ] {
        let refused = run(&connection, sql).await;
        assert!(
            matches!(refused, Err(SqlError::Forbidden(_))),
            "{sql}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn watched_functions_give_what_the_originals_give() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    let original = Connection::open_in_memory().expect("a connection");
    for expression in [
        "'abc' LIKE 'A%'",
        "'a%c' LIKE 'a!%c' ESCAPE '!'",
        "'abc' GLOB 'a[b-c]*'",
        "NULL LIKE 'x'",
        "trim('xyaxy', 'yx')",
        "ltrim('ääb', 'ä')",
        "rtrim(1.50, 0)",
        "trim('  a ')",
        "instr('aöb', 'b')",
        "instr(x'00ff61', x'61')",
        "instr(1.0/3, '3')",
        "instr(NULL, 'a')",
        "replace(2.0/3, '.', ',')",
        "replace('aaa', 'a', 'bb')",
        "replace('a', '', 'b')",
        "CAST(replace(CAST(x'61ff62' AS TEXT), 'a', 'c') AS BLOB)",
        "typeof(replace(x'61', 'a', 1))",
        "unhex('61 62', ' ')",
        "json_array(json_patch('{\"a\": 1}', '{\"b\": [2]}'))",
        "json(jsonb_patch('{\"a\": 1}', '{\"a\": null}'))",
    ] {
        let sql = format!("SELECT {expression}");
        let given = original.query_row(&sql, [], |row| row.get::<_, Value>(0));
        let given = given.expect(expression);
        assert_eq!(ok(&connection, &sql).await, [[given]], "{expression}");
    }
    for sql in [
        "CREATE TABLE t (x, y AS (replace(x, 'a', 'b')) STORED, CHECK (x LIKE 'a%'))",
        "CREATE INDEX i ON t (instr(x, 'b'))",
        "INSERT INTO t (x) VALUES ('aab')",
    ] {
        ok(&connection, sql).await;
    }
    let refused = run(&connection, "INSERT INTO t (x) VALUES ('b')").await;
    assert!(
        matches!(refused, Err(SqlError::Statement(_))),
        "{refused:?}"
    );
    assert_eq!(ok(&connection, "SELECT y FROM t").await, [[text("bbb")]]);
}

#[tokio::test]
async fn a_search_for_too_much_is_refused() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    let (searched, searched_for) = ("a".repeat(1_000_000), "b".repeat(1_000_000));
    for call in [
        "trim(?, ?)",
        "ltrim(?, ?)",
        "rtrim(?, ?)",
        "instr(?, ?)",
        "replace(?, ?, 'c')",
        "unhex(?, ?)",
        "json_patch(?, ?)",
        "jsonb_patch(?, ?)",
    ] {
        let parameters = vec![text(&*searched), text(&*searched_for)];
        let sql = format!("SELECT {call}");
        let error = run_with(&connection, &sql, parameters)
            .await
            .expect_err(call);
        assert!(error.to_string().contains("too large together"), "{error}");
    }
    let parameters = vec![text(&*searched), text("aa"), text("b")];
    let found = run_with(&connection, "SELECT length(replace(?, ?, ?))", parameters).await;
    assert_eq!(found, Ok(vec![vec![Value::Integer(500_000)]]));
}

#[tokio::test]
async fn a_row_of_long_functions_ends_in_time() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    let long = "a".repeat(300_000);
    // Each takes long by itself, and the clock is not looked at between them.
    let patterns: Vec<_> = (0..250)
        .map(|at| format!("?1 LIKE '%{}{at}'", "a".repeat(240)))
        .collect();
    let searching = format!("SELECT {}", patterns.join(", "));
    let found = run_with(&connection, &searching, vec![text(&*long)]).await;
    assert_eq!(found, Err(SqlError::Timeout));
    let lists: Vec<_> = (0..2000)
        .map(|at| format!("length(json(x||',{at}]'))"))
        .collect();
    let lists: Vec<_> = lists
        .chunks(100)
        .map(|some| format!("max({})", some.join(",")))
        .collect();
    let parsing = format!("SELECT {} FROM t", lists.join(", "));
    let numbers = format!("[{}", vec!["1"; 490_000].join(","));
    ok(&connection, "CREATE TABLE t (x)").await;
    let filled = run_with(&connection, "INSERT INTO t VALUES (?)", vec![text(numbers)]).await;
    assert_eq!(filled, Ok(Vec::new()));
    assert_eq!(run(&connection, &parsing).await, Err(SqlError::Timeout));
    assert_eq!(number(&connection, "SELECT 1").await, 1);
}
