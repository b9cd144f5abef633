//! What functions share: memory, turns at computing, connections. The greedy one is ended, and not its neighbour.

use futures_util::future::join_all;
use tokio::runtime::Handle;

use super::*;
use crate::limits::SQL_CONNECTIONS_PER_FUNCTION;
use crate::model::cpu_time::CpuLimitReached;

/// Repeats statements until one fails; at most this often.
async fn until_it_fails(connection: &GuestConnection, times: usize, sql: &str) -> SqlError {
    for at in 0..times {
        if let Err(error) = run(connection, &sql.replace("{at}", &at.to_string())).await {
            return error;
        }
    }
    panic!("{times} times, and no end");
}

/// Takes nearly all the memory that the function gets, in a transaction.
async fn fill(connection: &GuestConnection) {
    ok(connection, "CREATE TABLE t (x)").await;
    let filled = format!("INSERT INTO t {MANY} SELECT zeroblob(4000) FROM n LIMIT 250");
    ok(connection, &filled).await;
    ok(connection, "BEGIN").await;
    for _ in 0..58 {
        ok(connection, "SAVEPOINT s").await;
        ok(connection, "UPDATE t SET x = randomblob(4000)").await;
    }
}

/// A statement that needs this many MiB.
fn sorting(mib: usize) -> String {
    let values = format!("{MANY} SELECT hex(zeroblob(250000)) || i AS b FROM n");
    let values = format!("{values} LIMIT {}", mib * 2);
    format!("SELECT count(*) FROM ({values}) GROUP BY b")
}

#[tokio::test]
async fn memory_of_temporary_tables_and_of_sorting_is_bounded() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    ok(&connection, "CREATE TEMP TABLE t (x)").await;
    let filled = format!("INSERT INTO t {MANY} SELECT zeroblob(1000) FROM n LIMIT 10000");
    assert_eq!(run(&connection, &filled).await, Err(SqlError::Full));
    let sorted = format!(
        "SELECT count(*) FROM ({MANY} SELECT hex(zeroblob(500000)) AS b FROM n ORDER BY b)"
    );
    assert_eq!(run(&connection, &sorted).await, Err(SqlError::Memory));
    assert_eq!(number(&connection, "SELECT 1").await, 1);
    assert!(
        run(&connection, "SELECT * FROM t").await.is_err(),
        "it is gone"
    );
}

#[tokio::test]
async fn memory_of_short_statements_is_bounded() {
    let (_directory, databases) = databases();
    let connection = open(&databases, "a");
    ok(&connection, "BEGIN").await;
    let named = format!("SAVEPOINT \"{}{{at}}\"", "s".repeat(60_000));
    assert_eq!(
        until_it_fails(&connection, 2000, &named).await,
        SqlError::Memory
    );

    ok(&connection, "CREATE TABLE t (x)").await;
    let filled = format!("INSERT INTO t {MANY} SELECT zeroblob(4000) FROM n LIMIT 250");
    ok(&connection, &filled).await;
    ok(&connection, "BEGIN").await;
    let mut ended = None;
    for _ in 0..200 {
        ok(&connection, "SAVEPOINT s").await;
        ended = run(&connection, "UPDATE t SET x = randomblob(4000)")
            .await
            .err();
        if ended.is_some() {
            break;
        }
    }
    assert_eq!(ended, Some(SqlError::Memory));
    let unchanged = "SELECT count(*) FROM t WHERE x = zeroblob(4000)";
    assert_eq!(number(&connection, unchanged).await, 250);

    // Within one function, where nothing else can be done about it.
    let indented = "SELECT json_pretty(?, ?)".to_owned();
    let list = format!("[{}[]]", "[],".repeat(10_000));
    let parameters = [list, "i".repeat(100_000)].map(Value::Text);
    let found = connection.execute(indented, parameters.to_vec()).await;
    assert_eq!(found, Err(SqlError::Memory));
}

#[tokio::test]
async fn a_function_that_fills_its_memory_takes_it_from_nobody() {
    let (_directory, databases) = databases();
    let greedy = open_as(&databases, "greedy", "a");
    fill(&greedy).await;
    let more = open_as(&databases, "greedy", "b");
    assert_eq!(run(&more, &sorting(16)).await, Err(SqlError::Memory));
    let neighbour = open_as(&databases, "neighbour", "b");
    ok(&neighbour, &sorting(16)).await;

    // Where others have taken all there is, each connection still has its own.
    let others = ["c", "d"].map(|name| open_as(&databases, name, name));
    join_all(others.iter().map(fill)).await;
    assert_eq!(run(&neighbour, &sorting(40)).await, Err(SqlError::Memory));
    ok(&neighbour, "CREATE TABLE t (x)").await;
    ok(&neighbour, "INSERT INTO t VALUES (zeroblob(400000))").await;
    assert_eq!(number(&neighbour, "SELECT count(*) FROM t").await, 1);
    drop((greedy, others));
    let free = async || run(&neighbour, &sorting(40)).await.ok();
    eventually("the memory is free", free).await;
}

#[tokio::test]
async fn what_statements_compute_is_their_invocations() {
    let (_directory, databases) = databases();
    let caller = Caller {
        function: name("f"),
        cpu: CpuTime::new(Duration::from_millis(50)),
    };
    let handles =
        ["a", "b"].map(|database| databases.connection(&caller, name(database), Access::ReadWrite));
    ok(&handles[0], "SELECT 1").await;
    assert!(caller.cpu.used() > Duration::ZERO);
    let ended = join_all(handles.iter().map(|handle| run(handle, ENDLESS))).await;
    for ended in ended {
        assert_eq!(ended, Err(SqlError::CpuLimit(CpuLimitReached)));
    }
    assert!(caller.cpu.used() > Duration::from_millis(50));
}

#[tokio::test]
async fn statements_of_one_function_leave_turns_to_others() {
    let (_directory, databases) = databases();
    let greedy: Vec<_> = (0..SQL_CONNECTIONS_PER_FUNCTION)
        .map(|at| open_as(&databases, "greedy", if at < 4 { "a" } else { "b" }))
        .collect();
    let mut busy = Box::pin(join_all(greedy.iter().map(|handle| run(handle, ENDLESS))));
    let modest = open_as(&databases, "modest", "c");
    ok(&modest, "CREATE TABLE t (x)").await;
    let turns = &databases.shares.turns;
    let working = async {
        let begun = async || (turns.available_permits() < 2).then_some(());
        eventually("the greedy function computes", begun).await;
        for _ in 0..3 {
            assert!(turns.available_permits() > 0);
            ok(&modest, "INSERT INTO t VALUES (1)").await;
        }
    };
    tokio::select! {
        biased;
        ended = &mut busy => panic!("{ended:?}"),
        () = working => {}
    }
    // They end in time, and no function has more than its turn meanwhile.
    for ended in busy.await {
        assert_eq!(ended, Err(SqlError::Timeout));
    }
}

#[tokio::test]
async fn functions_take_turns() {
    let (_directory, databases) = databases();
    let greedy = ["a", "b", "c", "d"].map(|name| open_as(&databases, name, name));
    let mut busy = Box::pin(join_all(greedy.iter().map(|handle| run(handle, ENDLESS))));
    let modest = open_as(&databases, "modest", "e");
    let working = async {
        for _ in 0..5 {
            assert_eq!(number(&modest, "SELECT 1").await, 1);
        }
    };
    tokio::select! {
        biased;
        ended = &mut busy => panic!("{ended:?}"),
        () = working => {}
    }
}

#[tokio::test]
async fn a_statement_that_waits_for_its_turn_is_ended_as_well() {
    let (_directory, databases) = databases();
    let turns = databases.shares.turns.clone();
    let taken = turns.acquire_many(2).await.expect("two turns");
    let connection = open(&databases, "a");
    assert_eq!(run(&connection, "SELECT 1").await, Err(SqlError::Timeout));
    let given_up = timeout(Duration::from_millis(50), run(&connection, "SELECT 1")).await;
    assert!(given_up.is_err(), "{given_up:?}");
    let places = &databases.shares.of(&name("f")).connections;
    let free = async || (places.available_permits() == SQL_CONNECTIONS_PER_FUNCTION).then_some(());
    eventually("its place is free", free).await;
    drop(taken);
    assert_eq!(number(&connection, "SELECT 1").await, 1);
}

#[tokio::test]
async fn a_statement_that_waits_for_a_lock_leaves_its_turn_to_the_one_that_has_it() {
    let (_directory, databases) = databases();
    let (holder, waiting) = (open(&databases, "a"), open(&databases, "a"));
    ok(&holder, "CREATE TABLE t (x)").await;
    ok(&holder, "BEGIN IMMEDIATE").await;
    let insert = "INSERT INTO t VALUES (1)";
    let committed = async {
        // For as long as the other one has to come to the lock.
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(200) {
            ok(&holder, insert).await;
        }
        ok(&holder, "COMMIT").await;
    };
    let (waited, ()) = tokio::join!(biased; run(&waiting, insert), committed);
    assert_eq!(waited, Ok(Vec::new()));
}

#[tokio::test]
async fn a_statement_that_does_not_look_at_the_clock_loses_its_turn() {
    let directory = TempDir::new().expect("a directory");
    let databases = GuestDatabases::with_turns(directory.path().join("databases"), 1);
    let databases = Arc::new(databases);
    let greedy = open_as(&databases, "greedy", "a");
    // One row, and nothing in it that could be ended.
    let numbers: Vec<_> = (0..100)
        .map(|_| format!("max({}1)", "-x,".repeat(99)))
        .collect();
    let numbers = format!("SELECT {} FROM t", numbers.join(", "));
    ok(&greedy, "CREATE TABLE t (x)").await;
    let value = "INSERT INTO t VALUES (printf('%.*c', 1000000, '1'))";
    ok(&greedy, value).await;
    let mut busy = Box::pin(run(&greedy, &numbers));
    let modest = open_as(&databases, "modest", "b");
    let working = async {
        for _ in 0..3 {
            assert_eq!(number(&modest, "SELECT 1").await, 1);
        }
    };
    tokio::select! {
        biased;
        ended = &mut busy => panic!("{ended:?}"),
        () = working => {}
    }
}

#[tokio::test]
async fn connections_of_one_function_are_bounded() {
    let (_directory, databases) = databases();
    let held: Vec<_> = (0..SQL_CONNECTIONS_PER_FUNCTION)
        .map(|at| open_as(&databases, "greedy", &format!("d{at}")))
        .collect();
    for connection in &held {
        ok(connection, "BEGIN").await;
        ok(connection, "SELECT 1").await;
    }
    let more = open_as(&databases, "greedy", "e");
    assert_eq!(
        run(&more, "SELECT 1").await,
        Err(SqlError::TooManyOfFunction)
    );
    let neighbour = open_as(&databases, "neighbour", "e");
    assert_eq!(number(&neighbour, "SELECT 1").await, 1);
    drop(held);
    assert_eq!(number(&more, "SELECT 1").await, 1);
}

#[tokio::test]
async fn connections_of_all_functions_are_bounded() {
    let (_directory, databases) = databases();
    let held: Vec<_> = (0..SQL_CONNECTIONS_MAX)
        .map(|at| open_as(&databases, &format!("f{}", at / 8), &format!("d{at}")))
        .collect();
    join_all(held.iter().map(|connection| ok(connection, "SELECT 1"))).await;
    // All at once: the first ones are rolled back when they have been left alone for a while.
    join_all(held.iter().map(|connection| ok(connection, "BEGIN"))).await;
    let late = open_as(&databases, "late", "e");
    assert_eq!(run(&late, "SELECT 1").await, Err(SqlError::TooMany));
    let mut waiting = Box::pin(run(&late, "SELECT 1"));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    ok(&held[0], "COMMIT").await;
    assert!(waiting.await.is_ok(), "the place of one that became idle");
}

#[tokio::test]
async fn two_that_want_the_last_place_both_get_one_while_others_are_idle() {
    let (_directory, databases) = databases();
    for at in 1..SQL_CONNECTIONS_MAX {
        // One after the other: none is to be ended for the sake of one that waits.
        ok(&open(&databases, &format!("d{at}")), "SELECT 1").await;
    }
    assert_eq!(databases.places.available_permits(), 1);
    let mut held = Vec::new();
    for _ in 1..SQL_CONNECTIONS_MAX {
        // On two threads, from the same moment on.
        let begun = Arc::new(AtomicUsize::new(0));
        let [one, other] = [(); 2].map(|()| {
            let (databases, begun) = (databases.clone(), begun.clone());
            let ask = async move {
                begun.fetch_add(1, Ordering::Relaxed);
                while begun.load(Ordering::Relaxed) < 2 {
                    std::thread::yield_now();
                }
                timeout(SQL_BUSY_TIMEOUT, databases.place()).await
            };
            tokio::task::spawn_blocking(|| Handle::current().block_on(ask))
        });
        let (one, other) = tokio::join!(one, other);
        held.push(one.expect("no panic").expect("a place"));
        // The last one for the next two.
        drop(other.expect("no panic").expect("a place"));
    }
}

#[tokio::test]
async fn a_transaction_that_nobody_goes_on_with_is_rolled_back() {
    let (_directory, databases) = databases();
    let (forgetful, other) = (open(&databases, "a"), open(&databases, "a"));
    ok(&forgetful, "CREATE TABLE t (x)").await;
    ok(&forgetful, "BEGIN IMMEDIATE").await;
    ok(&forgetful, "INSERT INTO t VALUES (1)").await;
    let insert = "INSERT INTO t VALUES (2)";
    assert_eq!(run(&other, insert).await, Err(SqlError::Busy));
    let written = async || run(&other, insert).await.ok();
    eventually("the transaction is out of the way", written).await;
    assert_eq!(run(&forgetful, "COMMIT").await, Err(SqlError::Expired));
    assert_eq!(number(&forgetful, "SELECT sum(x) FROM t").await, 2);
}
