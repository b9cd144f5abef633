//! What the admin API shows of functions at work: trial invocations, logs, counts.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tidegate_tests::{Reply, SOON, TestHost, artifacts};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_invocation_shows_its_result_and_its_logs() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("logs", artifacts::guest("http_logs"), "")
        .await;
    let result = admin
        .invoke_http("logs", "POST", "/any/path?x=1", "body")
        .await;
    assert_eq!(
        (&result["http"]["status"], &result["http"]["body"]),
        (&json!(200), &json!("logged")),
        "{result}"
    );
    assert_eq!(
        (
            &result["invocation"]["outcome"],
            &result["invocation"]["trigger"]
        ),
        (&json!("ok"), &json!("http"))
    );
    let logs = result["logs"].as_array().expect("lines");
    assert_eq!(logs.len(), 8, "{result}");
    assert!(
        logs.iter()
            .all(|line| line["invocation"] == result["invocation"]["id"]),
        "{result}"
    );

    admin
        .deployed("random", artifacts::guest("http_random"), "")
        .await;
    let result = admin.invoke_http("random", "GET", "/?bytes=64", "").await;
    assert!(result["http"]["body_base64"].is_string(), "{result}");

    admin
        .deployed("trap", artifacts::guest("http_trap"), "")
        .await;
    let result = admin.invoke_http("trap", "GET", "/", "").await;
    assert_eq!(
        (
            &result["invocation"]["outcome"],
            &result["invocation"]["blame"]
        ),
        (&json!("trap"), &json!("guest"))
    );
    assert!(
        result["invocation"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("http_trap")),
        "{result}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_invocation_takes_a_message_as_well() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("record", artifacts::guest("mqtt_record"), "topic=a/%2B")
        .await;
    let event = json!({ "mqtt": { "topic": "a/b", "payload": "21.5", "qos": 1 } });
    let result = admin
        .post("/api/v1/functions/record/invoke", &event)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &result["invocation"]["outcome"],
            &result["invocation"]["trigger"]
        ),
        (&json!("ok"), &json!("mqtt"))
    );
    assert_eq!(
        admin
            .get("/api/v1/buckets/default/keys/a/b")
            .await
            .expect(200)
            .text(),
        "21.5"
    );
    // A function without the handler that this event needs.
    admin
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    let reply = admin.post("/api/v1/functions/version/invoke", &event).await;
    assert!(
        reply.status >= 400 || reply.json()["invocation"]["outcome"] != "ok",
        "{}",
        reply.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_limited_and_filtered() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("logs", artifacts::guest("http_logs"), "")
        .await;
    // One after the other: they are recorded as they end, which is after their answers.
    for count in 1..=2 {
        Reply::of(host.function("/logs")).await.expect(200);
        admin.await_invocations("logs", count).await;
    }
    let invocations = admin.await_invocations("logs", 2).await;
    assert_eq!(admin.logs("logs").await.len(), 16);
    let list = async |query: &str| {
        admin
            .get(&format!("/api/v1/functions/logs/logs?{query}"))
            .await
            .expect(200)
            .json()
    };
    let last = list("limit=1").await;
    assert_eq!(last["logs"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        last["logs"][0]["invocation"], invocations[0]["id"],
        "the newest"
    );
    let of_first = list(&format!(
        "invocation={}",
        invocations[1]["id"].as_str().expect("an id")
    ))
    .await;
    assert_eq!(of_first["logs"].as_array().map(Vec::len), Some(8));
    admin
        .get("/api/v1/functions/logs/logs?folow=true")
        .await
        .expect_problem(400, "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn followed_logs_come_as_they_are_written_and_end_with_the_host() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("logs", artifacts::guest("http_logs"), "")
        .await;
    Reply::of(host.function("/logs")).await.expect(200);
    admin.await_invocations("logs", 1).await;
    let follow = admin.request(Method::GET, "/api/v1/functions/logs/logs?follow=true");
    let mut events = follow.send().await.expect("a head");
    assert_eq!(events.status(), 200);
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let kept = read_events(&mut events, 8).await;
    assert_eq!(kept[0]["message"], "on standard output");
    Reply::of(host.function("/logs")).await.expect(200);
    let live = read_events(&mut events, 8).await;
    assert_ne!(live[0]["invocation"], kept[0]["invocation"]);
    let (rest, status) = tokio::join!(timeout(SOON, events.bytes()), host.terminate());
    rest.expect("the stream ends soon").expect("a clean end");
    assert!(status.success(), "{status}");
}

/// The next lines of a stream of server-sent events.
async fn read_events(events: &mut Response, count: usize) -> Vec<Value> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let chunk = timeout(SOON, events.chunk())
            .await
            .expect("an event soon")
            .expect("no error");
        text += &String::from_utf8_lossy(&chunk.expect("not the end"));
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let lines: Vec<Value> = data
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    assert_eq!(
        (lines.len(), text.matches("event: log\n").count()),
        (count, count),
        "{text}"
    );
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_their_invocations_are_counted() {
    let host = TestHost::start().await;
    let admin = host.admin();
    assert_eq!(
        admin.get("/api/v1/functions").await.expect(200).json(),
        json!({ "functions": [] })
    );
    admin
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    admin
        .deployed("trap", artifacts::guest("http_trap"), "")
        .await;
    for path in ["/version", "/version", "/trap"] {
        Reply::of(host.function(path)).await;
    }
    let invocation = &admin.await_invocations("trap", 1).await[0];
    assert_eq!(
        (&invocation["trigger"], &invocation["revision"]),
        (&json!("http"), &json!(1))
    );
    admin.await_invocations("version", 2).await;
    let listed = admin.get("/api/v1/functions").await.expect(200).json();
    let counts: Vec<_> = listed["functions"]
        .as_array()
        .expect("functions")
        .iter()
        .map(|function| {
            (
                function["name"].as_str(),
                function["invocations"].as_u64(),
                function["failures"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        [
            (Some("trap"), Some(1), Some(1)),
            (Some("version"), Some(2), Some(0))
        ]
    );
}
