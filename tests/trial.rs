//! `tidegate test`: events against a component, without a host.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_tests::artifacts;
use tidegate_tests::command_line::{Done, command, done, done_reading, path_text};

fn guest(name: &str) -> PathBuf {
    artifacts::guest_path(name)
}

/// `tidegate test` of a guest.
async fn test(name: &str, arguments: &[&str]) -> Done {
    let path = guest(name);
    done(command(&[&["test", path_text(&path)], arguments].concat())).await
}

/// `tidegate test` of a guest, with something to read.
async fn test_reading(name: &str, arguments: &[&str], input: &str) -> Done {
    let path = guest(name);
    let command = command(&[&["test", path_text(&path)], arguments].concat());
    done_reading(command, input).await
}

fn lines(out: &str) -> Vec<Value> {
    let lines = out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered() {
    let logged = test("http_logs", &[]).await.ok();
    logged.says(&["HTTP 200", "ok after ", "revision 1"]);
    let flags = [
        "--json", "--method", "PUT", "--path", "/x/y?z", "--header", "a-b: c", "--body", "hi",
    ];
    let from_flags = test("http_echo", &flags).await.ok();
    let request = "PUT /x/y?z HTTP/1.1\r\na-b: c\r\n\r\nhi";
    let from_text = test_reading("http_echo", &["--json", "--event", "-"], request).await;
    let event = json!({"http": {
        "method": "PUT", "path": "/x/y?z", "headers": [["a-b", "c"]], "body": "hi",
    }});
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("event.json");
    fs::write(&file, event.to_string()).expect("written");
    let from_json = test("http_echo", &["--json", "--event", path_text(&file)]).await;
    for done in [from_flags, from_text.ok(), from_json.ok()] {
        let printed = lines(&done.out);
        let body = printed[0]["http"]["body"].as_str().expect("text");
        let head = "{\"method\":\"PUT\",\"target\":\"/x/y?z\"";
        assert!(body.starts_with(head), "{body}");
        assert!(
            body.contains("\na-b: c\n") && body.ends_with("\n\nhi"),
            "{body}"
        );
        assert_eq!(printed[0]["published"], json!([]));
        assert_eq!(printed[0]["invocation"]["outcome"], "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_shown_and_told_by_the_exit_code() {
    let path = guest("http_trap");
    let trapped = done(command(&["test", path_text(&path)])).await;
    trapped.failed_saying(1, &["trap", "blame: guest"]);
    test("imports_unknown", &[])
        .await
        .failed(1, &["imports what this host does not have"]);
    test("http_version", &["--event", "/nowhere/event"])
        .await
        .failed(1, &["/nowhere/event"]);
    test_reading("http_version", &["--event", "-"], "hello")
        .await
        .failed(1, &["neither with `{`"]);
    test("http_version", &["--topic", "a", "--payload", "b"])
        .await
        .failed(1, &["does not export"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_the_trials_own() {
    for _ in 0..2 {
        let counted = test("kv_counter", &["--json"]).await.ok();
        assert_eq!(lines(&counted.out)[0]["http"]["body"], "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_comes_by_the_route_that_its_path_matches() {
    let hello = artifacts::example_path("hello_http");
    let ask = |path: &'static str| done(command(&["test", path_text(&hello), "--path", path]));
    ask("/hello/ann").await.ok().says(&["hello ann"]);
    ask("/hello").await.ok().says(&["hello world"]);
    // A function may be tried with what no route of it has.
    ask("/elsewhere").await.ok().says(&["hello world"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_reach_the_function() {
    let arguments = ["--config", "threshold=31", "--path", "/?key=threshold"];
    let read = test("config_read", &arguments).await.ok();
    read.says(&["31"]);
    // In the place of a secret, which a trial has none of.
    let manifest = tempfile::NamedTempFile::new().expect("a file");
    let text = "[config]\nthreshold = { secret = \"threshold\" }\n";
    fs::write(manifest.path(), text).expect("written");
    let with = ["--manifest", path_text(manifest.path())];
    let read = test("config_read", &[&with[..], &arguments].concat()).await;
    read.ok().says(&["31"]);
    test("config_read", &with).await.failed(1, &["threshold"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_handled_and_what_they_publish_is_shown() {
    let relayed = ["--topic", "in/a", "--payload", "21.5"];
    let relayed = test("mqtt_relay", &relayed).await.ok();
    relayed.says(&["ok after ", "published relayed/in/a 21.5\n"]);
    let component = artifacts::example_path("threshold_alert");
    let arguments = [
        "test",
        path_text(&component),
        "--messages",
        "--config",
        "high=30",
    ];
    let input = "sensors/a/temperature 31\nother/topic 1\n\nsensors/a/temperature 32\n";
    let alerted = done_reading(command(&arguments), input).await.ok();
    let alerted = alerted.says(&["published alerts/a/temperature alert 31"]);
    assert!(!alerted.out.contains("other/topic"), "{alerted:?}");
    assert!(
        !alerted.out.contains("alert 32"),
        "state lasts: {alerted:?}"
    );

    let none = done_reading(command(&arguments), "other/topic 1\n").await;
    none.failed(1, &["no message"]);
    let failed = ["--topic", "a/b", "--payload", "x"];
    test("mqtt_traps", &failed)
        .await
        .failed_saying(1, &["trap"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_behind() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = guest("http_version");
    let mut test = command(&["test", path_text(&path)]);
    test.current_dir(directory.path())
        .env("TMPDIR", directory.path())
        .stdin(Stdio::null());
    done(test).await.ok();
    let left = fs::read_dir(directory.path()).expect("a directory").count();
    assert_eq!(left, 0);
}
