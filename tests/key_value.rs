//! Key-value state under guests that mean it harm: what they do stays theirs, and everybody else goes on.

use futures_util::future::join_all;
use tidegate_tests::{Reply, TestHost, artifacts};

async fn ask(host: &TestHost, path: &str) -> (u16, String) {
    let reply = Reply::of(host.function(path)).await;
    (reply.status, reply.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn incrementing_what_is_no_number_changes_nothing_and_harms_nobody() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("kv_all");
    admin.deployed("kv", guest, "bucket=default").await;
    let values: [&[u8]; 9] = [
        b"abc",
        &[0xff, 0, 1],
        &[1, 2, 3],
        b"",
        b" 1 ",
        b"1.5",
        b"0x1",
        &[0, 0, 0, 0, 0, 0, 0, 1],
        b"9223372036854775808",
    ];
    let path = "/api/v1/buckets/default/keys/value";
    for (number, value) in values.into_iter().enumerate() {
        admin.put(path, value).await.expect(204);
        let hostile = join_all((0..8).map(|_| ask(&host, "/kv?op=increment&key=value")));
        let others = join_all((0..8).map(|_| ask(&host, "/kv?op=increment&key=counter")));
        let (hostile, others) = tokio::join!(hostile, others);
        for (status, said) in hostile {
            assert!(
                status == 500 && said.contains("not a decimal number"),
                "{value:?}: {said}"
            );
        }
        let mut sums: Vec<usize> = others
            .iter()
            .map(|(_, sum)| sum.parse().expect("a sum"))
            .collect();
        sums.sort_unstable();
        assert_eq!(sums, (number * 8 + 1..=number * 8 + 8).collect::<Vec<_>>());
        assert_eq!(admin.get(path).await.expect(200).body, value, "as it was");
    }
    admin.put(path, "123").await.expect(204);
    assert_eq!(
        ask(&host, "/kv?op=increment&key=value").await,
        (200, "124".to_owned())
    );
    admin.put(path, i64::MAX.to_string()).await.expect(204);
    let (status, said) = ask(&host, "/kv?op=increment&key=value").await;
    assert!(status == 500 && said.contains("out of range"), "{said}");
    assert_eq!(admin.get(path).await.text(), i64::MAX.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_made_up_numbers_of_stores_closes_nothing_else() {
    let host = TestHost::start().await;
    let guest = artifacts::guest("foreign_key_value");
    host.admin().deployed("kv", guest, "bucket=default").await;
    let closed = ask(&host, "/kv?op=close-all").await;
    assert_eq!(closed, (200, "ok".to_owned()));
}

/// The most memory that the host has had, in MiB.
fn peak_memory(host: &TestHost) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", host.process_id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.expect("a number of KiB") / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_to_a_large_value_do_not_hold_it() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("kv_all");
    admin.deployed("kv", guest, "bucket=default").await;
    admin
        .put("/api/v1/buckets/default/keys/large", vec![b'x'; 1 << 20])
        .await
        .expect(204);
    let before = peak_memory(&host);
    let opened = ask(&host, "/kv?op=compare&key=large&handles=900").await;
    assert_eq!(opened, (200, "900".to_owned()));
    let after = peak_memory(&host);
    assert!(after < before + 300, "from {before} to {after} MiB");
}
