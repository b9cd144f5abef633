//! What asynchronous statements hold in the host, whatever their guest does meanwhile.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::poll;
use tempfile::TempDir;

use super::*;
use crate::model::cpu_time::CpuTime;
use crate::model::grant::Access;

#[tokio::test]
async fn results_count_before_anybody_takes_them() {
    let directory = TempDir::new().expect("a directory");
    let databases = Arc::new(GuestDatabases::new(directory.path().join("databases")));
    let caller = Caller {
        function: "f".parse().expect("a name"),
        cpu: CpuTime::new(Duration::MAX),
    };
    let database = "a".parse().expect("a name");
    let connection: Connected =
        Arc::new(databases.connection(&caller, database, Access::ReadWrite));
    let under_way = UnderWay::default();
    let begin = |_| {
        let blobs = "VALUES (zeroblob(1000000), zeroblob(1000000), zeroblob(1000000))".to_owned();
        let executed = execute_under_way(
            connection.clone(),
            blobs,
            Vec::new(),
            under_way.clone(),
            Calls::for_tests(),
        );
        Box::pin(executed)
    };
    let mut begun: Vec<_> = (0..8).map(begin).collect();
    for executed in &mut begun {
        assert!(poll!(executed).is_pending());
    }
    // All of them end, and nobody asks what they gave: one connection runs one statement after the other.
    let last = "VALUES (1)".to_owned();
    let last = execute_under_way(
        connection.clone(),
        last,
        Vec::new(),
        under_way.clone(),
        Calls::for_tests(),
    );
    last.await.expect("no trap").expect("it ends");
    assert_eq!(Arc::strong_count(&connection), 1);
    let taken = join_all(begun.into_iter().map(async |executed| {
        let executed = executed.await.expect("no trap");
        match executed {
            Ok((rows, _held)) => Some(rows.bytes),
            Err(NotExecuted::TooMuch(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }));
    let taken: Vec<_> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert!(under_way.hold(crate::limits::UNDER_WAY_BYTES_MAX).is_ok());
}
