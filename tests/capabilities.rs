//! What guests may ask of the host: what is granted works, what is not is refused, and nothing else is to be seen.

use std::collections::HashSet;
use std::net::TcpListener;
use std::time::Instant;

use futures_util::future::join_all;
use tidegate_tests::{MqttClient, QoS, Reply, TestHost, artifacts};

/// Asks a function and expects an answer with this status.
async fn ask(host: &TestHost, path: &str, status: u16) -> String {
    Reply::of(host.function(path)).await.expect(status).text()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_of_the_key_value_store_works() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("all", artifacts::guest("kv_all"), "bucket=default")
        .await;
    admin.deployed("cas", artifacts::guest("kv_cas"), "").await;
    assert_eq!(ask(&host, "/all", 200).await, "ok");
    assert_eq!(ask(&host, "/cas", 200).await, "ok");
    assert_eq!(
        ask(&host, "/all", 200).await,
        "ok",
        "a second time, on what the first has left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_at_the_same_time_are_all_counted() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("counter", artifacts::guest("kv_counter"), "")
        .await;
    let counts = join_all((0..40).map(|_| ask(&host, "/counter", 200))).await;
    let counts: HashSet<u32> = counts
        .iter()
        .map(|count| count.parse().expect("a number"))
        .collect();
    assert_eq!(counts, (1..=40).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_granted_is_denied() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("kv", artifacts::guest("kv_all"), "bucket=mine")
        .await;
    admin
        .put("/api/v1/buckets/other/keys/secret", "treasure")
        .await
        .expect(204);
    for bucket in [
        "other",
        "default",
        "mine2",
        "MINE",
        "",
        "mine:ro",
        "..%2Fother",
        "mine%00",
    ] {
        let answer = ask(
            &host,
            &format!("/kv?op=get&key=secret&bucket={bucket}"),
            500,
        )
        .await;
        assert!(
            answer.contains("is not granted") && !answer.contains("treasure"),
            "{bucket}: {answer}"
        );
    }
    ask(&host, "/kv?op=get&key=secret&bucket=mine", 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_bucket_can_be_read_and_not_written() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("reader", artifacts::guest("kv_all"), "bucket=default:ro")
        .await;
    admin
        .put("/api/v1/buckets/default/keys/key", "value")
        .await
        .expect(204);
    assert_eq!(ask(&host, "/reader?op=get&key=key", 200).await, "value");
    assert_eq!(ask(&host, "/reader?op=list", 200).await, "key");
    for write in ["op=set&key=key&value=new", "op=big&key=key&bytes=1", ""] {
        let answer = ask(&host, &format!("/reader?{write}"), 500).await;
        assert!(answer.contains("is not granted"), "{write}: {answer}");
    }
    assert_eq!(
        admin.get("/api/v1/buckets/default/keys/key").await.text(),
        "value"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_without_a_grant_is_refused_at_deploy() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for (guest, code, named) in [
        ("kv_all", "grant_missing", "bucket=default"),
        ("http_publish", "grant_missing", "publish="),
        ("imports_unknown", "import_unknown", "acme:widgets/paint"),
    ] {
        let refused = admin
            .deploy("refused", artifacts::guest(guest), "")
            .await
            .expect_problem(422, code);
        let detail = refused.json()["detail"].to_string();
        assert!(detail.contains(named), "{guest}: {detail}");
        admin
            .get("/api/v1/functions/refused")
            .await
            .expect_problem(404, "no_such_function");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_values_have_a_largest_size() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("kv", artifacts::guest("kv_all"), "bucket=default")
        .await;
    let set = |bytes: usize| format!("/kv?op=set&value=v&key={}", "k".repeat(bytes));
    assert_eq!(ask(&host, &set(1024), 200).await, "ok");
    assert!(
        ask(&host, &set(1025), 500)
            .await
            .contains("the key has 1025 bytes; at most 1024")
    );
    assert!(
        ask(&host, &set(0), 500)
            .await
            .contains("at least one character")
    );
    let big = |bytes: usize| format!("/kv?op=big&key=big&bytes={bytes}");
    assert_eq!(ask(&host, &big(1 << 20), 200).await, "ok");
    assert!(
        ask(&host, &big((1 << 20) + 1), 500)
            .await
            .contains("at most 1048576")
    );
    assert_eq!(ask(&host, "/kv?op=get&key=big", 200).await.len(), 1 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_apart_and_functions_share_those_they_are_granted() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("one", artifacts::guest("kv_all"), "bucket=a&bucket=b")
        .await;
    admin
        .deployed("two", artifacts::guest("kv_all"), "bucket=b")
        .await;
    ask(&host, "/one?op=set&bucket=a&key=key&value=in-a", 200).await;
    ask(&host, "/one?op=get&bucket=b&key=key", 404).await;
    ask(&host, "/two?op=get&bucket=b&key=key", 404).await;
    ask(&host, "/two?op=set&bucket=b&key=key&value=in-b", 200).await;
    assert_eq!(
        ask(&host, "/one?op=get&bucket=b&key=key", 200).await,
        "in-b"
    );
    assert_eq!(
        ask(&host, "/one?op=get&bucket=a&key=key", 200).await,
        "in-a"
    );
    let buckets = admin.get("/api/v1/buckets").await.expect(200).json();
    let names = buckets["buckets"].as_array().expect("a list").iter();
    let names: Vec<_> = names.map(|bucket| &bucket["name"]).collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_reads_its_own_configuration() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[config]\nthreshold = \"30\"\n\"log level\" = \"äöü = x\"";
    admin
        .deployed_with("configured", artifacts::guest("config_read"), manifest)
        .await;
    admin
        .deployed("bare", artifacts::guest("config_read"), "")
        .await;
    assert_eq!(ask(&host, "/configured?key=threshold", 200).await, "30");
    assert_eq!(
        ask(&host, "/configured?key=log+level", 200).await,
        "äöü = x"
    );
    assert_eq!(ask(&host, "/configured?key=missing", 404).await, "not set");
    assert_eq!(
        ask(&host, "/configured", 200).await,
        "log level=äöü = x\nthreshold=30\n"
    );
    assert_eq!(ask(&host, "/bare", 200).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_writes_is_logged_with_its_source_and_level() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("logs", artifacts::guest("http_logs"), "")
        .await;
    ask(&host, "/logs", 200).await;
    let id = admin.await_invocations("logs", 1).await[0]["id"].clone();
    let lines = admin.logs("logs").await;
    for (message, source, level) in [
        ("on standard output", "stdout", "info"),
        ("on standard error", "stderr", "warn"),
        ("at trace", "logging", "trace"),
        ("at debug", "logging", "debug"),
        ("at info", "logging", "info"),
        ("at warn", "logging", "warn"),
        ("at error", "logging", "error"),
        ("at critical", "logging", "critical"),
    ] {
        let line = lines.iter().find(|line| line["message"] == message);
        let line = line.unwrap_or_else(|| panic!("no `{message}` in {lines:?}"));
        assert_eq!(
            (line["source"].as_str(), line["level"].as_str()),
            (Some(source), Some(level)),
            "{line}"
        );
        assert_eq!(line["invocation"], id, "{line}");
    }
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert_eq!(
        lines
            .iter()
            .find(|line| line["level"] == "critical")
            .expect("found")["context"],
        "http_logs"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_nothing_of_the_world_outside() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket option");
    let address = listener.local_addr().expect("an address");
    let host = TestHost::builder()
        .env("PLANTED_SECRET", "planted-value")
        .start()
        .await;
    host.admin()
        .deployed("environment", artifacts::guest("http_environment"), "")
        .await;
    let report = ask(&host, &format!("/environment?addr={address}"), 200).await;
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(
        lines[..3],
        ["variables: []", "arguments: []", "directories: []"],
        "{report}"
    );
    assert_eq!(lines.len(), 8, "{report}");
    assert!(
        lines[3..].iter().all(|line| line.contains(": failed: ")),
        "{report}"
    );
    assert!(!report.to_ascii_lowercase().contains("planted"), "{report}");
    assert_untouched(&listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn outgoing_http_is_denied() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket option");
    let address = listener.local_addr().expect("an address");
    let host = TestHost::start().await;
    host.admin()
        .deployed("outgoing", artifacts::guest("http_outgoing"), "")
        .await;
    let admin = host.admin.clone();
    for url in [
        format!("http://{address}/"),
        format!("{admin}/healthz"),
        "https://169.254.169.254/".to_owned(),
    ] {
        let answer = ask(&host, &format!("/outgoing?url={url}"), 502).await;
        assert!(answer.contains("HttpRequestDenied"), "{url}: {answer}");
    }
    assert_untouched(&listener);
}

#[track_caller]
fn assert_untouched(listener: &TcpListener) {
    let error = listener.accept().expect_err("nobody has connected");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_publishes_what_it_is_granted_and_nothing_else() {
    let host = TestHost::start().await;
    let query = "publish=alerts/%23&publish=site/%2B/state";
    host.admin()
        .deployed("publish", artifacts::guest("http_publish"), query)
        .await;
    let mut client = MqttClient::connect(host.mqtt_address(), "reader").await;
    client.subscribe("#", QoS::AtLeastOnce).await;
    for (topic, qos) in [("alerts/fire", 1), ("alerts", 1), ("site/a/state", 0)] {
        let path = format!("/publish?topic={topic}&payload=to+{topic}&qos={qos}");
        assert_eq!(ask(&host, &path, 200).await, "ok");
        let message = client.next_message().await;
        assert_eq!(
            (message.topic.as_str(), message.text()),
            (topic, format!("to {topic}"))
        );
    }
    for topic in ["other", "site/a/b/state", "site/a", "alert", "alertsx/fire"] {
        let answer = ask(
            &host,
            &format!("/publish?topic={topic}&payload=x&qos=1"),
            500,
        )
        .await;
        assert!(answer.contains("not granted"), "{topic}: {answer}");
    }
    for topic in ["%24SYS/x", "alerts/%23", "alerts/%2B", "", "alerts/%00"] {
        let answer = ask(
            &host,
            &format!("/publish?topic={topic}&payload=x&qos=1"),
            500,
        )
        .await;
        assert!(answer.contains("invalid topic"), "{topic}: {answer}");
    }
    // What was refused would have come before this one.
    ask(&host, "/publish?topic=alerts/last&payload=x&qos=1", 200).await;
    assert_eq!(client.next_message().await.topic, "alerts/last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_publishes_retained_messages() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("publish", artifacts::guest("http_publish"), "publish=state")
        .await;
    ask(
        &host,
        "/publish?topic=state&payload=kept&qos=1&retain=1",
        200,
    )
    .await;
    let mut late = MqttClient::connect(host.mqtt_address(), "late").await;
    late.subscribe("state", QoS::AtLeastOnce).await;
    let message = late.next_message().await;
    assert_eq!((message.text().as_str(), message.retain), ("kept", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_fails_where_mqtt_is_switched_off() {
    let host = TestHost::builder().arg("--mqtt").arg("off").start().await;
    let deployed = host
        .admin()
        .deployed("publish", artifacts::guest("http_publish"), "publish=state")
        .await;
    assert_eq!(deployed["triggers"]["mqtt"], serde_json::json!([]));
    let answer = ask(&host, "/publish?topic=state&payload=x", 500).await;
    assert!(answer.contains("switched off"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_run_and_randomness_is_random() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("sleeps", artifacts::guest("http_sleeps"), "")
        .await;
    admin
        .deployed("random", artifacts::guest("http_random"), "")
        .await;
    let began = Instant::now();
    assert_eq!(ask(&host, "/sleeps?ms=400", 200).await, "slept");
    assert!(
        (400..20_000).contains(&began.elapsed().as_millis()),
        "{:?}",
        began.elapsed()
    );
    let slept = &admin.await_invocations("sleeps", 1).await[0];
    assert!(slept["duration_ms"].as_f64() >= Some(400.0), "{slept}");
    assert!(
        slept["cpu_ms"].as_f64() < Some(200.0),
        "waiting is not computing: {slept}"
    );
    let bytes = join_all((0..20).map(|_| Reply::of(host.function("/random?bytes=16")))).await;
    let different: HashSet<Vec<u8>> = bytes
        .into_iter()
        .map(|reply| reply.expect(200).body)
        .collect();
    assert_eq!(different.len(), 20);
}
