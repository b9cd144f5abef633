//! What was acknowledged is there after a crash, what was damaged on disk is not trusted, and a host that is told to
//! stop ends what it began.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tidegate_tests::{AdminClient, Reply, Role, SOON, TestHost, artifacts, eventually};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

async fn answer(host: &TestHost, path: &str) -> (u16, String) {
    let reply = Reply::of(host.function(path)).await;
    (reply.status, reply.text())
}

/// All functions with their revisions, as the API has them; without the counts, which begin anew with each start.
async fn deployed(admin: &AdminClient) -> Vec<Value> {
    let listed = admin.get("/api/v1/functions").await.expect(200).json();
    let mut functions = Vec::new();
    for function in listed["functions"].as_array().expect("a list") {
        let name = function["name"].as_str().expect("a name");
        let shown = admin.get(&format!("/api/v1/functions/{name}")).await;
        let shown = shown.expect(200).json();
        let revisions = admin
            .get(&format!("/api/v1/functions/{name}/revisions"))
            .await;
        let revisions = revisions.expect(200).json();
        functions.push(json!([
            name,
            shown["revision"],
            shown["digest"],
            shown["created_at"],
            shown["manifest"],
            revisions
        ]));
    }
    functions
}

/// The files of compiled components.
fn compiled_files(host: &TestHost) -> Vec<PathBuf> {
    let files = std::fs::read_dir(host.data_dir().join("compiled")).expect("a directory");
    files.map(|file| file.expect("a file").path()).collect()
}

/// How often a compiled component was not trusted.
async fn rejected(host: &TestHost) -> u64 {
    let metrics = host.stranger().get("/metrics").await.expect(200).text();
    let name = "tidegate_compiled_cache_lookups_total{result=\"rejected\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |count| count.parse().expect("a number"))
}

/// A time below this one.
fn some_time_below(most: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 1000;
    most * u32::try_from(chance).expect("below 1000") / 1000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_serves_exactly_what_was_acknowledged() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    let (one, two) = (
        artifacts::guest("http_version"),
        artifacts::guest("http_version_two"),
    );
    admin.deployed("a", one.clone(), "route=/a").await;
    admin.deployed("a", two.clone(), "route=/a").await;
    admin.deployed("a", one.clone(), "route=/a3").await;
    let back = json!({ "revision": 2 });
    let reply = admin.post("/api/v1/functions/a/rollback", &back).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    admin.deployed("b", one, "").await;
    admin.deployed("c", two, "").await;
    admin.delete("/api/v1/functions/c").await.expect(204);
    let counter = artifacts::guest("kv_counter");
    admin.deployed("count", counter, "").await;
    for count in ["1", "2"] {
        assert_eq!(answer(&host, "/count").await, (200, count.to_owned()));
    }
    let value: Vec<u8> = (0..=255).collect();
    let key = "/api/v1/buckets/other/keys/some%2Fkey";
    admin.put(key, value.clone()).await.expect(204);
    let before = deployed(&admin).await;
    assert_eq!(before.len(), 3);

    for ending in ["SIGTERM", "SIGKILL"] {
        if ending == "SIGKILL" {
            host.kill9();
        }
        host.restart().await;
        let admin = host.admin();
        assert_eq!(deployed(&admin).await, before, "{ending}");
        assert_eq!(answer(&host, "/a").await, (200, "v2".to_owned()));
        assert_eq!(answer(&host, "/a3").await.0, 404);
        assert_eq!(answer(&host, "/b").await, (200, "v1".to_owned()));
        assert_eq!(answer(&host, "/c").await.0, 404);
        assert_eq!(admin.get(key).await.expect(200).body, value);
    }
    assert_eq!(answer(&host, "/count").await, (200, "3".to_owned()));
}

/// Deploys one revision after the other until the host does not answer any more. Tells and gives the last revision that
/// was acknowledged.
async fn deploy_until_it_ends(admin: AdminClient, told: watch::Sender<u64>) -> u64 {
    let mut acknowledged = *told.borrow();
    let guests = ["http_version", "http_version_two"].map(artifacts::guest);
    loop {
        let next = acknowledged + 1;
        let component = guests[next as usize % 2].clone();
        let request = admin.request(Method::PUT, "/api/v1/functions/crash");
        let Ok(response) = request.body(component).send().await else {
            return acknowledged;
        };
        assert_eq!(response.status(), 201);
        let Ok(body) = response.bytes().await else {
            return acknowledged;
        };
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["revision"], next);
        acknowledged = next;
        told.send_replace(next);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_moment_of_a_deployment_leaves_the_last_acknowledged_one_or_the_next() {
    const ROUNDS: u32 = 15;
    let mut host = TestHost::start().await;
    let mut acknowledged = 0;
    for round in 1..=ROUNDS {
        let told = watch::Sender::new(acknowledged);
        let mut progress = told.subscribe();
        let deploying = tokio::spawn(deploy_until_it_ends(host.admin(), told));
        if round % 2 == 0 {
            let first = progress.wait_for(|revision| *revision > acknowledged);
            first.await.expect("the host answers until it is killed");
        }
        // Not to wait for something: any moment is as good as another.
        tokio::time::sleep(some_time_below(Duration::from_millis(250))).await;
        host.kill9();
        acknowledged = deploying.await.expect("answers as expected");
        host.restart().await;

        let admin = host.admin();
        let revisions = admin.get("/api/v1/functions/crash/revisions").await;
        if revisions.status == 404 {
            assert_eq!(acknowledged, 0, "round {round}");
            continue;
        }
        let revisions = revisions.expect(200).json();
        let revisions = revisions["revisions"].as_array().expect("a list");
        let newest = revisions[0]["revision"].as_u64().expect("a number");
        assert!(
            newest == acknowledged || newest == acknowledged + 1,
            "round {round}: {acknowledged} were acknowledged, {newest} are there"
        );
        let active = revisions
            .iter()
            .filter(|revision| revision["active"] == true);
        assert_eq!(active.count(), 1, "round {round}");
        assert_eq!(revisions[0]["active"], true, "round {round}");
        let expected = ["v1", "v2"][newest as usize % 2];
        assert_eq!(
            answer(&host, "/crash").await,
            (200, expected.to_owned()),
            "round {round}"
        );
        acknowledged = newest;
    }
    assert!(acknowledged >= u64::from(ROUNDS / 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn key_value_state_that_was_acknowledged_survives_a_crash() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("kv_all");
    admin.deployed("state", component, "bucket=default").await;
    for round in 0..5 {
        let admin = host.admin();
        for number in 0..10 {
            let key = format!("/api/v1/buckets/default/keys/admin-{number}");
            admin.put(&key, format!("{round}")).await.expect(204);
            let path = format!("/state?op=set&key=guest-{number}&value={round}");
            assert_eq!(answer(&host, &path).await, (200, "ok".to_owned()));
        }
        host.kill9();
        host.restart().await;
        let admin = host.admin();
        for number in 0..10 {
            for writer in ["admin", "guest"] {
                let key = format!("/api/v1/buckets/default/keys/{writer}-{number}");
                let value = admin.get(&key).await.expect(200).text();
                assert_eq!(value, round.to_string(), "{writer}-{number}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiled_component_with_a_changed_bit_is_compiled_anew() {
    let mut host = TestHost::start().await;
    let component = artifacts::guest("http_version");
    host.admin().deployed("one", component, "").await;
    let files = compiled_files(&host);
    let [file] = &files[..] else {
        panic!("{files:?}")
    };
    let whole = std::fs::read(file).expect("a file");
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    };
    let changes = [
        flipped(0),
        flipped(31),
        flipped(32),
        flipped(100),
        flipped(whole.len() / 2),
        flipped(whole.len() - 1),
        whole[..whole.len() - 1].to_vec(),
        Vec::new(),
        [&whole[..], b"\0"].concat(),
    ];
    for (number, changed) in changes.into_iter().enumerate() {
        host.terminate().await;
        std::fs::write(file, changed).expect("it can be written");
        host.restart().await;
        assert_eq!(rejected(&host).await, 0);
        let served = (200, "v1".to_owned());
        assert_eq!(answer(&host, "/one").await, served, "change {number}");
        assert_eq!(rejected(&host).await, 1, "change {number}");
        let length = std::fs::read(file).expect("a file").len();
        assert_eq!(length, whole.len(), "change {number}: it is whole again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiled_component_of_another_function_or_host_is_not_taken() {
    let mut host = TestHost::start().await;
    let other_host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("one", artifacts::guest("http_version"), "")
        .await;
    let file_one = compiled_files(&host).pop().expect("a file");
    admin
        .deployed("two", artifacts::guest("http_version_two"), "")
        .await;
    let mut files = compiled_files(&host);
    files.retain(|file| *file != file_one);
    let file_two = files.pop().expect("a file");

    host.terminate().await;
    let (one, two) = (read(&file_one), read(&file_two));
    std::fs::write(&file_one, two).expect("it can be written");
    std::fs::write(&file_two, one).expect("it can be written");
    host.restart().await;
    assert_eq!(answer(&host, "/one").await, (200, "v1".to_owned()));
    assert_eq!(answer(&host, "/two").await, (200, "v2".to_owned()));
    assert_eq!(rejected(&host).await, 2);

    let component = artifacts::guest("http_version");
    other_host.admin().deployed("one", component, "").await;
    let foreign = compiled_files(&other_host).pop().expect("a file");
    assert_eq!(foreign.file_name(), file_one.file_name());
    let (foreign, own) = (read(&foreign), read(&file_one));
    assert_ne!(foreign, own, "each host has a key of its own");
    std::fs::write(&file_one, foreign).expect("it can be written");
    let component = artifacts::guest("http_version");
    host.admin().deployed("third", component, "").await;
    assert_eq!(answer(&host, "/third").await, (200, "v1".to_owned()));
    assert_eq!(rejected(&host).await, 3);
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn compiled_components_can_be_deleted_at_any_time() {
    let mut host = TestHost::start().await;
    let compiled = host.data_dir().join("compiled");
    let component = artifacts::guest("http_version");
    host.admin().deployed("one", component, "").await;
    host.terminate().await;
    std::fs::remove_dir_all(&compiled).expect("it can be deleted");
    host.restart().await;
    assert_eq!(answer(&host, "/one").await, (200, "v1".to_owned()));
    assert_eq!(compiled_files(&host).len(), 1, "it is kept again");

    std::fs::remove_dir_all(&compiled).expect("it can be deleted");
    let component = artifacts::guest("http_version_two");
    host.admin().deployed("two", component, "").await;
    assert_eq!(answer(&host, "/one").await, (200, "v1".to_owned()));
    assert_eq!(answer(&host, "/two").await, (200, "v2".to_owned()));
    assert_eq!(compiled_files(&host).len(), 1, "the new one is kept");
}

/// Makes all components in the database something that no compiler takes: of another version.
fn damage_components(host: &TestHost) {
    const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";
    // Whoever closes the database last takes its log into the file.
    host.token(Role::Admin);
    let path = host.data_dir().join("tidegate.db");
    let mut database = read(&path);
    let windows = database.windows(PREAMBLE.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == PREAMBLE);
    let found: Vec<usize> = found.map(|(at, _)| at).collect();
    assert!(!found.is_empty(), "the database has a component");
    for at in found {
        database[at + 4] += 1;
    }
    std::fs::write(path, database).expect("it can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_cannot_be_loaded_is_not_tried_again_with_each_event() {
    /// For how long it is left alone.
    const PAUSE: Duration = Duration::from_secs(5);
    let mut host = TestHost::start().await;
    let component = artifacts::guest("http_version");
    host.admin().deployed("broken", component, "").await;
    host.terminate().await;
    std::fs::remove_dir_all(host.data_dir().join("compiled")).expect("it can be deleted");
    damage_components(&host);
    host.restart().await;
    let start = Instant::now();
    let at_once = (0..10).map(|_| Reply::of(host.function("/broken")));
    for reply in futures_util::future::join_all(at_once).await {
        reply.expect_problem(503, "host_error");
    }
    for _ in 0..10 {
        let reply = Reply::of(host.function("/broken")).await;
        reply.expect_problem(503, "host_error");
    }
    let said = host.stderr();
    let attempts = said.matches("a component cannot be loaded").count();
    let pauses = start.elapsed().div_duration_f64(PAUSE) as usize;
    assert!((1..=1 + pauses).contains(&attempts), "{attempts}: {said}");
    // It is the component that is broken, and not the host.
    let component = artifacts::guest("http_version_two");
    host.admin().deployed("broken", component, "").await;
    assert_eq!(answer(&host, "/broken").await, (200, "v2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_on_the_same_data_directory_is_refused() {
    let host = TestHost::start().await;
    let mut second = Command::new(artifacts::host_binary());
    second.arg("serve").arg("--data-dir").arg(host.data_dir());
    for listener in ["--http", "--admin", "--mqtt"] {
        second.args([listener, "127.0.0.1:0"]);
    }
    let ended = timeout(SOON, second.kill_on_drop(true).output()).await;
    let ended = ended.expect("it ends").expect("the host's binary runs");
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr);
    let directory = host.data_dir().display().to_string();
    assert!(
        said.contains("another Tidegate is using the data directory")
            && said.contains(&directory)
            && said.contains("--data-dir"),
        "{said}"
    );
    let reply = host.stranger().get("/readyz").await;
    assert_eq!(reply.status, 200, "the first one goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_directory_is_for_its_owner_alone() {
    let host = TestHost::start().await;
    let mode = |path: &Path| {
        let metadata = std::fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(host.data_dir()), 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_told_to_stop_ends_what_it_began() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    for (name, guest) in [
        ("sleeps", "http_sleeps"),
        ("ticks", "http_stream_ticks"),
        ("version", "http_version"),
    ] {
        admin.deployed(name, artifacts::guest(guest), "").await;
    }
    let sleeping = tokio::spawn(host.function("/sleeps?ms=1500").send());
    admin.await_log("sleeps", "sleeping").await;
    let ticking = host.function("/ticks?chunks=50").send().await;
    let mut ticking = ticking.expect("a head");
    let first = ticking.chunk().await.expect("a tick").expect("a tick");
    assert!(first.starts_with(b"tick 0"));

    host.ask_to_stop();
    let address = host.http_address();
    eventually("new connections are refused", SOON, async || {
        TcpStream::connect(address).await.err()
    })
    .await;
    let rest = ticking.text().await.expect("the whole body");
    assert!(rest.ends_with("tick 49\n"), "{rest}");
    let slept = sleeping.await.expect("no panic").expect("an answer");
    assert_eq!(slept.status(), 200);
    assert_eq!(slept.text().await.expect("the whole body"), "slept");
    assert_eq!(host.exited().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_within_the_drain_is_not_waited_for() {
    let builder = TestHost::builder().arg("--drain-timeout").arg("300ms");
    let mut host = builder.start().await;
    host.admin()
        .deployed("ticks", artifacts::guest("http_stream_ticks"), "")
        .await;
    let running = host.function("/ticks?chunks=500").send().await;
    let mut running = running.expect("a head");
    running.chunk().await.expect("a tick").expect("a tick");
    let start = Instant::now();
    assert_eq!(host.terminate().await.code(), Some(0));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
    assert!(running.text().await.is_err(), "the body breaks off");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_host_stops_at_once() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("logs", artifacts::guest("http_version"), "")
        .await;
    // Somebody who reads along, and a connection that says nothing, hold nothing up.
    let path = "/api/v1/functions/logs/logs?follow=true";
    let following = admin.request(Method::GET, path).send().await;
    let mut following = following.expect("a head").bytes_stream();
    let _silent = TcpStream::connect(host.http_address()).await;
    let start = Instant::now();
    assert_eq!(host.terminate().await.code(), Some(0));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
    while let Some(Ok(_)) = following.next().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_functions_start_within_seconds() {
    const FUNCTIONS: usize = 1000;
    let mut host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("http_no_response");
    for begin in (0..FUNCTIONS).step_by(8) {
        let end = FUNCTIONS.min(begin + 8);
        let deployments = (begin..end).map(|number| {
            let (admin, component) = (admin.clone(), component.clone());
            async move { admin.deployed(&format!("f{number}"), component, "").await }
        });
        futures_util::future::join_all(deployments).await;
    }
    let version = artifacts::guest("http_version");
    admin.deployed("answers", version, "").await;
    host.terminate().await;
    let start = Instant::now();
    host.restart().await;
    let ready = start.elapsed();
    assert!(ready < Duration::from_secs(5), "ready after {ready:?}");
    assert_eq!(answer(&host, "/answers").await, (200, "v1".to_owned()));
    let listed = host.admin().get("/api/v1/functions").await.expect(200);
    let count = listed.json()["functions"].as_array().map(Vec::len);
    assert_eq!(count, Some(FUNCTIONS + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_little_address_space_serves_with_a_smaller_pool() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let data_dir = directory.path().join("data");
    let script = "ulimit -v 8000000; exec \"$0\" serve --ready-json --mqtt off \
                  --http 127.0.0.1:0 --admin 127.0.0.1:0 --data-dir \"$1\"";
    let mut host = Command::new("sh")
        .args(["-c", script])
        .args([artifacts::host_binary(), &data_dir])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a shell");
    let output = host.stdout.take().expect("it was asked for");
    let mut lines = BufReader::new(output).lines();
    let ready = timeout(SOON, lines.next_line()).await;
    let ready = ready.expect("it is ready soon").expect("text");
    let ready: Value = serde_json::from_str(&ready.expect("a line")).expect("JSON");
    let url = |listener: &str| ready[listener].as_str().expect("a URL").to_owned();

    let token = Command::new(artifacts::host_binary())
        .args(["token", "create", "--data-dir"])
        .arg(&data_dir)
        .output()
        .await
        .expect("the host's binary runs");
    let token = String::from_utf8(token.stdout).expect("a token is ASCII");
    let admin = AdminClient::new(&url("admin"), Some(token.trim()));
    admin
        .deployed("small", artifacts::guest("http_version"), "")
        .await;
    let http = AdminClient::new(&url("http"), None);
    let requests = (0..40).map(|_| http.get("/small"));
    for reply in futures_util::future::join_all(requests).await {
        assert_eq!((reply.status, reply.text().as_str()), (200, "v1"));
    }
}
