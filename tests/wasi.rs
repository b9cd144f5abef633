//! WASI 0.3: components that handle requests asynchronously, and CGI programs of that generation.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tidegate_tests::{MqttClient, QoS, Reply, TestHost, Wire, sdks};

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways_at_once() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("stream", sdks::wasi3("http_stream"), "")
        .await;
    let mut wire = Wire::connect(host.http_address()).await;
    wire.send("POST /stream/a?b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    let head = wire.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("asked: Method::Post /stream/a?b"), "{head}");
    for part in ["first part", "second part"] {
        wire.send(format!("{:x}\r\n{part}\r\n", part.len())).await;
        wire.read_until(&part.to_uppercase()).await;
    }
    wire.send("0\r\n\r\n").await;
    wire.read_until("0\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_has_no_headers_but_what_the_function_set_the_date_and_the_framing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let of_0_2 = tidegate_tests::artifacts::guest("http_foreign");
    admin.deployed("sync", of_0_2, "").await;
    let of_0_3 = sdks::wasi3("http_stream");
    admin.deployed("async", of_0_3, "").await;
    let framing = ["date", "transfer-encoding"];
    for (path, set) in [("/sync", &[][..]), ("/async", &["asked"])] {
        let mut wire = Wire::connect(host.http_address()).await;
        wire.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        let head = wire.read_until("\r\n\r\n").await;
        let (status, headers) = head.split_once("\r\n").expect("a status line");
        assert_eq!(status, "HTTP/1.1 200 OK");
        let names = headers.lines().filter_map(|line| line.split_once(':'));
        let mut names: Vec<&str> = names.map(|(name, _)| name).collect();
        names.sort_unstable();
        assert_eq!(names, [set, &framing].concat(), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_some_mib_passes_whole() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("stream", sdks::wasi3("http_stream"), "")
        .await;
    let body = "tide and gate ".repeat(400_000);
    let request = host.request(Method::PUT, "/stream").body(body.clone());
    let reply = Reply::of(request).await.expect(200);
    assert!(reply.text() == body.to_uppercase(), "{}", reply.body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_sleeps_holds_up_nobody_and_both_generations_clocks_agree() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("sleep", sdks::wasi3("http_sleep"), "")
        .await;
    let begin = Instant::now();
    let ask = || async {
        Reply::of(host.function("/sleep?2000"))
            .await
            .expect(200)
            .text()
    };
    let sleepers: [_; 8] = std::array::from_fn(|_| ask());
    for slept in futures_util::future::join_all(sleepers).await {
        let slept: u64 = slept.parse().expect("milliseconds");
        assert!((1999..12_000).contains(&slept), "{slept}");
    }
    assert!(begin.elapsed() < Duration::from_secs(12), "one by one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_sleeps_too_long_is_stopped() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[limits]\ntimeout = \"2s\"\n";
    admin
        .deployed_with("sleep", sdks::wasi3("http_sleep"), manifest)
        .await;
    Reply::of(host.function("/sleep?1")).await.expect(200);
    let reply = Reply::of(host.function("/sleep?20000")).await;
    reply.expect_problem(504, "timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_serves_requests_in_the_cgi_manner() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("command", sdks::wasi3("cli_command"), "")
        .await;
    let request = host.request(Method::PUT, "/command");
    let reply = Reply::of(request.body("put in")).await.expect(200);
    assert_eq!(
        (reply.header("x-method"), reply.text().as_str()),
        ("PUT", "put in")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_handler_of_spins_mqtt_trigger_gets_messages() {
    let host = TestHost::start().await;
    handles_messages(&host, sdks::wasi3("spin_mqtt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_handler_of_spins_mqtt_trigger_gets_messages() {
    let host = TestHost::builder().arg("--wasi-p3=off").start().await;
    handles_messages(&host, tidegate_tests::artifacts::guest("spin_mqtt")).await;
}

/// Deploys a handler of Spin's MQTT trigger that logs, and fails to handle `fail`.
async fn handles_messages(host: &TestHost, component: Vec<u8>) {
    let admin = host.admin();
    let refused = admin.deploy("handler", component.clone(), "").await;
    refused.expect_problem(422, "trigger_missing");
    let manifest = "[[mqtt]]\ntopic = \"sensors/+/temperature\"\nattempts = 2\n";
    admin.deployed_with("handler", component, manifest).await;
    let client = MqttClient::connect(host.mqtt_address(), "sensor").await;
    client
        .publish("sensors/a/temperature", "21.5", QoS::AtLeastOnce)
        .await;
    admin
        .await_log("handler", "sensors/a/temperature 21.5")
        .await;
    admin.await_invocations("handler", 1).await;
    client
        .publish("sensors/b/temperature", "fail", QoS::AtLeastOnce)
        .await;
    let outcomes: Vec<Value> = admin
        .await_invocations("handler", 3)
        .await
        .iter()
        .map(|invocation| invocation["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["guest_error", "guest_error", "ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_wasi_0_3_refuses_what_needs_it_and_serves_the_rest() {
    let host = TestHost::builder().arg("--wasi-p3=off").start().await;
    let admin = host.admin();
    for name in ["http_stream", "cli_command"] {
        let reply = admin.deploy("async", sdks::wasi3(name), "").await;
        let detail = reply.json()["detail"].to_string();
        reply.expect_problem(422, "wasi_p3_off");
        assert!(detail.contains("--wasi-p3"), "{detail}");
    }
    let component = tidegate_tests::artifacts::guest("http_foreign");
    admin.deployed("sync", component, "").await;
    Reply::of(host.function("/sync")).await.expect(200);
}
