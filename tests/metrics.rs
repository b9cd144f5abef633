//! Metrics: what is counted, in a format that Prometheus reads without complaint.

use std::collections::HashSet;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tidegate_tests::{MqttClient, QoS, Reply, SOON, TestHost, artifacts, eventually};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

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
    admin
        .deployed("counter", artifacts::guest("kv_counter"), "")
        .await;
    Reply::of(host.function("/counter")).await.expect(200);
    let record = artifacts::guest("mqtt_record");
    admin.deployed("record", record, "topic=in").await;
    let client = MqttClient::connect(host.mqtt_address(), "device").await;
    client.publish("in", "x", QoS::AtLeastOnce).await;
    let wanted = [
        "tidegate_invocations_total{blame=\"\",function=\"version\",outcome=\"ok\",trigger=\"http\"} 2\n",
        "tidegate_invocations_total{blame=\"guest\",function=\"trap\",outcome=\"trap\",trigger=\"http\"} 1\n",
        "tidegate_invocations_total{blame=\"\",function=\"record\",outcome=\"ok\",trigger=\"mqtt\"} 1\n",
        "tidegate_invocation_duration_seconds_count{function=\"version\"} 2\n",
        "tidegate_invocation_queue_seconds_count{function=\"version\"} 2\n",
        "tidegate_invocation_instantiate_seconds_count{function=\"version\"} 2\n",
        "tidegate_invocation_guest_seconds_count{function=\"version\"} 2\n",
        "tidegate_capability_calls_total{capability=\"keyvalue\",function=\"counter\",operation=\"increment\",result=\"ok\"} 1\n",
        "tidegate_capability_call_duration_seconds_count{capability=\"keyvalue\",operation=\"increment\"} 1\n",
        "tidegate_compilations_total{result=\"ok\"} 4\n",
        "tidegate_compiled_cache_lookups_total{result=\"hit\"} 4\n",
        "tidegate_invocations_in_flight{function=\"version\"} 0\n",
        "tidegate_pool_slots_in_use{abi=\"sync\"} 0\n",
        "tidegate_inbox_messages{function=\"record\"} 0\n",
        "tidegate_inbox_oldest_age_seconds{function=\"record\"} 0\n",
        "tidegate_mqtt_clients 1\n",
        "tidegate_mqtt_messages_received_total 1\n",
        "tidegate_mqtt_retained_messages 0\n",
        "tidegate_build_info{version=\"",
        "process_resident_memory_bytes ",
        "tidegate_storage_written_bytes_total ",
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
        let is_known = ["tidegate_", "process_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        assert!(is_known, "{line}");
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

/// Prometheus' own check.
async fn check_with_promtool(text: &str) {
    let mut promtool = tokio::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: tests/setup installs it");
    let mut input = promtool.stdin.take().expect("piped");
    input
        .write_all(text.as_bytes())
        .await
        .expect("promtool reads");
    drop(input);
    let checked = timeout(Duration::from_secs(30), promtool.wait_with_output()).await;
    let checked = checked
        .expect("promtool ends")
        .expect("a child can be waited for");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.is_empty(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_passes_on_is_not_from_this_machine() {
    let host = TestHost::start().await;
    let stranger = host.stranger();
    stranger.get("/metrics").await.expect(200);
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("via", "1.1 proxy"),
    ] {
        let request = stranger.request(reqwest::Method::GET, "/metrics");
        let reply = Reply::of(request.header(name, value)).await;
        reply.expect_problem(401, "token_missing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_function_that_was_deleted() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("gone", artifacts::guest("http_version"), "")
        .await;
    Reply::of(host.function("/gone")).await.expect(200);
    admin.await_invocations("gone", 1).await;
    let metrics = async || admin.get("/metrics").await.expect(200).text();
    assert!(metrics().await.contains("function=\"gone\""));
    admin.delete("/api/v1/functions/gone").await.expect(204);
    let text = metrics().await;
    assert!(!text.contains("function=\"gone\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_for_grafana_asks_for_metrics_that_there_are() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let record = artifacts::guest("mqtt_record");
    admin.deployed("record", record, "topic=in").await;
    admin
        .deployed("counter", artifacts::guest("kv_counter"), "")
        .await;
    Reply::of(host.function("/counter")).await.expect(200);
    let refuse = admin.deploy("limited", artifacts::guest("http_version"), "");
    refuse.await.expect(201);
    admin.await_invocations("counter", 1).await;
    let text = admin.get("/metrics").await.expect(200).text();
    let there: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let file = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../deploy/grafana-dashboard.json"
    ));
    let file = file.expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&file).expect("JSON");
    let mut asked = HashSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().expect("a query");
            let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let is_metric =
                |word: &&str| word.starts_with("tidegate_") || word.starts_with("process_");
            asked.extend(words.filter(is_metric).map(str::to_owned));
        }
    }
    assert!(asked.len() > 15, "{asked:?}");
    let of = |name: &str| name.strip_suffix("_bucket").unwrap_or(name).to_owned();
    let lazily = [
        "tidegate_events_refused_total",
        "tidegate_messages_given_up_total",
    ];
    let missing: Vec<_> = asked
        .iter()
        .filter(|name| !there.contains(of(name).as_str()) && !lazily.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
