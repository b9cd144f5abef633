//! What a function may use up, and what becomes of one that wants more: its client gets a short answer with a stable
//! code, its log the reason, and nobody else notices.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream;
use reqwest::{Body, Method, RequestBuilder};
use serde_json::Value;
use tidegate_tests::{AdminClient, Reply, SOON, TestHost, Wire, artifacts, eventually};

/// A failing function: its guest and limits, how it is asked, and what is to come of it.
struct Failing {
    guest: &'static str,
    limits: &'static str,
    query: &'static str,
    status: u16,
    code: &'static str,
    reason: &'static str,
}

const FAILING: [Failing; 8] = [
    Failing {
        guest: "http_trap",
        limits: "",
        query: "",
        status: 500,
        code: "trap",
        reason: "the function was aborted: ",
    },
    Failing {
        guest: "http_sleeps",
        limits: "timeout = \"300ms\"",
        query: "ms=20000",
        status: 504,
        code: "timeout",
        reason: "limits.timeout",
    },
    Failing {
        guest: "http_never_returns",
        limits: "cpu = \"200ms\"",
        query: "",
        status: 504,
        code: "cpu_limit",
        reason: "limits.cpu",
    },
    Failing {
        guest: "http_allocates_forever",
        limits: "memory = \"8MiB\"",
        query: "",
        status: 507,
        code: "memory_limit",
        reason: "8388608 bytes (manifest: limits.memory)",
    },
    Failing {
        guest: "http_no_response",
        limits: "",
        query: "",
        status: 502,
        code: "no_response",
        reason: "without setting a response",
    },
    Failing {
        guest: "http_error_code",
        limits: "",
        query: "",
        status: 502,
        code: "guest_error",
        reason: "the guest gave up",
    },
    Failing {
        guest: "http_random",
        limits: "response-bytes = \"1KiB\"",
        query: "bytes=1025",
        status: 502,
        code: "response_too_large",
        reason: "limits.response-bytes",
    },
    Failing {
        guest: "http_random",
        limits: "",
        query: "bytes=65537",
        status: 500,
        code: "trap",
        reason: "the function was aborted: ",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_has_its_own_answer_and_its_reason_in_the_log() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for (number, failing) in FAILING.iter().enumerate() {
        let name = format!("failing-{number}");
        let manifest = format!("[limits]\n{}", failing.limits);
        admin
            .deployed_with(&name, artifacts::guest(failing.guest), &manifest)
            .await;
        let reply = Reply::of(host.function(&format!("/{name}?{}", failing.query))).await;
        assert_problem(&reply, failing.status, failing.code);

        let id = reply.json()["invocation"]
            .as_str()
            .expect("an invocation's id")
            .to_owned();
        let invocation = &admin.await_invocations(&name, 1).await[0];
        assert_eq!(
            (invocation["id"].as_str(), invocation["outcome"].as_str()),
            (Some(&*id), Some(failing.code))
        );
        assert_eq!(invocation["blame"], "guest");
        let line = admin.await_log(&name, failing.reason).await;
        assert_eq!(
            (line["source"].as_str(), line["level"].as_str()),
            (Some("host"), Some("error"))
        );
        assert_eq!(line["invocation"].as_str(), Some(&*id));
        assert!(message(&line).ends_with("[blame: guest]"), "{line}");
    }
}

/// The client is told a code and the invocation, and nothing of what is inside.
#[track_caller]
fn assert_problem(reply: &Reply, status: u16, code: &str) {
    let text = reply.clone().expect_problem(status, code).text();
    assert_eq!(
        reply.members(),
        HashSet::from(["title", "status", "code", "detail", "invocation"].map(str::to_owned)),
        "{text}"
    );
    for inner in [
        "wasm",
        "backtrace",
        "panic",
        "asked to",
        "gave up",
        ".rs",
        "0x",
        env!("CARGO_MANIFEST_DIR"),
        "/.cargo/",
    ] {
        assert!(!text.contains(inner), "{inner:?} is in {text}");
    }
}

fn message(line: &Value) -> &str {
    line["message"].as_str().expect("a message")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_leaves_the_guests_words_and_backtrace_in_its_log() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("trap", artifacts::guest("http_trap"), "")
        .await;
    Reply::of(host.function("/trap"))
        .await
        .expect_problem(500, "trap");
    let reason = admin.await_log("trap", "the function was aborted").await;
    assert!(message(&reason).contains("wasm backtrace"), "{reason}");
    assert!(
        message(&reason).contains("wasm!http_trap::"),
        "a function's name: {reason}"
    );
    let words = admin.await_log("trap", "asked to panic").await;
    assert_eq!(words["source"], "stderr");
    assert_eq!(words["invocation"], reason["invocation"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_body_that_is_too_large_is_refused_however_it_is_framed() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[limits]\nrequest-bytes = \"100KiB\"";
    admin
        .deployed_with("reads", artifacts::guest("http_reads"), manifest)
        .await;
    let post = |bytes: usize| host.request(Method::POST, "/reads").body(vec![b'x'; bytes]);
    let post_chunks = |chunks: usize| {
        let chunks = stream::iter((0..chunks).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1024])));
        host.request(Method::POST, "/reads")
            .body(Body::wrap_stream(chunks))
    };
    assert_eq!(
        Reply::of(post(100 * 1024)).await.expect(200).text(),
        "102400"
    );
    assert_eq!(
        Reply::of(post_chunks(100)).await.expect(200).text(),
        "102400"
    );
    assert_problem(
        &Reply::of(post(100 * 1024 + 1)).await,
        413,
        "request_too_large",
    );
    assert_problem(&Reply::of(post_chunks(101)).await, 413, "request_too_large");
    let invocations = admin.await_invocations("reads", 4).await;
    // Recorded as they end, which is after their answers.
    let outcomes = invocations
        .iter()
        .map(|one| (&one["outcome"], &one["blame"]));
    let refused = (&"request_too_large".into(), &"client".into());
    assert_eq!(outcomes.filter(|one| *one == refused).count(), 2);
    assert!(
        message(&admin.await_log("reads", "limits.request-bytes").await).contains("102400 bytes")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_grows_too_large_is_cut_off() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[limits]\nresponse-bytes = \"100KiB\"";
    admin
        .deployed_with("large", artifacts::guest("http_large_response"), manifest)
        .await;
    let fits = Reply::of(host.function("/large?bytes=102400"))
        .await
        .expect(200);
    assert_eq!(fits.body.len(), 102_400);
    // Often: the guest may have ended before what is too much is sent.
    for _ in 0..30 {
        let response = host.function("/large?bytes=102401").send().await;
        let response = response.expect("a head");
        response
            .bytes()
            .await
            .expect_err("an error, not a clean end");
    }
    let invocations = admin.await_invocations("large", 31).await;
    let outcomes = invocations
        .iter()
        .map(|one| (&one["outcome"], &one["blame"]));
    let too_large = (&"response_too_large".into(), &"guest".into());
    assert_eq!(outcomes.filter(|one| *one == too_large).count(), 30);
    admin.await_log("large", "limits.response-bytes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_concurrency_a_function_has_a_bounded_queue() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[limits]\nconcurrency = 1\nqueue = 1";
    admin
        .deployed_with("busy", artifacts::guest("http_sleeps"), manifest)
        .await;
    let replies = join_all((0..5).map(|_| Reply::of(host.function("/busy?ms=2000")))).await;
    let (served, refused): (Vec<Reply>, Vec<Reply>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!(
        (served.len(), refused.len()),
        (2, 3),
        "one at work and one in the queue"
    );
    for reply in refused {
        assert_problem(&reply, 503, "overloaded");
        assert_eq!(reply.header("retry-after"), "1");
    }
    let metrics = admin.get("/metrics").await.text();
    assert!(
        metrics
            .contains("tidegate_events_refused_total{function=\"busy\",reason=\"overloaded\"} 3"),
        "{metrics}"
    );
    Reply::of(host.function("/busy?ms=0")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_longer_than_the_timeout_is_sent_away() {
    let host = TestHost::start().await;
    let manifest = "[limits]\nconcurrency = 1\ntimeout = \"1s\"";
    host.admin()
        .deployed_with("busy", artifacts::guest("http_sleeps"), manifest)
        .await;
    let replies = join_all((0..2).map(|_| Reply::of(host.function("/busy?ms=20000")))).await;
    let mut codes: Vec<String> = replies
        .iter()
        .map(|reply| reply.json()["code"].to_string())
        .collect();
    codes.sort();
    // The second one's time runs from its arrival, so it gets its place just as its time is over, or not at all.
    assert!(
        codes[1] == "\"timeout\"" && ["\"overloaded\"", "\"timeout\""].contains(&&*codes[0]),
        "{codes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_a_functions_rate_are_turned_away() {
    let host = TestHost::start().await;
    let manifest = "[limits]\nrate = \"3/m\"";
    host.admin()
        .deployed_with("rated", artifacts::guest("http_version"), manifest)
        .await;
    for _ in 0..3 {
        Reply::of(host.function("/rated")).await.expect(200);
    }
    let refused = Reply::of(host.function("/rated")).await;
    assert_problem(&refused, 429, "rate_limited");
    let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!(
        (1..=20).contains(&seconds),
        "a third of a minute at most: {seconds}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_output_is_bounded() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("flood", artifacts::guest("http_log_flood"), "")
        .await;
    let reply = Reply::of(host.function("/flood?bytes=5000000&lines=1000"))
        .await
        .expect(200);
    assert_eq!(reply.text(), "flooded", "the guest does not notice");
    let dropped = admin
        .await_log("flood", "more log lines were dropped")
        .await;
    assert_eq!(
        (&dropped["source"], &dropped["level"]),
        (&"host".into(), &"warn".into())
    );
    let lines = admin.logs("flood").await;
    let bytes: usize = lines.iter().map(|line| message(line).len()).sum();
    assert!(
        (60 * 1024..66 * 1024).contains(&bytes),
        "64 KiB and the last line: {bytes}"
    );
    let kept = lines.len() - 1;
    let count = 5_000_000_usize.div_ceil(1024) + 1000 - kept;
    assert!(
        message(&dropped).starts_with(&format!("{count} more")),
        "{dropped}, {kept} kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_keeps_no_more_than_its_last_log_lines() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("flood", artifacts::guest("http_log_flood"), "")
        .await;
    for _ in 0..3 {
        Reply::of(host.function("/flood?lines=500"))
            .await
            .expect(200);
    }
    admin.await_invocations("flood", 3).await;
    let lines = admin.logs("flood").await;
    assert_eq!(lines.len(), 1000);
    assert_eq!(
        (message(&lines[0]), message(&lines[999])),
        ("line 0", "line 499")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_holds_a_bounded_number_of_handles() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("handles", artifacts::guest("http_handles"), "")
        .await;
    for kind in ["fields", "pollable"] {
        let path = |count: u32| format!("/handles?kind={kind}&n={count}");
        Reply::of(host.function(&path(400))).await.expect(200);
        assert_problem(&Reply::of(host.function(&path(1001))).await, 500, "trap");
        assert_problem(
            &Reply::of(host.function(&path(1_000_000))).await,
            500,
            "trap",
        );
    }
    Reply::of(host.function("/handles?n=1")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_gives_a_bounded_number_of_random_bytes() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("random", artifacts::guest("http_random"), "")
        .await;
    let reply = Reply::of(host.function("/random?bytes=65536"))
        .await
        .expect(200);
    assert_eq!(reply.body.len(), 65_536);
    let different: HashSet<u8> = reply.body.iter().copied().collect();
    assert_eq!(different.len(), 256);
    for bytes in ["65537", "4000000000", "18446744073709551615"] {
        assert_problem(
            &Reply::of(host.function(&format!("/random?bytes={bytes}"))).await,
            500,
            "trap",
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_invocation_is_left_for_the_next_ones() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for name in ["first", "second"] {
        admin
            .deployed(name, artifacts::guest("http_canary"), "")
            .await;
    }
    let planted = Reply::of(host.function("/first?plant=1"))
        .await
        .expect(200)
        .text();
    let hits: u32 = planted
        .strip_prefix("count=1 hits=")
        .expect("a fresh instance")
        .parse()
        .expect("a number");
    assert!(
        hits > 65_536,
        "the search finds what was planted: {planted}"
    );
    for _ in 0..25 {
        Reply::of(host.function("/first?plant=1")).await.expect(200);
        let both = ["/first", "/second"].iter().cycle().take(16);
        for reply in join_all(both.map(|path| Reply::of(host.function(path)))).await {
            assert_eq!(reply.expect(200).text(), "count=1 hits=0");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_guests_starve_nobody() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[limits]\ncpu = \"4s\"\ntimeout = \"600s\"";
    admin
        .deployed_with("busy", artifacts::guest("http_never_returns"), manifest)
        .await;
    admin
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    let loops = 2 * std::thread::available_parallelism()
        .expect("a number of cores")
        .get();
    let busy = join_all((0..loops).map(|_| Reply::of(host.function("/busy"))));
    let mut busy = tokio::spawn(busy);
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut count = 0;
    while !busy.is_finished() {
        slowest = slowest.max(time(admin.request(Method::GET, "/readyz")).await);
        slowest = slowest.max(time(host.function("/version")).await);
        slowest = slowest.max(time(admin.request(Method::GET, "/api/v1/functions")).await);
        count += 1;
    }
    let took = began.elapsed();
    assert!(
        slowest < took / 4,
        "the slowest of {count} rounds: {slowest:?} of {took:?}"
    );
    assert!(count > 3, "the guests were busy for {count} rounds only");
    for reply in (&mut busy).await.expect("no panic") {
        reply.expect_problem(504, "cpu_limit");
    }
    for invocation in admin.await_invocations("busy", loops).await {
        let cpu_ms = invocation["cpu_ms"].as_f64().expect("a number");
        assert!((4000.0..4500.0).contains(&cpu_ms), "{invocation}");
    }
}

async fn time(request: RequestBuilder) -> Duration {
    let began = Instant::now();
    Reply::of(request).await.expect(200);
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_invocation_is_bound_by_the_same_limits() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[limits]\ncpu = \"100ms\"";
    admin
        .deployed_with("busy", artifacts::guest("http_never_returns"), manifest)
        .await;
    let result = admin.invoke_http("busy", "GET", "/busy", "").await;
    assert_eq!(result["invocation"]["outcome"], "cpu_limit", "{result}");
    assert_metric(
        &admin,
        "tidegate_invocations_total{blame=\"guest\",function=\"busy\",outcome=\"cpu_limit\",trigger=\"http\"} 1",
    )
    .await;
}

async fn assert_metric(admin: &AdminClient, line: &str) {
    eventually(line, SOON, async || {
        admin
            .get("/metrics")
            .await
            .text()
            .contains(line)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_far_too_much_still_gets_to_read_why_not() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("http_reads");
    admin.deployed("reads", guest, "").await;
    let large = vec![b'x'; 20 << 20];
    for _ in 0..10 {
        let request = host.request(Method::POST, "/reads").body(large.clone());
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, 413, "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_on_sending_after_its_answer_is_not_listened_to_for_ever() {
    let host = TestHost::start().await;
    let guest = artifacts::guest("http_reads");
    host.admin().deployed("reads", guest, "").await;
    let mut wire = Wire::connect(host.http_address()).await;
    wire.send("POST /reads HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n")
        .await;
    wire.read_until("HTTP/1.1 413 ").await;
    eventually("the connection is reset", SOON, async || {
        wire.try_send("x").await.err()
    })
    .await;
}
