//! Traces: the context that comes with an event, goes to the guest and on with what it calls, and what is exported.

use serde_json::json;
use tidegate_tests::collector::{Collector, hex};
use tidegate_tests::raw_mqtt::{Client, Connect, Publish, property};
use tidegate_tests::{Reply, SOON, TestHost, Upstream, artifacts, eventually};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

async fn exporting(collector: &Collector) -> TestHost {
    TestHost::builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .start()
        .await
}

/// The value of a header in the lines that [`Upstream`] answers with.
fn header_in(text: &str, name: &str) -> Option<String> {
    let prefix = format!("{name}: ");
    let found = text.lines().find_map(|line| line.strip_prefix(&prefix));
    found.map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_trace_from_its_client_to_everything_that_its_function_calls() {
    let (collector, upstream) = (Collector::start().await, Upstream::start().await);
    let host = exporting(&collector).await;
    let admin = host.admin();
    let grant = format!("outbound=http://{}", upstream.address);
    let guest = artifacts::guest("http_outgoing");
    admin.deployed("ask", guest, &grant).await;
    let request = host.function(&format!(
        "/ask?url=http://{}/there?secret=1",
        upstream.address
    ));
    let request = request
        .header("traceparent", parent("01"))
        .header("tracestate", "vendor=1");
    let answer = Reply::of(request).await.expect(200).text();
    let root = collector.await_span("http ask").await;
    let call = collector.await_span("http request").await;
    let made = collector.await_span("instance instantiate").await;
    assert_eq!(root.service, "tidegate");
    assert_eq!(
        (root.trace(), hex(&root.span.parent_span_id)),
        (TRACE.to_owned(), SPAN.to_owned())
    );
    for child in [&call, &made] {
        assert_eq!(child.trace(), TRACE);
        assert_eq!(child.span.parent_span_id, root.span.span_id);
        assert!(child.span.start_time_unix_nano >= root.span.start_time_unix_nano);
        assert!(child.span.end_time_unix_nano <= root.span.end_time_unix_nano);
    }
    let expected = format!("00-{TRACE}-{}-01", hex(&call.span.span_id));
    assert_eq!(
        header_in(&answer, "traceparent"),
        Some(expected),
        "{answer}"
    );
    assert_eq!(
        header_in(&answer, "tracestate").as_deref(),
        Some("vendor=1")
    );
    assert_eq!(root.attribute("faas.name").as_deref(), Some("ask"));
    assert_eq!(root.attribute("faas.trigger").as_deref(), Some("http"));
    assert_eq!(
        root.attribute("http.response.status_code").as_deref(),
        Some("200")
    );
    let detail = call.attribute("tidegate.detail").expect("a detail");
    assert_eq!(detail, format!("GET http://{}/there 200", upstream.address));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_the_trace_to_the_functions_that_it_starts() {
    let collector = Collector::start().await;
    let host = exporting(&collector).await;
    let admin = host.admin();
    let relay = artifacts::guest("mqtt_relay");
    admin.deployed("relay", relay, "topic=in").await;
    let record = artifacts::guest("mqtt_record");
    admin.deployed("record", record, "topic=relayed/%23").await;
    let mut client = Client::connect(host.mqtt_address(), &Connect::v5("device")).await;
    client.subscribe("relayed/#", 0).await;
    let message = Publish::new("in", "21.5").with(property::user("traceparent", &parent("01")));
    client.publish_with(message).await;
    let relayed = client.receive().await;
    let root = collector.await_span("mqtt relay").await;
    let publish = collector.await_span("mqtt publish").await;
    let next = collector.await_span("mqtt record").await;
    assert_eq!(hex(&root.span.parent_span_id), SPAN);
    assert_eq!(publish.span.parent_span_id, root.span.span_id);
    assert_eq!(next.span.parent_span_id, publish.span.span_id);
    for span in [&root, &publish, &next] {
        assert_eq!(span.trace(), TRACE);
    }
    let carried = format!("00-{TRACE}-{}-01", hex(&publish.span.span_id));
    assert!(
        relayed
            .properties
            .user()
            .contains(&("traceparent", carried.as_str()))
    );
    let stored = collector.await_span("keyvalue set").await;
    assert_eq!(stored.span.parent_span_id, next.span.span_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_client_does_not_record_is_not_exported_and_a_failure_is_an_error() {
    let collector = Collector::start().await;
    let host = exporting(&collector).await;
    let admin = host.admin();
    let version = artifacts::guest("http_version");
    admin.deployed("version", version, "").await;
    admin
        .deployed("trap", artifacts::guest("http_trap"), "")
        .await;
    let request = host
        .function("/version")
        .header("traceparent", parent("00"));
    Reply::of(request).await.expect(200);
    admin.await_invocations("version", 1).await;
    Reply::of(host.function("/trap")).await.expect(500);
    let failed = collector.await_span("http trap").await;
    assert_eq!(
        failed.span.status.as_ref().map(|status| status.code),
        Some(2)
    );
    assert_eq!(failed.attribute("tidegate.blame").as_deref(), Some("guest"));
    let spans = collector.spans();
    assert!(spans.iter().all(|of| of.trace() != TRACE), "{spans:?}");
    let invocation = &admin.invocations("version").await[0];
    assert_eq!(invocation["trace_id"], TRACE);
    let invocation = &admin.invocations("trap").await[0];
    assert_eq!(invocation["trace_id"], failed.trace());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_nothing_is_added_to_what_functions_send() {
    let upstream = Upstream::start().await;
    let host = TestHost::start().await;
    let admin = host.admin();
    let grant = format!("outbound=http://{}", upstream.address);
    let guest = artifacts::guest("http_outgoing");
    admin.deployed("ask", guest, &grant).await;
    let path = format!("/ask?url=http://{}/there", upstream.address);
    let answer = Reply::of(host.function(&path)).await.expect(200).text();
    assert_eq!(header_in(&answer, "traceparent"), None, "{answer}");
    // But one that came is passed on.
    let asked = host.function(&path).header("traceparent", parent("01"));
    let answer = Reply::of(asked).await.expect(200).text();
    let passed_on = header_in(&answer, "traceparent").expect("a parent");
    assert!(
        passed_on.starts_with(&format!("00-{TRACE}-")),
        "{passed_on}"
    );
    assert!(!passed_on.contains(SPAN), "the call is a span of its own");
    // One that is not valid is none, and does not reach anybody.
    let asked = host.function(&path).header("traceparent", "00-zz-zz-01");
    let answer = Reply::of(asked).await.expect(200).text();
    assert_eq!(header_in(&answer, "traceparent"), None, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_up_nobody_and_the_last_spans_are_sent_at_the_end() {
    let nobody = tidegate_tests::address_of_nobody();
    let nobody = format!("http://{}", nobody.local_addr().expect("an address"));
    let mut host = TestHost::builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &nobody)
        .start()
        .await;
    let admin = host.admin();
    let version = artifacts::guest("http_version");
    admin.deployed("version", version.clone(), "").await;
    for _ in 0..20 {
        Reply::of(host.function("/version")).await.expect(200);
    }
    assert!(host.terminate().await.success());

    let collector = Collector::start().await;
    let mut host = TestHost::builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .env("OTEL_SERVICE_NAME", "cabinet-7")
        .start()
        .await;
    let admin = host.admin();
    admin.deployed("version", version, "").await;
    Reply::of(host.function("/version")).await.expect(200);
    admin.await_invocations("version", 1).await;
    assert!(collector.spans().is_empty());
    assert!(host.terminate().await.success());
    let root = collector.await_span("http version").await;
    assert_eq!(root.service, "cabinet-7");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocations_record_has_its_calls_as_its_trace_does() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let counter = artifacts::guest("kv_counter");
    admin.deployed("counter", counter, "").await;
    Reply::of(host.function("/counter?secret=1"))
        .await
        .expect(200);
    let listed = admin.await_invocations("counter", 1).await;
    let id = listed[0]["id"].as_str().expect("an id");
    let path = format!("/api/v1/functions/counter/invocations/{id}");
    let shown = admin.get(&path).await.expect(200).json();
    assert_eq!(
        (&shown["event"], &shown["status"], &shown["outcome"]),
        (&json!("GET /counter"), &json!(200), &json!("ok"))
    );
    let spans = shown["spans"].as_array().expect("spans");
    let names: Vec<_> = spans.iter().map(|span| span["name"].as_str()).collect();
    assert_eq!(names, [Some("instantiate"), Some("keyvalue increment")]);
    assert_eq!(spans[1]["detail"], "default/count");
    let number = |member: &serde_json::Value| member.as_f64().expect("a number");
    assert!(number(&shown["instantiate_ms"]) > 0.0);
    assert!(number(&shown["memory_peak_bytes"]) >= 65536.0);
    let ends = number(&spans[1]["start_ms"]) + number(&spans[1]["duration_ms"]);
    assert!(ends <= number(&shown["duration_ms"]), "{shown}");
    admin
        .get("/api/v1/functions/counter/invocations/none")
        .await
        .expect_problem(404, "no_such_invocation");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_stay_with_their_log_lines_when_what_went_well_is_forgotten() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("trap", artifacts::guest("http_trap"), "")
        .await;
    Reply::of(host.function("/trap")).await.expect(500);
    let failed = admin.await_invocations("trap", 1).await;
    let id = failed[0]["id"].as_str().expect("an id").to_owned();
    // The same name, another revision: what went well displaces what went well.
    admin
        .deployed("trap", artifacts::guest("http_version"), "")
        .await;
    for _ in 0..250 {
        Reply::of(host.function("/trap")).await.expect(200);
    }
    let listed = eventually("250 have ended", SOON, async || {
        let functions = admin.get("/api/v1/functions").await.expect(200).json();
        (functions["functions"][0]["invocations"] == 251).then_some(())?;
        Some(admin.invocations("trap").await)
    })
    .await;
    assert!(listed.len() < 250, "{}", listed.len());
    let path = format!("/api/v1/functions/trap/invocations/{id}");
    let shown = admin.get(&path).await.expect(200).json();
    assert_eq!(
        (&shown["outcome"], &shown["revision"]),
        (&json!("trap"), &json!(1))
    );
    let logs = shown["logs"].as_array().expect("lines");
    assert!(logs.iter().any(|line| line["source"] == "host"), "{shown}");
    let only_failed = admin
        .get("/api/v1/functions/trap/invocations?failed=true&limit=5")
        .await
        .expect(200)
        .json();
    assert_eq!(only_failed["invocations"].as_array().map(Vec::len), Some(1));
}
