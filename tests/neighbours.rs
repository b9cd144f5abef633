//! Functions that take more than their share of what all of them have in common: the host, and everybody else, goes on.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use reqwest::{Body, Method};
use tidegate_tests::{AdminClient, Reply, SOON, TestHost, Upstream, artifacts, eventually, sdks};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// MiB of memory that the host has taken at most since it was started.
fn peak_mib(host: &TestHost) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.process_id()));
    let status = status.expect("the host runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("a number")
        / 1024
}

/// A request body that ends when the other half is dropped.
fn held_open() -> (mpsc::Sender<()>, Body) {
    let (hold, mut held) = mpsc::channel::<()>(1);
    let begun = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"x")) });
    let rest = stream::once(async move {
        held.recv().await;
        Ok(Bytes::new())
    });
    (
        hold,
        Body::wrap_stream(futures_util::StreamExt::chain(begun, rest)),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_guests_say_of_their_failures_does_not_fill_the_host() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("http_error_code");
    admin.deployed("talks", guest, "").await;
    let before = peak_mib(&host);
    for _ in 0..30 {
        // Escaped, each of these bytes would become five.
        let reply = Reply::of(host.function("/talks?4000000")).await;
        reply.expect_problem(502, "guest_error");
    }
    let grown = peak_mib(&host) - before;
    assert!(grown < 200, "{grown} MiB, where one reason alone has 20");
    for invocation in admin.await_invocations("talks", 30).await {
        let reason = invocation["reason"].as_str().expect("a reason");
        assert!(
            reason.len() < 10_000 && reason.ends_with("(cut)"),
            "{reason}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_of_all_functions_together_is_bounded() {
    let host = TestHost::builder().arg("--guest-memory").arg("64MiB");
    let host = host.start().await;
    let admin = host.admin();
    for name in ["large", "other"] {
        admin
            .deployed(name, artifacts::guest("http_holds"), "")
            .await;
    }
    let (hold, first) = hold(&host, "/large?mib=40");
    await_holding(&admin, "large", 1).await;
    let refused = Reply::of(host.function("/other?mib=40")).await;
    refused.expect_problem(503, "host_memory");
    let invocations = admin.invocations("other").await;
    let refused = invocations
        .iter()
        .find(|one| one["outcome"] == "host_memory");
    assert_eq!(refused.expect("it is recorded")["blame"], "host");
    let small = Reply::of(host.function("/other?mib=1")).await;
    small.expect(200);
    drop(hold);
    first.await.expect("no panic").expect(200);
    eventually("the memory is free again", SOON, async || {
        let reply = Reply::of(host.function("/other?mib=40")).await;
        (reply.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_function_has_half_of_the_memory_at_most() {
    let host = TestHost::builder().arg("--guest-memory").arg("64MiB");
    let host = host.start().await;
    let admin = host.admin();
    let guest = || artifacts::guest("http_holds");
    let manifest = "[limits]\nmemory = \"16MiB\"\n";
    admin.deployed_with("large", guest(), manifest).await;
    admin.deployed("other", guest(), "").await;
    let mut held = Vec::new();
    for count in 1..=2 {
        held.push(hold(&host, "/large?mib=12"));
        await_holding(&admin, "large", count).await;
    }
    let refused = Reply::of(host.function("/large?mib=12")).await;
    refused.expect_problem(503, "host_memory");
    Reply::of(host.function("/other?mib=20")).await.expect(200);
    let_go(held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_function_has_half_of_the_pool_at_most() {
    let host = TestHost::builder().arg("--instances").arg("4");
    let host = host.start().await;
    let admin = host.admin();
    for (name, guest) in [("holds", "http_holds"), ("version", "http_version")] {
        admin.deployed(name, artifacts::guest(guest), "").await;
    }
    let held: Vec<_> = (0..6).map(|_| hold(&host, "/holds?mib=1")).collect();
    await_holding(&admin, "holds", 2).await;
    Reply::of(host.function("/version")).await.expect(200);
    assert_eq!(holding(&admin, "holds").await, 2);
    let_go(held).await;
}

/// Ends all of these requests, which are answered then.
async fn let_go(held: Vec<(mpsc::Sender<()>, JoinHandle<Reply>)>) {
    let (holds, replies): (Vec<_>, Vec<_>) = held.into_iter().unzip();
    drop(holds);
    for reply in replies {
        reply.await.expect("no panic").expect(200);
    }
}

/// A request that ends when what is returned with it is dropped.
fn hold(host: &TestHost, path: &str) -> (mpsc::Sender<()>, JoinHandle<Reply>) {
    let (hold, body) = held_open();
    let request = host.request(Method::POST, path).body(body);
    (hold, tokio::spawn(Reply::of(request)))
}

/// How many instances of `http_holds` said that they do.
async fn holding(admin: &AdminClient, name: &str) -> usize {
    let logs = admin.logs(name).await;
    let holding = logs.iter().filter(|line| line["message"] == "holding");
    holding.count()
}

async fn await_holding(admin: &AdminClient, name: &str, count: usize) {
    eventually(&format!("{name} holds"), SOON, async || {
        (holding(admin, name).await >= count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_has_in_calls_under_way_is_bounded() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = sdks::wasi3("many_calls");
    let manifest = "[grants]\nbuckets = [\"default\"]\n[limits]\nmemory = \"256MiB\"\n";
    admin.deployed_with("many", guest, manifest).await;
    let reply = Reply::of(host.function("/many?4")).await.expect(200);
    assert_eq!(reply.text(), "0", "these fit");
    let reply = Reply::of(host.function("/many?100")).await.expect(200);
    let refused: usize = reply.text().parse().expect("a number");
    assert!((50..=92).contains(&refused), "{refused} of 100");
    let reply = Reply::of(host.function("/many?4")).await.expect(200);
    assert_eq!(reply.text(), "0", "nothing of it is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_begins_calls_and_computes_holds_up_nobody() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest =
        "[grants]\nbuckets = [\"default\"]\n[limits]\ncpu = \"30s\"\ntimeout = \"60s\"\n";
    let guest = sdks::wasi3("many_calls");
    admin.deployed_with("spins", guest, manifest).await;
    let guest = artifacts::guest("kv_all");
    admin.deployed("other", guest, "bucket=default").await;
    let spinning = tokio::spawn(host.function("/spins?spin").send());
    admin.await_log("spins", "spinning").await;
    let set = Reply::of(host.function("/other?op=set&key=a&value=b")).await;
    set.expect(200);
    let got = Reply::of(host.function("/other?op=get&key=a")).await;
    assert_eq!(got.expect(200).text(), "b");
    let ended = admin.invocations("spins").await;
    assert!(ended.is_empty(), "only then was there an answer: {ended:?}");
    // Its client goes, and it ends.
    spinning.abort();
    admin.await_invocations("spins", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_passed_on_ends_with_its_invocations_time() {
    let (host, upstream) = (TestHost::start().await, Upstream::start().await);
    let manifest = format!(
        "[grants]\noutbound = [\"http://{}\"]\n[limits]\ntimeout = \"3s\"\nresponse-bytes = \"1GiB\"\n",
        upstream.address
    );
    let guest = sdks::wasi3("outbound");
    host.admin().deployed_with("passes", guest, &manifest).await;
    let path = format!("/passes?http://{}/endless", upstream.address);
    let head = Reply::of(host.request(Method::HEAD, &path)).await;
    head.expect(200);
    let closed = || {
        eventually("the connection is closed", SOON, async || {
            (upstream.open_connections() == 0).then_some(())
        })
    };
    closed().await;
    // A client that reads on is cut off as well.
    let mut response = host.function(&path).send().await.expect("an answer");
    while let Ok(Some(_)) = response.chunk().await {}
    closed().await;
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_takes_longer_to_load_than_its_limit_is_loaded_in_the_end() {
    let mut host = TestHost::start().await;
    let manifest = "[limits]\ntimeout = \"50ms\"\n";
    let guest = artifacts::guest("http_echo");
    host.admin().deployed_with("slow", guest, manifest).await;
    host.terminate().await;
    std::fs::remove_dir_all(host.data_dir().join("compiled")).expect("it was there");
    host.restart().await;
    let first = Reply::of(host.function("/slow")).await;
    first.expect_problem(503, "overloaded");
    eventually("it is loaded", Duration::from_secs(60), async || {
        let reply = Reply::of(host.function("/slow")).await;
        (reply.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_have_all_of_the_pool_do_not_wait_for_more() {
    let host = TestHost::builder().arg("--instances").arg("1");
    let host = host.start().await;
    for component in ["front", "back"] {
        let manifest = format!(
            "[grants]\noutbound = [\"http://self\", \"http://back.spin.internal\"]\n\
             [app]\nname = \"shop\"\ncomponent = \"{component}\"\n"
        );
        let guest = artifacts::guest("app_shows");
        let name = format!("shop-{component}");
        host.admin().deployed_with(&name, guest, &manifest).await;
    }
    let call = "/shop-front?call=http://back.spin.internal/shop-back";
    let reply = Reply::of(host.function(call)).await.expect(200);
    let said = reply.text();
    assert!(
        said.starts_with("503\n") && said.contains("overloaded"),
        "{said}"
    );
    Reply::of(host.function("/shop-back")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_take_turns() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let before = peak_mib(&host);
    let upload = || async {
        // WebAssembly by its first bytes, and nothing after them.
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.resize(48 << 20, 0xff);
        let path = "/api/v1/functions/large?dry_run=true";
        let request = admin.request(Method::POST, path).body(bytes);
        Reply::of(request)
            .await
            .expect_problem(422, "component_invalid");
    };
    join_all((0..10).map(|_| upload())).await;
    let grown = peak_mib(&host) - before;
    assert!(
        grown < 300,
        "{grown} MiB, where all uploads together have 480"
    );
}
