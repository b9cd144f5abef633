//! What a host says of itself: versions, addresses, settings and limits; and the tokens that it makes.

use reqwest::Method;
use serde_json::{Value, json};
use tidegate_tests::{AdminClient, Reply, Role, TestHost, artifacts};

/// The value of a setting, or nothing.
fn setting<'a>(info: &'a Value, name: &str) -> &'a Value {
    let mut settings = info["settings"].as_array().expect("a list").iter();
    let setting = settings.find(|setting| setting["name"] == name);
    setting.map_or(&Value::Null, |setting| &setting["value"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_says_where_it_is_and_by_what_settings_it_goes() {
    let host = TestHost::builder()
        .arg("--drain-timeout")
        .arg("3000ms")
        .env("TIDEGATE_GUEST_MEMORY", "512MiB")
        .start()
        .await;
    let info = host.admin_as(Role::Viewer).get("/api/v1/host").await;
    let info = info.expect(200).json();
    assert_eq!(
        (&info["http_url"], &info["admin_url"], &info["mqtt_urls"]),
        (&json!(host.http), &json!(host.admin), &json!([host.mqtt]))
    );
    assert_eq!(
        info["data_dir"],
        json!(host.data_dir().display().to_string())
    );
    for (name, begins) in [
        ("wasmtime_version", "48."),
        ("sqlite_version", "3."),
        ("platform", "linux "),
        ("version", "0."),
        ("started_at", "20"),
    ] {
        let said = info[name].as_str().expect("a text");
        assert!(said.starts_with(begins), "{name}: {said}");
    }
    for (name, value) in [
        ("--drain-timeout", json!("3s")),
        ("--guest-memory", json!("512MiB")),
        ("--http", json!("127.0.0.1:0")),
        ("--mqtt", json!("127.0.0.1:0")),
        ("--mqtt-anonymous", json!("local")),
        ("--wasi-p3", json!("on")),
        ("--broker", Value::Null),
    ] {
        assert_eq!(setting(&info, name), &value, "{name}");
    }
    let limits = info["limits"].as_array().expect("a list");
    let value = json!({ "name": "value", "value": 1 << 20, "unit": "bytes", "meaning": "one value of key-value state" });
    assert!(limits.contains(&value), "{info}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_keeps_its_passwords_to_itself() {
    let host = TestHost::builder()
        .arg("--broker")
        .arg("mqtt://somebody@127.0.0.1:9")
        .env("TIDEGATE_BROKER_PASSWORD", "open sesame")
        .start()
        .await;
    let info = host.admin().get("/api/v1/host").await.expect(200);
    assert!(!info.text().contains("sesame"), "{}", info.text());
    let info = info.json();
    assert_eq!(setting(&info, "--broker"), "mqtt://somebody@127.0.0.1:9");
    assert_eq!(info["mqtt_urls"], json!([]));
    let off = TestHost::builder().arg("--mqtt").arg("off").start().await;
    let info = off.admin().get("/api/v1/host").await.expect(200).json();
    assert_eq!(setting(&info, "--mqtt"), "off");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_makes_tokens_and_nobody_else() {
    let host = TestHost::start().await;
    let tokens = "/api/v1/tokens";
    let wanted = json!({ "subject": "ci at home", "role": "deployer", "ttl": "30d" });
    for role in [Role::Viewer, Role::Deployer] {
        let refused = host.admin_as(role).post(tokens, &wanted).await;
        refused.expect_problem(403, "role_insufficient");
    }
    let made = host.admin().post(tokens, &wanted).await.expect(201).json();
    assert_eq!(
        (&made["subject"], &made["role"]),
        (&wanted["subject"], &wanted["role"])
    );
    let client = AdminClient::new(&host.admin, made["token"].as_str());
    let session = client.get("/api/v1/session").await.expect(200).json();
    assert_eq!(session["expires_at"], made["expires_at"]);
    let guest = artifacts::guest("http_version");
    client.deployed("version", guest, "").await;
    let revisions = client.get("/api/v1/functions/version/revisions").await;
    assert_eq!(revisions.json()["revisions"][0]["created_by"], "ci at home");
    client
        .post(tokens, &wanted)
        .await
        .expect_problem(403, "role_insufficient");

    for (member, value) in [
        ("subject", json!("")),
        ("subject", json!("a\nb")),
        ("subject", json!("x".repeat(129))),
        ("role", json!("root")),
        ("ttl", json!("0s")),
        ("ttl", json!("5")),
        ("ttl", json!("4000d")),
        ("expires", json!("never")),
    ] {
        let mut wrong = wanted.clone();
        wrong[member] = value;
        let refused = host.admin().post(tokens, &wrong).await;
        refused.expect_problem(400, "bad_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_shown_with_the_limits_that_it_has() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "name = \"suggested\"\n[limits]\ntimeout = \"2s\"\nrate = \"5/m\"";
    let guest = artifacts::guest("http_version");
    let bytes = guest.len();
    admin.deployed_with("version", guest, manifest).await;
    let shown = admin
        .get("/api/v1/functions/version")
        .await
        .expect(200)
        .json();
    let limits = json!({
        "timeout_ms": 2000, "cpu_ms": 5000, "memory_bytes": 64 << 20, "concurrency": 64, "queue": 1000,
        "request_bytes": 8 << 20, "response_bytes": 8 << 20, "log_bytes": 64 << 10, "rate": "5/m",
    });
    assert_eq!(shown["limits"], limits);
    let second = artifacts::guest("http_version_two");
    admin.deployed("version", second, "route=/two").await;
    let revisions = admin.get("/api/v1/functions/version/revisions").await;
    let revisions = revisions.expect(200).json();
    let manifests = &revisions["revisions"];
    assert_eq!(
        manifests[0]["manifest"]["http"],
        json!([{ "route": "/two" }])
    );
    assert_eq!(manifests[1]["manifest"]["limits"]["timeout"], "2s");

    let tried = artifacts::guest("http_version");
    let path = "/api/v1/functions/tried?dry_run=true&route=/tried";
    let told = Reply::of(admin.request(Method::POST, path).body(tried)).await;
    let told = told.expect(200).json();
    assert_eq!(told["component_bytes"], bytes);
    assert_eq!(told["manifest"]["http"], json!([{ "route": "/tried" }]));
    assert_eq!(told["limits"]["timeout_ms"], 30_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_parameters_of_an_upload_as_well() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let query = "timeout=1s&cpu=100ms&memory=8MiB&concurrency=3&rate=7/s";
    let guest = artifacts::guest("http_version");
    admin.deployed("version", guest, query).await;
    let shown = admin.get("/api/v1/functions/version").await.json();
    let limits = json!({
        "timeout_ms": 1000, "cpu_ms": 100, "memory_bytes": 8 << 20, "concurrency": 3, "queue": 1000,
        "request_bytes": 8 << 20, "response_bytes": 8 << 20, "log_bytes": 64 << 10, "rate": "7/s",
    });
    assert_eq!(shown["limits"], limits);
    for (query, status, code, said) in [
        (
            "timeout=5",
            400,
            "parameter_invalid",
            "`5` is not a duration",
        ),
        ("memory=1", 400, "parameter_invalid", "`1` is not a size"),
        ("rate=1/s&rate=2/s", 400, "parameter_invalid", "given twice"),
        (
            "timeout=2h",
            422,
            "manifest_invalid",
            "limits.timeout: `2h` is outside",
        ),
        (
            "concurrency=0",
            422,
            "manifest_invalid",
            "limits.concurrency: `0` is outside",
        ),
    ] {
        let guest = artifacts::guest("http_version");
        let refused = admin.deploy("version", guest, query).await;
        let refused = refused.expect_problem(status, code);
        assert!(refused.text().contains(said), "{query}: {}", refused.text());
    }
}
