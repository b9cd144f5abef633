//! What the admin API shows of functions at work: trial invocations, logs, counts, metrics.

use std::collections::HashSet;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tidegate_tests::{Reply, SOON, TestHost, artifacts, eventually};
use tokio::io::AsyncWriteExt as _;
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

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_in_prometheus_text_format() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    admin
        .deployed("trap", artifacts::guest("http_trap"), "")
        .await;
    join_all(["/version", "/version", "/trap"].map(|path| Reply::of(host.function(path)))).await;
    let wanted = [
        "tidegate_invocations_total{function=\"version\",trigger=\"http\",outcome=\"ok\"} 2",
        "tidegate_invocations_total{function=\"trap\",trigger=\"http\",outcome=\"trap\"} 1",
        "tidegate_invocation_seconds_count{function=\"version\"} 2",
        "tidegate_build_info{version=\"",
    ];
    let text = eventually("the metrics have all that was invoked", SOON, async || {
        let reply = admin.get("/metrics").await.expect(200);
        assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4");
        let text = reply.text();
        wanted
            .iter()
            .all(|line| text.contains(line))
            .then_some(text)
    })
    .await;
    check_format(&text);
    check_with_promtool(&text).await;
}

/// Every sample is well-formed and belongs to a metric that was declared before it, once, with its type and help.
fn check_format(text: &str) {
    let (mut typed, mut helped) = (HashSet::new(), HashSet::new());
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.split(' ');
            let (kind, name) = (words.next().expect("a word"), words.next().expect("a name"));
            current = name.to_owned();
            let is_first = match kind {
                "TYPE" => typed.insert(name),
                "HELP" => helped.insert(name),
                _ => panic!("{line}"),
            };
            assert!(is_first && words.next().is_some(), "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        value
            .parse::<f64>()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let name = series.split('{').next().expect("a name");
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        assert!(
            name == current || base == current,
            "{line} is not of {current}"
        );
        assert!(name.starts_with("tidegate_"), "{line}");
        assert!(
            name.bytes().all(|c| c == b'_' || c.is_ascii_lowercase()),
            "{line}"
        );
        if let Some(labels) = series
            .strip_prefix(name)
            .filter(|labels| !labels.is_empty())
        {
            let inner = labels
                .strip_prefix('{')
                .and_then(|labels| labels.strip_suffix('}'))
                .expect("braces");
            let well_formed = |label: &str| {
                label
                    .split_once("=\"")
                    .is_some_and(|(_, value)| value.ends_with('"'))
            };
            assert!(inner.split(',').all(well_formed), "{line}");
        }
    }
    assert!(!typed.is_empty() && typed == helped, "{typed:?} {helped:?}");
}

/// Prometheus' own check, where it is installed.
async fn check_with_promtool(text: &str) {
    let command = tokio::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match command {
        Ok(promtool) => promtool,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("promtool is not installed: checked by this test's own parser only");
            return;
        }
        Err(error) => panic!("promtool: {error}"),
    };
    let mut input = promtool.stdin.take().expect("piped");
    input
        .write_all(text.as_bytes())
        .await
        .expect("promtool reads");
    drop(input);
    let checked = timeout(Duration::from_secs(30), promtool.wait_with_output())
        .await
        .expect("promtool ends");
    let checked = checked.expect("a child can be waited for");
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}
