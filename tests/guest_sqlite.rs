//! SQL databases of functions: what is granted works and lasts, what is not is refused, and no guest holds up another.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tidegate_tests::{
    AdminClient, Reply, Role, SOON, TestHost, artifacts, command_line, eventually, sdks,
};
use tokio::task::JoinSet;

/// Runs statements, each on a line of its own, in one invocation; what each of them gave.
async fn sql(host: &TestHost, path: &str, statements: &str) -> Vec<String> {
    let request = host.request(Method::POST, path).body(statements.to_owned());
    let said = Reply::of(request).await.expect(200).text();
    said.lines().map(str::to_owned).collect()
}

async fn deployed(admin: &AdminClient, name: &str, grants: &str) {
    let guest = artifacts::guest("sql_run");
    admin.deployed(name, guest, grants).await;
}

/// A statement that never ends by itself.
const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_type_come_back_as_they_were() {
    let host = TestHost::start().await;
    let guest = artifacts::guest("sql_types");
    host.admin()
        .deployed("types", guest, "database=default")
        .await;
    for _ in 0..2 {
        let reply = Reply::of(host.function("/types")).await;
        assert_eq!(reply.expect(200).text(), "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_granted_by_name_and_shared_by_those_who_are() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let refused = admin
        .deploy("none", artifacts::guest("sql_run"), "")
        .await
        .expect_problem(422, "grant_missing");
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("?database=default"), "{detail}");

    deployed(&admin, "one", "database=a&database=b").await;
    deployed(&admin, "two", "database=b").await;
    let made = sql(
        &host,
        "/one?database=b",
        "CREATE TABLE t (x)\nINSERT INTO t VALUES ('from one')",
    )
    .await;
    assert_eq!(made, ["ok", "ok"]);
    let read = "SELECT x FROM t";
    assert_eq!(sql(&host, "/two?database=b", read).await, ["from one"]);
    assert_eq!(
        sql(&host, "/one?database=a", read).await,
        ["error: no such table: t"]
    );
    let listed = admin.get("/api/v1/databases").await.expect(200).json();
    let shown = |at: usize, what: &str| listed["databases"][at][what].clone();
    assert_eq!(
        (shown(0, "name"), shown(1, "name")),
        ("a".into(), "b".into())
    );
    assert_eq!(shown(0, "functions"), json!(["one"]), "{listed}");
    assert_eq!(shown(1, "functions"), json!(["one", "two"]), "{listed}");
    for denied in [
        "a",
        "default",
        "B",
        "b:ro",
        "..%2Fb",
        "b.db",
        "..%2F..%2Ftidegate",
    ] {
        let said = sql(&host, &format!("/two?database={denied}"), read).await;
        assert_eq!(said.len(), 1, "{denied}: {said:?}");
        assert!(said[0].ends_with("is not granted"), "{denied}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_can_be_read_and_not_written() {
    let host = TestHost::start().await;
    let admin = host.admin();
    deployed(&admin, "writer", "database=default").await;
    deployed(&admin, "reader", "database=default:ro").await;
    sql(
        &host,
        "/writer",
        "CREATE TABLE t (x)\nINSERT INTO t VALUES (1)",
    )
    .await;
    let writes = "INSERT INTO t VALUES (2)\nDELETE FROM t\nDROP TABLE t\nCREATE TABLE u (x)\nPRAGMA user_version = 1";
    for said in sql(&host, "/reader", writes).await {
        assert!(said.contains("is not granted"), "{said}");
    }
    let around = "PRAGMA query_only = 0\nINSERT INTO t VALUES (3)\nSELECT count(*) FROM t";
    let said = sql(&host, "/reader", around).await;
    assert!(said[0].contains("not for functions"), "{said:?}");
    assert!(said[1].contains("is not granted"), "{said:?}");
    assert_eq!(said[2], "1");
    assert_eq!(sql(&host, "/writer", "SELECT count(*) FROM t").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leads_out_of_the_database() {
    let host = TestHost::start().await;
    deployed(&host.admin(), "f", "database=default").await;
    let state = host.data_dir().join("tidegate.db");
    let state = state.to_str().expect("UTF-8");
    let attempts = format!(
        "ATTACH '{state}' AS host\nVACUUM INTO '{state}.copy'\nSELECT load_extension('x')\nPRAGMA database_list\n\
         PRAGMA writable_schema = 1\nPRAGMA max_page_count = 9999999\nPRAGMA journal_mode = OFF\n\
         SELECT file FROM pragma_database_list\nSELECT * FROM host_key"
    );
    let said = sql(&host, "/f", &attempts).await;
    assert_eq!(said.len(), 9, "{said:?}");
    for line in &said {
        assert!(line.starts_with("error: "), "{line}");
        assert!(!line.contains("tidegate.db"), "{line}");
    }
    let files = std::fs::read_dir(host.data_dir()).expect("a directory");
    let names = files.map(|file| file.expect("a file").file_name());
    assert!(
        names
            .into_iter()
            .all(|name| !name.to_string_lossy().contains("copy"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_has_a_largest_size_and_serves_on_when_it_is_full() {
    let host = TestHost::start().await;
    deployed(&host.admin(), "f", "database=default").await;
    let fill = "INSERT INTO t SELECT zeroblob(1000000) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 \
        FROM n LIMIT 10) SELECT i FROM n)\n"
        .repeat(8);
    let said = sql(&host, "/f", &format!("CREATE TABLE t (x)\n{fill}")).await;
    let full = "error: database `default` is full";
    assert_eq!(said.last().map(String::as_str), Some(full), "{said:?}");
    assert_eq!(said[1], "ok", "{said:?}");
    let file = host.data_dir().join("databases/default.db");
    let bytes = std::fs::metadata(file).expect("a file").len();
    assert!(bytes <= 64 << 20, "{bytes}");
    let room = "DELETE FROM t WHERE rowid <= 20\nINSERT INTO t VALUES (zeroblob(1000000))\nSELECT count(*) > 20 FROM t";
    assert_eq!(sql(&host, "/f", room).await, ["ok", "ok", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_and_its_result_are_bounded() {
    let host = TestHost::start().await;
    let manifest = "[grants]\ndatabases = [\"default\"]\n[limits]\ncpu = \"20s\"";
    let guest = artifacts::guest("sql_run");
    host.admin().deployed_with("f", guest, manifest).await;
    let began = Instant::now();
    let said = sql(
        &host,
        "/f",
        &format!("CREATE TABLE t (x)\n{ENDLESS}\nSELECT 1"),
    )
    .await;
    assert!(said[1].contains("took longer than 5s"), "{said:?}");
    assert_eq!(said[2], "1", "the connection is of use again");
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );

    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    let too_large = format!(
        "{many} SELECT i FROM n\n{many} SELECT zeroblob(1000000) FROM n LIMIT 100\n{many} SELECT zeroblob(1000000) FROM n LIMIT 3"
    );
    let said = sql(&host, "/f", &too_large).await;
    assert!(said[0].contains("ask for less at once"), "{said:?}");
    assert!(said[1].contains("ask for less at once"), "{said:?}");
    assert_eq!(said[2], "blob[1000000] blob[1000000] blob[1000000]");

    let long = format!("SELECT '{}'", "x".repeat(70_000));
    let wide = format!("SELECT {}", "1, ".repeat(1000) + "1");
    let deep = format!("SELECT {}1{}", "(1 + ".repeat(1000), ")".repeat(1000));
    let said = sql(
        &host,
        "/f",
        &format!("{long}\n{wide}\n{deep}\nSELECT zeroblob(2000000)"),
    )
    .await;
    for line in &said {
        assert!(line.starts_with("error: "), "{line}");
    }
    assert_eq!(said.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf8_comes_with_replacement_characters() {
    let host = TestHost::start().await;
    deployed(&host.admin(), "f", "database=default").await;
    let statements = "CREATE TABLE t (x)\nINSERT INTO t VALUES (CAST(x'61ff62' AS TEXT))\nSELECT x FROM t\n\
        SELECT hex(CAST(x AS BLOB)) FROM t";
    let said = sql(&host, "/f", statements).await;
    assert_eq!(said[2..], ["a\u{fffd}b", "61FF62"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_not_committed_ends_with_its_invocation() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[grants]\ndatabases = [\"default\"]\n[limits]\ntimeout = \"5s\"";
    admin
        .deployed_with("f", artifacts::guest("sql_run"), manifest)
        .await;
    sql(&host, "/f", "CREATE TABLE t (x)").await;
    let begun = "BEGIN IMMEDIATE\nINSERT INTO t VALUES (1)\nSELECT count(*) FROM t";
    assert_eq!(sql(&host, "/f", begun).await, ["ok", "ok", "1"]);
    for (end, status) in [("trap", 500), ("never", 504)] {
        let path = format!("/f?end={end}");
        let request = host.request(Method::POST, &path).body(begun);
        Reply::of(request).await.expect(status);
        let after = "INSERT INTO t VALUES (2)\nSELECT count(*) FROM t\nDELETE FROM t";
        assert_eq!(sql(&host, "/f", after).await, ["ok", "1", "ok"], "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_keeps_its_transaction_open_holds_up_its_own_database_for_a_bounded_time() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[grants]\ndatabases = [\"shared\"]\n[limits]\ntimeout = \"20s\"\ncpu = \"20s\"";
    admin
        .deployed_with("holder", artifacts::guest("sql_run"), manifest)
        .await;
    deployed(&admin, "other", "database=shared&database=apart").await;
    sql(&host, "/other?database=shared", "CREATE TABLE t (x)").await;
    sql(&host, "/other?database=apart", "CREATE TABLE t (x)").await;
    let holding = host
        .request(Method::POST, "/holder?database=shared&end=never")
        .body("BEGIN IMMEDIATE\nINSERT INTO t VALUES (1)");
    let holding = tokio::spawn(holding.send());
    let insert = "INSERT INTO t VALUES (2)";
    eventually("the database is locked", SOON, async || {
        let said = sql(&host, "/other?database=shared", insert).await;
        said[0].contains("locked").then_some(())
    })
    .await;
    let began = Instant::now();
    assert_eq!(sql(&host, "/other?database=apart", insert).await, ["ok"]);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        sql(
            &host,
            "/other?database=shared",
            "SELECT count(*) >= 0 FROM t"
        )
        .await,
        ["1"]
    );
    holding.abort();
    eventually("the database is free", SOON, async || {
        let said = sql(&host, "/other?database=shared", insert).await;
        (said[0] == "ok").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_statements_hold_up_neither_other_functions_nor_other_databases() {
    let host = TestHost::start().await;
    let admin = host.admin();
    deployed(&admin, "greedy", "database=greedy").await;
    deployed(&admin, "modest", "database=modest").await;
    admin
        .deployed("plain", artifacts::guest("http_version"), "")
        .await;
    sql(&host, "/modest?database=modest", "CREATE TABLE t (x)").await;
    let greedy = host.request(Method::POST, "/greedy?database=greedy");
    let greedy = greedy.body(format!("{ENDLESS}\n{ENDLESS}"));
    let greedy: Vec<_> = (0..20)
        .map(|_| tokio::spawn(greedy.try_clone().expect("a body of text").send()))
        .collect();
    eventually(
        "the greedy function's connections are all in use",
        SOON,
        async || {
            let said = sql(&host, "/greedy?database=greedy", "SELECT 1").await;
            said[0].contains("stayed in use").then_some(())
        },
    )
    .await;
    let began = Instant::now();
    for _ in 0..10 {
        let modest = sql(
            &host,
            "/modest?database=modest",
            "INSERT INTO t VALUES (1)\nSELECT count(*) > 0 FROM t",
        );
        assert_eq!(modest.await, ["ok", "1"]);
        Reply::of(host.function("/plain")).await.expect(200);
        admin.get("/api/v1/functions").await.expect(200);
    }
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    for request in greedy {
        request.abort();
    }
    // Nobody waits for them any more: they end long before their time, and their connections are free.
    eventually(
        "the greedy function's database serves again",
        SOON,
        async || {
            let said = sql(&host, "/greedy?database=greedy", "SELECT 1").await;
            (said[0] == "1").then_some(())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_statement_computes_counts_as_its_functions() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[grants]\ndatabases = [\"default\"]\n[limits]\ncpu = \"100ms\"";
    let guest = artifacts::guest("sql_run");
    admin.deployed_with("f", guest, manifest).await;
    let request = host.request(Method::POST, "/f").body(ENDLESS);
    Reply::of(request).await.expect_problem(504, "cpu_limit");
    let invocation = &admin.await_invocations("f", 1).await[0];
    let cpu_ms = invocation["cpu_ms"].as_f64().expect("a number");
    assert!((100.0..2000.0).contains(&cpu_ms), "{invocation}");
    assert_eq!(sql(&host, "/f", "SELECT 1").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_hold_transactions_open_leave_room_for_others() {
    let host = TestHost::start().await;
    let admin = host.admin();
    deployed(&admin, "modest", "database=modest").await;
    let mut held = JoinSet::new();
    // Each gets 8 connections, of 64 that there are.
    for greedy in 0..7 {
        let function = format!("greedy{greedy}");
        let names: Vec<_> = (0..10).map(|at| format!("g{greedy}-{at}")).collect();
        let grants = format!("database={}", names.join("&database="));
        deployed(&admin, &function, &grants).await;
        let path = format!("/{function}?database={}&end=never", names.join(","));
        let request = host.request(Method::POST, &path).body("BEGIN\nSELECT 1");
        held.spawn(request.send());
    }
    for greedy in 0..7 {
        admin.await_log(&format!("greedy{greedy}"), "done").await;
    }
    let modest = "CREATE TABLE t (x)\nSELECT 1";
    let said = sql(&host, "/modest?database=modest", modest).await;
    assert_eq!(said, ["ok", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_no_function_is_granted_can_be_deleted() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let path = "/api/v1/databases/a";
    let missing = admin.delete(path).await;
    missing.expect_problem(404, "no_such_database");
    deployed(&admin, "one", "database=a").await;
    deployed(&admin, "two", "database=a:ro").await;
    sql(&host, "/one?database=a", "CREATE TABLE t (x)").await;
    let granted = admin.delete(path).await;
    let granted = granted.expect_problem(409, "database_granted").text();
    assert!(granted.contains("`one`, `two`"), "{granted}");
    admin.delete("/api/v1/functions/one").await.expect(204);
    deployed(&admin, "two", "database=b").await;
    let deployer = host.admin_as(Role::Deployer).delete(path).await;
    deployer.expect_problem(403, "role_insufficient");
    admin.delete(path).await.expect(204);
    let listed = admin.get("/api/v1/databases").await.expect(200).json();
    assert_eq!(listed["databases"], json!([]));
    let left = std::fs::read_dir(host.data_dir().join("databases")).expect("a directory");
    assert_eq!(left.count(), 0);
    deployed(&admin, "one", "database=a").await;
    let said = sql(&host, "/one?database=a", "SELECT * FROM t").await;
    assert_eq!(said, ["error: no such table: t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_are_listed_and_deleted_on_the_command_line() {
    let host = TestHost::start().await;
    let none = command_line::run(&host, &["databases"]).await.ok();
    assert!(none.err.contains("There are no databases yet"), "{none:?}");
    let guest = command_line::guest("sql_run");
    let deploy = ["deploy", &guest, "--name", "f", "--database", "readings"];
    command_line::run(&host, &deploy).await.ok();
    sql(&host, "/f?database=readings", "CREATE TABLE t (x)").await;
    let listed = command_line::run(&host, &["databases"]).await.ok();
    listed.says(&["NAME", "GRANTED TO", "readings", "KiB", "f"]);
    let listed = command_line::run(&host, &["databases", "list", "--json"])
        .await
        .ok();
    assert_eq!(listed.json()["databases"][0]["functions"], json!(["f"]));
    let unsure = command_line::run(&host, &["databases", "delete", "readings"]).await;
    unsure.failed(1, &["--yes"]);
    let delete = ["databases", "delete", "readings", "--yes"];
    let granted = command_line::run(&host, &delete).await;
    granted.failed(1, &["granted to `f`", "database_granted"]);
    let gone = ["functions", "delete", "f", "--yes"];
    command_line::run(&host, &gone).await.ok();
    let deleted = command_line::run(&host, &delete).await.ok();
    deleted.says(&["deleted readings"]);
    let missing = command_line::run(&host, &delete).await;
    missing.failed(1, &["no database `readings`", "`tidegate databases`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_holds_too_many_handles_is_told() {
    let host = TestHost::start().await;
    let guest = artifacts::guest("state_handles");
    host.admin().deployed("f", guest, "").await;
    for of in ["database", "bucket", "cas"] {
        let reply = Reply::of(host.function("/f").query(&[("of", of)])).await;
        let said = reply.expect(200).text();
        assert!(said.contains("too many handles"), "{of}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_there_after_a_restart_and_after_a_crash() {
    let mut host = TestHost::start().await;
    deployed(&host.admin(), "f", "database=default").await;
    sql(
        &host,
        "/f",
        "CREATE TABLE t (x)\nINSERT INTO t VALUES ('first')",
    )
    .await;
    host.restart().await;
    assert_eq!(sql(&host, "/f", "SELECT x FROM t").await, ["first"]);

    let writers = join_all((0..8).map(|_| sql(&host, "/f", "INSERT INTO t VALUES ('more')"))).await;
    let acknowledged = writers.iter().filter(|said| said[0] == "ok").count();
    assert!(acknowledged > 0, "{writers:?}");
    let unfinished = host
        .request(Method::POST, "/f?end=never")
        .body("BEGIN IMMEDIATE\nINSERT INTO t VALUES ('lost')");
    let unfinished = tokio::spawn(unfinished.send());
    eventually("the last writer has begun", SOON, async || {
        let said = sql(&host, "/f", "BEGIN IMMEDIATE").await;
        said[0].contains("locked").then_some(())
    })
    .await;
    host.kill9();
    unfinished.abort();
    host.restart().await;
    let found = sql(&host, "/f", "SELECT count(*) FROM t WHERE x = 'more'\nSELECT count(*) FROM t WHERE x = 'lost'\nPRAGMA integrity_check").await;
    assert_eq!(found, [&acknowledged.to_string(), "0", "ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_in_a_stream_and_one_that_is_not_read_holds_up_nobody() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let streams = sdks::wasi3("sql_streams");
    admin.deployed("streams", streams, "database=default").await;
    deployed(&admin, "other", "database=default").await;
    let all = Reply::of(host.function("/streams?all")).await.expect(200);
    assert_eq!(all.text(), "[\"i\", \"b\"] 1000 500500 1 true true");

    let mut unread = Vec::new();
    for _ in 0..8 {
        let mut response = host.function("/streams?none").send().await.expect("a head");
        let piece = response.chunk().await.expect("a body");
        let said = String::from_utf8_lossy(&piece.expect("a piece")).into_owned();
        assert!(
            said.starts_with("7 ") && said.contains("would be under way"),
            "{said}"
        );
        unread.push(response);
    }
    let began = Instant::now();
    for _ in 0..10 {
        let said = sql(
            &host,
            "/other",
            "INSERT INTO t VALUES (1)\nBEGIN IMMEDIATE\nDELETE FROM t\nCOMMIT",
        );
        assert_eq!(said.await, ["ok"; 4]);
    }
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    drop(unread);
}
