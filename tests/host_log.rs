//! The host's own log: what it says, how it is written, and that nothing in it is anybody else's doing.

use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};
use tidegate_tests::{Reply, Role, SOON, TestHost, artifacts, eventually};

/// The lines of the log, each a JSON object.
fn lines(host: &TestHost) -> Vec<Value> {
    let text = host.stderr();
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    text.lines().map(parse).collect()
}

async fn await_line(host: &TestHost, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(what, SOON, async || {
        lines(host).into_iter().find(|line| is(line))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_functions_write_is_there_with_whose_it_is() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("logs", artifacts::guest("http_logs"), "")
        .await;
    Reply::of(host.function("/logs")).await.expect(200);
    let invocation = admin.await_invocations("logs", 1).await.remove(0);
    let is_critical = |line: &Value| line["message"] == "at critical";
    let critical = await_line(&host, "the last line is written", is_critical).await;
    assert_eq!(
        (
            &critical["level"],
            &critical["target"],
            &critical["function"],
            &critical["revision"]
        ),
        (
            &json!("ERROR"),
            &json!("function"),
            &json!("logs"),
            &json!(1)
        )
    );
    assert_eq!(critical["invocation"], invocation["id"]);
    assert_eq!(critical["trace_id"], invocation["trace_id"]);
    let said: Vec<Value> = lines(&host);
    assert!(
        said.iter()
            .any(|line| line["message"] == "on standard output")
    );
    // `info` is what is logged unless something else is asked for.
    assert!(said.iter().all(|line| line["message"] != "at debug"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_can_be_changed_while_the_host_runs() {
    let host = TestHost::builder()
        .env("TIDEGATE_LOG", "warn")
        .start()
        .await;
    let admin = host.admin();
    admin
        .deployed("logs", artifacts::guest("http_logs"), "")
        .await;
    let filter = async || admin.get("/api/v1/log-filter").await.expect(200).json();
    assert_eq!(filter().await, json!({ "filter": "warn" }));
    let put = async |text: &str| {
        let body = json!({ "filter": text }).to_string();
        let request = admin.request(reqwest::Method::PUT, "/api/v1/log-filter");
        let request = request.header("content-type", "application/json");
        Reply::of(request.body(body)).await
    };
    put("function=loud")
        .await
        .expect_problem(400, "log_filter_invalid");
    put("").await.expect_problem(400, "log_filter_invalid");
    assert_eq!(filter().await, json!({ "filter": "warn" }));
    put("warn,function=debug").await.expect(200);
    Reply::of(host.function("/logs")).await.expect(200);
    await_line(&host, "debug is logged", |line| {
        line["message"] == "at debug"
    })
    .await;
    let said = lines(&host);
    assert!(
        said.iter().all(|line| line["message"] != "deployed"),
        "it was before"
    );
    assert!(said.iter().all(|line| line["message"] != "at trace"));

    let viewer = host.admin_as(Role::Viewer);
    viewer.get("/api/v1/log-filter").await.expect(200);
    let request = viewer.request(reqwest::Method::PUT, "/api/v1/log-filter");
    let request = request.json(&json!({ "filter": "off" }));
    Reply::of(request)
        .await
        .expect_problem(403, "role_insufficient");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_filter_is_said_and_the_usual_one_is_taken() {
    let host = TestHost::builder()
        .env("TIDEGATE_LOG", "loud")
        .start()
        .await;
    let is_said = |line: &Value| {
        let text = line["message"].as_str().unwrap_or_default();
        text.contains("TIDEGATE_LOG") && text.contains("`loud`")
    };
    let said = await_line(&host, "it is said", is_said).await;
    assert_eq!(said["level"], "WARN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_cannot_steer_the_terminal_nor_make_lines_of_its_own() {
    for format in ["text", "json"] {
        let builder = TestHost::builder().arg("--log-format").arg(format);
        let host = builder.start().await;
        let admin = host.admin();
        let echo = artifacts::guest("http_log_text");
        admin.deployed("echo", echo, "").await;
        let evil =
            "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r2026 INFO forged\nERROR forged too\u{202e}end";
        let request = host.request(reqwest::Method::POST, "/echo").body(evil);
        Reply::of(request).await.expect(200);
        admin.await_log("echo", "forged").await;
        let text = eventually("it is logged", SOON, async || {
            Some(host.stderr()).filter(|text| text.contains("end"))
        })
        .await;
        let is_steering = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(is_steering), "{text:?}");
        let forged = text.lines().filter(|line| line.starts_with("ERROR forged"));
        assert_eq!(forged.count(), 0, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemds_journal_is_given_priorities() {
    // Its standard error is a file that stays when it is started again, so that it can be named before.
    let mut host = TestHost::builder()
        .arg("--log-format")
        .arg("text")
        .start()
        .await;
    let file = std::fs::metadata(host.stderr_file()).expect("a file");
    let stream = format!("{}:{}", file.dev(), file.ino());
    host.set_env("JOURNAL_STREAM", &stream);
    host.restart().await;
    let text = eventually("it says something", SOON, async || {
        Some(host.stderr()).filter(|text| text.contains("instance pool"))
    })
    .await;
    assert!(text.lines().all(|line| line.starts_with("<6>")), "{text}");
    host.set_env("JOURNAL_STREAM", "1:1");
    host.restart().await;
    let text = eventually("it says something", SOON, async || {
        Some(host.stderr()).filter(|text| text.contains("instance pool"))
    })
    .await;
    assert!(!text.contains("<6>"), "{text}");
}
