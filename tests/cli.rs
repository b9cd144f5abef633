//! The command line as somebody types it: what it prints, what it exits with, and what it says when something is wrong.

use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_tests::command_line::{client, command, done, guest, path_text, run};
use tidegate_tests::{
    AdminClient, Reply, SOON, TestHost, address_of_nobody, artifacts, eventually,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn below_the_directory_that_the_host_was_started_in_its_state_is_found() {
    let directory = TempDir::new().expect("a directory");
    let below = directory.path().join("functions/hello");
    std::fs::create_dir_all(&below).expect("made");
    let host = TestHost::builder().data_dir(directory.path().join("tidegate-data"));
    let host = host.start().await;
    let in_it = |arguments: &[&str]| {
        let mut command = command(arguments);
        command
            .env("TIDEGATE_ADMIN_URL", &host.admin)
            .current_dir(&below);
        done(command)
    };
    in_it(&["functions"]).await.ok();
    let token = in_it(&["token", "create"]).await.ok().out;
    let client = AdminClient::new(&host.admin, Some(token.trim()));
    client.get("/api/v1/functions").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deployed_is_not_built() {
    let directory = TempDir::new().expect("a directory");
    let mut made = command(&["new", "hello"]);
    made.current_dir(directory.path());
    done(made).await.ok();
    let mut deploy = command(&["deploy", "hello", "--token", "t"]);
    deploy
        .env("TIDEGATE_ADMIN_URL", "http://127.0.0.1:1")
        .current_dir(directory.path());
    done(deploy)
        .await
        .failed(1, &["start one with `tidegate serve`"]);
    assert!(
        !directory.path().join("hello/target").exists(),
        "nothing was built"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_while_the_host_runs_and_allows_what_its_role_says() {
    let host = TestHost::start().await;
    let made = run(
        &host,
        &["token", "create", "--role", "viewer", "--ttl", "5m"],
    )
    .await;
    let token = made.ok().out.trim().to_owned();
    assert_eq!(token.split('.').count(), 3, "a JWT");
    let listed = run(&host, &["functions", "--token", &token, "--json"]).await;
    assert_eq!(listed.ok().json()["functions"], json!([]));
    let file = guest("http_version");
    let refused = run(&host, &["deploy", &file, "--token", &token]).await;
    refused.failed(1, &["`deployer`", "`viewer`", "role_insufficient"]);

    let empty = TempDir::new().expect("a temporary directory");
    for directory in [empty.path().to_owned(), empty.path().join("missing")] {
        let mut create = command(&["token", "create", "--data-dir"]);
        create.arg(&directory);
        let failed = done(create).await;
        let failed = failed.failed(1, &["error: ", path_text(&directory), "serve"]);
        assert!(failed.err.lines().count() == 1, "{failed:?}");
        let left = std::fs::read_dir(empty.path())
            .expect("a directory")
            .count();
        assert_eq!(left, 0, "it has made something");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_deployed_shown_rolled_back_and_deleted() {
    let host = TestHost::start().await;
    let none = run(&host, &["functions"]).await.ok();
    assert!(none.err.contains("There are no functions yet"), "{none:?}");

    let one = guest("http_version");
    let deployed = run(&host, &["deploy", &one, "--route", "/greet/{who}"]).await;
    let url = format!("{}/greet/{{who}}", host.http);
    let deployed = deployed.ok();
    let curl = format!("curl {}/greet/who", host.http);
    let deployed = deployed.says(&["http-version: revision 1 is active", "http /greet/{who}"]);
    deployed.says(&[&url, &curl]);
    let again = run(&host, &["deploy", &one, "--route", "/greet/{who}"]).await;
    again
        .ok()
        .says(&["revision 1 is active already: nothing changed"]);
    let reply = Reply::of(host.function("/greet/who")).await;
    assert_eq!(reply.text(), "v1");

    let two = guest("http_version_two");
    let named = ["deploy", &two, "--name", "http-version", "--json"];
    let two = run(&host, &named).await.ok().json();
    assert_eq!(
        (&two["revision"], &two["created"]),
        (&json!(2), &json!(true))
    );

    let listed = run(&host, &["functions", "list"]).await.ok();
    listed.says(&[
        "NAME",
        "TRIGGERS",
        "http-version",
        "http /http-version/{*rest}",
    ]);
    let listed = run(&host, &["functions", "--json"]).await.ok().json();
    assert_eq!(listed["functions"][0]["revision"], 2);
    let shown = run(&host, &["functions", "show", "http-version"])
        .await
        .ok();
    shown.says(&["revision", "2, deployed ", "sha256:", "http /http-version"]);
    let revisions = run(&host, &["functions", "revisions", "http-version"]).await;
    let revisions = revisions.ok().says(&["REVISION", "active", "DIGEST"]);
    assert_eq!(revisions.out.lines().count(), 3, "{revisions:?}");

    let back = run(&host, &["rollback", "http-version"]).await.ok();
    back.says(&["http-version: revision 1 is active again"]);
    let reply = Reply::of(host.function("/greet/who")).await;
    assert_eq!(reply.text(), "v1");
    let forward = ["rollback", "http-version", "--revision", "2", "--json"];
    let forward = run(&host, &forward).await.ok().json();
    assert_eq!(forward["revision"], 2);
    let nowhere = run(&host, &["rollback", "http-version", "--revision", "7"]).await;
    nowhere.failed(
        1,
        &[
            "no revision 7",
            "tidegate functions revisions",
            "no_such_revision",
        ],
    );

    let unsure = run(&host, &["functions", "delete", "http-version"]).await;
    unsure.failed(1, &["--yes"]);
    let deleted = run(&host, &["functions", "delete", "http-version", "--yes"]).await;
    deleted.ok().says(&["deleted http-version"]);
    let gone = run(&host, &["functions", "show", "http-version"]).await;
    gone.failed(1, &["no function `http-version`", "`tidegate functions`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_and_shorthands_go_with_the_component() {
    let host = TestHost::start().await;
    let directory = TempDir::new().expect("a temporary directory");
    let manifest = directory.path().join("tidegate.toml");
    let text = "name = \"of-manifest\"\n[[mqtt]]\ntopic = \"in/+\"\n";
    std::fs::write(&manifest, text).expect("it can be written");
    let file = guest("mqtt_record");
    let deploy = ["deploy", &file, "--manifest", path_text(&manifest)];

    let forecast = [&deploy[..], &["--dry-run"]].concat();
    let forecast = run(&host, &forecast).await.ok();
    let forecast = forecast.says(&["of-manifest: a deployment would make a new revision"]);
    forecast.says(&["exports", "imports", "mqtt in/+", "buckets: default"]);
    let listed = run(&host, &["functions", "--json"]).await.ok().json();
    assert_eq!(listed["functions"], json!([]));

    let shorthands = [
        "--topic",
        "more/#",
        "--bucket",
        "other:ro",
        "--publish",
        "out/#",
    ];
    run(&host, &[&deploy[..], &shorthands].concat()).await.ok();
    let shown = run(&host, &["functions", "show", "of-manifest", "--json"]).await;
    let shown = shown.ok().json();
    let topics: Vec<_> = shown["triggers"]["mqtt"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|trigger| &trigger["topic"])
        .collect();
    assert_eq!(topics, ["in/+", "more/#"]);
    let grants = &shown["manifest"]["grants"];
    assert_eq!(grants["buckets"], json!(["default", "other:ro"]));
    assert_eq!(grants["publish"], json!(["out/#"]));

    std::fs::write(&manifest, "nmae = \"x\"").expect("it can be written");
    let refused = run(&host, &[&deploy[..], &["--name", "x"]].concat()).await;
    refused.failed(1, &["nmae", "manifest_invalid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_flags_as_well() {
    let host = TestHost::start().await;
    let file = guest("http_version");
    let deploy = ["deploy", file.as_str(), "--name", "limited"];
    let limits = [
        "--timeout",
        "2s",
        "--cpu",
        "100ms",
        "--memory",
        "8MiB",
        "--concurrency",
        "3",
        "--rate",
        "10/m",
    ];
    run(&host, &[&deploy[..], &limits].concat()).await.ok();
    let shown = run(&host, &["functions", "show", "limited", "--json"]).await;
    let expected = json!({
        "timeout": "2s", "cpu": "100ms", "memory": "8MiB", "concurrency": 3, "rate": "10/m",
    });
    assert_eq!(shown.ok().json()["manifest"]["limits"], expected);
    for (flag, value, said) in [
        ("--timeout", "5", "`5` is not a duration"),
        ("--memory", "64", "`64` is not a size"),
        ("--rate", "5", "`5` is not a rate"),
        ("--concurrency", "many", "many"),
    ] {
        let refused = run(&host, &[&deploy[..], &[flag, value]].concat()).await;
        refused.failed(2, &[flag, said]);
    }
    let too_long = run(&host, &[&deploy[..], &["--timeout", "2h"]].concat()).await;
    too_long.failed(1, &["limits.timeout: `2h` is outside", "manifest_invalid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deployed_is_explained() {
    let host = TestHost::start().await;
    let missing = run(&host, &["deploy", "/nowhere/function.wasm"]).await;
    missing.failed(1, &["/nowhere/function.wasm", "No such file"]);
    let directory = TempDir::new().expect("a temporary directory");
    let is_directory = run(&host, &["deploy", path_text(directory.path())]).await;
    is_directory.failed(1, &["a folder without a function", "Cargo.toml"]);
    let text = directory.path().join("text.wasm");
    std::fs::write(&text, "hello").expect("it can be written");
    let no_component = run(&host, &["deploy", path_text(&text)]).await;
    no_component.failed(1, &["this is text", "not_a_component", "request "]);
    let file = guest("mqtt_traps");
    let no_topic = run(&host, &["deploy", &file]).await;
    no_topic.failed(1, &["no topic starts it", "trigger_missing"]);
    let file = guest("http_version");
    let bad_name = run(&host, &["deploy", &file, "--name", "No_Name"]).await;
    bad_name.failed(2, &["No_Name", "a-z, 0-9"]);
    let bad_route = run(&host, &["deploy", &file, "--route", "x"]).await;
    bad_route.failed(1, &["does not begin with `/`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_be_asked_is_explained() {
    let host = TestHost::start().await;
    let bad_token = run(&host, &["functions", "--token", "nonsense"]).await;
    bad_token.failed(
        1,
        &[
            "token is not valid",
            "`tidegate token create`",
            "token_invalid",
        ],
    );
    let mut no_token = command(&["functions", "--admin", &host.admin]);
    let empty = TempDir::new().expect("a temporary directory");
    no_token.current_dir(empty.path());
    let no_token = done(no_token).await;
    no_token.failed(
        1,
        &["no token", "TIDEGATE_TOKEN", "`tidegate token create`"],
    );
    let wrong_listener = run(&host, &["functions", "--admin", &host.http]).await;
    wrong_listener.failed(1, &["no_route"]);

    let held = address_of_nobody();
    let free = format!("http://{}", held.local_addr().expect("an address"));
    for arguments in [
        &["functions"][..],
        &["logs", "a"],
        &["kv", "get", "default", "a"],
        &["invoke", "a"],
        &["rollback", "a"],
        &["deploy", &guest("http_version")],
    ] {
        let arguments = [arguments, &["--admin", &free]].concat();
        let nobody = run(&host, &arguments).await;
        nobody.failed(
            1,
            &["no Tidegate answers", &free, "`tidegate serve`", "--admin"],
        );
    }
    let bad_url = run(&host, &["functions", "--admin", "localhost:3001"]).await;
    bad_url.failed(2, &["http://127.0.0.1:3001"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_invoked_on_trial() {
    let host = TestHost::start().await;
    for name in ["http_echo", "http_trap", "mqtt_record"] {
        let topic = if name == "mqtt_record" {
            &["--topic", "in/#"][..]
        } else {
            &[]
        };
        let file = guest(name);
        run(&host, &[&["deploy", &file][..], topic].concat())
            .await
            .ok();
    }
    let request = [
        "invoke",
        "http-echo",
        "--path",
        "/http-echo/x?y=z",
        "--body",
        "hello",
    ];
    let header = ["--header", "x-test: yes"];
    let echoed = run(&host, &[&request[..], &header].concat()).await.ok();
    let echoed = echoed.says(&["HTTP 200", "hello", "ok after ", "revision 1"]);
    assert!(echoed.out.to_lowercase().contains("x-test"), "{echoed:?}");
    let told = run(&host, &[&request[..], &["--json"]].concat())
        .await
        .ok()
        .json();
    assert_eq!(told["invocation"]["outcome"], "ok");
    assert_eq!(told["http"]["status"], 200);

    let trapped = run(&host, &["invoke", "http-trap"]).await;
    assert_eq!(trapped.code, Some(1), "{trapped:?}");
    trapped.says(&["trap after ", "blame: guest"]);
    let message = [
        "invoke",
        "mqtt-record",
        "--topic",
        "in/a",
        "--payload",
        "kept",
    ];
    run(&host, &message).await.ok().says(&["ok after "]);
    let kept = run(&host, &["kv", "get", "default", "in/a"]).await.ok();
    assert_eq!(kept.out, "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn key_value_state_is_read_and_written() {
    let host = TestHost::start().await;
    let kv = |arguments: &[&str]| {
        let arguments = [&["kv"], arguments].concat();
        let command = client(&host, &arguments);
        done(command)
    };
    kv(&["set", "b", "a/b c", "value"]).await.ok();
    kv(&["set", "b", "number", "-5"]).await.ok();
    assert_eq!(kv(&["get", "b", "a/b c"]).await.ok().out, "value");
    assert_eq!(kv(&["get", "b", "number"]).await.ok().out, "-5");
    assert_eq!(kv(&["list", "b"]).await.ok().out, "a/b c\nnumber\n");
    assert_eq!(
        kv(&["list", "b", "--prefix", "n"]).await.ok().out,
        "number\n"
    );
    let listed = kv(&["list", "b", "--json"]).await.ok().json();
    assert_eq!(listed["keys"], json!(["a/b c", "number"]));

    kv(&["set", "b", "brief", "value", "--ttl", "1h"])
        .await
        .ok();
    let listed = kv(&["list", "b", "--prefix", "brief", "--json"]).await;
    let entry = &listed.ok().json()["entries"][0];
    assert!(entry["expires_at"].is_string(), "{entry}");
    kv(&["delete", "b", "brief"]).await.ok();
    let unit_missing = kv(&["set", "b", "brief", "value", "--ttl", "5"]).await;
    unit_missing.failed(2, &["--ttl", "`5` is not a duration"]);

    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("value");
    std::fs::write(&file, "of a file\n").expect("it can be written");
    kv(&["set", "b", "file", "--file", path_text(&file)])
        .await
        .ok();
    assert_eq!(kv(&["get", "b", "file"]).await.ok().out, "of a file\n");
    let mut piped = client(&host, &["kv", "set", "b", "pipe", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the host's binary runs");
    let mut input = piped.stdin.take().expect("it was asked for");
    input.write_all(b"of a pipe").await.expect("it reads");
    drop(input);
    let ended = timeout(SOON, piped.wait()).await.expect("it ends");
    assert!(ended.expect("an exit code").success());
    assert_eq!(kv(&["get", "b", "pipe"]).await.ok().out, "of a pipe");

    kv(&["delete", "b", "number"]).await.ok();
    let gone = kv(&["get", "b", "number"]).await;
    gone.failed(1, &["bucket `b` has no key `number`", "no_such_key"]);
    let gone = kv(&["delete", "b", "number"]).await;
    gone.failed(1, &["no_such_key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_shown_and_followed() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("http_logs");
    admin.deployed("logs", component, "").await;
    Reply::of(host.function("/logs")).await;
    let lines = eventually("the function has logged", SOON, async || {
        let lines = admin.logs("logs").await;
        (!lines.is_empty()).then_some(lines)
    })
    .await;
    let message = lines[0]["message"].as_str().expect("text").to_owned();
    let shown = run(&host, &["logs", "logs"]).await.ok();
    shown.says(&[&message, lines[0]["invocation"].as_str().expect("an id")]);
    let limited = run(&host, &["logs", "logs", "--limit", "1", "--json"]).await;
    assert_eq!(limited.ok().json(), *lines.last().expect("a line"));
    let nobody = run(&host, &["logs", "nobody"]).await;
    nobody.failed(1, &["no function `nobody`"]);

    let mut following = client(&host, &["logs", "logs", "--follow", "--json"])
        .spawn()
        .expect("the host's binary runs");
    let output = following.stdout.take().expect("it was asked for");
    let mut output = BufReader::new(output).lines();
    for line in &lines {
        let shown = timeout(SOON, output.next_line()).await.expect("soon");
        let shown = shown.expect("text").expect("a line");
        assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), *line);
    }
    let reply = Reply::of(host.function("/logs")).await;
    assert_eq!(reply.status, 200);
    let new = timeout(SOON, output.next_line()).await.expect("soon");
    let new: Value = serde_json::from_str(&new.expect("text").expect("a line")).expect("JSON");
    assert_eq!(new["message"], lines[0]["message"]);
    assert_ne!(new["invocation"], lines[0]["invocation"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_read_enough_is_no_error() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("http_version");
    for number in 0..20 {
        let name = format!("f{number}");
        admin.deployed(&name, component.clone(), "").await;
    }
    let script = "{ \"$0\" functions; echo \"code $?\" >&2; } | head -n 1";
    let mut piped = Command::new("sh");
    piped
        .args(["-c", script])
        .arg(artifacts::host_binary())
        .env("TIDEGATE_ADMIN_URL", &host.admin)
        .env("TIDEGATE_DATA_DIR", host.data_dir())
        .kill_on_drop(true);
    let piped = done(piped).await.ok();
    assert!(piped.out.starts_with("NAME"), "{piped:?}");
    assert_eq!(piped.err, "code 0\n");
}
